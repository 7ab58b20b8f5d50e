//! What became of a user's recent payloads, so that one sent again is not acted on again (protocol, "Routing").

use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

use callie_core::Outcome;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Slot;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

/// How long a payload's ID is remembered.
pub(crate) const MEMORY: Duration = Duration::from_secs(5 * 60);
/// How long what became of a payload may stay open: twice as long as a confirmation is waited for. What is still open then
/// is settled by nobody, since the node that acted on it is gone; or it is a command that a slow database keeps, of which
/// no more can be said either until it is done.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);

/// A payload ID, as it is remembered: a keyed hash, since the IDs themselves would be many times as large.
///
/// The secret is made with the database, so nobody can make two IDs meet, and all nodes on it have the same keys. By chance two of one user's payloads within
/// five minutes, some 15,000 at the usual rate, meet once in a hundred thousand million such five minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PayloadKey(u64);

impl PayloadKey {
    /// The key for another node.
    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

/// Makes [`PayloadKey`]s.
pub(crate) struct Keys(SipHasher13);

impl Keys {
    /// Keys that differ from those with any other secret.
    pub(crate) fn new(secret: &[u8; 16]) -> Self {
        Self(SipHasher13::new_with_key(secret))
    }

    /// The key of a payload whose sender is not plain from where it is kept.
    pub(crate) fn of_both(&self, sender: &str, payload_id: &str) -> PayloadKey {
        self.hash((sender, payload_id))
    }

    /// The key of one user's payload.
    pub(crate) fn of(&self, payload_id: &str) -> PayloadKey {
        self.hash(payload_id)
    }

    fn hash(&self, value: impl Hash) -> PayloadKey {
        let mut hasher = self.0;
        value.hash(&mut hasher);
        PayloadKey(hasher.finish())
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

/// What one node knows of a payload, for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    /// The [`PayloadKey`]'s number.
    pub(crate) key: u64,
    /// How many seconds ago the payload came.
    pub(crate) age: u32,
    /// What became of it.
    pub(crate) outcome: Outcome,
}

/// One user's recent payloads, all connections together.
pub(crate) struct Recent {
    /// What ages are counted from.
    start: Instant,
    memory: Mutex<Memory>,
}

/// Twelve bytes a payload: there are as many as a user may send in five minutes.
#[derive(Default)]
struct Memory {
    entries: HashTable<Entry>,
    /// With so many entries the old ones are looked for: twice as many as were left the last time, so that looking
    /// costs little for each.
    sweep_at: usize,
    /// The second in which the last one came.
    newest: u32,
}

/// Fewer entries are not worth looking through.
const FEW: usize = 64;

#[derive(Clone, Copy)]
struct Entry {
    /// The key, in halves that need no more than a number's alignment.
    key: [u32; 2],
    /// The second in which it came, and in the lowest bits the outcome.
    came: u32,
}

/// Bits of the outcome.
const OUTCOME_BITS: u32 = 3;

impl Entry {
    fn new(key: PayloadKey, second: u32, outcome: Outcome) -> Self {
        let mut entry = Self { key: halves(key), came: second << OUTCOME_BITS };
        entry.settle(outcome);
        entry
    }

    fn hash(&self) -> u64 {
        u64::from(self.key[0]) | u64::from(self.key[1]) << 32
    }

    /// What became of it, as far as is known at this second.
    fn outcome(&self, now: u32) -> Outcome {
        match self.noted() {
            Outcome::Pending if u64::from(self.age(now)) > SETTLED_WITHIN.as_secs() => Outcome::Unconfirmed,
            noted => noted,
        }
    }

    fn noted(&self) -> Outcome {
        match self.came % (1 << OUTCOME_BITS) {
            0 => Outcome::Pending,
            1 => Outcome::Sent,
            2 => Outcome::Delivered,
            3 => Outcome::Unconfirmed,
            _ => Outcome::Failed,
        }
    }

    fn settle(&mut self, outcome: Outcome) {
        let number = match outcome {
            Outcome::Pending => 0,
            Outcome::Sent => 1,
            Outcome::Delivered => 2,
            Outcome::Unconfirmed => 3,
            Outcome::Failed => 4,
        };
        self.came = self.came >> OUTCOME_BITS << OUTCOME_BITS | number;
    }

    /// Takes what another node knew of it. What is known better is not given up for it.
    fn learn(&mut self, outcome: Outcome) {
        let certainty = |outcome| match outcome {
            Outcome::Pending => 0,
            Outcome::Sent => 1,
            Outcome::Unconfirmed => 2,
            Outcome::Delivered | Outcome::Failed => 3,
        };
        if certainty(outcome) >= certainty(self.noted()) {
            self.settle(outcome);
        }
    }

