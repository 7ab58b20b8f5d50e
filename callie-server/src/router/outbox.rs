//! The queue of payloads for one connection: bounded in bytes, filled by anyone, emptied by the task of the connection.
//!
//! `R` is the type of the receipts that payloads carry; this file does not look into them.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::task::{Context, Waker};
use std::time::Instant;

use callie_core::server::CloseReason;
use parking_lot::Mutex;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// The cost of an item beside its bytes, so that many tiny payloads are bounded as well.
const ITEM_COST: usize = 64;
/// The capacity that is kept while nothing waits. More is freed, because most connections are idle.
const KEPT_ITEMS: usize = 8;

/// A payload that is queued for one connection.
pub(crate) struct Item<R> {
    /// The encoded payload, shared with all other connections that get it.
    pub(crate) text: Utf8Bytes,
    /// The receipt, which is notified when the payload is written and dropped if it is not.
    pub(crate) receipt: Option<R>,
    /// When the payload was received, if its latency is measured.
    pub(crate) timed: Option<Instant>,
    /// For an answer, the number of the payload that it answers.
    pub(crate) answers: Option<NonZeroU64>,
}

impl<R> Item<R> {
    fn cost(&self) -> usize {
        self.text.len() + ITEM_COST
    }
}

/// A receipt on a queued payload.
pub(crate) trait Pausable {
    /// Notes that the connection is away: the client cannot confirm the payload before the connection is resumed. Called
    /// with the outbox locked.
    fn pause(&mut self);
}

/// Why an item was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The connection is away, and the item is not to be kept. This is its text.
    Away(Utf8Bytes),
    /// The connection is closing or closed.
    Closed,
    /// There is no room: the connection reads too slowly and is closed for it.
    Full,
}

/// A queue with one reader and any number of writers.
///
/// Nothing is dropped under its lock: dropping an item may end a delivery, which writes to another outbox. Only a receipt
/// is paused under the lock.
pub(crate) struct Outbox<R> {
    capacity: usize,
    state: Mutex<State<R>>,
}

struct State<R> {
    queue: VecDeque<Item<R>>,
    /// The cost of all items queued or taken and not yet written.
    cost: usize,
    /// The waker of the reader, while it waits for an item or a reason to close.
    reader: Option<Waker>,
    /// Whether the reader waits for the socket to take more. Then more items do not wake it.
    blocked: bool,
    /// Whether items wait until what is kept for the user is written, which comes before them.
    held: bool,
    /// The number of times the queue was held, and that number when the reader last saw it.
    holds: u32,
    seen: u32,
    /// Whether the connection is away. Then receipts are paused.
    away: bool,
    /// The part of `cost` that counts written texts, which are kept while the connection is away.
    reserved: usize,
    phase: Phase,
    /// Why the WebSocket is to be closed, if only that is.
    close_socket: Option<Box<CloseReason>>,
}

enum Phase {
    Open,
    /// The connection has moved: only answers are taken.
    Moved,
    /// To be closed for this reason, which the reader has not taken yet.
    Ending(CloseReason),
    /// The reader has taken the reason. No item is taken any more.
    Ended,
}

impl<R> Outbox<R> {
    /// Creates an outbox that holds up to `capacity` bytes.
    pub(crate) fn new(capacity: usize) -> Self {
        let state = State {
            queue: VecDeque::new(),
            cost: 0,
            reader: None,
            blocked: false,
            held: false,
            holds: 0,
            seen: 0,
            away: false,
            reserved: 0,
            phase: Phase::Open,
            close_socket: None,
        };
        Self { capacity, state: Mutex::new(state) }
    }

    /// Queues an item; if the connection is away, only if the item is to be kept. An item that is not taken is dropped
    /// after the lock is released.
    pub(crate) fn push(&self, mut item: Item<R>, keep: bool) -> Result<(), Refusal>
    where
        R: Pausable,
    {
        let mut state = self.state.lock();
        let is_open = match state.phase {
            Phase::Open => true,
            Phase::Moved => item.answers.is_some(),
            Phase::Ending(_) | Phase::Ended => false,
        };
        if !is_open {
            drop(state);
            return Err(Refusal::Closed);
        }
        if state.away {
            if !keep {
                drop(state);
                return Err(Refusal::Away(item.text));
            }
            item.receipt.iter_mut().for_each(R::pause);
        }
        let cost = item.cost();
        // One payload always fits: a client that reads is not too slow for it.
        if state.cost > 0 && state.cost + cost > self.capacity {
            state.phase = Phase::Ending(CloseReason::slow_consumer());
            let reader = state.reader.take();
            drop(state);
            wake(reader);
            return Err(Refusal::Full);
        }
        state.cost += cost;
        state.queue.push_back(item);
        let reader = if state.blocked || state.held { None } else { state.reader.take() };
        drop(state);
        wake(reader);
        Ok(())
    }

