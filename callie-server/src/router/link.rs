//! One authenticated connection, as other tasks see it.
//!
//! An answer to a payload goes through [`Link::answer`], which first names the payloads that were dropped before it. `R` is
//! the type of the receipts that queued payloads carry.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use callie_core::{CodeName, DroppedPayloads, Notice, PayloadId, Recipient, SessionId, Username};
use parking_lot::Mutex;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::close_reason::CloseReason;
use super::outbox::{Item, Outbox};
use crate::base::ids::stamp;

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
    /// The number of the current payload. Only the task of the connection changes it.
    at: AtomicU64,
    /// The number of the first payload that was dropped for its rate and is not reported, or [`NONE`]. It is raised
    /// only after the report is queued, and always under the lock of `dropped`.
    first_dropped: AtomicU64,
    /// `None` until the first payload is dropped.
    dropped: Mutex<Option<Box<Dropped>>>,
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

/// The number of no payload.
const NONE: u64 = u64::MAX;

/// The dropped payloads, and when they were first recorded.
struct Dropped {
    since: Instant,
    payloads: DroppedPayloads,
}

impl Dropped {
    fn new() -> Box<Self> {
        Box::new(Self { since: Instant::now(), payloads: DroppedPayloads::default() })
    }

    fn elapsed(&self) -> Duration {
        self.since.elapsed()
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
            at: AtomicU64::new(0),
            first_dropped: AtomicU64::new(NONE),
            dropped: Mutex::new(None),
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

    /// Returns the number of the current payload.
    pub(crate) fn at(&self) -> u64 {
        self.at.load(Ordering::Relaxed)
    }

    /// Goes on to the next payload and returns its number. Only the task of the connection calls this.
    pub(crate) fn next_payload(&self) -> u64 {
        let next = self.at().wrapping_add(1);
        self.at.store(next, Ordering::Relaxed);
        next
    }

    /// Queues an encoded payload. Returns `true` if it was taken.
    pub(crate) fn send(&self, text: &Utf8Bytes) -> bool {
        self.pass(text.clone(), None)
    }

    /// Queues an encoded payload of a user. `timed` is when it was received, if its latency is measured.
    pub(crate) fn pass(&self, text: Utf8Bytes, timed: Option<Instant>) -> bool {
        self.outbox.push(Item { text, receipt: None, timed }).is_ok()
    }

    /// Queues an encoded payload with a receipt. If the payload is not taken, the receipt is dropped.
    pub(crate) fn send_with(&self, text: &Utf8Bytes, receipt: R) -> bool {
        self.outbox.push(Item { text: text.clone(), receipt: Some(receipt), timed: None }).is_ok()
    }

    /// Queues a SYS of the server that answers no payload.
    pub(crate) fn notify(&self, notice: &Notice) -> bool {
        self.send(&self.encode(notice))
    }

    /// Queues the answer to the payload with the number `to`. Payloads that were dropped before it are reported first.
    pub(crate) fn answer(&self, to: u64, notice: &Notice) -> bool {
        self.answer_encoded(to, &self.encode(notice))
    }

    /// Queues an encoded answer, as [`Link::answer`] does.
    pub(crate) fn answer_encoded(&self, to: u64, text: &Utf8Bytes) -> bool {
        if to > self.first_dropped.load(Ordering::Acquire) {
            self.report_dropped();
        }
        self.send(text)
    }

    fn encode(&self, notice: &Notice) -> Utf8Bytes {
        Utf8Bytes::from(notice.to_payload(Recipient::User(self.user.clone()), stamp()).encode())
    }

    /// Records that the current payload was dropped for its rate.
    pub(crate) fn drop_payload(
        &self,
        payload_id: PayloadId,
        command: Option<CodeName>,
        retry_after: Duration,
    ) {
        let mut held = self.dropped.lock();
        let dropped = held.get_or_insert_with(Dropped::new);
        let now = dropped.elapsed();
        dropped.payloads.record(now, self.at(), payload_id, command, retry_after);
        self.first_dropped.store(dropped.payloads.first().unwrap_or(NONE), Ordering::Release);
    }

    /// Reports dropped payloads if that is due. Otherwise returns when it will be due.
    pub(crate) fn report_if_due(&self) -> Option<Instant> {
        let mut held = self.dropped.lock();
        let dropped = held.as_mut()?;
        let now = dropped.elapsed();
        match dropped.payloads.report_at() {
            Some(at) if at > now => Some(dropped.since + at),
            Some(_) => {
                self.report(dropped);
                None
            }
            None => None,
        }
    }

    /// Records something other than a payload that exceeded the rate, and reports it if that is due.
    pub(crate) fn drop_unnamed(&self, retry_after: Duration) {
        let mut held = self.dropped.lock();
        let dropped = held.get_or_insert_with(Dropped::new);
        let now = dropped.elapsed();
        if let Some(notice) = dropped.payloads.report_unnamed(now, retry_after) {
            self.notify(&notice);
            self.first_dropped.store(NONE, Ordering::Release);
        }
    }

    /// Reports dropped payloads that are not reported yet.
    pub(crate) fn report_dropped(&self) {
        if let Some(dropped) = &mut *self.dropped.lock() {
            self.report(dropped);
        }
    }

    /// The report is queued before other threads see that there is nothing to report, so that no later answer overtakes
    /// it.
    fn report(&self, dropped: &mut Dropped) {
        let now = dropped.elapsed();
        if let Some(notice) = dropped.payloads.report(now) {
            self.notify(&notice);
        }
        self.first_dropped.store(NONE, Ordering::Release);
    }

    /// Takes the report of dropped payloads, for a connection that is closed.
    pub(crate) fn last_report(&self) -> Option<Notice> {
        let mut held = self.dropped.lock();
        let dropped = held.as_mut()?;
        let now = dropped.elapsed();
        dropped.payloads.report(now)
    }

    /// Asks the connection to close.
    pub(crate) fn end(&self, reason: CloseReason) {
        self.outbox.end(reason);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use callie_core::SysCode;

    use super::*;

    const WAIT: Duration = Duration::from_millis(20);

    fn link() -> Arc<Link<()>> {
        let (user, session) = (Username::parse("ada").unwrap(), SessionId::parse("s").unwrap());
        Link::new(user, session, [127, 0, 0, 1].into(), 1_000_000)
    }

    fn drop_next(link: &Link<()>) -> Option<Instant> {
        let number = link.next_payload();
        link.drop_payload(PayloadId::parse(&format!("p{number}")).unwrap(), None, WAIT);
        link.report_if_due()
    }

    /// What was queued: a code, and the payloads that it names.
    fn queued(link: &Link<()>) -> Vec<(String, Vec<String>)> {
        let mut batch = VecDeque::new();
        link.outbox.take(&mut batch);
        let read = |item: &Item<()>| {
            let value: serde_json::Value = serde_json::from_str(item.text.as_str()).unwrap();
            let names = value["metadata"]["dropped"].as_array().cloned().unwrap_or_default();
            let names = names.iter().map(|name| name.as_str().unwrap().to_owned());
            (value["content"]["code"].as_str().unwrap().to_owned(), names.collect())
        };
        batch.iter().map(read).collect()
    }

    fn limited(names: &[&str]) -> (String, Vec<String>) {
        ("RATE_LIMITED".to_owned(), names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn later_answers_wait_for_the_report() {
        let link = link();
        let ok = ("COMMAND_OK".to_owned(), Vec::new());
        let early = link.next_payload();
        assert_eq!(drop_next(&link), None);
        assert!(drop_next(&link).is_some() && drop_next(&link).is_some());
        assert_eq!(queued(&link), [limited(&["p2"])]);
        // An answer to what came before the dropped ones does not call for a report.
        link.answer(early, &Notice::new(SysCode::CommandOk));
        assert_eq!(queued(&link), std::slice::from_ref(&ok));
        let late = link.next_payload();
        link.answer(late, &Notice::new(SysCode::CommandOk));
        link.answer(late, &Notice::new(SysCode::CommandOk));
        assert_eq!(queued(&link), [limited(&["p3", "p4"]), ok.clone(), ok]);
    }

    #[test]
    fn no_answer_overtakes_the_report_of_another_thread() {
        for _ in 0..500 {
            let link = link();
            drop_next(&link);
            drop_next(&link);
            queued(&link);
            let late = link.next_payload();
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| link.answer(late, &Notice::new(SysCode::CommandOk)));
                }
            });
            assert_eq!(queued(&link)[0], limited(&["p2"]));
        }
    }

    #[test]
    fn last_report_names_what_is_left() {
        let link = link();
        drop_next(&link);
        assert!(link.last_report().is_none());
        drop_next(&link);
        assert_eq!(link.last_report().unwrap().metadata().dropped.as_ref().unwrap().len(), 1);
    }
}
