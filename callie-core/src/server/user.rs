//! What all connections of one user share: rates and remembered payloads.

use std::time::Duration;

use super::rates::{BucketKind, Rates};
use super::recent::{PayloadKey, RecentPayloads};
use crate::limits::Limits;
use crate::notice::PriorOutcome;

/// The state that a [`Connection`](super::Connection) shares with the user's other connections.
///
/// [`UserState`] is the implementation for a single server. A server that locks the state, or sends changes to other
/// nodes, wraps it in its own implementation.
pub trait SharedState {
    /// Takes a payload from its buckets and, if it has a key, remembers it.
    ///
    /// # Errors
    /// [`Denied::RateLimited`] before [`Denied::Duplicate`]. A payload over the rate is not remembered.
    fn admit(&mut self, now: Duration, admission: Admission) -> Result<(), Denied>;

    /// Records the outcome of a payload.
    fn settle(&mut self, key: PayloadKey, outcome: PriorOutcome);
}

/// A payload, as [`SharedState`] checks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Admission {
    /// The kind of its bucket.
    pub bucket: BucketKind,
    /// Its key and likely outcome, if it is remembered.
    pub note: Option<(PayloadKey, PriorOutcome)>,
}

/// Why a payload is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denied {
    /// The user exceeds the rate.
    RateLimited {
        /// The time to wait until there is a token.
        retry_after: Duration,
    },
    /// The payload is a duplicate of one with this outcome.
    Duplicate(PriorOutcome),
}

/// The rates and the remembered payloads of one user.
///
/// All connections of the user must use the same one.
#[derive(Debug)]
#[non_exhaustive]
pub struct UserState {
    /// The rates of the user.
    pub rates: Rates,
    /// The recent payloads of the user.
    pub recent: RecentPayloads,
}

impl UserState {
    /// The state of a user who has sent nothing.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self { rates: Rates::new(limits), recent: RecentPayloads::default() }
    }
}

impl SharedState for UserState {
    fn admit(&mut self, now: Duration, admission: Admission) -> Result<(), Denied> {
        self.rates.take(now, admission.bucket).map_err(|retry_after| Denied::RateLimited { retry_after })?;
        match admission.note {
            Some((key, outcome)) => self.recent.note(now, key, outcome).map_err(Denied::Duplicate),
            None => Ok(()),
        }
    }

    fn settle(&mut self, key: PayloadKey, outcome: PriorOutcome) {
        self.recent.settle(key, outcome);
    }
}
