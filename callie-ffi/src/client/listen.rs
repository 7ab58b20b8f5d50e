//! Events that are handed to a callback, on a thread of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::runtime::Handle;

use super::error::{Fault, ReceiveError, code};
use super::event::Event;
use super::handle::Client;
use super::queue::Taker;
use super::shared::Shared;
use crate::threads;

/// The most events of one call: enough to spread its cost.
const BATCH: usize = 64;

impl Client {
    /// Hands all events to `callback` from now on, in batches, on a thread made for it. The last is [`Event::Closed`].
    ///
    /// The callback may take its time, call every method of the client, and drop it. If it panics, the rest of that batch is
    /// lost to it, and the next comes all the same. Messages are confirmed to their senders when the
    /// callback is called with them. Calls such as [`next_events`](Self::next_events) fail from now on.
    ///
    /// # Errors
    /// [`ReceiveError::InvalidArgument`] when somebody listens already, [`ReceiveError::Internal`] when the system gives no
    /// thread.
    pub fn listen(&self, mut callback: impl FnMut(Vec<Event>) + Send + 'static) -> Result<(), ReceiveError> {
        self.claim_events()?;
        // The client is not kept alive: the callback may be its owner.
        let (shared, runtime, gate) =
            (Arc::clone(&self.shared), self.runtime.clone(), Arc::clone(&self.listener));
        let dispatch = move || {
            while let Ok(batch) = runtime.block_on(shared.queue.next(BATCH, Taker::Listener)) {
                let Some(_call) = gate.enter() else { break };
                shared.handed_out(&batch);
                if catch_unwind(AssertUnwindSafe(|| callback(batch.events))).is_err() {
                    log::error!("a listener panicked; it goes on with the next events");
                }
                if shared.home.is_left() {
                    // The callback forked, and this is the child.
                    return;
                }
            }
        };
        threads::spawn("callie-listener", dispatch).map_err(|e| {
            self.shared.queue.unlisten();
            ReceiveError::Internal(Fault::internal(e))
        })
    }

    /// Takes the listener away: returns after its last call, unless that call is the caller. There can be no other
    /// afterwards; messages that it was not given stay unconfirmed.
    #[cfg(feature = "capi")]
    pub(crate) fn stop_listening(&self) {
        self.listener.close();
    }

    /// The client's events for a thread of the application's own, in place of [`listen`](Self::listen).
    ///
    /// # Errors
    /// [`ReceiveError::InvalidArgument`] when somebody listens already.
    pub fn event_reader(&self) -> Result<EventReader, ReceiveError> {
        self.claim_events()?;
        // The client is not kept alive: the callback may be its owner.
        Ok(EventReader { shared: Arc::clone(&self.shared), runtime: self.runtime.clone() })
    }

    /// Gives all further events to one listener.
    fn claim_events(&self) -> Result<(), ReceiveError> {
        self.here().map_err(ReceiveError::Internal)?;
        if self.shared.queue.listen() {
            return Ok(());
        }
        let reason = "a listener takes the events of this client already";
        Err(ReceiveError::InvalidArgument(Fault::new(code::INVALID_ARGUMENT, reason)))
    }
}

/// Reads a client's events on a thread that may block, as its only listener.
#[derive(Debug)]
pub struct EventReader {
    shared: Arc<Shared>,
    runtime: Handle,
}

impl EventReader {
    /// Waits until there are events to take; false after the last, which is [`Event::Closed`].
    ///
    /// It must not be called on a thread that drives a tokio runtime.
    #[must_use]
    pub fn wait(&self) -> bool {
        self.runtime.block_on(self.shared.queue.filled_for_listener())
    }

    /// Takes a batch of the events that are there, and confirms the messages among them; empty when there are none.
    #[must_use]
    pub fn take(&self) -> Vec<Event> {
        let Ok(batch) = self.shared.queue.take(BATCH, Taker::Listener) else { return Vec::new() };
        self.shared.handed_out(&batch);
        batch.events
    }
}
