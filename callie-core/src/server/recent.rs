//! The outcomes of a user's recent payloads, to detect duplicates (protocol, "Routing").

use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Slot;
use serde::{Deserialize, Serialize};

use crate::notice::PriorOutcome;
use crate::times::{CONFIRMATION, DUPLICATES, RESUMPTION};

/// How long the outcome of a payload may be pending, also while its recipient is away. Afterwards it is unconfirmed: the
/// server that handled it is gone, or it is a command that waits for a slow database, whose outcome is unknown too.
const SETTLED_WITHIN: Duration = RESUMPTION.saturating_add(CONFIRMATION.saturating_mul(2));

/// A payload's sender and ID, as the keyed hash of its server's [`PayloadKeys`]: the IDs themselves would be many times
/// as large. Two of one user's payloads within five minutes, some 15,000 at the usual rate, collide at random once in
/// 10¹¹ such intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PayloadKey(u64);

impl PayloadKey {
    /// Creates the key with this [`number`](Self::number), which another node sent.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The key as a number, for another node that has the same [`PayloadKeys`].
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// Makes the [`PayloadKey`]s of one server: of all its users, since a confirmation names the payload of another user.
/// Clones share the hasher.
///
/// They are a part of the [`ServerConfig`](super::ServerConfig) that every connection of a server is opened with, so
/// the connections of a server cannot have different ones.
#[derive(Clone)]
pub struct PayloadKeys(Arc<KeyOf>);

type KeyOf = dyn Fn(&str, &str) -> PayloadKey + Send + Sync;

impl PayloadKeys {
    /// Keys by this hasher. It must have a secret key, as that of the standard library does, so that nobody can choose
    /// two IDs that collide. The nodes of a cluster have the same.
    #[must_use]
    pub fn new(hasher: impl BuildHasher + Send + Sync + 'static) -> Self {
        Self(Arc::new(move |sender, payload_id| PayloadKey(hasher.hash_one((sender, payload_id)))))
    }

    /// The key of a payload.
    #[must_use]
    pub fn key(&self, sender: &str, payload_id: &str) -> PayloadKey {
        (self.0)(sender, payload_id)
    }
}

impl fmt::Debug for PayloadKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PayloadKeys")
    }
}

/// A remembered payload, as one node sends it to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Remembered {
    /// The payload.
    pub key: PayloadKey,
    /// The seconds since its arrival.
    pub age: u32,
    /// Its outcome.
    pub outcome: PriorOutcome,
}

impl Remembered {
    /// A payload that came this many seconds ago.
    #[must_use]
    pub fn new(key: PayloadKey, age: u32, outcome: PriorOutcome) -> Self {
        Self { key, age, outcome }
    }
}

/// One user's recent payloads, of all connections together: twelve bytes for each payload of the last five minutes.
///
/// Times are durations since a fixed moment, the same for all calls. Ages are counted in whole seconds, so a payload is
/// remembered up to a second longer than [`DUPLICATES`].
#[derive(Debug, Default)]
pub struct RecentPayloads {
    entries: HashTable<Entry>,
    /// The number of entries at which old ones are removed: twice as many as the last removal left, so that the cost
    /// for each payload is bounded.
    sweep_at: usize,
    /// The second in which the last payload arrived.
    newest: u32,
}

/// With fewer entries nothing is removed.
const FEW: usize = 64;

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// The key, in halves with the alignment of `u32`.
    key: [u32; 2],
    /// The second of the arrival and, in the lowest bits, the outcome.
    came: u32,
}

/// Bits of the outcome.
const OUTCOME_BITS: u32 = 3;

impl Entry {
    fn new(key: PayloadKey, second: u32, outcome: PriorOutcome) -> Self {
        let mut entry = Self { key: halves(key), came: second << OUTCOME_BITS };
        entry.settle(outcome);
        entry
    }

    fn hash(&self) -> u64 {
        u64::from(self.key[0]) | u64::from(self.key[1]) << 32
    }

    /// Returns the outcome, as far as it is known at this second.
    fn outcome(&self, now: u32) -> PriorOutcome {
        match self.noted() {
            PriorOutcome::Pending if u64::from(self.age(now)) > SETTLED_WITHIN.as_secs() => {
                PriorOutcome::Unconfirmed
            }
            noted => noted,
        }
    }

    fn noted(&self) -> PriorOutcome {
        match self.came % (1 << OUTCOME_BITS) {
            0 => PriorOutcome::Pending,
            1 => PriorOutcome::Sent,
            2 => PriorOutcome::Delivered,
            3 => PriorOutcome::Unconfirmed,
            5 => PriorOutcome::Stored,
            _ => PriorOutcome::Failed,
        }
    }

