//! The actions that a server carries out for a received payload.

use super::close::CloseReason;
use super::recent::PayloadKey;
use super::reply::Answer;
use crate::command::Command;
use crate::frame::PayloadRef;
use crate::payload_type::PayloadType;

/// The action for a text message. `R` is the server's receipt for a payload that it wrote.
#[derive(Debug)]
pub enum Action<'t, R> {
    /// Deliver the payload to its recipient: a user, a group or `BROADCAST`.
    ///
    /// The text to deliver is [`PayloadRef::pass_on`]. The sender's other connections receive a copy.
    Deliver(Accepted<'t>),
    /// Execute the command, and answer it with the payload's [`Reply`](super::Reply). A successful `SIGNAL` has no
    /// answer.
    Execute(Command, Accepted<'t>),
    /// The client confirmed the payloads with these receipts. There is no answer.
    Confirm(Vec<R>),
    /// Write this answer, by [`Connection::answer`](super::Connection::answer) or in the order of the server's own
    /// queue.
    Answer(Answer),
    /// Nothing. The payload was accepted: a PONG, or the first payload, which `AUTHENTICATED` has answered.
    Taken(PayloadType),
    /// Nothing. The payload was dropped because of the rate. [`Connection::poll`](super::Connection::poll) reports it.
    Dropped(PayloadType),
    /// Nothing. The server is stopping and ignores the payload.
    Ignored,
    /// Close the connection.
    Close(CloseReason),
}

/// A payload that passed every check.
#[derive(Debug, Clone)]
pub struct Accepted<'t> {
    pub(super) payload: PayloadRef<'t>,
    pub(super) number: u64,
    pub(super) key: Option<PayloadKey>,
}

impl<'t> Accepted<'t> {
    /// Returns the payload.
    #[must_use]
    pub fn payload(&self) -> &PayloadRef<'t> {
        &self.payload
    }

    /// Returns the number of the payload among those of its connection, from 1.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the key to [`settle`](super::SharedState::settle) the payload's outcome; `None` for a PING or PONG. The
    /// recorded outcome of a message without a request for confirmation is already sent, that of any other payload
    /// pending.
    #[must_use]
    pub fn key(&self) -> Option<PayloadKey> {
        self.key
    }
}
