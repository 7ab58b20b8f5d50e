//! What the session tells its driver and, through it, the application.

use std::time::Duration;

use crate::code::CodeName;
use crate::command::Push;
use crate::fault::Fault;
use crate::limits::Limits;
use crate::notice::Notice;
use crate::payload::Payload;
use crate::timestamp::Timestamp;

/// Names one thing that was sent, until its [`TicketOutcome`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(crate) u64);

impl Ticket {
    /// The ticket as a number: tickets of one session count up from 1.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

/// Numbers a received message for [`Session::taken`](super::Session::taken). Receipts of one session count up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Receipt(u64);

impl Receipt {
    /// The receipt as a number: receipts of one session count up from 1.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    pub(super) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// What the driver has to do next.
#[derive(Debug, Clone)]
pub enum Output {
    /// Open a WebSocket to the server, then tell [`opened`](super::Session::opened) or
    /// [`closed`](super::Session::closed).
    Open,
    /// Send this text message.
    Transmit(String),
    /// Close the WebSocket and forget it: nothing of it is to be told any more.
    Close,
    /// Tell the application.
    Event(Event),
}

/// What the session reports to the application.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// The connection changed.
    State(State),
    /// What was sent with this ticket is over. Told exactly once for each ticket.
    Ended(Ticket, TicketOutcome),
    /// A message from another user, or from this user on another connection. Each payload is delivered once.
    ///
    /// It is confirmed to its sender only after [`Session::taken`](super::Session::taken) was called with its receipt or
    /// a later one.
    Message(Payload, Receipt),
    /// A notice of the server that answers nothing sent with a ticket.
    Notice(Box<Notice>),
    /// A message that somebody sent was edited or deleted, or a fleeting signal.
    Push(Push),
    /// A SYS or CMD that this version does not know.
    Unknown(Payload),
    /// A text that is no valid payload; it was ignored.
    Unreadable(Fault),
}

/// How a session stands to its server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Not connected, and not trying: see why.
    Down(Down),
    /// Not connected; the next attempt comes after this time.
    Waiting {
        /// From now.
        retry_in: Duration,
        /// The close code of the last connection; 1006 where the link was lost.
        code: u16,
    },
    /// Opening a connection or authenticating on it.
    Connecting,
    /// Connected and authenticated.
    Online {
        /// When the login ends if it is not used.
        expires_at: Option<Timestamp>,
        /// What the server allows.
        limits: Limits,
    },
}

/// Why a session is not trying to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Down {
    /// The application has not asked to, or asked not to.
    NotWanted,
    /// The application suspended it.
    Suspended,
    /// The server closed the connection with a code that clients do not come back from by themselves.
    Refused {
        /// The WebSocket close code.
        code: u16,
        /// The SYS code before it, where there was one.
        reason: Option<CodeName>,
        /// What the server said, for people.
        description: String,
    },
}

/// How something that was sent is over.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TicketOutcome {
    /// The recipient's client, or some of the group's, confirmed the message.
    Delivered {
        /// How many did; none where the server's answer was lost with a connection.
        confirmed: Option<u64>,
        /// How many were sent it and did not; none as above.
        unconfirmed: Option<u64>,
        /// How many were offline; none as above.
        offline: Option<u64>,
    },
    /// The server took it; no confirmation was asked for.
    Sent,
    /// The command was carried out.
    Done {
        /// Its result, a JSON object; none if the answer was lost with a connection.
        result: Option<String>,
    },
    /// The PONG came.
    Pong {
        /// After this time.
        round_trip: Duration,
    },
    /// The recipient is offline, or nobody in the group is online: it did not arrive.
    Offline,
    /// It did not arrive, or the command was not carried out.
    Failed(Failure),
    /// It was sent and may or may not have arrived.
    Unconfirmed,
}

/// Why something did not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The server refused it.
    Refused {
        /// Why, for programs.
        code: CodeName,
        /// Why, for people.
        description: String,
        /// Where in the payload the fault is, a JSON Pointer; empty where it is nowhere in particular.
        path: String,
    },
    /// It could not be sent in time.
    Expired,
    /// The application disconnected before it could be sent.
    Disconnected,
}