    fn settle(&mut self, outcome: PriorOutcome) {
        let number = match outcome {
            PriorOutcome::Pending => 0,
            PriorOutcome::Sent => 1,
            PriorOutcome::Delivered => 2,
            PriorOutcome::Unconfirmed => 3,
            PriorOutcome::Failed => 4,
            PriorOutcome::Stored => 5,
        };
        self.came = self.came >> OUTCOME_BITS << OUTCOME_BITS | number;
    }

    /// Adopts the outcome of another node, unless a more certain one is known.
    fn learn(&mut self, outcome: PriorOutcome) {
        let certainty = |outcome| match outcome {
            PriorOutcome::Pending => 0,
            PriorOutcome::Sent => 1,
            PriorOutcome::Unconfirmed => 2,
            PriorOutcome::Delivered | PriorOutcome::Stored | PriorOutcome::Failed => 3,
        };
        if certainty(outcome) >= certainty(self.noted()) {
            self.settle(outcome);
        }
    }

    /// The seconds since its arrival.
    fn age(&self, now: u32) -> u32 {
        now.saturating_sub(self.came >> OUTCOME_BITS)
    }

    fn is_old(&self, now: u32) -> bool {
        is_old(self.came >> OUTCOME_BITS, now)
    }
}

fn is_old(second: u32, now: u32) -> bool {
    u64::from(now.saturating_sub(second)) > DUPLICATES.as_secs()
}

fn halves(PayloadKey(key): PayloadKey) -> [u32; 2] {
    // Truncates intentionally.
    [key as u32, (key >> 32) as u32]
}

/// The second of `now`, counted from before its beginning, so that a payload that another node remembers keeps its age.
/// There is room for seventeen years.
fn second(now: Duration) -> u32 {
    let second = now.saturating_add(DUPLICATES).as_secs();
    u32::try_from(second).unwrap_or(u32::MAX).min(u32::MAX >> OUTCOME_BITS)
}

