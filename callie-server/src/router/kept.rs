//! Messages that were kept for a user, from the moment they are written to a connection of the user. `holds.rs` describes
//! how none is missed and none is written twice.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use callie_core::server::PayloadKey;
use callie_core::{MessageId, PayloadId, Username};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// How long a report about a user may take from one node to another: far longer than any ordinary delay.
const REPORTED_WITHIN: Duration = Duration::from_secs(60);

/// A message that was kept and is on its way to a connection.
#[derive(Debug, Clone)]
pub(crate) struct KeptItem {
    /// The user for whom it is kept.
    pub(crate) recipient: Username,
    /// Its place in the inbox of the user.
    pub(crate) place: i64,
    /// Its author.
    pub(crate) sender: Username,
    /// The ID of the payload.
    pub(crate) payload_id: PayloadId,
    /// The message's ID.
    pub(crate) message_id: MessageId,
}

/// How a kept message has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeptEnd {
    /// A client confirmed it. It leaves the store, and its author is notified.
    Confirmed,
    /// It was written to a client without the feature. It leaves the store.
    Written,
    /// A client without the feature confirmed it, after it was written. Its author is notified.
    ConfirmedAfterwards,
    /// Its recipient does not take it. It leaves the store.
    Unwelcome,
}

/// Kept messages that have ended and are still in the store.
///
/// There are at most as many as messages were written: those that the store has for connected users.
#[derive(Default)]
pub(crate) struct EndedMessages {
    list: Mutex<Vec<(KeptItem, KeptEnd)>>,
    wake: Notify,
}

impl EndedMessages {
    /// Adds a message.
    pub(crate) fn add(&self, item: KeptItem, end: KeptEnd) {
        self.list.lock().push((item, end));
        self.wake.notify_one();
    }

    /// Takes the oldest `most` messages.
    pub(crate) fn take(&self, most: usize) -> Vec<(KeptItem, KeptEnd)> {
        let mut list = self.list.lock();
        let count = list.len().min(most);
        list.drain(..count).collect()
    }

    /// Puts messages back that could not be removed.
    pub(crate) fn put_back(&self, mut items: Vec<(KeptItem, KeptEnd)>) {
        let mut list = self.list.lock();
        items.append(&mut list);
        *list = items;
    }

    /// Returns `true` if there is no message.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.lock().is_empty()
    }

    /// Waits until a message is added.
    pub(crate) async fn added(&self) {
        self.wake.notified().await;
    }
}

/// A kept message that a connection has written, and which its client may confirm.
pub(crate) struct KeptReceipt {
    key: PayloadKey,
    item: KeptItem,
    end: KeptEnd,
    ended: Arc<EndedMessages>,
}

impl KeptReceipt {
    /// Creates the receipt of a message, which ends as `end` if it is confirmed.
    pub(crate) fn new(key: PayloadKey, item: KeptItem, end: KeptEnd, ended: Arc<EndedMessages>) -> Self {
        Self { key, item, end, ended }
    }

    pub(super) fn key(&self) -> PayloadKey {
        self.key
    }

    pub(super) fn item(&self) -> &KeptItem {
        &self.item
    }

    pub(super) fn confirm(self) {
        self.ended.add(self.item, self.end);
    }
}

/// The users for whom this node has stored a message in the last minute. `holds.rs` describes what it is for.
#[derive(Default)]
pub(super) struct RecentlyKept(Mutex<HashMap<Username, Instant>>);

impl RecentlyKept {
    /// Notes that a message was stored for the user.
    pub(super) fn note(&self, name: &Username, now: Instant) {
        self.0.lock().insert(name.clone(), now);
    }

    /// Returns `true` if a message was stored for the user lately.
    pub(super) fn contains(&self, name: &Username) -> bool {
        self.0.lock().contains_key(name)
    }

    /// Forgets old entries.
    pub(super) fn forget(&self, now: Instant) {
        self.0.lock().retain(|_, at| now.saturating_duration_since(*at) < REPORTED_WITHIN);
    }
}
