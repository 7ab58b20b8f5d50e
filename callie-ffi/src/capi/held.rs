//! The object behind a client's handle.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::registry::Registry;
use super::status::Failure;
use super::tickets::Tickets;
use crate::gate::{Gate, Retired};
use callie_client::{Client, Event, TokenSource};

/// A user's connection to a server, across reconnections. Free it with `callie_client_free`. It may be used by several
/// threads at once.
pub struct CallieClient {
    _private: [u8; 0],
}

/// The object behind a client's handle.
pub(super) struct Held {
    pub(super) client: Client,
    pub(super) tickets: Tickets,
    /// The gate of the listener.
    pub(super) listener: Arc<Gate>,
    source: Mutex<Source>,
    /// The gate of the store of its state, if the application gave one.
    store: Option<Arc<Gate>>,
    /// The gates of earlier token sources.
    retired: Retired,
    /// The handle was freed.
    freed: AtomicBool,
    /// Wakes the calls that wait for events.
    released: Notify,
}

/// The client's source of tokens.
#[derive(Default)]
struct Source {
    gate: Option<Arc<Gate>>,
    /// The handle was freed: no source can be set any more.
    over: bool,
}

impl Held {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            tickets: Tickets::default(),
            listener: Arc::new(Gate::new()),
            source: Mutex::default(),
            store: None,
            retired: Retired::default(),
            freed: AtomicBool::new(false),
            released: Notify::new(),
        }
    }

    /// The same for a client whose state is in a store, which is called through its gate.
    pub(super) fn with_store(client: Client, store: Arc<Gate>) -> Self {
        Self { store: Some(store), ..Self::new(client) }
    }

    /// Replaces the token source, which is called through its gate. Returns after the last call of the previous one.
    pub(super) fn set_source(&self, next: Option<(Arc<Gate>, Arc<dyn TokenSource>)>) -> Result<(), Failure> {
        {
            let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
            if source.over {
                return Err(Failure::dead(CLIENTS.name()));
            }
            let (gate, next) = next.unzip();
            self.client.set_token_source(next);
            if let Some(before) = std::mem::replace(&mut source.gate, gate) {
                self.retired.push(before);
            }
        }
        self.retired.close();
        Ok(())
    }

    /// Ends the client, wakes all calls that wait for it, and returns after the last call of its callbacks.
    pub(super) fn release(&self) {
        self.freed.store(true, Ordering::Release);
        self.client.begin_disconnect();
        self.released.notify_waiters();
        {
            let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
            source.over = true;
            self.client.set_token_source(None);
            if let Some(before) = source.gate.take() {
                self.retired.push(before);
            }
        }
        self.listener.close();
        if let Some(store) = &self.store {
            store.close();
        }
        self.retired.close();
    }

    /// Ends when the handle is freed.
    async fn until_freed(&self) {
        loop {
            let released = self.released.notified();
            if self.freed.load(Ordering::Acquire) {
                return;
            }
            released.await;
        }
    }

    /// Takes events. After the handle was freed it takes none, so that no message is confirmed that the application
    /// never received.
    pub(super) async fn next_events(&self, max: usize, wait: Duration) -> Result<Vec<Event>, Failure> {
        tokio::select! {
            biased;
            () = self.until_freed() => Err(Failure::freed()),
            taken = self.client.next_events(max, wait) => Ok(taken?),
        }
    }
}

pub(super) static CLIENTS: Registry<Held> = Registry::new("the client");
