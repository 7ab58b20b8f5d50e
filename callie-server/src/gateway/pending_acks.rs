//! Payloads that were written to a connection and that its client has not confirmed yet.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::router::{AlreadyHashed, PayloadKey, Receipt};

/// The most that are kept. A client that does not confirm any is told from one that is slow by the time alone, so this
/// only bounds memory; what does not fit ends unconfirmed at once, which is true.
const MOST: usize = 4_096;
/// Those that are over are looked for when so many are kept, and again when twice as many as then are left.
const FIRST_SWEEP: usize = 64;

/// Receipts by who sent the payload and its ID.
pub(crate) struct PendingAcks {
    receipts: HashMap<PayloadKey, Receipt, BuildHasherDefault<AlreadyHashed>>,
    sweep_at: usize,
}

impl PendingAcks {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { receipts: HashMap::default(), sweep_at: FIRST_SWEEP }
    }

    /// The payload is about to be written.
    pub(crate) fn written(&mut self, key: PayloadKey, receipt: Receipt) {
        receipt.written();
        if self.receipts.len() >= self.sweep_at {
            self.sweep();
        }
        if self.receipts.len() < MOST {
            self.receipts.insert(key, receipt);
        }
    }

    /// The client confirmed it; what was not written to this connection counts for nothing.
    pub(crate) fn confirm(&mut self, key: PayloadKey) {
        if let Some(receipt) = self.receipts.remove(&key) {
            receipt.confirm();
        }
    }

    /// Forgets those whose time is up.
    pub(crate) fn sweep(&mut self) {
        self.receipts.retain(|_, receipt| !receipt.is_over());
        if self.receipts.is_empty() {
            self.receipts = HashMap::default();
        }
        self.sweep_at = (2 * self.receipts.len()).max(FIRST_SWEEP);
    }
}
