//! Stores of the application in which a client keeps its state, for languages that the library can call.

use std::sync::Arc;

use super::client::{Client, new_client};
use super::error::{CallError, CallbackError};
use super::server::Credentials;
use crate::callbacks::Foreign;
use callie_client as client;

/// A part of what a client keeps beyond its process. Only the library reads its value.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct StateRecord {
    /// Identifies the record: at most 256 visible ASCII characters.
    pub key: String,
    /// Up to about the size of one payload. It contains texts of messages, and never a token.
    pub value: Vec<u8>,
}

impl From<client::StateRecord> for StateRecord {
    fn from(record: client::StateRecord) -> Self {
        Self { key: record.key, value: record.value }
    }
}

impl From<StateRecord> for client::StateRecord {
    fn from(record: StateRecord) -> Self {
        Self::new(record.key, record.value)
    }
}

/// A place of the application in which a client keeps its state, instead of a file: to encrypt it, or to use a database.
///
/// It belongs to one client, which calls it on one thread that may block. While a call runs, the client accepts and
/// transmits no messages. It must not call the client: a message sent in it fails.
#[uniffi::export(callback_interface)]
pub trait StateStore: Send + Sync {
    /// Returns all records that are stored, in any order; none the first time. Called once, before all else.
    fn load(&self) -> Result<Vec<StateRecord>, CallbackError>;

    /// Stores `puts`, each in place of any record with the same key, and removes the records with the keys `deletes`,
    /// which need not exist. No key is in both. Either all of this is stored when the call returns, or none of it. If it
    /// fails, the client ends with the code `STATE_UNAVAILABLE`.
    fn write(&self, puts: Vec<StateRecord>, deletes: Vec<String>) -> Result<(), CallbackError>;
}

/// Adapts the application's store to the client's.
struct Store(Foreign<dyn StateStore>);

/// The error of a store after callbacks were stopped.
const ENDS: &str = "the program ends";

impl client::StateStore for Store {
    fn load(&mut self) -> Result<Vec<client::StateRecord>, client::BoxError> {
        let records = self.0.call(|store| store.load()).ok_or(ENDS)??;
        Ok(records.into_iter().map(Into::into).collect())
    }

    fn write(
        &mut self,
        puts: Vec<client::StateRecord>,
        deletes: Vec<String>,
    ) -> Result<(), client::BoxError> {
        let puts = puts.into_iter().map(Into::into).collect();
        Ok(self.0.call(|store| store.write(puts, deletes)).ok_or(ENDS)??)
    }
}

#[uniffi::export]
impl Client {
    /// A client that is not connected yet, and that continues from the state in `store`, which is used instead of a
    /// `state_file`.
    #[uniffi::constructor]
    pub fn with_store(credentials: Arc<Credentials>, store: Box<dyn StateStore>) -> Result<Self, CallError> {
        let store = Box::new(Store(Foreign::new(store)));
        Ok(Self { inner: new_client(|| client::Client::with_store(&credentials.inner, store))? })
    }
}
