//! Received payloads: each is delivered once, and confirmed in batches after the application has taken it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use super::memory::{LONG_MEMORY, Memory};
use super::ticket::Receipt;
use crate::command::AckEntry;
use crate::limits::MAX_ACKS;
use crate::name::PayloadId;

/// How long a payload is remembered: twice as long as the server detects duplicates.
const MEMORY: Duration = Duration::from_secs(600);
/// The most remembered payloads. At more than 200 payloads a second, the oldest are forgotten earlier.
const MOST_REMEMBERED: usize = 131_072;
/// If this many confirmations may be lost with the connection, the server is asked whether it has them.
const ASKED_AFTER: usize = 1_024;
/// The most confirmations that are kept in case they are lost. If the server does not answer, the oldest are forgotten.
const MOST_UNPROVEN: usize = 16_384;

#[derive(Debug, Default)]
pub(super) struct Inbox {
    seen: HashMap<AckEntry, Seen>,
    /// Those of the last minutes, in the order of their arrival: their receipts are consecutive, up to the last one.
    order: VecDeque<(Duration, AckEntry)>,
    /// Those that the application took, if their memory outlives the process.
    memory: Option<Memory>,
    /// Those that are no longer in that memory.
    forgotten: Vec<AckEntry>,
    /// The receipt of the newest delivered message.
    last: Receipt,
    /// The application has taken all messages up to this one.
    taken: Receipt,
    /// How many of the next messages were kept by the server while the user was offline.
    backlog: u64,
    /// Messages of this connection with a request for confirmation that the application has not taken yet.
    untaken: BTreeMap<Receipt, AckEntry>,
    /// The number of duplicates.
    duplicates: u64,
    acks: Vec<AckEntry>,
    /// When the confirmations are sent.
    flush_at: Option<Duration>,
    /// The confirmations that were sent on this connection, and of which it is not known yet whether the server has them.
    confirmed: VecDeque<Batch>,
    /// The number of confirmations in `confirmed`.
    unproven: usize,
    /// The number of the last batch.
    last_batch: u64,
}

/// Confirmations in one payload.
#[derive(Debug)]
struct Batch {
    number: u64,
    payload_id: PayloadId,
    entries: Vec<AckEntry>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    receipt: Receipt,
    /// Whether it is in the memory that outlives the process.
    kept: bool,
}

impl Inbox {
    /// Makes the memory outlive the process.
    pub(super) fn persist(&mut self) {
        self.memory = Some(Memory::default());
    }

    /// Adds a payload that an earlier process remembered.
    pub(super) fn restore(&mut self, forget_at: Duration, payload: AckEntry) {
        let Some(memory) = &mut self.memory else { return };
        // It counts as taken: its confirmation is sent as soon as it arrives again.
        let seen = Seen { receipt: Receipt::default(), kept: true };
        if self.seen.insert(payload.clone(), seen).is_none() {
            memory.keep(forget_at, payload);
        }
    }

    /// Returns the receipt of the payload if it is a duplicate.
    pub(super) fn seen(&mut self, now: Duration, payload: &AckEntry) -> Option<Receipt> {
        self.forget(now);
        let receipt = self.seen.get(payload).map(|seen| seen.receipt);
        self.duplicates += u64::from(receipt.is_some());
        receipt
    }

    fn forget(&mut self, now: Duration) {
        while self.order.len() >= MOST_REMEMBERED
            || self.order.front().is_some_and(|(at, _)| now.saturating_sub(*at) > MEMORY && self.may_forget())
        {
            if let Some((_, old)) = self.order.pop_front()
                && self.seen.get(&old).is_some_and(|seen| !seen.kept)
            {
                self.seen.remove(&old);
            }
        }
        let first = self.first();
        while let Some(old) = self.memory.as_mut().and_then(|memory| memory.forget(now)) {
            if let Some(seen) = self.seen.get_mut(&old) {
                seen.kept = false;
                if seen.receipt.number() < first {
                    self.seen.remove(&old);
                }
            }
            self.forgotten.push(old);
        }
    }

    /// Returns `false` if the oldest payload has yet to be kept, when the application takes it.
    fn may_forget(&self) -> bool {
        self.memory.is_none() || self.first() <= self.taken.number()
    }

    /// Returns the number of the oldest receipt in `order`.
    fn first(&self) -> u64 {
        let count = u64::try_from(self.order.len()).unwrap_or(u64::MAX);
        self.last.number().saturating_sub(count).saturating_add(1)
    }

    /// Takes the payloads that are no longer in the memory that outlives the process.
    pub(super) fn forgotten(&mut self) -> Vec<AckEntry> {
        std::mem::take(&mut self.forgotten)
    }

    /// Records a new payload, which is delivered to the application with this receipt.
    pub(super) fn hand_on(&mut self, now: Duration, payload: AckEntry) -> Receipt {
        self.last = self.last.next();
        self.seen.insert(payload.clone(), Seen { receipt: self.last, kept: false });
        self.order.push_back((now, payload));
        self.last
    }

