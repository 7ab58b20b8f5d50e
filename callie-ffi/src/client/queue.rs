//! The events that wait for the application.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::event::{Closed, Event};
use super::readiness::Readiness;

/// Events in order. While it is full the socket is not read; what comes of time and sending goes in all the same.
#[derive(Debug)]
pub(super) struct EventQueue {
    inner: Mutex<Inner>,
    arrived: Notify,
    full: usize,
}

#[derive(Debug, Default)]
struct Inner {
    events: VecDeque<Event>,
    /// Nothing comes after what is there.
    complete: bool,
    readiness: Option<Readiness>,
}

/// What was taken.
pub(super) struct Taken {
    pub(super) events: Vec<Event>,
    /// The queue was full and is not any more.
    pub(super) made_room: bool,
}

/// The queue is empty for ever.
pub(super) struct Over;

impl EventQueue {
    pub(super) fn new(full: usize) -> Self {
        Self { inner: Mutex::default(), arrived: Notify::new(), full }
    }

    /// How many events still fit before reading has to stop.
    pub(super) fn room(&self) -> usize {
        self.full.saturating_sub(self.inner().events.len())
    }

    pub(super) fn len(&self) -> usize {
        self.inner().events.len()
    }

    /// Adds events, and leaves `batch` empty.
    pub(super) fn push(&self, batch: &mut Vec<Event>) {
        if batch.is_empty() {
            return;
        }
        let mut inner = self.inner();
        if !inner.complete {
            // One who never takes events would collect the states of a server that is gone for weeks.
            let full = inner.events.len() >= self.full;
            if full && matches!((inner.events.back(), &batch[0]), (Some(Event::State(_)), Event::State(_))) {
                inner.events.pop_back();
            }
            inner.events.extend(batch.drain(..));
            inner.show();
        }
        drop(inner);
        batch.clear();
        self.arrived.notify_one();
    }

    /// Adds the last event.
    pub(super) fn complete(&self, closed: Closed) {
        let mut inner = self.inner();
        if !inner.complete {
            inner.complete = true;
            inner.events.push_back(Event::Closed(closed));
            inner.show();
        }
        drop(inner);
        self.arrived.notify_waiters();
        self.arrived.notify_one();
    }

    /// Takes what is there, at most `max`.
    pub(super) fn take(&self, max: usize) -> Result<Taken, Over> {
        let mut inner = self.inner();
        if inner.events.is_empty() && inner.complete {
            drop(inner);
            // One permit wakes one: who waits beside this one is over too.
            self.arrived.notify_one();
            return Err(Over);
        }
        let before = inner.events.len();
        let count = before.min(max);
        let events: Vec<_> = inner.events.drain(..count).collect();
        let left = before - count;
        if left == 0 {
            inner.hide();
        }
        drop(inner);
        if left > 0 {
            self.arrived.notify_one();
        }
        Ok(Taken { events, made_room: before >= self.full && left < self.full })
    }

    /// Takes at least one event and at most `max`. Dropping the future loses nothing.
    pub(super) async fn next(&self, max: usize) -> Result<Taken, Over> {
        loop {
            let taken = self.take(max)?;
            if !taken.events.is_empty() {
                return Ok(taken);
            }
            self.arrived.notified().await;
        }
    }

    /// The same, but none if none come within `wait`.
    pub(super) async fn next_within(&self, max: usize, wait: Duration) -> Result<Taken, Over> {
        let taken = self.take(max)?;
        if !taken.events.is_empty() || wait.is_zero() {
            return Ok(taken);
        }
        match tokio::time::timeout(wait, self.next(max)).await {
            Ok(taken) => taken,
            Err(_) => Ok(Taken { events: Vec::new(), made_room: false }),
        }
    }

    /// Waits at most `wait` until there is something to take, or never will be again. It takes nothing.
    pub(super) async fn filled(&self, wait: Duration) {
        let filled = async {
            while self.is_waiting() {
                self.arrived.notified().await;
            }
            // One permit wakes one, and who waits beside this one is to be woken too.
            self.arrived.notify_one();
        };
        // What is there now is all that the caller asks.
        let _ = tokio::time::timeout(wait, filled).await;
    }

    fn is_waiting(&self) -> bool {
        let inner = self.inner();
        inner.events.is_empty() && !inner.complete
    }

    /// A file descriptor that can be read from while events wait.
    #[cfg(unix)]
    pub(super) fn descriptor(&self) -> std::io::Result<std::os::fd::RawFd> {
        let mut inner = self.inner();
        if inner.readiness.is_none() {
            inner.readiness = Some(Readiness::new()?);
            if !inner.events.is_empty() {
                inner.show();
            }
        }
        inner.readiness.as_ref().map(Readiness::descriptor).ok_or(std::io::ErrorKind::Other.into())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
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
