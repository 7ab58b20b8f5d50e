//! The types of payloads.

use crate::convert::words;

words! {
    /// The five types of payload.
    PayloadType, "PING, PONG, MSG, SYS or CMD" {
        /// Asks the peer to answer with a [`Pong`](Self::Pong).
        Ping = "PING",
        /// Answers a [`Ping`](Self::Ping).
        Pong = "PONG",
        /// A chat message.
        Msg = "MSG",
        /// A notice of the server.
        Sys = "SYS",
        /// A command.
        Cmd = "CMD",
    }
}
