//! The timeouts and intervals of the gateway.

use std::time::Duration;

use callie_core::server::Times;

/// The times of the gateway. Tests shorten them; operators have no reason to change them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// The times of the protocol.
    pub protocol: Times,
    /// How long a stopping server waits for the answers to payloads that were read: 1 s. This and the time that a
    /// connection may take to close must not exceed the time that the server may take to stop.
    pub answers: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { protocol: Times::default(), answers: Duration::from_secs(1) }
    }
}

/// The interval at which deadlines and departures are checked, and so the longest delay of an answer that is due.
pub(crate) const TICK: Duration = Duration::from_millis(100);
/// The interval at which users who are not connected are removed from memory.
pub(crate) const FORGET: Duration = Duration::from_secs(30);
/// The interval at which a stopping server checks for pending answers.
pub(crate) const ANSWERS_TICK: Duration = Duration::from_millis(10);
/// How long a client may take to read the last payloads of a connection that the server closes.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// The same for a connection that is closed because the client does not read.
pub(crate) const SLOW_CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a closed connection is still read: if bytes were unread, the system would discard what was written last.
pub(crate) const LINGER: Duration = Duration::from_secs(1);
/// How long sending the answer to an upgrade, a few bytes, may take.
pub(crate) const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);
