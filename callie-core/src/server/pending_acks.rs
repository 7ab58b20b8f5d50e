//! Payloads that were written to a connection and are not confirmed yet.

use std::time::Duration;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Slot;

use super::recent::PayloadKey;

/// The most receipts that are kept, which bounds the memory for a client that confirms nothing. Further payloads are
/// unconfirmed immediately.
const MAX_PENDING: usize = 4_096;
/// Expired receipts are removed when this many are kept, and again when the number has doubled since.
const FIRST_SWEEP: usize = 64;

/// The second at which a receipt without a deadline expires.
const NEVER: u32 = u32::MAX;

/// Receipts by payload.
#[derive(Debug)]
pub(super) struct PendingAcks<R> {
    entries: HashTable<Entry<R>>,
    /// The number of entries without a deadline, which [`MAX_PENDING`] does not count.
    lasting: usize,
    sweep_at: usize,
}

#[derive(Debug)]
struct Entry<R> {
    key: PayloadKey,
    /// The second at which the receipt expires.
    until: u32,
    receipt: R,
}

impl<R> Entry<R> {
    fn hash(&self) -> u64 {
        self.key.number()
    }
}

fn second(at: Duration) -> u32 {
    u32::try_from(at.as_secs()).unwrap_or(u32::MAX)
}

/// Returns the second at which a receipt expires that is kept for `time`.
fn expiry(now: Duration, time: Duration) -> u32 {
    second(now.saturating_add(time)).saturating_add(1).min(NEVER - 1)
}

impl<R> PendingAcks<R> {
    pub(super) fn new() -> Self {
        Self { entries: HashTable::new(), lasting: 0, sweep_at: FIRST_SWEEP }
    }

    /// Keeps the receipt of a payload that is about to be written, for `time`. Returns it if there is no room, or an
    /// earlier receipt of the same payload.
    pub(super) fn insert(&mut self, now: Duration, time: Duration, key: PayloadKey, receipt: R) -> Option<R> {
        if self.entries.len() >= self.sweep_at {
            self.sweep(now);
        }
        let until = expiry(now, time);
        let is_full = self.entries.len() - self.lasting >= MAX_PENDING;
        self.put(Entry { key, until, receipt }, is_full)
    }

    /// Keeps a receipt without a deadline. Returns an earlier receipt of the same payload. The caller bounds their number.
    pub(super) fn insert_lasting(&mut self, key: PayloadKey, receipt: R) -> Option<R> {
        self.put(Entry { key, until: NEVER, receipt }, false)
    }

    fn put(&mut self, entry: Entry<R>, is_full: bool) -> Option<R> {
        let key = entry.key;
        let lasts = usize::from(entry.until == NEVER);
        match self.entries.entry(key.number(), |known| known.key == key, Entry::hash) {
            Slot::Occupied(mut known) => {
                let old = std::mem::replace(known.get_mut(), entry);
                self.lasting = self.lasting + lasts - usize::from(old.until == NEVER);
                Some(old.receipt)
            }
            Slot::Vacant(_) if is_full => Some(entry.receipt),
            Slot::Vacant(free) => {
                free.insert(entry);
                self.lasting += lasts;
                None
            }
        }
    }

    /// Takes the receipt of a payload that the client confirmed.
    pub(super) fn remove(&mut self, key: PayloadKey) -> Option<R> {
        let entry = self.entries.find_entry(key.number(), |known| known.key == key).ok()?;
        let entry = entry.remove().0;
        self.lasting -= usize::from(entry.until == NEVER);
        Some(entry.receipt)
    }

    /// Drops expired receipts.
    pub(super) fn sweep(&mut self, now: Duration) {
        let now = second(now);
        self.entries.retain(|entry| now < entry.until);
        if self.entries.is_empty() {
            self.entries = HashTable::new();
        }
        self.sweep_at = (2 * self.entries.len()).max(FIRST_SWEEP);
    }

    /// Keeps all receipts with a deadline for `time` from now on.
    pub(super) fn renew(&mut self, now: Duration, time: Duration) {
        let until = expiry(now, time);
        for entry in self.entries.iter_mut().filter(|entry| entry.until != NEVER) {
            entry.until = until;
        }
    }

    /// Returns all receipts.
    pub(super) fn receipts_mut(&mut self) -> impl Iterator<Item = &mut R> {
        self.entries.iter_mut().map(|entry| &mut entry.receipt)
    }

    /// Takes all receipts, with the keys of their payloads.
    pub(super) fn take_with_keys(&mut self) -> Vec<(PayloadKey, R)> {
        self.lasting = 0;
        let entries = std::mem::take(&mut self.entries).into_iter();
        entries.map(|entry| (entry.key, entry.receipt)).collect()
    }

    /// Takes all receipts.
    pub(super) fn take_all(&mut self) -> Vec<R> {
        self.lasting = 0;
        std::mem::take(&mut self.entries).into_iter().map(|entry| entry.receipt).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_secs(15);

    fn key(number: usize) -> PayloadKey {
        PayloadKey::from_number(number as u64)
    }

    #[test]
    fn confirmation_takes_the_receipt_once() {
        let mut pending = PendingAcks::new();
        assert_eq!(pending.insert(Duration::ZERO, TIME, key(1), "one"), None);
        assert_eq!(pending.remove(key(2)), None, "it was not written here");
        assert_eq!(pending.remove(key(1)), Some("one"));
        assert_eq!(pending.remove(key(1)), None);
    }

    #[test]
    fn receipts_are_bounded_and_excess_is_returned() {
        let mut pending = PendingAcks::new();
        for n in 0..MAX_PENDING {
            assert_eq!(pending.insert(Duration::ZERO, TIME, key(n), n), None);
        }
        assert_eq!(pending.insert(Duration::ZERO, TIME, key(MAX_PENDING), MAX_PENDING), Some(MAX_PENDING));
        assert_eq!(pending.take_all().len(), MAX_PENDING);
    }

    #[test]
    fn renewed_receipts_have_a_new_deadline() {
        let mut pending = PendingAcks::new();
        pending.insert(Duration::ZERO, TIME, key(1), 1);
        pending.renew(4 * TIME, TIME);
        pending.sweep(5 * TIME);
        assert_eq!(pending.receipts_mut().map(|receipt| *receipt).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn lasting_receipts_neither_expire_nor_take_room() {
        let mut pending = PendingAcks::new();
        for n in 0..2 * MAX_PENDING {
            assert_eq!(pending.insert_lasting(key(n), n), None);
        }
        assert_eq!(pending.insert(Duration::ZERO, TIME, key(2 * MAX_PENDING), 1), None);
        assert_eq!(pending.insert(Duration::ZERO, TIME, key(0), 2), Some(0), "an earlier one is returned");
        pending.sweep(TIME * 1_000);
        assert_eq!((pending.remove(key(0)), pending.remove(key(1))), (None, Some(1)));
        assert_eq!((pending.lasting, pending.take_all().len()), (2 * MAX_PENDING - 2, 2 * MAX_PENDING - 2));
    }

    #[test]
    fn receipts_are_dropped_at_their_deadline() {
        let mut pending = PendingAcks::new();
        pending.insert(Duration::ZERO, TIME, key(1), 1);
        pending.sweep(TIME);
        assert_eq!(pending.remove(key(1)), Some(1));
        pending.insert(Duration::ZERO, TIME, key(1), 1);
        pending.sweep(TIME + Duration::from_secs(1));
        assert_eq!((pending.remove(key(1)), pending.entries.capacity()), (None, 0));
    }
}
