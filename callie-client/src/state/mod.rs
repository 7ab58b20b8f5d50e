//! What a client keeps beyond its process: the records of its session, in a file or in a store of the application.
//!
//! - `file`, `frames`: the file, and the form of its contents
//! - `worker`: the one thread that reads and writes a file or a store

mod file;
mod frames;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::task::Context;

use callie_core::session::{Change, Record, RestoreError, Session};

use crate::error::{BoxError, Error, ErrorKind, code};
use worker::Mailbox;

/// A place of the application in which a client keeps its state, instead of a file: to encrypt it, or to use a database.
///
/// It belongs to one client, which calls it from one thread that may block. While a call runs, the client accepts and
/// transmits no messages. The methods must not call the client: a message sent in them fails.
pub trait StateStore: Send {
    /// Returns all records that are stored, in any order; none the first time. Called once, before all else.
    ///
    /// # Errors
    /// Why they cannot be read. [`Client::with_store`](crate::Client::with_store) then fails.
    fn load(&mut self) -> Result<Vec<Record>, BoxError>;

    /// Stores `puts`, each in place of any record with the same key, and removes the records with the keys `deletes`,
    /// which need not exist. No key is in both. Either all of this is stored when the call returns, or none of it.
    ///
    /// # Errors
    /// Why nothing was stored. The client then ends, with the code
    /// [`STATE_UNAVAILABLE`](crate::code::STATE_UNAVAILABLE).
    fn write(&mut self, puts: Vec<Record>, deletes: Vec<String>) -> Result<(), BoxError>;
}

/// Where the state is.
pub(crate) enum Place {
    File(PathBuf),
    Store(Box<dyn StateStore>),
}

/// The state of a client, which one thread reads and writes.
#[derive(Debug)]
pub(crate) struct State(Arc<Mailbox>);

/// How far the changes of the state are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Stored,
    Waits,
    /// It will not be stored, because this or an earlier change failed.
    Failed,
}

impl State {
    /// Opens the state, and makes the session that continues from it.
    ///
    /// # Errors
    /// [`ErrorKind::State`]. The place is free again when this returns.
    pub(crate) fn open(
        place: Place,
        restore: impl FnOnce(&[Record]) -> Result<Session, RestoreError> + Send + 'static,
    ) -> Result<(Self, Session), Error> {
        let (mailbox, session) = worker::start(place, Box::new(restore))?;
        Ok((Self(mailbox), session))
    }

    /// Queues a change. The caller holds the lock of the session, so changes are queued in their order.
    pub(crate) fn push(&self, number: u64, change: Change) {
        self.0.push(number, change);
    }

    /// Waits until the change with this number is stored.
    ///
    /// # Errors
    /// [`ErrorKind::State`] if it is not.
    pub(crate) fn wait(&self, number: u64) -> Result<(), Error> {
        self.0.wait(number)
    }

    pub(crate) fn progress(&self, number: u64) -> Progress {
        self.0.progress(number)
    }

    /// Returns the number of the last stored change and the error, if the next one could not be stored.
    pub(crate) fn failure(&self) -> Option<(u64, Error)> {
        self.0.failure()
    }

    /// Wakes the driver at the next progress.
    pub(crate) fn register(&self, cx: &Context<'_>) {
        self.0.register(cx.waker());
    }

    /// Whether the calling thread is the one that calls the store.
    pub(crate) fn is_own_thread(&self) -> bool {
        self.0.is_own_thread()
    }

    /// Ends the thread after it has stored what is queued. Returns true when it has ended and the place is free.
    pub(crate) fn close(&self) -> bool {
        self.0.close()
    }
}

/// The state cannot be read or written.
fn unavailable(what: impl std::fmt::Display, source: BoxError) -> Error {
    let reason = format!("{what}: {source}");
    Error::new(ErrorKind::State, code::STATE_UNAVAILABLE, reason).with_source(source)
}

impl From<RestoreError> for Error {
    fn from(error: RestoreError) -> Self {
        let code = match error {
            RestoreError::OtherUser { .. } => code::STATE_OF_OTHER_USER,
            RestoreError::OtherServer { .. } => code::STATE_OF_OTHER_SERVER,
            RestoreError::NewerVersion { .. } => code::STATE_TOO_NEW,
            _ => code::STATE_DAMAGED,
        };
        Self::new(ErrorKind::State, code, error.to_string())
    }
}