    /// How many seconds ago it came.
    fn age(&self, now: u32) -> u32 {
        now.saturating_sub(self.came >> OUTCOME_BITS)
    }

    fn is_old(&self, now: u32) -> bool {
        is_old(self.came >> OUTCOME_BITS, now)
    }
}

fn is_old(second: u32, now: u32) -> bool {
    u64::from(now.saturating_sub(second)) > MEMORY.as_secs()
}

fn halves(PayloadKey(key): PayloadKey) -> [u32; 2] {
    // The cut is what is wanted.
    [key as u32, (key >> 32) as u32]
}

impl Recent {
    /// Nothing yet.
    pub(crate) fn new(now: Instant) -> Self {
        // So that what another node remembers keeps its age.
        Self { start: now.checked_sub(MEMORY).unwrap_or(now), memory: Mutex::default() }
    }

    /// Seconds from the start, rounded down; a payload is remembered up to a second longer than it has to be. There is
    /// room for seventeen years.
    fn second(&self, now: Instant) -> u32 {
        let second = now.saturating_duration_since(self.start).as_secs();
        u32::try_from(second).unwrap_or(u32::MAX).min(u32::MAX >> OUTCOME_BITS)
    }

    /// Notes a payload with what is likely to become of it, or tells what became of it when it came before.
    pub(crate) fn note(&self, key: PayloadKey, outcome: Outcome, now: Instant) -> Result<(), Outcome> {
        let second = self.second(now);
        let mut memory = self.memory.lock();
        if memory.entries.len() >= memory.sweep_at.max(FEW) {
            memory.sweep(second);
        }
        let halves = halves(key);
        match memory.entries.entry(key.0, |entry| entry.key == halves, Entry::hash) {
            Slot::Occupied(mut known) => {
                let known = known.get_mut();
                if !known.is_old(second) {
                    return Err(known.outcome(second));
                }
                *known = Entry::new(key, second, outcome);
            }
            Slot::Vacant(free) => {
                free.insert(Entry::new(key, second, outcome));
            }
        }
        memory.newest = second;
        Ok(())
    }

    /// Notes what became of a payload, if it is remembered.
    pub(crate) fn settle(&self, key: PayloadKey, outcome: Outcome) {
        if let Some(known) = self.memory.lock().find(key) {
            known.settle(outcome);
        }
    }

    /// Takes what the node says that acts on a payload: what it says last is so.
    pub(crate) fn hear(&self, note: Note, now: Instant) {
        let second = self.second(now);
        let mut memory = self.memory.lock();
        match memory.find(PayloadKey(note.key)).filter(|known| !known.is_old(second)) {
            Some(known) => known.settle(note.outcome),
            None => memory.adopt(note, second),
        }
    }

    /// Takes over what another node knew a moment ago.
    pub(crate) fn adopt(&self, notes: impl IntoIterator<Item = Note>, now: Instant) {
        let second = self.second(now);
        let mut memory = self.memory.lock();
        for note in notes {
            memory.adopt(note, second);
        }
    }

    /// What is remembered, the newest first and at most so many.
    pub(crate) fn notes(&self, now: Instant, most: usize) -> Vec<Note> {
        let second = self.second(now);
        let mut notes: Vec<Note> = {
            let memory = self.memory.lock();
            let fresh = memory.entries.iter().filter(|entry| !entry.is_old(second));
            fresh
                .map(|entry| Note { key: entry.hash(), age: entry.age(second), outcome: entry.noted() })
                .collect()
        };
        notes.sort_unstable_by_key(|note| note.age);
        notes.truncate(most);
        notes
    }

    /// Whether nothing is remembered.
    pub(crate) fn is_empty(&self) -> bool {
        self.memory.lock().entries.is_empty()
    }

    /// Forgets all if the last one is old; true if nothing is left.
    pub(crate) fn forget(&self, now: Instant) -> bool {
        let second = self.second(now);
        let mut memory = self.memory.lock();
        if is_old(memory.newest, second) {
            *memory = Memory::default();
        }
        memory.entries.is_empty()
    }
}

impl Memory {
    fn find(&mut self, key: PayloadKey) -> Option<&mut Entry> {
        let halves = halves(key);
        self.entries.find_mut(key.0, |entry| entry.key == halves)
    }

    fn adopt(&mut self, Note { key, age, outcome }: Note, now: u32) {
        if self.entries.len() >= self.sweep_at.max(FEW) {
            self.sweep(now);
        }
        let key = PayloadKey(key);
        let second = now.saturating_sub(age);
        let halves = halves(key);
        match self.entries.entry(key.0, |entry| entry.key == halves, Entry::hash) {
            Slot::Occupied(mut known) if known.get().is_old(now) => {
                *known.get_mut() = Entry::new(key, second, outcome);
            }
            Slot::Occupied(mut known) => known.get_mut().learn(outcome),
            Slot::Vacant(free) => {
                free.insert(Entry::new(key, second, outcome));
            }
        }
        self.newest = self.newest.max(second);
    }

