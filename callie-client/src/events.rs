//! Events as a stream.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::event::Event;
use crate::handle::Client;
use crate::queue::Taker;
use crate::shared::Shared;

impl Client {
    /// Returns the events as a stream. A message counts as taken, and is confirmed to its sender, when the stream
    /// yields it.
    ///
    /// The stream ends after [`Event::Closed`], or if an [`EventReader`](crate::EventReader) has the events. It does
    /// not keep the client alive. Several streams and calls such as [`next_events`](Self::next_events) share the events:
    /// each goes to one of them.
    pub fn events(&self) -> Events {
        Events { shared: Arc::clone(self.shared()), waiting: None }
    }
}

/// A stream of a client's events; see [`Client::events`].
#[must_use = "streams do nothing unless polled"]
pub struct Events {
    shared: Arc<Shared>,
    /// Completes when there may be events.
    waiting: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        loop {
            if let Some(waiting) = &mut self.waiting {
                ready!(waiting.as_mut().poll(cx));
                self.waiting = None;
            }
            if self.shared.home.is_left() {
                return Poll::Ready(None);
            }
            let Ok(batch) = self.shared.queue.take(1, Taker::Calls) else { return Poll::Ready(None) };
            self.shared.handed_out(&batch);
            if let Some(event) = batch.events.into_iter().next() {
                return Poll::Ready(Some(event));
            }
            let shared = Arc::clone(&self.shared);
            self.waiting = Some(Box::pin(async move {
                // The next poll of the queue tells why there are no more events.
                let _ = shared.queue.filled().await;
            }));
        }
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}
