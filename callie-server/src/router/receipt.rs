//! One connection's part in a confirmed delivery. Whatever happens to the connection, its receipts are confirmed or
//! dropped, so that no outcome is ever forgotten.

use std::sync::Arc;

use super::delivery::{Delivery, Part};

/// A message that a connection got: confirmed, or dropped when the connection cannot confirm any more.
pub(crate) struct Receipt {
    delivery: Arc<Delivery>,
    part: Part,
}

impl Receipt {
    /// A receipt for one connection of the member who is `part` of the audience.
    pub(super) fn new(delivery: Arc<Delivery>, part: Part) -> Self {
        Self { delivery, part }
    }

    /// The payload is about to be written: from here on it may have arrived.
    pub(crate) fn written(&self) {
        self.delivery.written(self.part);
    }

    /// The client confirmed it.
    pub(crate) fn confirm(self) {
        self.delivery.confirmed(self.part);
    }

    /// Who sent the payload, and its ID: what a confirmation names.
    pub(crate) fn names(&self) -> (&str, &str) {
        self.delivery.names()
    }

    /// Whether nobody waits for it any more.
    pub(crate) fn is_over(&self) -> bool {
        self.delivery.is_answered()
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        self.delivery.returned(self.part);
    }
}