    fn sweep(&mut self, now: u32) {
        self.entries.retain(|entry| !entry.is_old(now));
        self.sweep_at = 2 * self.entries.len();
        if self.entries.capacity() > 4 * self.sweep_at.max(FEW) {
            self.entries.shrink_to(self.sweep_at, Entry::hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_taken_once_and_again_after_five_minutes() {
        let (keys, start) = (Keys::new(&[7; 16]), Instant::now());
        let recent = Recent::new(start);
        let key = keys.of("p-1");
        let note = |now| recent.note(key, Outcome::Pending, now);
        assert_eq!(note(start), Ok(()));
        assert_eq!(note(start), Err(Outcome::Pending));
        recent.settle(key, Outcome::Delivered);
        assert_eq!(note(start + MEMORY), Err(Outcome::Delivered));
        assert_eq!(note(start + MEMORY + Duration::from_secs(1)), Ok(()));
        assert!(recent.forget(start + 3 * MEMORY));
        assert_eq!(recent.memory.lock().entries.capacity(), 0);
    }

    #[test]
    fn what_one_memory_tells_another_knows() {
        let (keys, start) = (Keys::new(&[7; 16]), Instant::now());
        let (here, there) = (Recent::new(start), Recent::new(start));
        let key = keys.of("p-1");
        here.note(key, Outcome::Pending, start).unwrap();
        let later = start + Duration::from_secs(20);
        let notes = here.notes(later, 10);
        assert_eq!(notes.iter().map(|note| (note.key, note.age)).collect::<Vec<_>>(), [(key.number(), 20)]);
        there.adopt(notes, later);
        assert_eq!(there.note(key, Outcome::Pending, later), Err(Outcome::Pending));
        there.adopt([Note { key: key.number(), age: 0, outcome: Outcome::Delivered }], later);
        there.adopt([Note { key: key.number(), age: 0, outcome: Outcome::Unconfirmed }], later);
        assert_eq!(there.note(key, Outcome::Pending, later), Err(Outcome::Delivered));
        let over = start + MEMORY + Duration::from_secs(1);
        there.hear(Note { key: key.number(), age: 0, outcome: Outcome::Sent }, over);
        assert_eq!(there.note(key, Outcome::Pending, over + MEMORY), Err(Outcome::Sent), "it came anew");
    }

    #[test]
    fn what_nobody_settles_any_more_is_unconfirmed() {
        let (keys, start) = (Keys::new(&[7; 16]), Instant::now());
        let recent = Recent::new(start);
        let key = keys.of("p-1");
        recent.note(key, Outcome::Pending, start).unwrap();
        let note = |now| recent.note(key, Outcome::Pending, now);
        assert_eq!(note(start + SETTLED_WITHIN), Err(Outcome::Pending));
        let late = start + SETTLED_WITHIN + Duration::from_secs(1);
        assert_eq!(note(late), Err(Outcome::Unconfirmed));
        // Whoever takes it over draws that from its age.
        let heir = Recent::new(late);
        heir.adopt(recent.notes(late, 1), late);
        assert_eq!(heir.note(key, Outcome::Pending, late), Err(Outcome::Unconfirmed));
        heir.hear(Note { key: key.number(), age: 0, outcome: Outcome::Sent }, late);
        assert_eq!(heir.note(key, Outcome::Pending, late), Err(Outcome::Sent));
    }

    #[test]
    fn the_newest_notes_are_handed_over_first() {
        let (keys, start) = (Keys::new(&[7; 16]), Instant::now());
        let recent = Recent::new(start);
        for n in 0..100_u32 {
            let now = start + Duration::from_secs(n.into());
            recent.note(keys.of(&n.to_string()), Outcome::Sent, now).unwrap();
        }
        let ages = recent.notes(start + Duration::from_secs(99), 3).into_iter().map(|note| note.age);
        assert_eq!(ages.collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn payloads_are_forgotten_each_in_its_time() {
        let (keys, start) = (Keys::new(&[7; 16]), Instant::now());
        let recent = Recent::new(start);
        for n in 0..600_u32 {
            let now = start + Duration::from_secs(n.into());
            recent.note(keys.of(&n.to_string()), Outcome::Sent, now).unwrap();
        }
        assert!(recent.memory.lock().entries.len() <= 2 * 302);
        let end = start + Duration::from_secs(599);
        assert_eq!(recent.note(keys.of("300"), Outcome::Sent, end), Err(Outcome::Sent));
        assert_eq!(recent.note(keys.of("200"), Outcome::Sent, end), Ok(()));
    }
}
