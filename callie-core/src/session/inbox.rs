//! What was received: each payload is handed on once, and confirmed in batches.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use crate::command::AckEntry;
use crate::limits::MAX_ACKS;

/// How long a payload is remembered: twice as long as the server takes a resent one for the same.
const MEMORY: Duration = Duration::from_secs(600);
/// The most payloads remembered. At more than 200 payloads a second the oldest are forgotten before their time.
const MOST_REMEMBERED: usize = 131_072;

#[derive(Debug, Default)]
pub(super) struct Inbox {
    seen: HashSet<AckEntry>,
    /// The same in the order of their arrival.
    order: VecDeque<(Duration, AckEntry)>,
    /// How many came that were not new.
    duplicates: u64,
    acks: Vec<AckEntry>,
    /// When the confirmations go out.
    flush_at: Option<Duration>,
}

impl Inbox {
    /// Whether the payload is new; it is no longer new after that.
    pub(super) fn take(&mut self, now: Duration, payload: &AckEntry) -> bool {
        while self.order.len() >= MOST_REMEMBERED
            || self.order.front().is_some_and(|(at, _)| now.saturating_sub(*at) > MEMORY)
        {
            if let Some((_, old)) = self.order.pop_front() {
                self.seen.remove(&old);
            }
        }
        let new = self.seen.insert(payload.clone());
        if new {
            self.order.push_back((now, payload.clone()));
        } else {
            self.duplicates += 1;
        }
        new
    }

    /// How many payloads came that were not new.
    pub(super) fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Notes a payload to be confirmed, not later than `delay` from now.
    pub(super) fn confirm(&mut self, now: Duration, delay: Duration, payload: AckEntry) {
        self.acks.push(payload);
        self.flush_at.get_or_insert(now + delay);
    }

    /// When the confirmations go out.
    pub(super) fn flush_at(&self) -> Option<Duration> {
        self.flush_at
    }

    /// Takes the confirmations that are due: a full batch at once, fewer when their time has come.
    pub(super) fn due(&mut self, now: Duration) -> Option<Vec<AckEntry>> {
        if self.acks.len() < MAX_ACKS && self.flush_at.is_none_or(|at| now < at) {
            return None;
        }
        let batch = self.acks.drain(..self.acks.len().min(MAX_ACKS)).collect();
        if self.acks.is_empty() {
            self.flush_at = None;
        }
        Some(batch)
    }

    /// Forgets the confirmations of a connection that is gone: they would not count on another.
    pub(super) fn forget_acks(&mut self) {
        self.acks.clear();
        self.flush_at = None;
    }
}
