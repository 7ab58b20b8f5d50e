//! The types of payloads.

/// The five types of payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayloadType {
    /// Asks the peer to answer with a [`Pong`](Self::Pong).
    Ping,
    /// Answers a [`Ping`](Self::Ping).
    Pong,
    /// A chat message.
    Msg,
    /// A notice of the server.
    Sys,
    /// A command.
    Cmd,
}

impl PayloadType {
    /// All types, in the order of the specification.
    pub const ALL: [Self; 5] = [Self::Ping, Self::Pong, Self::Msg, Self::Sys, Self::Cmd];

    /// Returns the name of the type as it is written in a payload.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ping => "PING",
            Self::Pong => "PONG",
            Self::Msg => "MSG",
            Self::Sys => "SYS",
            Self::Cmd => "CMD",
        }
    }

    /// Returns the type named `text`, or `None` if there is no such type.
    #[must_use]
    pub fn from_name(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl std::fmt::Display for PayloadType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
