//! The connection state of a session.

use std::time::Duration;

use crate::code::CodeName;
use crate::limits::Limits;
use crate::timestamp::Timestamp;

/// The connection state. The [module](super) draws the transitions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Not connected, and not trying: not started, suspended, or a single attempt has failed.
    Suspended,
    /// Opening a connection or authenticating on it.
    Connecting,
    /// Connected and authenticated.
    Online {
        /// When the login session ends if it is not used.
        expires_at: Option<Timestamp>,
        /// The server's limits.
        limits: Limits,
        /// Whether the connection continues the one before, so that nothing is missing. Otherwise payloads may be missing
        /// that were sent to the user since the last connection was lost.
        resumed: bool,
    },
    /// Not connected. The next attempt starts after this time.
    Waiting {
        /// The time until the next attempt.
        retry_in: Duration,
        /// The close code of the last connection; 1006 if it was lost.
        code: u16,
    },
    /// Not connected: the server refused the token, and the driver fetches another.
    RefreshingToken(Refusal),
    /// Closed permanently.
    Closed(ClosedBy),
}

/// A close after which clients do not reconnect.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The WebSocket close code.
    pub code: u16,
    /// The code of the SYS before the close, if there was one.
    pub reason: Option<CodeName>,
    /// The server's reason, for people.
    pub description: String,
}

/// Who closed a session, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClosedBy {
    /// The application: it disconnected.
    Application,
    /// The server: it refused the session.
    Server(Refusal),
    /// The server refused the token, and there is no other.
    NoToken {
        /// The refusal.
        refusal: Refusal,
        /// Why there is no other token, for people.
        error: String,
    },
    /// The driver, because it cannot continue.
    Driver,
    /// The driver, because a change of the records could not be stored.
    NotStored {
        /// The error, for people.
        error: String,
    },
}

/// The error of a request to a closed session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session is closed")]
pub struct SessionClosed;

/// A token that is being fetched.
#[derive(Debug)]
pub(super) struct Refresh {
    /// The refusal of the token before.
    pub(super) refusal: Refusal,
    /// When the session gives up on it.
    pub(super) deadline: Duration,
}
