//! Batches of events as one text, for a language that reads JSON much faster than records: Python.
//!
//! A batch is a JSON array of objects. Each has the members of its [`Event`], by the same names, and `event`, which names its
//! variant in snake case. Of the other enums, the variant stands in `state` and `kind`.

use std::sync::Arc;
use std::time::Duration;

use super::callback::BatchListener;
use super::client::Client;
use super::error::ReceiveError;
use super::event::Event;
use crate::callbacks::Foreign;
use crate::client;
use crate::runtime::within;

fn write(events: Vec<client::Event>) -> String {
    let events: Vec<Event> = events.into_iter().map(Event::from).collect();
    // Texts and numbers: they can always be written.
    serde_json::to_string(&events).unwrap_or_default()
}

#[uniffi::export]
impl Client {
    /// Takes up to `max` of the events that are there, without waiting; an empty text when there are none.
    ///
    /// The last event is `Closed`; after it the call fails.
    pub fn take_batch(&self, max: u32) -> Result<String, ReceiveError> {
        let events = self.inner.take_events(usize::try_from(max).unwrap_or(usize::MAX))?;
        Ok(if events.is_empty() { String::new() } else { write(events) })
    }

    /// As `take_batch`, but confirms nothing: `confirm_taken` is to be called for what the application takes. The text is a JSON
    /// object with the `events` and the number of the `first`, from which the others count on.
    pub fn fetch_batch(&self, max: u32) -> Result<String, ReceiveError> {
        let fetched = self.inner.fetch_events_now(usize::try_from(max).unwrap_or(usize::MAX))?;
        if fetched.events.is_empty() {
            return Ok(String::new());
        }
        Ok(format!("{{\"first\":{},\"events\":{}}}", fetched.first, write(fetched.events)))
    }

    /// Waits at most `timeout_ms` milliseconds until there are events to take, or the last has been taken. It takes none
    /// itself, so cancelling it loses nothing.
    pub async fn await_events(&self, timeout_ms: u64) -> Result<(), ReceiveError> {
        Ok(within(self.inner.await_events(Duration::from_millis(timeout_ms))).await??)
    }

    /// Hands all events to `listener` from now on, as `listen` does, each batch as one text.
    pub fn listen_in_batches(&self, listener: Arc<dyn BatchListener>) -> Result<(), ReceiveError> {
        let listener = Foreign::new(listener);
        let callback = move |events: Vec<client::Event>| {
            if let Some(Err(error)) = listener.call(|listener| listener.on_batch(write(events))) {
                log::error!("a listener failed; it goes on with the next events: {error}");
            }
        };
        Ok(self.inner.listen(callback)?)
    }
}
