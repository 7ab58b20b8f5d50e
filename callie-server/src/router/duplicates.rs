//! What became of a user's recent payloads, so that one sent again is not acted on again (protocol, "Routing").

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::time::{Duration, Instant};

use callie_core::Outcome;
use parking_lot::Mutex;

/// How long a payload's ID is remembered.
pub(crate) const MEMORY: Duration = Duration::from_secs(5 * 60);

/// A payload ID, as it is remembered: a keyed hash, since the IDs themselves would be many times as large.
///
/// The key is made when the server starts, so nobody can make two IDs meet. By chance two of one user's payloads within
/// five minutes, some 15,000 at the usual rate, meet once in a hundred thousand million such five minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PayloadKey(u64);

/// Makes [`PayloadKey`]s.
pub(crate) struct Keys(RandomState);

impl Keys {
    /// Keys that differ from those of every other run.
    pub(crate) fn new() -> Self {
        Self(RandomState::new())
    }

    /// The key of a payload whose sender is not plain from where it is kept.
    pub(crate) fn of_both(&self, sender: &str, payload_id: &str) -> PayloadKey {
        PayloadKey(self.0.hash_one((sender, payload_id)))
    }

    /// The key of one user's payload.
    pub(crate) fn of(&self, payload_id: &str) -> PayloadKey {
        PayloadKey(self.0.hash_one(payload_id))
    }
}

/// Takes a [`PayloadKey`], which is a hash already.
#[derive(Default)]
pub(crate) struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn write(&mut self, _: &[u8]) {}
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

/// One user's recent payloads, all connections together.
pub(crate) struct Recent {
    /// What ages are counted from.
    start: Instant,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    outcomes: HashMap<PayloadKey, Outcome, BuildHasherDefault<AlreadyHashed>>,
    /// The keys by age, oldest first: those of each second, and that second.
    ages: VecDeque<(u32, Vec<PayloadKey>)>,
}

impl Recent {
    /// Nothing yet.
    pub(crate) fn new(now: Instant) -> Self {
        Self { start: now, memory: Mutex::default() }
    }

    /// Seconds from the start, rounded down; a payload is remembered up to a second longer than it has to be.
    fn second(&self, now: Instant) -> u32 {
        u32::try_from(now.saturating_duration_since(self.start).as_secs()).unwrap_or(u32::MAX)
    }

    /// Notes a payload with what is likely to become of it, or tells what became of it when it came before.
    pub(crate) fn note(&self, key: PayloadKey, outcome: Outcome, now: Instant) -> Result<(), Outcome> {
        let second = self.second(now);
        let mut memory = self.memory.lock();
        memory.forget(second);
        match memory.outcomes.entry(key) {
            std::collections::hash_map::Entry::Occupied(known) => return Err(*known.get()),
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(outcome);
            }
        }
        match memory.ages.back_mut() {
            Some((newest, keys)) if *newest >= second => keys.push(key),
            _ => memory.ages.push_back((second, vec![key])),
        }
        Ok(())
    }

    /// Notes what became of a payload, if it is remembered.
    pub(crate) fn settle(&self, key: PayloadKey, outcome: Outcome) {
        if let Some(known) = self.memory.lock().outcomes.get_mut(&key) {
            *known = outcome;
        }
    }

    /// Forgets what is old; true if nothing is left.
    pub(crate) fn is_empty(&self, now: Instant) -> bool {
        let second = self.second(now);
        let mut memory = self.memory.lock();
        memory.forget(second);
        if memory.ages.is_empty() {
            *memory = Memory::default();
        }
        memory.ages.is_empty()
    }
}

impl Memory {
    fn forget(&mut self, now: u32) {
        while let Some((second, _)) = self.ages.front() {
            if u64::from(now.saturating_sub(*second)) <= MEMORY.as_secs() {
                break;
            }
            for key in self.ages.pop_front().map(|(_, keys)| keys).unwrap_or_default() {
                self.outcomes.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_taken_once_and_again_after_five_minutes() {
        let (keys, start) = (Keys::new(), Instant::now());
        let recent = Recent::new(start);
        let key = keys.of("p-1");
        let note = |now| recent.note(key, Outcome::Pending, now);
        assert_eq!(note(start), Ok(()));
        assert_eq!(note(start), Err(Outcome::Pending));
        recent.settle(key, Outcome::Delivered);
        assert_eq!(note(start + MEMORY), Err(Outcome::Delivered));
        assert_eq!(note(start + MEMORY + Duration::from_secs(1)), Ok(()));
        assert!(recent.is_empty(start + 3 * MEMORY));
    }

    #[test]
    fn payloads_are_forgotten_each_in_its_time() {
        let (keys, start) = (Keys::new(), Instant::now());
        let recent = Recent::new(start);
        for n in 0..600_u32 {
            let now = start + Duration::from_secs(n.into());
            recent.note(keys.of(&n.to_string()), Outcome::Sent, now).unwrap();
        }
        assert!(recent.memory.lock().outcomes.len() <= 302);
        let end = start + Duration::from_secs(599);
        assert_eq!(recent.note(keys.of("300"), Outcome::Sent, end), Err(Outcome::Sent));
        assert_eq!(recent.note(keys.of("200"), Outcome::Sent, end), Ok(()));
    }
}
