//! The requests of a hub to its server.

use crate::command::Command;
use crate::name::GroupId;
use crate::server::recent::PayloadKey;
use crate::server::reply::Reply;

/// The ID of a connection of a [`Hub`](super::Hub). A hub never reuses an ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub(super) u64);

/// A request of a [`Hub`](super::Hub) to its server.
#[derive(Debug)]
#[non_exhaustive]
pub enum Request {
    /// Carry out the command, and answer it by [`Hub::answer`](super::Hub::answer) or
    /// [`Hub::refuse`](super::Hub::refuse); or say by [`Hub::done`](super::Hub::done) that it succeeded without a word
    /// (`SIGNAL`).
    Execute(Command, Requester),
    /// Look up the members of the group, and pass the payload on by [`Hub::deliver`](super::Hub::deliver) or
    /// [`Hub::refuse`](super::Hub::refuse) it.
    ToGroup(GroupId, Outgoing),
}

/// A payload that must be answered, and the connection that received it.
#[derive(Debug, Clone)]
pub struct Requester {
    pub(super) connection: ConnectionId,
    pub(super) reply: Reply,
}

/// A payload to deliver.
#[derive(Debug)]
pub struct Outgoing {
    pub(super) requester: Requester,
    pub(super) text: String,
    /// The key by which recipients confirm the payload, if the sender requested confirmation.
    pub(super) asks: Option<PayloadKey>,
}

impl Request {
    /// Returns who receives the answer.
    #[must_use]
    pub fn requester(&self) -> &Requester {
        match self {
            Self::Execute(_, requester) | Self::ToGroup(_, Outgoing { requester, .. }) => requester,
        }
    }
}

impl Requester {
    /// Returns the connection.
    #[must_use]
    pub fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// Returns the reply to the payload.
    #[must_use]
    pub fn reply(&self) -> &Reply {
        &self.reply
    }
}

/// An action on a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Write this text message.
    Write(ConnectionId, String),
    /// Close the WebSocket with this code, after everything that was written before.
    Close(ConnectionId, u16),
}