    /// Returns the number of duplicates.
    pub(super) fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Schedules the confirmation of a payload: at most `delay` from now if the application has taken it, otherwise
    /// when it takes it.
    pub(super) fn confirm(&mut self, now: Duration, delay: Duration, receipt: Receipt, payload: AckEntry) {
        if receipt > self.taken {
            self.untaken.insert(receipt, payload);
            return;
        }
        self.acks.push(payload);
        self.flush_at.get_or_insert(now.saturating_add(delay));
    }

    /// Records that the application has taken all messages up to `receipt`. Returns those that are to be stored, because
    /// their memory outlives the process.
    pub(super) fn taken(&mut self, now: Duration, delay: Duration, receipt: Receipt) -> Vec<AckEntry> {
        let before = self.taken;
        self.taken = self.taken.max(receipt.min(self.last));
        let kept = self.keep_taken_since(now, before);
        let later = self.untaken.split_off(&self.taken.next());
        self.acks.extend(std::mem::replace(&mut self.untaken, later).into_values());
        if !self.acks.is_empty() {
            self.flush_at.get_or_insert(now.saturating_add(delay));
        }
        kept
    }

    fn keep_taken_since(&mut self, now: Duration, before: Receipt) -> Vec<AckEntry> {
        let first = self.first();
        let Some(memory) = &mut self.memory else { return Vec::new() };
        let place = |number: u64| usize::try_from(number.saturating_sub(first)).unwrap_or(usize::MAX);
        let (from, to) = (place(before.next().number()), place(self.taken.next().number()));
        let kept: Vec<_> = self
            .order
            .range(from.min(self.order.len())..to.min(self.order.len()))
            .map(|(_, payload)| payload.clone())
            .collect();
        for payload in &kept {
            if let Some(seen) = self.seen.get_mut(payload) {
                seen.kept = true;
            }
            memory.keep(now.saturating_add(LONG_MEMORY), payload.clone());
        }
        kept
    }

    /// Returns the last receipt that the application has taken.
    pub(super) fn last_taken(&self) -> Receipt {
        self.taken
    }

    /// When the confirmations are sent.
    pub(super) fn flush_at(&self) -> Option<Duration> {
        self.flush_at
    }

    /// Takes the confirmations that are due: a full batch immediately, fewer at their deadline.
    pub(super) fn due(&mut self, now: Duration) -> Option<Vec<AckEntry>> {
        if self.acks.len() < MAX_ACKS && self.flush_at.is_none_or(|at| now < at) {
            return None;
        }
        let batch = self.acks.drain(..self.acks.len().min(MAX_ACKS)).collect();
        if self.acks.is_empty() {
            self.flush_at = None;
        }
        Some(batch)
    }

    /// Records what was confirmed, and in which payload.
    pub(super) fn confirmed(&mut self, payload_id: PayloadId, entries: Vec<AckEntry>) {
        self.last_batch += 1;
        self.unproven += entries.len();
        self.confirmed.push_back(Batch { number: self.last_batch, payload_id, entries });
        while self.unproven > MOST_UNPROVEN {
            self.forget_first_batch();
        }
    }

    /// Returns the number of the last batch of confirmations.
    pub(super) fn last_batch(&self) -> u64 {
        self.last_batch
    }

    /// Returns whether to ask the server if it has the confirmations.
    pub(super) fn asks_for_proof(&self) -> bool {
        self.unproven >= ASKED_AFTER
    }

    /// Handles that the server has the confirmations up to this batch, except those that it reported as dropped.
    pub(super) fn proven(&mut self, batch: u64) {
        while self.confirmed.front().is_some_and(|first| first.number <= batch) {
            self.forget_first_batch();
        }
    }

    fn forget_first_batch(&mut self) {
        if let Some(batch) = self.confirmed.pop_front() {
            self.unproven -= batch.entries.len();
        }
    }

    /// Handles that the server dropped a payload with confirmations, which are sent again at that time.
    pub(super) fn dropped(&mut self, payload_id: &PayloadId, at: Duration) {
        if let Some(position) = self.confirmed.iter().position(|batch| batch.payload_id == *payload_id)
            && let Some(batch) = self.confirmed.remove(position)
        {
            self.unproven -= batch.entries.len();
            self.acks.extend(batch.entries);
            self.flush_at.get_or_insert(at);
        }
    }

    /// Handles that the connection was resumed: confirmations that may be lost are sent again now, before the others.
    pub(super) fn resumed(&mut self, now: Duration) {
        let unproven = std::mem::take(&mut self.confirmed).into_iter().flat_map(|batch| batch.entries);
        self.acks.splice(..0, unproven);
        self.unproven = 0;
        self.flush_at = (!self.acks.is_empty()).then_some(now);
    }

    /// Handles that the next messages were kept by the server while the user was offline.
    pub(super) fn expect_backlog(&mut self, count: u64) {
        self.backlog = count;
    }

    /// Counts a received message, and returns whether it may be one of the backlog.
    pub(super) fn was_kept(&mut self) -> bool {
        let was_kept = self.backlog > 0;
        self.backlog = self.backlog.saturating_sub(1);
        was_kept
    }

    /// Removes the backlog and the confirmations of a connection that is gone. They would not count on another one.
    pub(super) fn forget_connection(&mut self) {
        self.backlog = 0;
        self.untaken.clear();
        self.acks.clear();
        self.confirmed.clear();
        self.unproven = 0;
        self.flush_at = None;
    }
}
