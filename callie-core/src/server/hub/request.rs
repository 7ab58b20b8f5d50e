//! What a server has to do for a hub.

use crate::command::Command;
use crate::name::GroupId;
use crate::server::recent::PayloadKey;
use crate::server::reply::Reply;

/// Names a connection of a [`Hub`](super::Hub). No two connections of a hub ever have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub(super) u64);

/// What a server has to do that a [`Hub`](super::Hub) cannot.
#[derive(Debug)]
#[non_exhaustive]
pub enum Request {
    /// Carry out the command, and answer it by [`Hub::answer`](super::Hub::answer) or [`Hub::refuse`](super::Hub::refuse); or say by [`Hub::done`](super::Hub::done) that it succeeded
    /// without a word (`SIGNAL`).
    Execute(Command, Requester),
    /// Look up the members of the group, and pass the payload on by [`Hub::deliver`](super::Hub::deliver) or [`Hub::refuse`](super::Hub::refuse) it.
    ToGroup(GroupId, Outgoing),
}

/// A payload that is to be answered, and the connection that it came on.
#[derive(Debug, Clone)]
pub struct Requester {
    pub(super) connection: ConnectionId,
    pub(super) reply: Reply,
}

/// A payload on its way to its recipients.
#[derive(Debug)]
pub struct Outgoing {
    pub(super) requester: Requester,
    pub(super) text: String,
    /// The key by which recipients confirm the payload, where the sender asks for that.
    pub(super) asks: Option<PayloadKey>,
}

impl Request {
    /// Who is answered.
    #[must_use]
    pub fn requester(&self) -> &Requester {
        match self {
            Self::Execute(_, requester) | Self::ToGroup(_, Outgoing { requester, .. }) => requester,
        }
    }
}

impl Requester {
    /// The connection.
    #[must_use]
    pub fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// What the payload is answered with.
    #[must_use]
    pub fn reply(&self) -> &Reply {
        &self.reply
    }
}

/// What is to be done with a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Write this text message.
    Write(ConnectionId, String),
    /// Close the WebSocket with this code, behind everything that was written before.
    Close(ConnectionId, u16),
}
