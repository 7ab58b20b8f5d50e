//! What the gateway counts for its operator, kept so that counting costs next to nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use callie_core::{PayloadType, SysCode};
use prometheus_client::metrics::counter::Counter;

use crate::telemetry::{Metrics, PayloadOutcome};

/// The kinds of payload, and what became of one that was none.
const KINDS: [Option<PayloadType>; 6] = [
    None,
    Some(PayloadType::Ping),
    Some(PayloadType::Pong),
    Some(PayloadType::Msg),
    Some(PayloadType::Sys),
    Some(PayloadType::Cmd),
];

/// The counters of received payloads, looked up once.
pub(crate) struct Tally {
    /// By kind, in the order of [`KINDS`], and by outcome.
    payloads: [[Counter; PayloadOutcome::ALL.len()]; KINDS.len()],
    received: AtomicU64,
}

impl Tally {
    /// The counters of `metrics`.
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let counters =
            |kind| std::array::from_fn(|at| metrics.payload_counter(kind, PayloadOutcome::ALL[at]));
        Self { payloads: KINDS.map(counters), received: AtomicU64::new(0) }
    }

    /// So many texts came in.
    pub(crate) fn received(&self, texts: u64) {
        self.received.fetch_add(texts, Ordering::Relaxed);
    }

    /// Payloads that came in since the start.
    pub(crate) fn total(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// What became of a payload; `kind` is none for a text that was no payload.
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

/// What an answer with this code says of the payload it answers.
pub(crate) fn outcome_of(code: SysCode) -> PayloadOutcome {
    match code {
        SysCode::RecipientOffline => PayloadOutcome::Offline,
        SysCode::PartiallyDelivered | SysCode::CommandOk => PayloadOutcome::Taken,
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
    fn every_kind_and_outcome_has_a_counter_of_its_own() {
        let tally = Tally::new(&Metrics::default());
        for kind in KINDS {
            for outcome in PayloadOutcome::ALL {
                tally.count(kind, *outcome);
            }
        }
        assert!(tally.payloads.iter().flatten().all(|counter| counter.get() == 1));
        for (at, outcome) in PayloadOutcome::ALL.iter().enumerate() {
            assert_eq!(*outcome as usize, at);
        }
    }
}
