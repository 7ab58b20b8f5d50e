//! The payload model.

use serde::{Deserialize, Serialize};

/// The five types of payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PayloadType {
    /// Asks for a sign of life.
    Ping,
    /// The sign of life.
    Pong,
    /// A chat message.
    Msg,
    /// A notice of the server.
    Sys,
    /// A command.
    Cmd,
}
