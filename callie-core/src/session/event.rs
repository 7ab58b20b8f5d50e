//! The outputs of the session: actions for its driver, and events for the application.

use std::time::Duration;

use crate::code::CodeName;
use crate::command::Push;
use crate::fault::Fault;
use crate::limits::Limits;
use crate::notice::Notice;
use crate::payload::Payload;
use crate::timestamp::Timestamp;

/// A handle for one payload that was accepted for sending, until its [`TicketOutcome`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(crate) u64);

impl Ticket {
    /// Returns the ticket as a number. Tickets of one session count up from 1.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

/// The number of a received message, for [`Session::taken`](super::Session::taken). Receipts of one session count up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Receipt(u64);

impl Receipt {
    /// Returns the receipt as a number. Receipts of one session count up from 1.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    pub(super) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// An action for the driver.
#[derive(Debug, Clone)]
pub enum Output {
    /// Open a WebSocket to the server, then call [`opened`](super::Session::opened) or
    /// [`closed`](super::Session::closed).
    Open,
    /// Send this text message.
    Transmit(String),
    /// Close the WebSocket. The session must receive no further input from it.
    Close,
    /// Pass the event to the application.
    Event(Event),
}

/// An event for the application.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// The connection state changed.
    State(State),
    /// The outcome of a ticket. There is exactly one for each ticket.
    Ended(Ticket, TicketOutcome),
    /// A message from another user, or from this user on another connection. Each payload is delivered once.
    ///
    /// It is confirmed to its sender only after [`Session::taken`](super::Session::taken) was called with its receipt
    /// or a later one.
    Message(Payload, Receipt),
    /// A notice from the server that does not answer a ticket.
    Notice(Box<Notice>),
    /// A message was edited or deleted, or a signal was sent.
    Push(Push),
    /// A SYS or CMD that this version does not know.
    Unknown(Payload),
    /// A text that is not a valid payload, and was ignored.
    Unreadable(Fault),
}

/// The state of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Not connected, and not trying, for this reason.
    Down(Down),
    /// Not connected. The next attempt starts after this time.
    Waiting {
        /// The time until the next attempt.
        retry_in: Duration,
        /// The close code of the last connection; 1006 if it was lost.
        code: u16,
    },
    /// Opening a connection or authenticating on it.
    Connecting,
    /// Connected and authenticated.
    Online {
        /// When the login session ends if it is not used.
        expires_at: Option<Timestamp>,
        /// The server's limits.
        limits: Limits,
    },
}

/// Why a session is not trying to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Down {
    /// The application has not called `connect`, or has called `disconnect`.
    NotWanted,
    /// The application suspended the session.
    Suspended,
    /// The server closed the connection with a code after which clients do not reconnect.
    Refused {
        /// The WebSocket close code.
        code: u16,
        /// The code of the SYS before the close, if there was one.
        reason: Option<CodeName>,
        /// The server's reason, for people.
        description: String,
    },
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
    },
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
    /// The application disconnected before it could be sent.
    Disconnected,
}
