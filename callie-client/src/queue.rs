//! The queue of events for the application.

use std::collections::VecDeque;
use std::time::Duration;

use callie_core::session::Receipt;
use tokio::sync::Notify;

use crate::event::{Closed, Event};
use crate::readiness::Readiness;
use crate::sync::Lock;

/// Events in order, in two groups: those that the server sent, and the client's own (states and outcomes).
///
/// While the first group is full, the socket is not read. The second does not stop reading: for an application that has
/// never taken an event only the newest of that group are kept, and for one that takes events further sends are refused
/// before they could fill the memory.
#[derive(Debug)]
pub(crate) struct EventQueue {
    inner: Lock<Inner>,
    arrived: Notify,
    full: usize,
}

/// An event for the application; if it is a message, with the receipt that confirms it.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) event: Event,
    pub(crate) receipt: Option<Receipt>,
}

impl Incoming {
    /// Whether the server sent it: if too many of these wait, reading stops.
    pub(crate) fn is_received(&self) -> bool {
        !matches!(self.event, Event::ConnectionChanged(_) | Event::Ended { .. } | Event::Closed(_))
    }
}

impl From<Event> for Incoming {
    fn from(event: Event) -> Self {
        Self { event, receipt: None }
    }
}

/// Who takes the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Taker {
    /// Not decided yet.
    #[default]
    Nobody,
    /// Calls such as `next_events`.
    Calls,
    /// A listener; calls are refused.
    Listener,
}

#[derive(Debug, Default)]
struct Inner {
    /// Events that the server sent, each with its position among all events.
    received: VecDeque<(u64, Incoming)>,
    /// States, outcomes and the last event, each with its position among all events.
    own: VecDeque<(u64, Event)>,
    /// The number of events added.
    places: u64,
    /// The number of events taken, which is also the number of the last one.
    handed_out: u64,
    /// Messages that were taken and are not confirmed yet, by number.
    unconfirmed: VecDeque<Unconfirmed>,
    taker: Taker,
    /// No events will be added.
    complete: bool,
    readiness: Option<Readiness>,
}

#[derive(Debug)]
struct Unconfirmed {
    number: u64,
    receipt: Receipt,
    /// Whether the application has it. An earlier one is still missing.
    taken: bool,
}

/// Events that were taken.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) events: Vec<Event>,
    /// The number of the first event; meaningless without events.
    pub(crate) first: u64,
    /// The last message that is thereby confirmed.
    pub(crate) confirmed: Option<Receipt>,
    /// Whether reading had stopped and can continue.
    pub(crate) made_room: bool,
}

/// Why events cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The last event was taken.
    Closed,
    /// A listener has them.
    Listening,
}

/// The state of the queue after events were added.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fill {
    pub(crate) events: usize,
    /// Whether reading must stop.
    pub(crate) is_full: bool,
    pub(crate) taker: Taker,
}

impl EventQueue {
    pub(crate) fn new(full: usize) -> Self {
        Self { inner: Lock::default(), arrived: Notify::new(), full }
    }

    /// How many received events still fit before reading has to stop.
    pub(crate) fn room(&self) -> usize {
        self.full.saturating_sub(self.inner.lock().received.len())
    }

    pub(crate) fn fill(&self) -> Fill {
        let inner = self.inner.lock();
        Fill { events: inner.len(), is_full: inner.received.len() >= self.full, taker: inner.taker }
    }

    /// Adds events, and leaves `batch` empty.
    pub(crate) fn push(&self, batch: &mut Vec<Incoming>) {
        if batch.is_empty() {
            return;
        }
        let mut inner = self.inner.lock();
        if !inner.complete {
            for incoming in batch.drain(..) {
                inner.add(incoming, self.full);
            }
            inner.show();
        }
        drop(inner);
        batch.clear();
        self.arrived.notify_one();
    }

    /// Adds the last event.
    pub(crate) fn complete(&self, closed: Closed) {
        let mut inner = self.inner.lock();
        if !inner.complete {
            inner.complete = true;
            let place = inner.place();
            inner.own.push_back((place, Event::Closed(closed)));
            inner.show();
        }
        drop(inner);
        self.arrived.notify_waiters();
        self.arrived.notify_one();
    }

