//! Events that are handed to a callback, on a thread of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::thread;

use super::error::{Fault, ReceiveError};
use super::event::Event;
use super::handle::Client;

/// The most events of one call: enough to spread its cost.
const BATCH: usize = 64;

impl Client {
    /// Hands all events to `callback` from now on, in batches, on a thread made for it. The last is [`Event::Closed`].
    ///
    /// The callback may take its time, call every method of the client, and drop it. If it panics, the rest of that batch is
    /// lost to it, and the next comes all the same. Who listens does not call [`next_events`](Self::next_events).
    ///
    /// # Errors
    /// [`ReceiveError::InvalidArgument`] when somebody listens already, [`ReceiveError::Internal`] when the system gives no
    /// thread.
    pub fn listen(&self, mut callback: impl FnMut(Vec<Event>) + Send + 'static) -> Result<(), ReceiveError> {
        let mut listens = self.listens.lock().unwrap_or_else(PoisonError::into_inner);
        if *listens {
            let reason = Fault::argument("the listener", "the only one of its client");
            return Err(ReceiveError::InvalidArgument(reason));
        }
        // The client is not kept alive: the callback may be its owner.
        let (shared, runtime) = (Arc::clone(&self.shared), self.runtime.clone());
        let dispatch = move || {
            while let Ok(taken) = runtime.block_on(shared.queue.next(BATCH)) {
                if taken.made_room {
                    shared.driver.wake();
                }
                if catch_unwind(AssertUnwindSafe(|| callback(taken.events))).is_err() {
                    log::error!("a listener panicked; it goes on with the next events");
                }
            }
        };
        thread::Builder::new()
            .name("callie-listener".to_owned())
            .spawn(dispatch)
            .map_err(|e| ReceiveError::Internal(Fault::internal(e)))?;
        *listens = true;
        Ok(())
    }
}
