//! One authenticated connection, as other tasks see it.
//!
//! `R` is the type of the receipts that queued payloads carry.

use std::net::IpAddr;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use callie_core::command::{ClientInfo, Feature, Features};
use callie_core::server::{Answer, CloseReason};
use callie_core::{SessionId, Username};
use parking_lot::Mutex;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::outbox::{Item, Outbox, Pausable, Refusal};

/// A connection: its user, its session and its outbox.
pub(crate) struct Link<R> {
    /// The user it authenticated as.
    pub(crate) user: Username,
    /// The session it authenticated with.
    pub(crate) session: SessionId,
    /// The address it came from last.
    address: Mutex<IpAddr>,
    /// The client program, if it has introduced itself.
    pub(crate) client: Option<Box<ClientInfo>>,
    /// The features that are in force on it.
    features: Features,
    /// The queue of payloads for the connection.
    pub(crate) outbox: Outbox<R>,
    /// The number of payloads whose answers are pending.
    pending: AtomicUsize,
    /// Whether the connection ends, and must be woken, when no answer is pending.
    finishing: AtomicBool,
}

/// A payload whose answer is pending, until this is dropped.
pub(crate) struct PendingAnswer<R>(Arc<Link<R>>);

impl<R> PendingAnswer<R> {
    /// Counts an answer on `link` as pending.
    pub(crate) fn on(link: &Arc<Link<R>>) -> Self {
        link.add_pending();
        Self(link.clone())
    }
}

impl<R> Drop for PendingAnswer<R> {
    fn drop(&mut self) {
        self.0.remove_pending();
    }
}

impl<R> Link<R> {
    /// Creates a connection of `user` with `features` in force and an outbox of `capacity` bytes.
    pub(crate) fn new(
        user: Username,
        session: SessionId,
        address: IpAddr,
        client: Option<ClientInfo>,
        features: Features,
        capacity: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            features,
            user,
            session,
            address: Mutex::new(address),
            client: client.map(Box::new),
            outbox: Outbox::new(capacity),
            pending: AtomicUsize::new(0),
            finishing: AtomicBool::new(false),
        })
    }

    /// Returns the features that are in force on the connection.
    pub(crate) fn features(&self) -> Features {
        self.features
    }

    /// Returns `true` if the connection can be resumed.
    pub(crate) fn is_resumable(&self) -> bool {
        self.features.contains(Feature::Resume)
    }

    /// Returns `true` if the feature `offline` is in force on the connection.
    pub(crate) fn has_offline(&self) -> bool {
        self.features.contains(Feature::Offline)
    }

    /// Notes that one more answer is to come. It must be queued before [`Link::remove_pending`] is called.
    pub(crate) fn add_pending(&self) {
        self.pending.fetch_add(1, Ordering::SeqCst);
    }

    /// Removes a pending answer, after it was queued or if there is none.
    pub(crate) fn remove_pending(&self) {
        // Either this sees that the connection is finishing, or the connection sees that no answer is pending.
        if self.pending.fetch_sub(1, Ordering::SeqCst) == 1 && self.finishing.load(Ordering::SeqCst) {
            self.outbox.wake();
        }
    }

    /// Returns `true` if answers are pending.
    pub(crate) fn has_pending(&self) -> bool {
        self.pending.load(Ordering::SeqCst) > 0
    }

    /// Has the task of the connection woken when no answer is pending any more.
    pub(crate) fn finish(&self) {
        self.finishing.store(true, Ordering::SeqCst);
    }

    /// Returns the address that the connection came from last.
    pub(crate) fn address(&self) -> IpAddr {
        *self.address.lock()
    }

    /// Sets the address of the client, after a resumption.
    pub(crate) fn set_address(&self, address: IpAddr) {
        *self.address.lock() = address;
    }

    /// Asks the connection to close.
    pub(crate) fn end(&self, reason: CloseReason) {
        self.outbox.end(reason);
    }
}

impl<R: Pausable> Link<R> {
    /// Queues an encoded payload. Returns `true` if it was taken.
    pub(crate) fn send(&self, text: &Utf8Bytes) -> bool {
        self.outbox.push(Item { text: text.clone(), receipt: None, timed: None, answers: None }, true).is_ok()
    }

    /// Queues an encoded payload of a user, unless the connection is away. `timed` is when it was received, if its latency
    /// is measured.
    pub(crate) fn pass(&self, text: Utf8Bytes, timed: Option<Instant>) -> Result<(), Refusal> {
        self.outbox.push(Item { text, receipt: None, timed, answers: None }, false)
    }

    /// Queues an encoded payload with a receipt. If the payload is not taken, the receipt is dropped.
    pub(crate) fn send_with(&self, text: &Utf8Bytes, receipt: R) -> bool {
        let item = Item { text: text.clone(), receipt: Some(receipt), timed: None, answers: None };
        self.outbox.push(item, true).is_ok()
    }

    /// Queues an answer. Payloads that were dropped before the answered one are reported when the answer is written.
    pub(crate) fn answer(&self, answer: Answer) -> bool {
        let answers = NonZeroU64::new(answer.number());
        let text = Utf8Bytes::from(answer.into_text());
        self.outbox.push(Item { text, receipt: None, timed: None, answers }, true).is_ok()
    }
}
