//! Confirmed deliveries that wait for confirmations, and their deadlines.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::delivery::Delivery;
use crate::base::clock;

/// The deliveries in the order of their deadlines: all last equally long, so a new one has the latest deadline. A delivery
/// is listed again when a connection is resumed.
#[derive(Default)]
pub(super) struct Deliveries(Mutex<VecDeque<(Instant, Weak<Delivery>)>>);

impl Deliveries {
    /// Adds a delivery, parts of which end at `deadline`.
    pub(super) fn add(&self, deadline: Instant, delivery: &Arc<Delivery>) {
        self.0.lock().push_back((deadline, Arc::downgrade(delivery)));
    }

    /// Ends the deliveries whose deadline is not after `now`.
    pub(super) fn expire(&self, now: Instant) {
        let mut due = Vec::new();
        {
            let mut waiting = self.0.lock();
            // One that is over is removed at once: its sender would otherwise be kept in memory.
            while let Some((_, first)) =
                waiting.pop_front_if(|(deadline, first)| *deadline <= now || first.strong_count() == 0)
            {
                due.extend(first.upgrade());
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
        for delivery in waiting.iter().filter_map(|(_, delivery)| delivery.upgrade()) {
            delivery.expire(Duration::MAX);
        }
    }
}
