//! Traffic counters.

use std::sync::atomic::{AtomicU64, Ordering};

/// Traffic counters since the client was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[non_exhaustive]
pub struct Stats {
    /// The number of times the client came online.
    pub connects: u64,
    /// The number of times the client came online again.
    pub reconnects: u64,
    /// The number of times the client came online again and continued the connection before, so that nothing is missing.
    pub resumed: u64,
    /// Payloads written.
    pub payloads_sent: u64,
    /// Payloads read.
    pub payloads_received: u64,
    /// Messages accepted for sending.
    pub messages_sent: u64,
    /// Messages delivered to the application.
    pub messages_received: u64,
    /// Duplicate messages, which were discarded.
    pub duplicates: u64,
    /// Messages, pings and commands that now wait for their outcome.
    pub waiting: u64,
    /// Bytes of payloads written.
    pub bytes_sent: u64,
    /// Bytes of payloads read.
    pub bytes_received: u64,
}

/// The client's own counters.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    connects: AtomicU64,
    resumed: AtomicU64,
    payloads_sent: AtomicU64,
    payloads_received: AtomicU64,
    messages_sent: AtomicU64,
    messages_received: AtomicU64,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
}

fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn connected(&self, resumed: bool) {
        add(&self.connects, 1);
        add(&self.resumed, usize::from(resumed));
    }

    pub(crate) fn wrote(&self, bytes: usize) {
        add(&self.payloads_sent, 1);
        add(&self.bytes_sent, bytes);
    }

    pub(crate) fn read(&self, bytes: usize) {
        add(&self.payloads_received, 1);
        add(&self.bytes_received, bytes);
    }

    pub(crate) fn took_message(&self) {
        add(&self.messages_sent, 1);
    }

    pub(crate) fn delivered_message(&self) {
        add(&self.messages_received, 1);
    }

    /// All counters: the client's own and those of the session.
    pub(crate) fn with(&self, duplicates: u64, waiting: usize) -> Stats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            connects: get(&self.connects),
            reconnects: get(&self.connects).saturating_sub(1),
            resumed: get(&self.resumed),
            payloads_sent: get(&self.payloads_sent),
            payloads_received: get(&self.payloads_received),
            messages_sent: get(&self.messages_sent),
            messages_received: get(&self.messages_received),
            duplicates,
            waiting: waiting as u64,
            bytes_sent: get(&self.bytes_sent),
            bytes_received: get(&self.bytes_received),
        }
    }
}