    /// Holds the queue: items wait until the reader [releases](Self::release) it. Until then the reader writes what is
    /// kept for the user. Items that the reader has taken already are not held.
    pub(crate) fn hold(&self) {
        let mut state = self.state.lock();
        state.held = true;
        state.holds = state.holds.wrapping_add(1);
        let reader = state.reader.take();
        drop(state);
        wake(reader);
    }

    /// Returns the number of times the queue was held, if it is held.
    pub(crate) fn held(&self) -> Option<u32> {
        let mut state = self.state.lock();
        state.seen = state.holds;
        state.held.then_some(state.holds)
    }

    /// Releases the queue, unless it was held again since [`held`](Self::held) returned `holds`. Then more is kept for the
    /// user, which the reader may not have read.
    pub(crate) fn release(&self, holds: u32) {
        let mut state = self.state.lock();
        state.held &= state.holds != holds;
    }

    /// Asks the connection to close. Only the first reason counts. Queued payloads are still written if the reason says
    /// so.
    pub(crate) fn end(&self, reason: CloseReason) {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Open) {
            state.phase = Phase::Ending(reason);
            let reader = state.reader.take();
            drop(state);
            wake(reader);
        }
    }

    /// Swaps the queued items into `batch`, which must be empty. Returns `true` if there were any, and the queue is not
    /// held. The reader reports back with [`Outbox::written`].
    pub(crate) fn take(&self, batch: &mut VecDeque<Item<R>>) -> bool {
        let mut state = self.state.lock();
        if state.held {
            return false;
        }
        std::mem::swap(&mut state.queue, batch);
        !batch.is_empty()
    }

    /// Frees the room of items that were written.
    pub(crate) fn written(&self, cost: usize) {
        self.state.lock().cost -= cost;
    }

    /// Returns the cost of an item, for [`Outbox::written`].
    pub(crate) fn cost(item: &Item<R>) -> usize {
        item.cost()
    }

    /// Takes the reason to close, once there is one. No item is taken from then on.
    pub(crate) fn close_reason(&self) -> Option<CloseReason> {
        let mut state = self.state.lock();
        if !matches!(state.phase, Phase::Ending(_)) {
            return None;
        }
        match std::mem::replace(&mut state.phase, Phase::Ended) {
            Phase::Ending(reason) => Some(reason),
            Phase::Open | Phase::Moved | Phase::Ended => None,
        }
    }

    /// Wakes the reader at the next item, hold or reason to close. Returns `false` if there is one already.
    pub(crate) fn park(&self, cx: &Context<'_>) -> bool {
        let mut state = self.state.lock();
        let has_items = !state.queue.is_empty() && !state.held;
        if state.close_socket.is_some()
            || has_items
            || state.seen != state.holds
            || matches!(state.phase, Phase::Ending(_))
        {
            return false;
        }
        if state.queue.capacity() > KEPT_ITEMS && state.queue.is_empty() {
            state.queue = VecDeque::new();
        }
        state.blocked = false;
        state.reader = Some(cx.waker().clone());
        true
    }

    /// Does the same for a reader whose socket takes nothing now: only a reason to close wakes it.
    pub(crate) fn park_blocked(&self, cx: &Context<'_>) -> bool {
        let mut state = self.state.lock();
        if state.close_socket.is_some() || matches!(state.phase, Phase::Ending(_)) {
            return false;
        }
        state.blocked = true;
        state.reader = Some(cx.waker().clone());
        true
    }

    /// Wakes the reader, if it waits.
    pub(crate) fn wake(&self) {
        let reader = self.state.lock().reader.take();
        wake(reader);
    }

    /// Notes that the connection is away. `reserved` bytes of written texts are kept for it, and count as queued. If there
    /// is no room for them, the connection ends.
    pub(crate) fn go_away(&self, reserved: usize)
    where
        R: Pausable,
    {
        let mut state = self.state.lock();
        state.away = true;
        state.reserved = reserved;
        state.cost += reserved;
        if state.cost > self.capacity && matches!(state.phase, Phase::Open) {
            state.phase = Phase::Ending(CloseReason::slow_consumer());
        }
        for item in &mut state.queue {
            item.receipt.iter_mut().for_each(R::pause);
        }
    }

    /// Notes that the connection was resumed. Calls `resume` with each queued receipt, and the outbox locked.
    pub(crate) fn come_back(&self, mut resume: impl FnMut(&mut R)) {
        let mut state = self.state.lock();
        state.away = false;
        state.cost -= std::mem::take(&mut state.reserved);
        state.queue.iter_mut().filter_map(|item| item.receipt.as_mut()).for_each(&mut resume);
    }

    /// Takes all items, and only answers from now on: the connection moves to another node.
    pub(crate) fn move_away(&self) -> VecDeque<Item<R>> {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Open) {
            state.phase = Phase::Moved;
        }
        (state.cost, state.reserved, state.held, state.away) = (0, 0, false, false);
        std::mem::take(&mut state.queue)
    }

    /// Puts `items` before those that are queued, and removes queued items whose text `is_duplicate`.
    pub(crate) fn prepend(&self, items: VecDeque<Item<R>>, is_duplicate: impl Fn(&str) -> bool) {
        let cost = |items: &VecDeque<Item<R>>| items.iter().map(Item::cost).sum::<usize>();
        let mut state = self.state.lock();
        let queue = std::mem::replace(&mut state.queue, items);
        state.cost += cost(&state.queue);
        let (removed, rest): (VecDeque<_>, VecDeque<_>) =
            queue.into_iter().partition(|item| is_duplicate(item.text.as_str()));
        state.cost -= cost(&removed);
        state.queue.extend(rest);
        drop(state);
        drop(removed);
    }

    /// Asks the connection to close its WebSocket. Unlike after [`Outbox::end`], items are still taken.
    pub(crate) fn close_socket(&self, reason: CloseReason) {
        let mut state = self.state.lock();
        state.close_socket = Some(Box::new(reason));
        let reader = state.reader.take();
        drop(state);
        wake(reader);
    }

    /// Takes the reason to close the WebSocket, once there is one.
    pub(crate) fn socket_close_reason(&self) -> Option<CloseReason> {
        self.state.lock().close_socket.take().map(|reason| *reason)
    }

    /// Returns `true` if the connection is away.
    pub(crate) fn is_away(&self) -> bool {
        self.state.lock().away
    }

    /// Takes no more items. Queued items can still be taken out.
    pub(crate) fn seal(&self) {
        self.state.lock().phase = Phase::Ended;
    }

    /// Takes no more items, and drops those that are queued.
    pub(crate) fn shut(&self) {
        let mut state = self.state.lock();
        state.phase = Phase::Ended;
        let rest = std::mem::take(&mut state.queue);
        (state.cost, state.reserved) = (0, 0);
        state.reader = None;
        drop(state);
        drop(rest);
    }

    /// Returns the cost of all items that wait, in bytes.
    pub(crate) fn waiting(&self) -> usize {
        self.state.lock().cost
    }
}

