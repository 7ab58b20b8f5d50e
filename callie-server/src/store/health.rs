//! Whether the database can be written, for `/readyz` and the metrics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::database::Database;
use super::error::StoreError;
use super::file::OpenedFile;
use crate::base::telemetry::DatabaseHealth;
use crate::base::{clock, ids};

/// How long a successful write is reused, so that frequent checks do not cause frequent writes to the disk.
const FRESH: Duration = Duration::from_secs(5);
/// How long a failed write is reused. Shorter, so that a recovery shows soon.
const FRESH_FAILURE: Duration = Duration::from_secs(1);

/// How long the write may take: longer than a busy database needs, shorter than the timeout of those who ask.
const WRITE_TIMEOUT: Duration = Duration::from_secs(4);

/// Why the database cannot be used for writing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotWritable {
    /// The file is not the one that was opened: what is written now is lost when the process ends.
    #[error("the database file was deleted or replaced while the server runs")]
    Replaced,
    /// A write failed.
    #[error("{0}")]
    Failed(String),
}

/// Checks the state of the database. Cloning shares the last result.
#[derive(Debug, Clone)]
pub struct Health {
    database: Database,
    metrics: DatabaseHealth,
    file: Option<OpenedFile>,
    last: Arc<Mutex<Option<LastWrite>>>,
}

/// The last write that was made as a check.
#[derive(Debug)]
struct LastWrite {
    at: Instant,
    result: Result<(), NotWritable>,
}

impl Health {
    pub(super) fn new(database: Database, metrics: DatabaseHealth, file: Option<OpenedFile>) -> Self {
        Self { database, metrics, file, last: Arc::default() }
    }

    /// Returns the metrics of the database.
    pub(crate) fn metrics(&self) -> &DatabaseHealth {
        &self.metrics
    }

    /// Checks that the database answers.
    ///
    /// # Errors
    /// [`StoreError`] when it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1 FROM users LIMIT 1").execute(self.database.read()).await?;
        Ok(())
    }

    /// Returns `true` if the file of the database is still the one that was opened. Always true for PostgreSQL and for
    /// a database in memory.
    #[must_use]
    pub fn file_is_in_place(&self) -> bool {
        self.file.as_ref().is_none_or(OpenedFile::is_in_place)
    }

    /// Checks that the database can be written. Writes at most once in 5 seconds, or once in a second while it
    /// fails.
    ///
    /// # Errors
    /// [`NotWritable`] when it cannot.
    pub async fn check_writable(&self) -> Result<(), NotWritable> {
        // Locked during the write, so that concurrent callers wait for its result.
        let mut last = self.last.lock().await;
        if let Some(LastWrite { at, result }) = &*last
            && at.elapsed() < if result.is_ok() { FRESH } else { FRESH_FAILURE }
        {
            return result.clone();
        }
        let result = if self.file_is_in_place() {
            match tokio::time::timeout(WRITE_TIMEOUT, self.write_and_remove()).await {
                Ok(done) => done.map_err(|error| NotWritable::Failed(error.to_string())),
                Err(_) => Err(NotWritable::Failed("a write did not finish in time".to_owned())),
            }
        } else {
            Err(NotWritable::Replaced)
        };
        self.metrics.writable.set(result.is_ok().into());
        if let Err(error) = &result {
            tracing::warn!(%error, "cannot write to the database");
        }
        *last = Some(LastWrite { at: Instant::now(), result: result.clone() });
        result
    }

    /// Writes an entry and removes it in the same transaction, so that no reader sees it. Commits, because a full disk
    /// may not show before.
    async fn write_and_remove(&self) -> Result<(), StoreError> {
        let id = ids::new_uuid().to_string();
        let mut tx = self.database.begin().await?;
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
