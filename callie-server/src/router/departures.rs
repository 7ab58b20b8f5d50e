//! Users whose last connection has closed, until their departure is reported.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::aliases::User;

/// A queue of departures, sorted by the time at which each is reported.
pub(super) struct Departures {
    /// How long a user may be gone before the departure is reported.
    grace: Duration,
    queue: Mutex<VecDeque<(Instant, Arc<User>)>>,
}

impl Departures {
    /// Creates an empty queue. A departure is reported after `grace`.
    pub(super) fn new(grace: Duration) -> Self {
        Self { grace, queue: Mutex::default() }
    }

    /// Returns when a departure of now is reported.
    pub(super) fn due(&self) -> Instant {
        Instant::now() + self.grace
    }

    /// Queues a user whose departure is reported at `at`.
    pub(super) fn add(&self, at: Instant, user: Arc<User>) {
        let mut queue = self.queue.lock();
        let place = queue.partition_point(|(other, _)| *other <= at);
        queue.insert(place, (at, user));
    }

    /// Takes a user whose departure is due at `now`.
    pub(super) fn take(&self, now: Instant) -> Option<Arc<User>> {
        let mut queue = self.queue.lock();
        match queue.front() {
            Some((at, _)) if *at <= now => queue.pop_front().map(|(_, user)| user),
            _ => None,
        }
    }

    /// Returns the number of users in the queue.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.queue.lock().len()
    }
}