    /// Reserves all further events for a listener, unless another has them or the last was taken.
    pub(crate) fn listen(&self) -> Result<(), Refused> {
        {
            let mut inner = self.inner.lock();
            if inner.taker == Taker::Listener {
                return Err(Refused::Listening);
            }
            if inner.is_over() {
                return Err(Refused::Closed);
            }
            inner.taker = Taker::Listener;
        }
        // Wakes waiting calls, which are then refused.
        self.arrived.notify_waiters();
        self.arrived.notify_one();
        Ok(())
    }

    /// Cancels the reservation for a listener that could not be started.
    pub(crate) fn unlisten(&self) {
        self.inner.lock().taker = Taker::Calls;
    }

    /// Takes at most `max` of the waiting events. They are confirmed when all earlier ones are.
    pub(crate) fn take(&self, max: usize, who: Taker) -> Result<Batch, Refused> {
        self.hand_out(max, who, true)
    }

    /// Takes at most `max` of the waiting events, and confirms nothing.
    pub(crate) fn fetch(&self, max: usize) -> Result<Batch, Refused> {
        self.hand_out(max, Taker::Calls, false)
    }

    fn hand_out(&self, max: usize, who: Taker, taken: bool) -> Result<Batch, Refused> {
        let mut inner = self.inner.lock();
        let refused = if inner.taker == Taker::Listener && who != Taker::Listener {
            Some(Refused::Listening)
        } else if inner.is_over() {
            Some(Refused::Closed)
        } else {
            None
        };
        if let Some(refused) = refused {
            drop(inner);
            // One permit wakes one call; another may wait too.
            self.arrived.notify_one();
            return Err(refused);
        }
        inner.taker = who;
        let was_full = inner.received.len() >= self.full;
        let mut batch = inner.batch(max, taken);
        batch.made_room = was_full && inner.received.len() < self.full;
        let left = inner.len();
        if left == 0 {
            inner.hide();
        }
        drop(inner);
        if left > 0 {
            self.arrived.notify_one();
        }
        Ok(batch)
    }

    /// Notes that the application has all events up to the number `through`. Returns the last message that is thereby
    /// confirmed.
    pub(crate) fn confirm(&self, through: u64) -> Option<Receipt> {
        let mut inner = self.inner.lock();
        for unconfirmed in &mut inner.unconfirmed {
            if unconfirmed.number > through {
                break;
            }
            unconfirmed.taken = true;
        }
        inner.confirmed()
    }

    /// Takes at least one event and at most `max`. Dropping the future loses nothing.
    #[cfg(test)]
    pub(crate) async fn next(&self, max: usize, who: Taker) -> Result<Batch, Refused> {
        self.wait(|| self.take(max, who)).await
    }

    /// The same within `wait`, for calls: an empty batch if no event comes in time.
    pub(crate) async fn next_within(&self, max: usize, wait: Duration) -> Result<Batch, Refused> {
        self.wait_within(|| self.take(max, Taker::Calls), wait).await
    }

    /// Fetches at least one event and at most `max`; none if none come within `wait`. Dropping the future loses
    /// nothing.
    pub(crate) async fn fetch_within(&self, max: usize, wait: Duration) -> Result<Batch, Refused> {
        self.wait_within(|| self.fetch(max), wait).await
    }

    async fn wait(&self, hand_out: impl Fn() -> Result<Batch, Refused>) -> Result<Batch, Refused> {
        loop {
            let batch = hand_out()?;
            if !batch.events.is_empty() {
                return Ok(batch);
            }
            self.arrived.notified().await;
        }
    }

    async fn wait_within(
        &self,
        hand_out: impl Fn() -> Result<Batch, Refused>,
        wait: Duration,
    ) -> Result<Batch, Refused> {
        let batch = hand_out()?;
        if !batch.events.is_empty() || wait.is_zero() {
            return Ok(batch);
        }
        match tokio::time::timeout(wait, self.wait(hand_out)).await {
            Ok(batch) => batch,
            Err(_) => Ok(Batch::default()),
        }
    }

    /// Waits until there are events to take, the last was taken, or another call took some: its caller may hold events that it
    /// has fetched. Takes none.
    pub(crate) async fn filled(&self) -> Result<(), Refused> {
        let mut before = None;
        loop {
            // Created before the check, so that it receives every later notification.
            let arrived = self.arrived.notified();
            match self.handed_out_while_empty()? {
                Some(handed_out) if *before.get_or_insert(handed_out) == handed_out => arrived.await,
                _ => break,
            }
        }
        self.arrived.notify_waiters();
        Ok(())
    }

