//! One authenticated connection, as other tasks see it.
//!
//! `R` is the type of the receipts that queued payloads carry.

use std::net::IpAddr;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use callie_core::server::{Answer, CloseReason};
use callie_core::{SessionId, Username};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::outbox::{Item, Outbox};

/// A connection: its user, its session and its outbox.
pub(crate) struct Link<R> {
    /// The user it authenticated as.
    pub(crate) user: Username,
    /// The session it authenticated with.
    pub(crate) session: SessionId,
    /// The address it came from.
    pub(crate) address: IpAddr,
    /// The queue of payloads for the connection.
    pub(crate) outbox: Outbox<R>,
    /// The number of payloads whose answers are still to come.
    owed: AtomicUsize,
    /// Whether the connection ends when no answer is to come, and must be woken then.
    finishing: AtomicBool,
}

/// A payload whose answer is still to come. Settled when dropped.
pub(crate) struct Owed<R>(Arc<Link<R>>);

impl<R> Owed<R> {
    /// Notes that an answer on this connection is still to come.
    pub(crate) fn by(link: &Arc<Link<R>>) -> Self {
        link.owe();
        Self(link.clone())
    }
}

impl<R> Drop for Owed<R> {
    fn drop(&mut self) {
        self.0.settled();
    }
}

impl<R> Link<R> {
    /// Creates a connection of `user` with an outbox of `capacity` bytes.
    pub(crate) fn new(user: Username, session: SessionId, address: IpAddr, capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            user,
            session,
            address,
            outbox: Outbox::new(capacity),
            owed: AtomicUsize::new(0),
            finishing: AtomicBool::new(false),
        })
    }

    /// Notes that one more answer is to come. It must be queued before [`Link::settled`] is called.
    pub(crate) fn owe(&self) {
        self.owed.fetch_add(1, Ordering::SeqCst);
    }

    /// Notes that an answer was queued, or that there is none.
    pub(crate) fn settled(&self) {
        // Either this sees that the connection is finishing, or the connection sees that no answer is to come.
        if self.owed.fetch_sub(1, Ordering::SeqCst) == 1 && self.finishing.load(Ordering::SeqCst) {
            self.outbox.wake();
        }
    }

    /// Returns `true` if answers are still to come.
    pub(crate) fn owes(&self) -> bool {
        self.owed.load(Ordering::SeqCst) > 0
    }

    /// Wakes the task of the connection when no answer is to come any more.
    pub(crate) fn finish(&self) {
        self.finishing.store(true, Ordering::SeqCst);
    }

    /// Queues an encoded payload. Returns `true` if it was taken.
    pub(crate) fn send(&self, text: &Utf8Bytes) -> bool {
        self.pass(text.clone(), None)
    }

    /// Queues an encoded payload of a user. `timed` is when it was received, if its latency is measured.
    pub(crate) fn pass(&self, text: Utf8Bytes, timed: Option<Instant>) -> bool {
        self.outbox.push(Item { text, receipt: None, timed, answers: None }).is_ok()
    }

    /// Queues an encoded payload with a receipt. If the payload is not taken, the receipt is dropped.
    pub(crate) fn send_with(&self, text: &Utf8Bytes, receipt: R) -> bool {
        self.outbox
            .push(Item { text: text.clone(), receipt: Some(receipt), timed: None, answers: None })
            .is_ok()
    }

    /// Queues an answer. Payloads that were dropped before the answered one are reported when the answer is written.
    pub(crate) fn answer(&self, answer: Answer) -> bool {
        let answers = NonZeroU64::new(answer.number());
        let text = Utf8Bytes::from(answer.into_text());
        self.outbox.push(Item { text, receipt: None, timed: None, answers }).is_ok()
    }

    /// Asks the connection to close.
    pub(crate) fn end(&self, reason: CloseReason) {
        self.outbox.end(reason);
    }
}
