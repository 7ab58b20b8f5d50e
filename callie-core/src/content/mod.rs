//! The content of a payload, with one file for each type.

mod command;
mod message;
mod system;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

pub use command::CommandCall;
pub use message::{Attachment, AttachmentError, AttachmentKind, Message, MessageBuilder, MessageError};
pub use system::System;

use crate::payload_type::PayloadType;

/// The content of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Requests a PONG.
    Ping,
    /// Answers a PING.
    Pong,
    /// A chat message.
    Msg(Message),
    /// A notice from the server.
    Sys(System),
    /// A command.
    Cmd(CommandCall),
}

impl Content {
    /// Returns the payload type of this content.
    #[must_use]
    pub const fn payload_type(&self) -> PayloadType {
        match self {
            Self::Ping => PayloadType::Ping,
            Self::Pong => PayloadType::Pong,
            Self::Msg(_) => PayloadType::Msg,
            Self::Sys(_) => PayloadType::Sys,
            Self::Cmd(_) => PayloadType::Cmd,
        }
    }

    pub(crate) fn size_hint(&self) -> usize {
        match self {
            Self::Ping | Self::Pong => 0,
            Self::Msg(message) => message.size_hint(),
            Self::Sys(system) => system.description().len(),
            Self::Cmd(call) => call.parameters().as_str().len(),
        }
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Ping | Self::Pong => serializer.serialize_map(Some(0))?.end(),
            Self::Msg(message) => message.serialize(serializer),
            Self::Sys(system) => system.serialize(serializer),
            Self::Cmd(call) => call.serialize(serializer),
        }
    }
}
