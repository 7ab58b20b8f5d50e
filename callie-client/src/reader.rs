//! Events for one thread that may block.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::error::Error;
use crate::event::Event;
use crate::handle::Client;
use crate::queue::{Refused, Taker};
use crate::shared::Shared;

/// The maximum number of events in a batch: enough to spread the cost of a call.
const BATCH: usize = 64;

impl Client {
    /// Returns the only reader of this client's events, for a thread that blocks until there are some.
    ///
    /// While the reader lives, calls such as [`next_events`](Self::next_events) fail. Dropping it gives the events back
    /// to
    /// them. The reader does not keep the client alive, so the code that handles the events may own the client.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) while another reader lives,
    /// [`Closed`](crate::ErrorKind::Closed) after the last event was taken.
    pub fn event_reader(&self) -> Result<EventReader, Error> {
        self.here()?;
        self.shared().queue.listen().map_err(|refused| match refused {
            Refused::Closed => self.end_error(),
            Refused::Listening => Error::invalid(
                crate::code::INVALID_ARGUMENT,
                "a listener takes the events of this client already",
            ),
        })?;
        Ok(EventReader { shared: Arc::clone(self.shared()), runtime: self.runtime().clone() })
    }
}

/// Reads a client's events on a thread that may block.
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

    /// Takes the next events, at most 64, and confirms the messages among them; empty when there are none.
    #[must_use]
    pub fn take(&self) -> Vec<Event> {
        let Ok(batch) = self.shared.queue.take(BATCH, Taker::Listener) else { return Vec::new() };
        self.shared.handed_out(&batch);
        batch.events
    }
}

impl Drop for EventReader {
    fn drop(&mut self) {
        // In a forked child the lock may be held by a thread that does not exist.
        if !self.shared.home.is_left() {
            self.shared.queue.unlisten();
        }
    }
}
