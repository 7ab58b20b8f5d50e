//! What became of a user's recent payloads, so that one sent again is not acted on again (protocol, "Routing").

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::time::{Duration, Instant};

use callie_core::Outcome;
use parking_lot::Mutex;

/// How long a payload's ID is remembered.
pub(crate) const MEMORY: Duration = Duration::from_secs(5 * 60);

/// A payload ID, as it is remembered: a keyed 128-bit hash, since the IDs themselves would be five times as large.
///
/// The key is made when the server starts, so nobody can make two IDs meet, and by chance they do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PayloadKey(u128);

/// Makes [`PayloadKey`]s.
pub(crate) struct Keys(RandomState, RandomState);

impl Keys {
    /// Keys that differ from those of every other run.
    pub(crate) fn new() -> Self {
        Self(RandomState::new(), RandomState::new())
    }

    /// The key of a payload whose sender is not plain from where it is kept.
    pub(crate) fn of_both(&self, sender: &str, payload_id: &str) -> PayloadKey {
        let both = (sender, payload_id);
        let halves = (self.0.hash_one(both), self.1.hash_one(both));
        PayloadKey(u128::from(halves.0) << 64 | u128::from(halves.1))
    }

    /// The key of one user's payload.
    pub(crate) fn of(&self, payload_id: &str) -> PayloadKey {
        let halves = (self.0.hash_one(payload_id), self.1.hash_one(payload_id));
        PayloadKey(u128::from(halves.0) << 64 | u128::from(halves.1))
    }
}

/// Takes the low half of a [`PayloadKey`], which is a hash already.
#[derive(Default)]
pub(crate) struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn write(&mut self, _: &[u8]) {}
    fn write_u128(&mut self, value: u128) {
        // The truncation is meant.
        self.0 = value as u64;
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

/// One user's recent payloads, all connections together.
#[derive(Default)]
pub(crate) struct Recent(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    outcomes: HashMap<PayloadKey, Outcome, BuildHasherDefault<AlreadyHashed>>,
    /// The keys by age, oldest first.
    ages: VecDeque<(Instant, PayloadKey)>,
}

impl Recent {
    /// Notes a payload as pending, or tells what became of it when it came before.
    pub(crate) fn note(&self, key: PayloadKey, now: Instant) -> Result<(), Outcome> {
        let mut memory = self.0.lock();
        memory.forget(now);
        match memory.outcomes.entry(key) {
            std::collections::hash_map::Entry::Occupied(known) => Err(*known.get()),
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(Outcome::Pending);
                memory.ages.push_back((now, key));
                Ok(())
            }
        }
    }

    /// Notes what became of a payload, if it is remembered.
    pub(crate) fn settle(&self, key: PayloadKey, outcome: Outcome) {
        if let Some(known) = self.0.lock().outcomes.get_mut(&key) {
            *known = outcome;
        }
    }

    /// Forgets what is old; true if nothing is left.
    pub(crate) fn is_empty(&self, now: Instant) -> bool {
        let mut memory = self.0.lock();
        memory.forget(now);
        if memory.ages.is_empty() {
            *memory = Memory::default();
        }
        memory.ages.is_empty()
    }
}

impl Memory {
    fn forget(&mut self, now: Instant) {
        while let Some(&(at, key)) = self.ages.front() {
            if now.saturating_duration_since(at) < MEMORY {
                break;
            }
            self.ages.pop_front();
            self.outcomes.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_taken_once_and_again_after_five_minutes() {
        let (keys, recent, start) = (Keys::new(), Recent::default(), Instant::now());
        let key = keys.of("p-1");
        assert_eq!(recent.note(key, start), Ok(()));
        assert_eq!(recent.note(key, start), Err(Outcome::Pending));
        recent.settle(key, Outcome::Delivered);
        let just_before = start + MEMORY - Duration::from_millis(1);
        assert_eq!(recent.note(key, just_before), Err(Outcome::Delivered));
        assert_eq!(recent.note(key, start + MEMORY), Ok(()));
        assert!(recent.is_empty(start + 2 * MEMORY));
    }
}
