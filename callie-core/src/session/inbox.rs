//! Received payloads: each is delivered once, and confirmed in batches after the application has taken it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use super::event::Receipt;
use crate::command::AckEntry;
use crate::limits::MAX_ACKS;
use crate::name::PayloadId;

/// How long a payload is remembered: twice as long as the server detects duplicates.
const MEMORY: Duration = Duration::from_secs(600);
/// The most remembered payloads. At more than 200 payloads a second, the oldest are forgotten earlier.
const MOST_REMEMBERED: usize = 131_072;
/// The most batches of confirmations that are kept in case the server drops them.
const MOST_BATCHES: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Inbox {
    seen: HashMap<AckEntry, Receipt>,
    /// The same in the order of their arrival.
    order: VecDeque<(Duration, AckEntry)>,
    /// The receipt of the newest delivered message.
    last: Receipt,
    /// The application has taken all messages up to this one.
    taken: Receipt,
    /// Messages of this connection with a request for confirmation that the application has not taken yet.
    untaken: BTreeMap<Receipt, AckEntry>,
    /// The number of duplicates.
    duplicates: u64,
    acks: Vec<AckEntry>,
    /// When the confirmations are sent.
    flush_at: Option<Duration>,
    /// The last confirmations on this connection, in case the server drops them because of the rate.
    confirmed: VecDeque<(PayloadId, Vec<AckEntry>)>,
}

impl Inbox {
    /// Returns the receipt of the payload if it is a duplicate.
    pub(super) fn seen(&mut self, now: Duration, payload: &AckEntry) -> Option<Receipt> {
        while self.order.len() >= MOST_REMEMBERED
            || self.order.front().is_some_and(|(at, _)| now.saturating_sub(*at) > MEMORY)
        {
            if let Some((_, old)) = self.order.pop_front() {
                self.seen.remove(&old);
            }
        }
        let receipt = self.seen.get(payload).copied();
        self.duplicates += u64::from(receipt.is_some());
        receipt
    }

    /// Records a new payload, which is delivered to the application with this receipt.
    pub(super) fn hand_on(&mut self, now: Duration, payload: AckEntry) -> Receipt {
        self.last = self.last.next();
        self.seen.insert(payload.clone(), self.last);
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

    /// Records that the application has taken all messages up to `receipt`.
    pub(super) fn taken(&mut self, now: Duration, delay: Duration, receipt: Receipt) {
        self.taken = self.taken.max(receipt.min(self.last));
        let later = self.untaken.split_off(&self.taken.next());
        self.acks.extend(std::mem::replace(&mut self.untaken, later).into_values());
        if !self.acks.is_empty() {
            self.flush_at.get_or_insert(now.saturating_add(delay));
        }
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
    pub(super) fn confirmed(&mut self, payload_id: PayloadId, batch: Vec<AckEntry>) {
        if self.confirmed.len() >= MOST_BATCHES {
            self.confirmed.pop_front();
        }
        self.confirmed.push_back((payload_id, batch));
    }

    /// Handles that the server dropped a payload with confirmations, which are sent again at that time.
    pub(super) fn dropped(&mut self, payload_id: &PayloadId, at: Duration) {
        if let Some(position) = self.confirmed.iter().position(|(id, _)| id == payload_id)
            && let Some((_, batch)) = self.confirmed.remove(position)
        {
            self.acks.extend(batch);
            self.flush_at.get_or_insert(at);
        }
    }

    /// Removes the confirmations of a lost connection, which would not count on another one.
    pub(super) fn forget_acks(&mut self) {
        self.untaken.clear();
        self.acks.clear();
        self.confirmed.clear();
        self.flush_at = None;
    }
}
