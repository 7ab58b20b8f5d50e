//! How long the gateway waits for things.

use std::time::Duration;

use callie_core::server::Times;

/// The times of the gateway, which tests shorten. An operator has no reason to change them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// The times of the protocol.
    pub protocol: Times,
    /// How long a server that stops waits for the answers to payloads that were read: 1 s. This and the time that a
    /// connection may take to close must not exceed the time that the server may take to stop.
    pub answers: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { protocol: Times::default(), answers: Duration::from_secs(1) }
    }
}

/// How often deliveries and departures are looked through: what is due is answered at most this late.
pub(crate) const TICK: Duration = Duration::from_millis(100);
/// How often users who are gone are forgotten.
pub(crate) const FORGET: Duration = Duration::from_secs(30);
/// How often a server that stops looks whether the answers to payloads that were read are there.
pub(crate) const ANSWERS_TICK: Duration = Duration::from_millis(10);
/// How long a connection that is ended may take to read what is still written to it.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// The same for one that is ended because it does not read.
pub(crate) const SLOW_CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a closed connection is still read, so that unread bytes do not make the system throw away our last words.
pub(crate) const LINGER: Duration = Duration::from_secs(1);
/// How long the upgrade may take after it was granted: its answer is a few bytes.
pub(crate) const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);
