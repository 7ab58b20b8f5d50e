//! Batches of events as one text, for a language that reads JSON much faster than records: Python.
//!
//! A batch is a JSON array of events, as [`Event`] serialises.

use std::sync::Arc;
use std::time::Duration;

use super::client::Client;
use super::error::CallError;
use crate::runtime::within;
use callie_client::{self as client, Event};

fn write(events: &[Event]) -> String {
    // Events hold only texts, numbers and valid JSON, which can always be serialised.
    serde_json::to_string(events).unwrap_or_default()
}

#[uniffi::export]
impl Client {
    /// Takes up to `max` of the events that are there, without waiting; an empty text when there are none.
    ///
    /// The last event is `Closed`; after it the call fails.
    pub fn take_batch(&self, max: u32) -> Result<String, CallError> {
        let events = self.inner.take_events(usize::try_from(max).unwrap_or(usize::MAX))?;
        Ok(if events.is_empty() { String::new() } else { write(&events) })
    }

    /// As `take_batch`, but confirms nothing: call `confirm_taken` for the events that the application takes. The text
    /// is a JSON object with the `events` and the number of the `first`; the others follow.
    pub fn fetch_batch(&self, max: u32) -> Result<String, CallError> {
        let fetched = self.inner.fetch_events_now(usize::try_from(max).unwrap_or(usize::MAX))?;
        if fetched.events.is_empty() {
            return Ok(String::new());
        }
        Ok(format!("{{\"first\":{},\"events\":{}}}", fetched.first, write(&fetched.events)))
    }

    /// Waits at most for `timeout` until there are events to take, or the last has been taken. It takes none itself, so
    /// cancelling it loses nothing.
    pub async fn await_events(&self, timeout: Duration) -> Result<(), CallError> {
        Ok(within(self.inner.await_events(timeout)).await??)
    }

    /// Returns the only reader of this client's events, for a thread of the application that passes them to a listener.
    ///
    /// Calls such as `take_batch` then fail. May be called once. The reader does not keep the client alive.
    pub fn event_reader(&self) -> Result<Arc<EventReader>, CallError> {
        Ok(Arc::new(EventReader { inner: self.inner.event_reader()? }))
    }
}

/// Reads a client's events, for a thread of the application.
#[derive(Debug, uniffi::Object)]
pub struct EventReader {
    inner: client::EventReader,
}

#[uniffi::export]
impl EventReader {
    /// Waits until there are events to take; false after the last. The calling thread waits, so it must not drive an
    /// event loop.
    pub fn wait(&self) -> bool {
        self.inner.wait()
    }

    /// Takes a batch of the events that are there, as one text, and confirms the messages among them; empty when there
    /// are none.
    pub fn take(&self) -> String {
        let events = self.inner.take();
        if events.is_empty() { String::new() } else { write(&events) }
    }
}
