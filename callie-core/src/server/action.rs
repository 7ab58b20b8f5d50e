//! What a server does with a payload that came on a connection.

use super::close::CloseReason;
use super::recent::PayloadKey;
use super::reply::Answer;
use crate::command::Command;
use crate::frame::PayloadRef;
use crate::payload_type::PayloadType;

/// What is to be done after a text message. `R` is the server's receipt for a payload that it wrote.
#[derive(Debug)]
pub enum Action<'t, R> {
    /// Pass the payload on to its recipient: a user, a group or `BROADCAST`.
    ///
    /// The text to pass on is [`PayloadRef::pass_on`]. The sender's copy goes to the sender's other connections.
    Deliver(Accepted<'t>),
    /// Carry out the command, and answer it with the payload's [`Reply`](super::Reply), unless it succeeds without a word
    /// (`SIGNAL`).
    Execute(Command, Accepted<'t>),
    /// The client confirmed the payloads with these receipts. There is no answer.
    Confirm(Vec<R>),
    /// Write this answer, by [`Connection::answer`](super::Connection::answer) or in the order of the server's own queue.
    Answer(Answer),
    /// Nothing. The payload was taken: a PONG, or the greeting that `AUTHENTICATED` has answered.
    Taken(PayloadType),
    /// Nothing. The payload was dropped for its rate; [`Connection::poll`](super::Connection::poll) reports it in time.
    Dropped(PayloadType),
    /// Nothing. The server is stopping and does not act on the payload.
    Ignored,
    /// Close the connection.
    Close(CloseReason),
}

/// A payload that passed every check and is to be acted on.
#[derive(Debug, Clone)]
pub struct Accepted<'t> {
    pub(super) payload: PayloadRef<'t>,
    pub(super) number: u64,
    pub(super) key: Option<PayloadKey>,
}

impl<'t> Accepted<'t> {
    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &PayloadRef<'t> {
        &self.payload
    }

    /// The number of the payload among those of its connection, from 1.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The key by which the payload is remembered, to [`settle`](super::SharedState::settle) what became of it; none for a
    /// PING or PONG. A message that asks for no confirmation is noted as sent already, anything else as pending.
    #[must_use]
    pub fn key(&self) -> Option<PayloadKey> {
        self.key
    }
}