    /// The same within `wait`.
    pub(crate) async fn filled_within(&self, wait: Duration) -> Result<(), Refused> {
        // The caller only asks for the events that wait now.
        tokio::time::timeout(wait, self.filled()).await.unwrap_or(Ok(()))
    }

    /// Waits until there are events for the listener; false after the last. Takes none.
    pub(crate) async fn filled_for_listener(&self) -> bool {
        loop {
            let (is_empty, complete) = {
                let inner = self.inner.lock();
                (inner.len() == 0, inner.complete)
            };
            if !is_empty || complete {
                return !is_empty;
            }
            self.arrived.notified().await;
        }
    }

    /// Returns how many events were taken so far; none if a call need not wait.
    fn handed_out_while_empty(&self) -> Result<Option<u64>, Refused> {
        let inner = self.inner.lock();
        if inner.taker == Taker::Listener {
            return Err(Refused::Listening);
        }
        Ok((inner.len() == 0 && !inner.complete).then_some(inner.handed_out))
    }

    /// A file descriptor that is readable while events wait.
    #[cfg(unix)]
    pub(crate) fn descriptor(&self) -> std::io::Result<std::os::fd::RawFd> {
        let mut inner = self.inner.lock();
        if inner.readiness.is_none() {
            inner.readiness = Some(Readiness::new()?);
            if inner.len() > 0 {
                inner.show();
            }
        }
        inner.readiness.as_ref().map(Readiness::descriptor).ok_or(std::io::ErrorKind::Other.into())
    }
}

impl Inner {
    fn len(&self) -> usize {
        self.received.len() + self.own.len()
    }

    /// Whether the last event was taken.
    fn is_over(&self) -> bool {
        self.len() == 0 && self.complete
    }

    fn place(&mut self) -> u64 {
        self.places += 1;
        self.places
    }

    fn add(&mut self, incoming: Incoming, full: usize) {
        let place = self.place();
        if incoming.is_received() {
            self.received.push_back((place, incoming));
            return;
        }
        if self.own.len() >= full {
            let is_state = |event: &Event| matches!(event, Event::ConnectionChanged(_));
            if self.taker == Taker::Nobody {
                self.own.pop_front();
            } else if is_state(&incoming.event) && self.own.back().is_some_and(|(_, last)| is_state(last)) {
                // Otherwise the states of a server that is unreachable for weeks would fill the memory of an
                // application that takes no events.
                self.own.pop_back();
            }
        }
        self.own.push_back((place, incoming.event));
    }

    /// Takes the next events, at most `max`.
    fn batch(&mut self, max: usize, taken: bool) -> Batch {
        let count = self.len().min(max);
        let mut batch = Batch { first: self.handed_out + 1, ..Batch::default() };
        batch.events.reserve_exact(count);
        let in_order = self.unconfirmed.is_empty();
        for _ in 0..count {
            let received = match (self.received.front(), self.own.front()) {
                (Some((received, _)), Some((own, _))) => received < own,
                (received, _) => received.is_some(),
            };
            self.handed_out += 1;
            if received {
                let Some((_, incoming)) = self.received.pop_front() else { break };
                batch.events.push(incoming.event);
                match incoming.receipt {
                    Some(receipt) if taken && in_order => batch.confirmed = Some(receipt),
                    Some(receipt) => {
                        let number = self.handed_out;
                        self.unconfirmed.push_back(Unconfirmed { number, receipt, taken });
                    }
                    None => {}
                }
            } else {
                let Some((_, event)) = self.own.pop_front() else { break };
                batch.events.push(event);
            }
        }
        batch
    }

    /// Removes the messages that are now confirmed, and returns the last of them.
    fn confirmed(&mut self) -> Option<Receipt> {
        let mut last = None;
        while let Some(unconfirmed) = self.unconfirmed.pop_front_if(|unconfirmed| unconfirmed.taken) {
            last = Some(unconfirmed.receipt);
        }
        last
    }

    fn show(&mut self) {
        if let Some(readiness) = &mut self.readiness {
            readiness.show();
        }
    }

    fn hide(&mut self) {
        if let Some(readiness) = &mut self.readiness {
            readiness.hide();
        }
    }
}
