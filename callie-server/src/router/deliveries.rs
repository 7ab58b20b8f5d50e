//! Confirmed deliveries that wait for confirmations, and their deadlines.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::delivery::Delivery;
use crate::base::clock;

/// The deliveries in the order of their deadlines: all last equally long, so a new one has the latest deadline.
#[derive(Default)]
pub(super) struct Deliveries(Mutex<VecDeque<Weak<Delivery>>>);

impl Deliveries {
    /// Adds a delivery.
    pub(super) fn add(&self, delivery: &Arc<Delivery>) {
        self.0.lock().push_back(Arc::downgrade(delivery));
    }

    /// Ends the deliveries whose deadline is not after `now`.
    pub(super) fn expire(&self, now: Instant) {
        let mut due = Vec::new();
        {
            let mut waiting = self.0.lock();
            while let Some(first) = waiting.front() {
                match first.upgrade() {
                    Some(delivery) if delivery.deadline > now => break,
                    Some(delivery) => due.push(delivery),
                    None => {}
                }
                waiting.pop_front();
            }
        }
        // Outside of the lock: an answer goes to an outbox.
        for delivery in due {
            delivery.expire(clock::elapsed(now));
        }
    }

    /// Ends all deliveries.
    pub(super) fn give_up(&self) {
        let waiting = std::mem::take(&mut *self.0.lock());
        for delivery in waiting.iter().filter_map(Weak::upgrade) {
            delivery.expire(Duration::MAX);
        }
    }
}
