//! Whether the database can be written, and how often it failed: for `/readyz` and the figures.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Mutex;

use super::{Store, StoreError};
use crate::clock;

/// How long a write that succeeded is believed: whoever asks often must not make the disk work for it.
const FRESH: Duration = Duration::from_secs(5);
/// How long a write that failed is believed. Shorter, so that recovery shows at once.
const FRESH_FAILURE: Duration = Duration::from_secs(1);

/// How long the write may take: longer than a busy database needs, shorter than those who ask are ready to wait.
const PATIENCE: Duration = Duration::from_secs(4);

/// Why the database cannot be used for writing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotWritable {
    /// The file is not the one that was opened: what is written now is lost with the process.
    #[error("the database file was deleted or replaced while the server runs")]
    Replaced,
    /// A write failed.
    #[error("{0}")]
    Failed(String),
}

/// What is known of the database's state. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Health(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    reads: Counter,
    writes: Counter,
    writable: Gauge,
    last: Mutex<Option<(Instant, Result<(), NotWritable>)>>,
}

impl Health {
    /// Questions that failed.
    pub(crate) fn reads(&self) -> Counter {
        self.0.reads.clone()
    }

    /// Changes that failed.
    pub(crate) fn writes(&self) -> Counter {
        self.0.writes.clone()
    }

    /// 1 if the last change that was made to find out succeeded.
    pub(crate) fn writable(&self) -> Gauge {
        self.0.writable.clone()
    }
}

/// The file of a database as it was when it was opened.
#[derive(Debug, Clone)]
pub(super) struct OpenedFile {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

impl OpenedFile {
    pub(super) fn of(path: &str) -> Self {
        let path = PathBuf::from(path);
        Self { identity: identity(&path), path }
    }
}

fn identity(path: &std::path::Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

impl Store {
    /// Counts of failures, and whether the database can be written.
    pub(crate) fn health(&self) -> &Health {
        &self.health
    }

    /// Whether the database's file is still the one that was opened. Always true for PostgreSQL and a database in memory.
    #[must_use]
    pub fn file_is_in_place(&self) -> bool {
        let in_place = |file: &OpenedFile| file.identity.is_some() && identity(&file.path) == file.identity;
        self.file.as_ref().is_none_or(in_place)
    }

    /// Whether the database can be written, tried at most once in five seconds, or once in a second while it fails.
    ///
    /// # Errors
    /// [`NotWritable`] when it cannot.
    pub async fn check_writable(&self) -> Result<(), NotWritable> {
        // Held while it is tried, so that others who ask meanwhile wait for this result.
        let mut last = self.health.0.last.lock().await;
        if let Some((at, result)) = &*last
            && at.elapsed() < if result.is_ok() { FRESH } else { FRESH_FAILURE }
        {
            return result.clone();
        }
        let result = if self.file_is_in_place() {
            match tokio::time::timeout(PATIENCE, self.write_and_remove()).await {
                Ok(done) => done.map_err(|error| NotWritable::Failed(error.to_string())),
                Err(_) => Err(NotWritable::Failed("it does not take a change in time".to_owned())),
            }
        } else {
            Err(NotWritable::Replaced)
        };
        self.health.0.writable.set(result.is_ok().into());
        if let Err(error) = &result {
            tracing::warn!(%error, "the database cannot be written");
        }
        *last = Some((Instant::now(), result.clone()));
        result
    }

    /// Writes an entry that nobody sees, since it is removed in the same transaction. It is committed: a full disk shows
    /// there at the earliest.
    async fn write_and_remove(&self) -> Result<(), StoreError> {
        let id = clock::new_uuid().to_string();
        let mut tx = self.begin().await?;
        sqlx::query("INSERT INTO events (id, at, kind, subject) VALUES ($1, $2, 'write_check', '')")
            .bind(&id)
            .bind(clock::now())
            .execute(&mut tx)
            .await?;
        sqlx::query("DELETE FROM events WHERE id = $1").bind(&id).execute(&mut tx).await?;
        tx.commit().await?;
        Ok(())
    }
}