fn wake(reader: Option<Waker>) {
    if let Some(reader) = reader {
        reader.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Pausable for () {
        fn pause(&mut self) {}
    }

    /// The number of connections that are away with it.
    #[derive(Debug, PartialEq)]
    struct Pauses(usize);

    impl Pausable for Pauses {
        fn pause(&mut self) {
            self.0 += 1;
        }
    }

    fn item(text: &'static str) -> Item<()> {
        Item { text: Utf8Bytes::from_static(text), receipt: None, timed: None, answers: None }
    }

    #[test]
    fn written_items_free_their_room_in_order() {
        let outbox = Outbox::new(1_000);
        outbox.push(item("one"), true).unwrap();
        outbox.push(item("two"), true).unwrap();
        let mut batch = VecDeque::new();
        assert!(outbox.take(&mut batch));
        assert_eq!(batch.iter().map(|i| i.text.as_str()).collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(outbox.waiting(), 2 * (3 + ITEM_COST));
        outbox.written(batch.iter().map(Outbox::<()>::cost).sum());
        assert_eq!(outbox.waiting(), 0);
    }

    #[test]
    fn full_outbox_ends_the_connection() {
        let outbox = Outbox::new(100);
        outbox.push(item("one"), true).unwrap();
        assert_eq!(outbox.push(item("two"), true), Err(Refusal::Full));
        assert_eq!(outbox.push(item("x"), true), Err(Refusal::Closed));
        assert!(outbox.close_reason().is_some());
        assert!(outbox.close_reason().is_none());
        assert_eq!(outbox.push(item("x"), true), Err(Refusal::Closed));
    }

    #[test]
    fn held_items_wait_for_the_release() {
        let outbox = Outbox::new(1_000);
        outbox.hold();
        outbox.push(item("one"), true).unwrap();
        let mut batch = VecDeque::new();
        assert!(!outbox.take(&mut batch));
        assert!(!outbox.park(&Context::from_waker(Waker::noop())), "the reader has not seen the hold");
        let holds = outbox.held().unwrap();
        assert!(outbox.park(&Context::from_waker(Waker::noop())), "what is held is no reason to read");
        outbox.hold();
        outbox.release(holds);
        assert!(!outbox.take(&mut batch), "it was held again");
        outbox.release(outbox.held().unwrap());
        assert!(outbox.take(&mut batch));
        assert_eq!((batch.len(), outbox.held()), (1, None));
    }

    #[test]
    fn reader_is_woken_once_for_many_items() {
        struct Count(std::sync::atomic::AtomicUsize);
        impl std::task::Wake for Count {
            fn wake(self: std::sync::Arc<Self>) {
                self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
        }
        let count = std::sync::Arc::new(Count(0.into()));
        let waker = Waker::from(count.clone());
        let outbox = Outbox::<()>::new(1_000);
        assert!(outbox.park(&Context::from_waker(&waker)));
        outbox.push(item("one"), true).unwrap();
        outbox.push(item("two"), true).unwrap();
        assert_eq!(count.0.load(std::sync::atomic::Ordering::SeqCst), 1);
        assert!(!outbox.park(&Context::from_waker(&waker)));
    }

    #[test]
    fn receipts_are_paused_while_the_connection_is_away() {
        let outbox = Outbox::new(1_000);
        let item = |text| Item {
            text: Utf8Bytes::from_static(text),
            receipt: Some(Pauses(0)),
            timed: None,
            answers: None,
        };
        outbox.push(item("one"), false).unwrap();
        outbox.go_away(0);
        assert!(outbox.is_away());
        outbox.push(item("two"), true).unwrap();
        assert_eq!(outbox.push(item("three"), false), Err(Refusal::Away("three".into())));
        let mut resumed = Vec::new();
        outbox.come_back(|receipt| resumed.push(std::mem::replace(receipt, Pauses(0))));
        assert_eq!(resumed, [Pauses(1), Pauses(1)]);
        outbox.push(item("four"), true).unwrap();
        let mut batch = VecDeque::new();
        outbox.take(&mut batch);
        assert_eq!(batch.pop_back().unwrap().receipt, Some(Pauses(0)));
    }

    #[test]
    fn moved_items_come_first_and_once() {
        let outbox = Outbox::new(10_000);
        outbox.hold();
        outbox.push(item("two"), true).unwrap();
        outbox.push(item("three"), true).unwrap();
        outbox.prepend([item("one"), item("two")].into(), |text| text == "two");
        outbox.release(outbox.held().unwrap());
        assert_eq!(outbox.waiting(), 11 + 3 * ITEM_COST);
        let moved = outbox.move_away();
        assert_eq!(moved.iter().map(|item| item.text.as_str()).collect::<Vec<_>>(), ["one", "two", "three"]);
        assert_eq!(outbox.push(item("four"), true), Err(Refusal::Closed));
        let answer = Item { answers: NonZeroU64::new(7), ..item("answer") };
        assert_eq!(outbox.push(answer, true), Ok(()));
    }

    #[test]
    fn written_texts_count_while_the_connection_is_away() {
        let outbox = Outbox::new(1_000);
        outbox.push(item("one"), true).unwrap();
        outbox.go_away(900);
        assert!(outbox.close_reason().is_none());
        outbox.come_back(|()| {});
        assert_eq!(outbox.waiting(), 3 + ITEM_COST);
        outbox.go_away(900);
        assert_eq!(outbox.push(item("two"), true), Err(Refusal::Full));
        assert!(outbox.close_reason().is_some());

        let full = Outbox::<()>::new(1_000);
        full.go_away(1_001);
        assert!(full.close_reason().is_some());
    }
}
