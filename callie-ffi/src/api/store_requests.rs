//! Stores of the application for a language whose threads fetch the requests and answer them: Python.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::client::{Client, new_client};
use super::error::CallError;
use super::server::Credentials;
use super::state_store::StateRecord;
use callie_client as client;

/// What a client asks its store for.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum StoreRequest {
    /// All records.
    Load,
    /// To store records, and to remove those with the keys `deletes`.
    Write {
        /// The records.
        puts: Vec<StateRecord>,
        /// The keys.
        deletes: Vec<String>,
    },
}

/// The request in progress, and its answer.
#[derive(Debug, Default)]
struct Desk {
    request: Option<StoreRequest>,
    answer: Option<Result<Vec<StateRecord>, String>>,
    /// A client has the store.
    taken: bool,
    /// The client no longer needs its store.
    over: bool,
}

#[derive(Debug, Default)]
struct Shared {
    desk: Mutex<Desk>,
    changed: Condvar,
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `done` returns a value.
    fn wait<T>(&self, done: impl Fn(&mut Desk) -> Option<T>) -> T {
        let mut desk = self.desk();
        loop {
            if let Some(value) = done(&mut desk) {
                return value;
            }
            desk = self.changed.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn change(&self, change: impl FnOnce(&mut Desk)) {
        change(&mut self.desk());
        self.changed.notify_all();
    }
}

/// Reads the requests to one store, for a thread of the application.
#[derive(Debug, uniffi::Object)]
pub struct StoreReader(Arc<Shared>);

#[uniffi::export]
impl StoreReader {
    /// A reader for one client.
    #[uniffi::constructor]
    #[allow(clippy::new_without_default, reason = "only other languages make one")]
    pub fn new() -> Self {
        Self(Arc::default())
    }

    /// Waits for the next request, which has to be answered; none when the client no longer needs its store.
    pub fn next(&self) -> Option<StoreRequest> {
        self.0.wait(|desk| match desk.request.take() {
            None if desk.over => Some(None),
            request => request.map(Some),
        })
    }

    /// Answers the last request: with the records, or with the reason why it failed. What was written has no records.
    pub fn answer(&self, records: Vec<StateRecord>, error: Option<String>) {
        self.0.change(|desk| desk.answer = Some(error.map_or(Ok(records), Err)));
    }
}

/// A store that queues each request and waits for its answer.
struct QueuedStore(Arc<Shared>);

impl QueuedStore {
    fn ask(&self, request: StoreRequest) -> Result<Vec<StateRecord>, client::BoxError> {
        self.0.change(|desk| desk.request = Some(request));
        Ok(self.0.wait(|desk| desk.answer.take())?)
    }
}

impl Drop for QueuedStore {
    fn drop(&mut self) {
        self.0.change(|desk| desk.over = true);
    }
}

impl client::StateStore for QueuedStore {
    fn load(&mut self) -> Result<Vec<client::StateRecord>, client::BoxError> {
        Ok(self.ask(StoreRequest::Load)?.into_iter().map(Into::into).collect())
    }

    fn write(
        &mut self,
        puts: Vec<client::StateRecord>,
        deletes: Vec<String>,
    ) -> Result<(), client::BoxError> {
        let puts = puts.into_iter().map(Into::into).collect();
        self.ask(StoreRequest::Write { puts, deletes }).map(drop)
    }
}

#[uniffi::export]
impl Client {
    /// A client that is not connected yet, and that continues from the state in a store. Its requests are those of
    /// `reader`, whose thread must read already. A reader serves one client.
    #[uniffi::constructor]
    pub fn with_queued_store(
        credentials: Arc<Credentials>,
        reader: Arc<StoreReader>,
    ) -> Result<Self, CallError> {
        if std::mem::replace(&mut reader.0.desk().taken, true) {
            return Err(client::Error::argument("the reader", "that of no other client").into());
        }
        let store = Box::new(QueuedStore(Arc::clone(&reader.0)));
        Ok(Self { inner: new_client(|| client::Client::with_store(&credentials.inner, store))? })
    }
}
