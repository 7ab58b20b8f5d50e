//! What outlives the process: users, sessions, groups, blocks and settings, in one set of SQL for every database.
//!
//! `open.rs` connects and migrates; `model.rs` has the values; the other files have one family of questions each, all of
//! them methods of [`Store`]. Whatever changes more than one row is one transaction: it happens wholly or not at all.
//! SQL is kept to what SQLite and PostgreSQL share: `$1` placeholders, TEXT and BIGINT.

mod admins;
mod blocks;
mod column;
mod error;
mod events;
mod groups;
mod lists;
mod members;
mod migrations;
mod model;
mod open;
mod postgres;
mod secret;
mod sessions;
mod settings;
mod sqlite;
mod touch;
mod users;

use sqlx::{Any, AnyPool, Transaction};

pub use error::{GroupError, OpenError, StoreError};
pub use events::{SessionEvent, watch_events};
pub use groups::GroupLimits;
pub use model::{Ban, DirectAccess, Group, GroupMember, MemberPage, Removal, Session, TokenHash, User};
pub use settings::SettingsUpdate;

/// The database of a server. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Store {
    read: AnyPool,
    /// SQLite takes one writer at a time: a pool of one lets them queue fairly, where they would else poll the file.
    write: AnyPool,
    kind: Kind,
    touched: touch::Touched,
    poke: std::sync::Arc<tokio::sync::Notify>,
}

/// The kinds of databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sqlite,
    Postgres,
}

impl Store {
    /// A transaction that holds the right to write from its beginning, so that it cannot fail halfway for want of it.
    async fn begin(&self) -> Result<Transaction<'static, Any>, StoreError> {
        let begin = match self.kind {
            Kind::Sqlite => "BEGIN IMMEDIATE",
            Kind::Postgres => "BEGIN",
        };
        Ok(self.write.begin_with(begin).await?)
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
