//! The memory of received payloads that outlives the process.

use std::collections::VecDeque;
use std::time::Duration;

use crate::command::AckEntry;

/// How long a payload that the application took is remembered. It exceeds the 30 days for which a server keeps messages
/// by default, so a message whose confirmation was lost is not shown again.
pub(super) const LONG_MEMORY: Duration = Duration::from_secs(31 * 24 * 60 * 60);
/// The most such payloads; the oldest are forgotten first. A server sends those again whose confirmation it did not
/// receive: at most the 1,000 messages that it keeps for a user by default, and those of the last seconds.
pub(super) const MOST_KEPT: usize = 16_384;

/// The payloads that the application took, in that order.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Each with the time at which it is forgotten.
    kept: VecDeque<(Duration, AckEntry)>,
}

impl Memory {
    pub(super) fn keep(&mut self, forget_at: Duration, payload: AckEntry) {
        self.kept.push_back((forget_at, payload));
    }

    /// Removes the next payload that is to be forgotten.
    pub(super) fn forget(&mut self, now: Duration) -> Option<AckEntry> {
        let is_due = |(at, _): &mut (Duration, AckEntry)| *at <= now;
        if self.kept.len() > MOST_KEPT {
            return self.kept.pop_front().map(|(_, payload)| payload);
        }
        self.kept.pop_front_if(is_due).map(|(_, payload)| payload)
    }
}
