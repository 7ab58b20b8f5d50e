//! Events that are handed to a callback, on a thread of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::error::{Fault, ReceiveError, code};
use super::event::Event;
use super::handle::Client;
use super::queue::Taker;
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
        self.here().map_err(ReceiveError::Internal)?;
        if !self.shared.queue.listen() {
            let reason = "a listener takes the events of this client already";
            return Err(ReceiveError::InvalidArgument(Fault::new(code::INVALID_ARGUMENT, reason)));
        }
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
}
