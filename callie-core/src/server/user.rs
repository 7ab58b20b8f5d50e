//! What all connections of one user share: rates and remembered payloads.

use std::time::Duration;

use super::rates::{BucketKind, Rates};
use super::recent::{PayloadKey, RecentPayloads};
use crate::limits::Limits;
use crate::notice::PriorOutcome;

/// What a [`Connection`](super::Connection) asks of the state that it shares with the user's other connections.
///
/// [`UserState`] is the implementation for a server on its own. A server that keeps the state behind a lock, or tells other
/// nodes of it, implements this around it.
pub trait SharedState {
    /// Takes a payload from its buckets and, if it is to be remembered, notes it.
    ///
    /// # Errors
    /// [`Denied::RateLimited`] before [`Denied::Duplicate`]. A payload over the rate is not noted.
    fn admit(&mut self, now: Duration, admission: Admission) -> Result<(), Denied>;

    /// Notes what became of a payload.
    fn settle(&mut self, key: PayloadKey, outcome: PriorOutcome);
}

/// What a payload needs to be acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// The buckets that it is taken from.
    pub bucket: BucketKind,
    /// Its key and likely outcome, if it is remembered.
    pub note: Option<(PayloadKey, PriorOutcome)>,
}

/// Why a payload is not acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// The user sends too fast.
    RateLimited {
        /// How long to wait until there is room.
        retry_after: Duration,
    },
    /// The payload came before, and this became of it.
    Duplicate(PriorOutcome),
}

/// The rates and the remembered payloads of one user.
///
/// All connections of the user must be given the same one.
#[derive(Debug)]
#[non_exhaustive]
pub struct UserState {
    /// What the user may send.
    pub rates: Rates,
    /// What the user sent.
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
