//! The outputs of the session: actions for its driver, and events for the application.

use std::time::Duration;

use super::records::Change;
use super::state::{Refusal, State};
use super::ticket::{Receipt, Ticket};
use crate::code::CodeName;
use crate::command::Push;
use crate::fault::Fault;
use crate::name::{MessageId, PayloadId};
use crate::notice::Notice;
use crate::payload::Payload;

/// Identifies an attempt to connect. Calls during an attempt share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt(pub(super) u64);

/// Why an attempt to connect failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttemptFailure {
    /// The connection could not be opened, or ended before the server authenticated it.
    #[error("the connection was closed with {code}")]
    Lost {
        /// The close code; 1006 if the connection was lost or never open.
        code: u16,
    },
    /// The session was suspended meanwhile.
    #[error("the session was suspended before it was connected")]
    Suspended,
    /// The session was closed. [`Session::state`](super::Session::state) returns by whom.
    #[error("the session was closed before it was connected")]
    Closed,
}

/// An action for the driver.
#[derive(Debug, Clone)]
pub enum Output {
    /// Open a WebSocket to the server, then call [`opened`](super::Session::opened) or
    /// [`closed`](super::Session::closed).
    Open,
    /// Send this text message, after all earlier changes were stored.
    Transmit(String),
    /// Close the WebSocket with the code 1000, because the application leaves. The session must receive no further input
    /// from it.
    Close,
    /// Give up the WebSocket without a close frame, or with another code than 1000, because it counts as lost. The server
    /// then keeps the connection for a while, so that it can be resumed. The session must receive no further input from it.
    Abort,
    /// Fetch another token for the same user, because the server refused this one, then call
    /// [`token_refreshed`](super::Session::token_refreshed) or
    /// [`token_refresh_failed`](super::Session::token_refresh_failed).
    RefreshToken(Refusal),
    /// Change the stored records. Only a session of [`Session::restore`](super::Session::restore) does so.
    Store {
        /// The number of this change. Changes count up from 1.
        number: u64,
        /// The change.
        change: Change,
    },
    /// Pass the event to the application.
    Event(Event),
}

/// An event for the application.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// The connection state changed.
    State(State),
    /// The outcome of an attempt to connect. There is exactly one for each attempt.
    Attempted(Attempt, Result<(), AttemptFailure>),
    /// The outcome of a ticket. There is exactly one for each ticket.
    Ended(Ticket, TicketOutcome),
    /// A message from another user, or from this user on another connection. Each payload is delivered once.
    ///
    /// It is confirmed to its sender only after [`Session::taken`](super::Session::taken) was called with its receipt
    /// or a later one.
    Message(Payload, Receipt),
    /// A message whose outcome was [`TicketOutcome::Stored`] was delivered and confirmed.
    DeliveredLate {
        /// The ID of the payload.
        payload_id: PayloadId,
        /// The message's ID.
        message_id: MessageId,
    },
    /// A notice from the server that does not answer a ticket.
    Notice(Box<Notice>),
    /// A message was edited or deleted, or a signal was sent.
    Push(Push),
    /// A SYS or CMD that this version does not know.
    Unknown(Payload),
    /// A text that is not a valid payload, and was ignored.
    Unreadable(Fault),
}

/// The outcome of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TicketOutcome {
    /// The recipient's client, or those of some members of the group, confirmed the message.
    Delivered {
        /// The number who confirmed it; `None` if the server's answer was lost with a connection.
        confirmed: Option<u64>,
        /// The number to whom it was sent and who did not confirm it; `None` likewise.
        unconfirmed: Option<u64>,
        /// The number who were offline; `None` likewise.
        offline: Option<u64>,
        /// The number of those for whom the server keeps it; `None` likewise.
        stored: Option<u64>,
    },
    /// The recipient, or every other member of the group, is offline. The server keeps the message, and delivers it later
    /// if the recipient takes messages from this user.
    Stored,
    /// The server accepted it, and no confirmation was requested.
    Sent,
    /// The command was executed.
    Done {
        /// Its result, a JSON object; `None` if the answer was lost with a connection.
        result: Option<String>,
    },
    /// The PONG arrived.
    Pong {
        /// The time from PING to PONG.
        round_trip: Duration,
    },
    /// It did not arrive: the recipient, or every other member of the group, is offline.
    Offline,
    /// It did not arrive, or the command was not executed.
    Failed(Failure),
    /// It was sent and may or may not have arrived.
    Unconfirmed,
    /// It has no outcome yet: the session was closed, and the stored records keep the message. The next session with these
    /// records reports its outcome.
    Pending,
}

/// Why a send failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The server refused it.
    Refused {
        /// The code, for programs.
        code: CodeName,
        /// The reason, for people.
        description: String,
        /// The path of the fault in the payload, a JSON Pointer; empty if there is none.
        path: String,
    },
    /// It could not be sent in time.
    Expired,
    /// The session was closed before it could be sent.
    Disconnected,
}
