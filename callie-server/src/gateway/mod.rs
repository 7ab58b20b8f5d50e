//! One WebSocket connection, from the upgrade to its close.
//!
//! `upgrade.rs` answers the HTTP request and takes the socket over, `admission.rs` counts who may come in. Then
//! `opening.rs` waits for the first payload, `conversation.rs` decides what each further one is answered with, `pump.rs`
//! moves payloads both ways (`socket.rs` and `readahead.rs` below it) and `closing.rs` ends the connection. `strikes.rs`,
//! `heartbeat.rs` and `awaiting.rs` are what a connection remembers meanwhile, `close_log.rs` tells the operator how it ended, `knowledge.rs` is what all of them know from
//! the database, and `checks.rs` looks it up anew where it may be old. One task per connection does all of it; what others
//! have for the connection waits in its outbox.

mod admission;
mod awaiting;
mod background;
mod checks;
mod close_log;
mod closing;
mod conversation;
mod heartbeat;
mod knowledge;
mod lanes;
mod opening;
mod passing;
mod pump;
mod readahead;
mod reply;
mod socket;
mod strikes;
mod tally;
mod timing;
mod upgrade;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use callie_core::{GroupId, Limits, PayloadId, Stamp};

pub use background::{drain, run};
pub(crate) use checks::{Check, Checks, in_doubt};
pub(crate) use conversation::Speaker;
pub(crate) use knowledge::load_group;
pub(crate) use lanes::{LaneError, Lanes};
pub(crate) use passing::{absence, code_of, exclusion};
pub(crate) use reply::Reply;
pub use timing::Timing;
pub use upgrade::upgrade;

use admission::Admission;
use tally::Tally;

use crate::clock;
use crate::cluster::Peers;
use crate::config::Config;
use crate::router::{Allowance, Hub, Keys, Quotas};
use crate::telemetry::Metrics;

/// What all connections share.
pub struct Gateway {
    /// Who is connected.
    pub(crate) hub: Arc<Hub>,
    /// What is done one after the other.
    pub(crate) lanes: Lanes,
    /// What is looked up anew.
    pub(crate) checks: Checks,
    admission: Arc<Admission>,
    timing: Timing,
    /// The limits of payloads, which stay as they were at the start.
    pub(crate) limits: Limits,
    started: Instant,
    tally: Tally,
    sent: AtomicU64,
    /// Counts what has ended sessions; see [`Gateway::endings`].
    endings: AtomicU64,
    /// Whether the server is stopping and acts on confirmations only.
    draining: AtomicBool,
}

impl Gateway {
    /// The gateway of a server that has no connection yet; the secret makes the keys of payloads. Within a runtime.
    pub(crate) fn new(
        config: &Config,
        timing: Timing,
        metrics: &Metrics,
        secret: &[u8; 16],
        peers: Arc<Peers>,
    ) -> Self {
        Self {
            hub: Arc::new(Hub::new(timing.reconnection, Keys::new(secret), peers)),
            lanes: Lanes::start(),
            checks: Checks::default(),
            admission: Arc::default(),
            timing,
            limits: config.limits(),
            started: Instant::now(),
            tally: Tally::new(metrics),
            sent: AtomicU64::new(0),
            endings: AtomicU64::new(0),
            draining: AtomicBool::new(false),
        }
    }

    /// Connections that have authenticated.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.admission.authenticated()
    }

    /// Connections that have not authenticated yet.
    #[must_use]
    pub fn unauthenticated(&self) -> usize {
        self.admission.total().saturating_sub(self.admission.authenticated())
    }

    /// Users with at least one connection, to whichever node of the cluster.
    #[must_use]
    pub fn users_online(&self) -> usize {
        self.hub.users_online()
    }

    /// Whether the user called `name` is connected, as far as this server knows.
    #[must_use]
    pub fn is_online(&self, name: &str) -> bool {
        self.hub.user(name).is_some_and(|user| user.is_online())
    }

    /// Whether the user called `name` is in the group and connected to this server, as far as it knows.
    #[must_use]
    pub fn is_member(&self, group: &str, name: &str) -> bool {
        let group = GroupId::parse(group).ok().and_then(|id| self.hub.group(id));
        group.is_some_and(|group| group.state().online.contains_key(name))
    }

    /// Payloads taken from clients since the start.
    #[must_use]
    pub fn payloads_received(&self) -> u64 {
        self.tally.total()
    }

    /// Payloads written to clients since the start.
    #[must_use]
    pub fn payloads_sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Bytes that wait in the outboxes of all connections.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.hub.every_link().iter().map(|link| link.outbox.waiting()).sum()
    }

    /// Seconds since the start.
    pub(crate) fn uptime_seconds(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    /// How long a confirmation is waited for.
    pub(crate) fn confirmation(&self) -> Duration {
        self.timing.confirmation
    }

    /// Whether the server is stopping and acts on confirmations only.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// How many events that end sessions were acted on. Each is counted before the connections are looked through for it:
    /// a connection that can be seen while the count is as it was before its session was looked up has missed none.
    pub(crate) fn endings(&self) -> u64 {
        self.endings.load(Ordering::SeqCst)
    }

    /// What a user's connections are allowed, as the configuration says now.
    pub(crate) fn allowance(&self, config: &Config) -> Allowance {
        Allowance {
            quotas: Quotas {
                messages_per_second: config.messages_per_second,
                burst: config.burst,
                broadcasts_per_minute: config.broadcasts_per_minute,
            },
            connections: config.max_connections_per_user,
        }
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("connections", &self.connections())
            .field("timing", &self.timing)
            .finish_non_exhaustive()
    }
}

/// The time and a new ID, for a payload of the server.
pub(crate) fn stamp() -> Stamp {
    Stamp { payload_id: PayloadId::from_uuid(clock::new_uuid()), timestamp: clock::timestamp(clock::wall()) }
}