impl RecentPayloads {
    /// Records a payload with its likely outcome.
    ///
    /// # Errors
    /// The outcome of the payload if it is a duplicate.
    pub fn note(
        &mut self,
        now: Duration,
        key: PayloadKey,
        outcome: PriorOutcome,
    ) -> Result<(), PriorOutcome> {
        let second = second(now);
        self.make_room(second);
        let halves = halves(key);
        match self.entries.entry(key.0, |entry| entry.key == halves, Entry::hash) {
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
        self.newest = second;
        Ok(())
    }

    /// Records the outcome of a payload, if it is remembered.
    pub fn settle(&mut self, key: PayloadKey, outcome: PriorOutcome) {
        if let Some(known) = self.find(key) {
            known.settle(outcome);
        }
    }

    /// Adopts the outcome from the node that handles the payload, whose last report is final.
    pub fn learn(&mut self, now: Duration, payload: Remembered) {
        let second = second(now);
        match self.find(payload.key).filter(|known| !known.is_old(second)) {
            Some(known) => known.settle(payload.outcome),
            None => self.adopt_at(second, payload),
        }
    }

    /// Takes over the payloads of another node. More certain outcomes are kept.
    pub fn adopt(&mut self, now: Duration, payloads: impl IntoIterator<Item = Remembered>) {
        let second = second(now);
        for payload in payloads {
            self.adopt_at(second, payload);
        }
    }

    /// Returns at most `most` remembered payloads, newest first.
    #[must_use]
    pub fn newest(&self, now: Duration, most: usize) -> Vec<Remembered> {
        let second = second(now);
        let fresh = self.entries.iter().filter(|entry| !entry.is_old(second));
        let mut payloads: Vec<_> = fresh
            .map(|entry| Remembered {
                key: PayloadKey(entry.hash()),
                age: entry.age(second),
                outcome: entry.noted(),
            })
            .collect();
        payloads.sort_unstable_by_key(|payload| payload.age);
        payloads.truncate(most);
        payloads
    }

    /// Returns `true` if no payload is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Removes all payloads if the last one is old. Returns `true` if none is left.
    pub fn forget(&mut self, now: Duration) -> bool {
        if is_old(self.newest, second(now)) {
            *self = Self::default();
        }
        self.entries.is_empty()
    }

    fn find(&mut self, key: PayloadKey) -> Option<&mut Entry> {
        let halves = halves(key);
        self.entries.find_mut(key.0, |entry| entry.key == halves)
    }

    fn adopt_at(&mut self, now: u32, Remembered { key, age, outcome }: Remembered) {
        self.make_room(now);
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

    fn make_room(&mut self, now: u32) {
        if self.entries.len() >= self.sweep_at.max(FEW) {
            self.sweep(now);
        }
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
    use std::hash::{BuildHasherDefault, DefaultHasher};

    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn key(id: &str) -> PayloadKey {
        PayloadKeys::new(BuildHasherDefault::<DefaultHasher>::new()).key("ada", id)
    }

    #[test]
    fn payload_id_may_be_reused_after_five_minutes() {
        let mut recent = RecentPayloads::default();
        let key = key("p-1");
        assert_eq!(recent.note(at(0), key, PriorOutcome::Pending), Ok(()));
        assert_eq!(recent.note(at(0), key, PriorOutcome::Pending), Err(PriorOutcome::Pending));
        recent.settle(key, PriorOutcome::Delivered);
        assert_eq!(recent.note(DUPLICATES, key, PriorOutcome::Pending), Err(PriorOutcome::Delivered));
        assert_eq!(recent.note(DUPLICATES + at(1), key, PriorOutcome::Pending), Ok(()));
        assert!(recent.forget(3 * DUPLICATES));
        assert_eq!(recent.entries.capacity(), 0);
    }

    #[test]
    fn adopted_payload_keeps_its_age_and_outcome() {
        let (mut here, mut there) = (RecentPayloads::default(), RecentPayloads::default());
        let key = key("p-1");
        here.note(at(0), key, PriorOutcome::Pending).unwrap();
        let payloads = here.newest(at(20), 10);
        assert_eq!(payloads, [Remembered { key, age: 20, outcome: PriorOutcome::Pending }]);
        there.adopt(at(20), payloads);
        assert_eq!(there.note(at(20), key, PriorOutcome::Pending), Err(PriorOutcome::Pending));
        there.adopt(at(20), [Remembered { key, age: 0, outcome: PriorOutcome::Delivered }]);
        there.adopt(at(20), [Remembered { key, age: 0, outcome: PriorOutcome::Unconfirmed }]);
        assert_eq!(there.note(at(20), key, PriorOutcome::Pending), Err(PriorOutcome::Delivered));
        let over = DUPLICATES + at(1);
        there.learn(over, Remembered { key, age: 0, outcome: PriorOutcome::Sent });
        assert_eq!(
            there.note(over + DUPLICATES, key, PriorOutcome::Pending),
            Err(PriorOutcome::Sent),
            "the payload is new again"
        );
    }

    #[test]
    fn unsettled_payload_is_unconfirmed() {
        let mut recent = RecentPayloads::default();
        let key = key("p-1");
        recent.note(at(0), key, PriorOutcome::Pending).unwrap();
        assert_eq!(recent.note(SETTLED_WITHIN, key, PriorOutcome::Pending), Err(PriorOutcome::Pending));
        let late = SETTLED_WITHIN + at(1);
        assert_eq!(recent.note(late, key, PriorOutcome::Pending), Err(PriorOutcome::Unconfirmed));
        let mut heir = RecentPayloads::default();
        heir.adopt(late, recent.newest(late, 1));
        assert_eq!(heir.note(late, key, PriorOutcome::Pending), Err(PriorOutcome::Unconfirmed), "by its age");
        heir.learn(late, Remembered { key, age: 0, outcome: PriorOutcome::Sent });
        assert_eq!(heir.note(late, key, PriorOutcome::Pending), Err(PriorOutcome::Sent));
    }

    #[test]
    fn newest_payloads_come_first() {
        let mut recent = RecentPayloads::default();
        for n in 0..100 {
            recent.note(at(n), key(&n.to_string()), PriorOutcome::Sent).unwrap();
        }
        let ages = recent.newest(at(99), 3).into_iter().map(|payload| payload.age);
        assert_eq!(ages.collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn old_payloads_are_removed() {
        let mut recent = RecentPayloads::default();
        for n in 0..600 {
            recent.note(at(n), key(&n.to_string()), PriorOutcome::Sent).unwrap();
        }
        assert!(recent.entries.len() <= 2 * 302);
        assert_eq!(recent.note(at(599), key("300"), PriorOutcome::Sent), Err(PriorOutcome::Sent));
        assert_eq!(recent.note(at(599), key("200"), PriorOutcome::Sent), Ok(()));
    }
}
