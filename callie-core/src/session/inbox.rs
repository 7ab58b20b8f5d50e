//! What was received: each payload is handed on once, and confirmed in batches after the application has taken it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use super::event::Receipt;
use crate::command::AckEntry;
use crate::limits::MAX_ACKS;
use crate::name::PayloadId;

/// How long a payload is remembered: twice as long as the server takes a resent one for the same.
const MEMORY: Duration = Duration::from_secs(600);
/// The most payloads remembered. At more than 200 payloads a second the oldest are forgotten before their time.
const MOST_REMEMBERED: usize = 131_072;
/// The most batches of confirmations kept for the case that the server drops them.
const MOST_BATCHES: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Inbox {
    seen: HashMap<AckEntry, Receipt>,
    /// The same in the order of their arrival.
    order: VecDeque<(Duration, AckEntry)>,
    /// The receipt of the newest message handed on.
    last: Receipt,
    /// The application has taken all messages up to this one.
    taken: Receipt,
    /// Messages of this connection that want a confirmation and that the application has not taken yet.
    untaken: BTreeMap<Receipt, AckEntry>,
    /// How many came that were not new.
    duplicates: u64,
    acks: Vec<AckEntry>,
    /// When the confirmations go out.
    flush_at: Option<Duration>,
    /// What was confirmed last on this connection, should the server drop it for its rate.
    confirmed: VecDeque<(PayloadId, Vec<AckEntry>)>,
}

impl Inbox {
    /// The receipt of the payload if it came before.
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

    /// Notes a new payload, which is handed to the application with this receipt.
    pub(super) fn hand_on(&mut self, now: Duration, payload: AckEntry) -> Receipt {
        self.last = self.last.next();
        self.seen.insert(payload.clone(), self.last);
        self.order.push_back((now, payload));
        self.last
    }

    /// How many payloads came that were not new.
    pub(super) fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Notes that a payload is to be confirmed: not later than `delay` from now if the application has taken it, and
    /// otherwise when it takes it.
    pub(super) fn confirm(&mut self, now: Duration, delay: Duration, receipt: Receipt, payload: AckEntry) {
        if receipt > self.taken {
            self.untaken.insert(receipt, payload);
            return;
        }
        self.acks.push(payload);
        self.flush_at.get_or_insert(now.saturating_add(delay));
    }

    /// The application has taken all messages up to `receipt`.
    pub(super) fn taken(&mut self, now: Duration, delay: Duration, receipt: Receipt) {
        self.taken = self.taken.max(receipt.min(self.last));
        let later = self.untaken.split_off(&self.taken.next());
        self.acks.extend(std::mem::replace(&mut self.untaken, later).into_values());
        if !self.acks.is_empty() {
            self.flush_at.get_or_insert(now.saturating_add(delay));
        }
    }

    /// When the confirmations go out.
    pub(super) fn flush_at(&self) -> Option<Duration> {
        self.flush_at
    }

    /// Takes the confirmations that are due: a full batch at once, fewer when their time has come.
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

    /// Notes what was confirmed, and with which payload.
    pub(super) fn confirmed(&mut self, payload_id: PayloadId, batch: Vec<AckEntry>) {
        if self.confirmed.len() >= MOST_BATCHES {
            self.confirmed.pop_front();
        }
        self.confirmed.push_back((payload_id, batch));
    }

    /// The server dropped that payload: what it confirmed is confirmed again at that time.
    pub(super) fn dropped(&mut self, payload_id: &PayloadId, at: Duration) {
        if let Some(position) = self.confirmed.iter().position(|(id, _)| id == payload_id)
            && let Some((_, batch)) = self.confirmed.remove(position)
        {
            self.acks.extend(batch);
            self.flush_at.get_or_insert(at);
        }
    }

    /// Forgets the confirmations of a connection that is gone: they would not count on another.
    pub(super) fn forget_acks(&mut self) {
        self.untaken.clear();
        self.acks.clear();
        self.confirmed.clear();
        self.flush_at = None;
    }
}
