//! User accounts: created once, read at each login. Their deletion is in `deletion.rs`.

use callie_core::{SessionId, Username};
use sqlx::{AnyExecutor, Row as _};

use super::column::read_ban;
use super::connections::Tx;
use super::database::Database;
use super::error::StoreError;
use super::event_log::{Event, record};
use super::model::User;
use crate::base::clock::Millis;

/// The accounts of users.
#[derive(Debug, Clone)]
pub struct Accounts {
    database: Database,
}

impl Accounts {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Creates a user. Returns `false` if the name is taken; see [`Accounts::is_taken`].
    ///
    /// # Errors
    /// [`StoreError`] when the database fails; nothing has changed then.
    pub async fn create(&self, name: &Username, password: &str, now: Millis) -> Result<bool, StoreError> {
        let mut tx = self.database.begin().await?;
        let is_created = create(&mut tx, name, password, now).await?;
        if is_created {
            tx.commit().await?;
        }
        Ok(is_created)
    }

    /// Returns the user named `name`, or `None` if there is no such user.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn get(&self, name: &Username, now: Millis) -> Result<Option<User>, StoreError> {
        let row = sqlx::query("SELECT password, banned, banned_until, ban_reason FROM users WHERE name = $1")
            .bind(name.as_str())
            .fetch_optional(self.database.read())
            .await?;
        row.map(|row| {
            Ok(User { name: name.clone(), password: row.try_get(0)?, ban: read_ban(&row, 1, now)? })
        })
        .transpose()
    }

    /// Returns `true` if there is a user named `name`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn exists(&self, name: &Username) -> Result<bool, StoreError> {
        exists(self.database.read(), name).await
    }

    /// Returns `true` if a user has the name, or had it before the account was deleted.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn is_taken(&self, name: &Username) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 FROM usernames WHERE name = $1")
            .bind(name.as_str())
            .fetch_optional(self.database.read())
            .await?;
        Ok(row.is_some())
    }

    /// Replaces the password hash `old` by `new`, and ends all sessions of the user except `keep`.
    ///
    /// Returns `false` if the hash is no longer `old`: of two concurrent changes, one succeeds.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails; nothing has changed then.
    pub async fn change_password(
        &self,
        name: &Username,
        old: &str,
        new: &str,
        keep: &SessionId,
        now: Millis,
    ) -> Result<bool, StoreError> {
        self.replace_password(name, Some(old), new, Some(keep), now).await
    }

    /// Sets the password hash, and ends all sessions of the user. Returns `false` if there is no such user.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails; nothing has changed then.
    pub async fn set_password(&self, name: &Username, new: &str, now: Millis) -> Result<bool, StoreError> {
        self.replace_password(name, None, new, None, now).await
    }

    async fn replace_password(
        &self,
        name: &Username,
        old: Option<&str>,
        new: &str,
        keep: Option<&SessionId>,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let mut tx = self.database.begin().await?;
        let changed = sqlx::query(
            "UPDATE users SET password = $1 WHERE name = $2 AND password = COALESCE($3, password)",
        )
        .bind(new)
        .bind(name.as_str())
        .bind(old)
        .execute(&mut tx)
        .await?
        .rows_affected();
        if changed == 0 {
            return Ok(false);
        }
        // No session has the empty ID.
        let ended = sqlx::query("DELETE FROM sessions WHERE username = $1 AND id <> $2 RETURNING id")
            .bind(name.as_str())
            .bind(keep.map_or("", SessionId::as_str))
            .fetch_all(&mut tx)
            .await?;
        for row in ended {
            record(&mut tx, Event::session_ended(row.try_get(0)?), now).await?;
        }
        tx.commit().await?;
        self.database.wake_events();
        Ok(true)
    }
}

/// Creates a user unless the name is taken. Returns `false` if it is; then the transaction must not be committed.
pub(super) async fn create(
    tx: &mut Tx,
    name: &Username,
    password: &str,
    now: Millis,
) -> Result<bool, StoreError> {
    // The unique name decides also between a registration and the deletion of an account with this name, which may happen
    // at the same time.
    let taken = sqlx::query("INSERT INTO usernames (name) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(name.as_str())
        .execute(&mut *tx)
        .await?;
    if taken.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query("INSERT INTO users (name, password, created) VALUES ($1, $2, $3)")
        .bind(name.as_str())
        .bind(password)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(true)
}

/// Returns `true` if there is a user named `name`.
pub(super) async fn exists(executor: impl AnyExecutor<'_>, name: &Username) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT 1 FROM users WHERE name = $1")
        .bind(name.as_str())
        .fetch_optional(executor)
        .await?;
    Ok(row.is_some())
}
