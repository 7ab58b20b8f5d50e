//! The connections to the database, as the types of this folder share them.

use std::sync::Arc;

use tokio::sync::Notify;

use super::connections::{Connections, Kind, Tx};
use super::error::StoreError;

/// A handle to the database. Cloning shares it.
#[derive(Debug, Clone)]
pub(super) struct Database {
    read: Connections,
    /// SQLite takes one writer at a time. A pool of one connection lets writers queue fairly; with more they would poll the
    /// file. For PostgreSQL it is the same pool as `read`.
    write: Connections,
    recorded: Arc<Notify>,
}

impl Database {
    /// Creates a handle to the connections for reading and for writing.
    pub(super) fn new(read: Connections, write: Connections) -> Self {
        Self { read, write, recorded: Arc::default() }
    }

    /// Returns the connections for reading.
    pub(super) fn read(&self) -> &Connections {
        &self.read
    }

    /// Returns the connections for single statements that write.
    pub(super) fn write(&self) -> &Connections {
        &self.write
    }

    /// Begins a transaction that writes.
    ///
    /// SQLite grants the right to write at the beginning, so that the transaction cannot fail halfway for lack of it. For
    /// PostgreSQL see `locks.rs`.
    pub(super) async fn begin(&self) -> Result<Tx, StoreError> {
        let begin = match self.write.kind() {
            Kind::Sqlite => "BEGIN IMMEDIATE",
            Kind::Postgres => "BEGIN",
        };
        Ok(self.write.begin(begin).await?)
    }

    /// Begins a transaction that only reads, and reads everything as it was at one moment.
    pub(super) async fn begin_reading(&self) -> Result<Tx, StoreError> {
        let begin = match self.read.kind() {
            Kind::Sqlite => "BEGIN",
            Kind::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        Ok(self.read.begin(begin).await?)
    }

    /// Wakes the reader of the event log: this process has committed an entry.
    pub(super) fn wake_events(&self) {
        self.recorded.notify_one();
    }

    /// Waits until this process has committed an entry of the event log.
    pub(super) async fn events_recorded(&self) {
        self.recorded.notified().await;
    }

    /// Waits for the connections that are in use, and closes all of them.
    pub(super) async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}
