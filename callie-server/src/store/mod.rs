//! What outlives the process: users, sessions, groups, blocks and settings, in one set of SQL for every database.
//!
//! `claim.rs` keeps a second server off, `open.rs` connects and migrates, with `sqlite.rs`, `postgres.rs` and `migrations.rs`;
//! `health.rs` finds out whether the database can be written; `connections.rs` bounds how long an
//! answer takes, `locks.rs` says how several servers decide on one database; `model.rs` has the values; the other files
//! have one family of questions each, all of them methods of [`Store`]. Whatever changes more than one row is one
//! transaction: it happens wholly or not at all. SQL is kept to what SQLite and PostgreSQL share: `$1` placeholders, TEXT
//! and BIGINT, numbers for flags.

mod admins;
mod backup;
mod blocks;
mod claim;
mod column;
mod connections;
mod error;
mod events;
mod groups;
mod health;
mod lists;
mod locks;
mod members;
mod migrations;
mod model;
mod open;
mod postgres;
mod relations;
mod secret;
mod sessions;
mod settings;
mod sqlite;
mod touch;
mod users;

pub use backup::{BackupError, back_up, restore};
pub use claim::Claim;
use connections::{Connections, Kind, Tx};
pub use error::{GroupError, OpenError, StoreError};
pub use events::{AdminAct, SessionEvent, watch_events};
pub use groups::GroupLimits;
pub(crate) use health::Health;
pub use health::NotWritable;
pub use model::{Ban, DirectAccess, Group, GroupMember, MemberPage, Removal, Session, TokenHash, User};
pub use relations::Relations;
pub use settings::SettingsUpdate;

/// The database of a server. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Store {
    read: Connections,
    /// SQLite takes one writer at a time: a pool of one lets them queue fairly, where they would else poll the file. For
    /// PostgreSQL it is the same pool as `read`.
    write: Connections,
    touched: touch::Touched,
    poke: std::sync::Arc<tokio::sync::Notify>,
    health: Health,
    /// The file, where the database is one.
    file: Option<health::OpenedFile>,
}

impl Store {
    /// A transaction that will write. SQLite gives the right to it at the beginning, so that it cannot fail halfway for want
    /// of it; `locks.rs` says what is done on PostgreSQL.
    async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(self
            .write
            .begin(match self.write.kind() {
                Kind::Sqlite => "BEGIN IMMEDIATE",
                Kind::Postgres => "BEGIN",
            })
            .await?)
    }

    /// A transaction that only reads, and reads all as it was at one moment.
    async fn begin_reading(&self) -> Result<Tx, StoreError> {
        Ok(self
            .read
            .begin(match self.read.kind() {
                Kind::Sqlite => "BEGIN",
                Kind::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            })
            .await?)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError`] when it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1 FROM users LIMIT 1").execute(&self.read).await?;
        Ok(())
    }

    /// Writes what is still to be written and lets go of the database.
    pub async fn close(&self) {
        if let Err(error) = self.flush_touched().await {
            tracing::warn!(%error, "the last uses of sessions were not written");
        }
        self.read.close().await;
        self.write.close().await;
    }
}

/// `$from, $from+1, …`: `count` placeholders for a list of values.
fn placeholders(from: usize, count: usize) -> String {
    (from..from + count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
}

/// Values in one statement. SQLite takes 32,766, PostgreSQL 65,535; a short statement is planned faster.
const CHUNK: usize = 200;
