//! Stores of the application for a language whose threads fetch the requests and answer them: Python.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

type Answer = Result<Vec<StateRecord>, String>;

/// A request, and where its answer goes.
type Asked = (StoreRequest, SyncSender<Answer>);

/// Reads the requests to one store, for a thread of the application.
#[derive(Debug, uniffi::Object)]
pub struct StoreReader {
    /// For the store of the client, until there is one.
    requests: Mutex<Option<Sender<Asked>>>,
    asked: Mutex<Receiver<Asked>>,
    /// Where the answer to the last request goes.
    answer: Mutex<Option<SyncSender<Answer>>>,
}

fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

#[uniffi::export]
impl StoreReader {
    /// A reader for one client.
    #[uniffi::constructor]
    #[allow(clippy::new_without_default, reason = "only other languages make one")]
    pub fn new() -> Self {
        let (requests, asked) = channel();
        Self { requests: Mutex::new(Some(requests)), asked: Mutex::new(asked), answer: Mutex::default() }
    }

    /// Waits for the next request, which has to be answered; none when the client no longer needs its store.
    pub fn next(&self) -> Option<StoreRequest> {
        let (request, answer) = locked(&self.asked).recv().ok()?;
        *locked(&self.answer) = Some(answer);
        Some(request)
    }

    /// Answers the last request: with the records, or with the reason why it failed. What was written has no records.
    pub fn answer(&self, records: Vec<StateRecord>, error: Option<String>) {
        if let Some(answer) = locked(&self.answer).take() {
            // If the request no longer waits, the client has ended.
            let _ = answer.send(error.map_or(Ok(records), Err));
        }
    }
}

/// A store that queues each request and waits for its answer.
struct QueuedStore(Sender<Asked>);

impl QueuedStore {
    fn ask(&self, request: StoreRequest) -> Result<Vec<StateRecord>, client::BoxError> {
        let (answer, answered) = sync_channel(1);
        self.0.send((request, answer))?;
        Ok(answered.recv()??)
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
        let requests = locked(&reader.requests).take();
        let requests =
            requests.ok_or_else(|| client::Error::argument("the reader", "that of no other client"))?;
        let store = Box::new(QueuedStore(requests));
        Ok(Self { inner: new_client(|| client::Client::with_store(&credentials.inner, store))? })
    }
}
