//! The counters of payloads, looked up once so that counting is cheap.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use callie_core::{PayloadType, SysCode};
use prometheus_client::metrics::counter::Counter;

use super::labels::PayloadOutcome;
use super::metrics::Metrics;

/// The types of payloads, and `None` for a text that is not a payload.
const KINDS: [Option<PayloadType>; 6] = [
    None,
    Some(PayloadType::Ping),
    Some(PayloadType::Pong),
    Some(PayloadType::Msg),
    Some(PayloadType::Sys),
    Some(PayloadType::Cmd),
];

/// The counters of payloads since the start.
#[derive(Debug)]
pub(crate) struct Counters {
    /// By kind, in the order of [`KINDS`], and by outcome.
    payloads: [[Counter; PayloadOutcome::ALL.len()]; KINDS.len()],
    received: AtomicU64,
    sent: AtomicU64,
    started: Instant,
}

impl Counters {
    /// The counters of `metrics`.
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let counters =
            |kind| std::array::from_fn(|at| metrics.payload_counter(kind, PayloadOutcome::ALL[at]));
        Self {
            payloads: KINDS.map(counters),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            started: Instant::now(),
        }
    }

    /// Counts texts that were received.
    pub(crate) fn received(&self, texts: u64) {
        self.received.fetch_add(texts, Ordering::Relaxed);
    }

    /// Counts payloads that were written.
    pub(crate) fn sent(&self, payloads: u64) {
        self.sent.fetch_add(payloads, Ordering::Relaxed);
    }

    /// Returns the seconds since the start.
    pub(crate) fn uptime_seconds(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    /// Returns the payloads that were written since the start.
    pub(crate) fn total_sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Returns the texts that were received since the start.
    pub(crate) fn total_received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Counts a payload by its outcome; `kind` is `None` for a text that is not a payload.
    pub(crate) fn count(&self, kind: Option<PayloadType>, outcome: PayloadOutcome) {
        let row = match kind {
            None => 0,
            Some(PayloadType::Ping) => 1,
            Some(PayloadType::Pong) => 2,
            Some(PayloadType::Msg) => 3,
            Some(PayloadType::Sys) => 4,
            Some(PayloadType::Cmd) => 5,
        };
        // Outcomes are numbered in the order of their list.
        self.payloads[row][outcome as usize].inc();
    }
}

/// Returns the outcome of a payload that is answered with `code`.
pub(crate) fn outcome_of(code: SysCode) -> PayloadOutcome {
    match code {
        SysCode::RecipientOffline => PayloadOutcome::Offline,
        SysCode::Authenticated | SysCode::PartiallyDelivered | SysCode::Stored | SysCode::CommandOk => {
            PayloadOutcome::Taken
        }
        SysCode::DuplicatePayload => PayloadOutcome::Duplicate,
        SysCode::RateLimited => PayloadOutcome::RateLimited,
        SysCode::InternalError => PayloadOutcome::Failed,
        code if code.counts_as_invalid() => PayloadOutcome::Invalid,
        _ => PayloadOutcome::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_and_outcome_has_its_counter() {
        let counters = Counters::new(&Metrics::default());
        for kind in KINDS {
            for outcome in PayloadOutcome::ALL {
                counters.count(kind, *outcome);
            }
        }
        assert!(counters.payloads.iter().flatten().all(|counter| counter.get() == 1));
        for (at, outcome) in PayloadOutcome::ALL.iter().enumerate() {
            assert_eq!(*outcome as usize, at);
        }
    }
}
