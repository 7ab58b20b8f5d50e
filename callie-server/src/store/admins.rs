//! Server admins and bans.

use callie_core::Username;
use callie_core::command::RemovalReason;
use sqlx::Row as _;

use super::column::{read_ban, text};
use super::database::Database;
use super::error::StoreError;
use super::event_log::{Event, record};
use super::model::Ban;
use crate::base::clock::Millis;

/// The server admins and the bans of users.
#[derive(Debug, Clone)]
pub struct Admins {
    database: Database,
}

impl Admins {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Returns `true` if `user` is a server admin.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn is_admin(&self, user: &Username) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT admin FROM users WHERE name = $1")
            .bind(user.as_str())
            .fetch_optional(self.database.read())
            .await?;
        Ok(row.map(|row| row.try_get::<i64, _>(0)).transpose()?.is_some_and(|admin| admin != 0))
    }

    /// Makes `user` a server admin, or an ordinary user. Returns `false` if there is no such user.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn set_admin(&self, user: &Username, admin: bool) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE users SET admin = $1 WHERE name = $2")
            .bind(i64::from(admin))
            .bind(user.as_str())
            .execute(self.database.write())
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Returns all server admins, sorted by name.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn list(&self) -> Result<Vec<Username>, StoreError> {
        let rows = sqlx::query("SELECT name FROM users WHERE admin <> 0 ORDER BY name")
            .fetch_all(self.database.read())
            .await?;
        rows.iter().map(|row| text(row, 0)).collect()
    }

    /// Returns all users whose ban is in force at `now`, sorted by name.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn banned(&self, now: Millis) -> Result<Vec<(Username, Ban)>, StoreError> {
        let rows = sqlx::query(
            "SELECT name, banned, banned_until, ban_reason FROM users WHERE banned <> 0 ORDER BY name",
        )
        .fetch_all(self.database.read())
        .await?;
        let mut banned = Vec::with_capacity(rows.len());
        for row in &rows {
            if let Some(ban) = read_ban(row, 1, now)? {
                banned.push((text(row, 0)?, ban));
            }
        }
        Ok(banned)
    }

    /// Bans `user` and ends all sessions of the user. Returns `false` if there is no such user.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails; nothing has changed then.
    pub async fn ban(&self, user: &Username, ban: &Ban, now: Millis) -> Result<bool, StoreError> {
        let mut tx = self.database.begin().await?;
        let done =
            sqlx::query("UPDATE users SET banned = 1, banned_until = $1, ban_reason = $2 WHERE name = $3")
                .bind(ban.until)
                .bind(ban.reason.as_ref().map(RemovalReason::as_str))
                .bind(user.as_str())
                .execute(&mut tx)
                .await?
                .rows_affected();
        if done == 0 {
            return Ok(false);
        }
        sqlx::query("DELETE FROM sessions WHERE username = $1").bind(user.as_str()).execute(&mut tx).await?;
        record(&mut tx, Event::user_banned(user, ban), now).await?;
        tx.commit().await?;
        self.database.wake_events();
        Ok(true)
    }

    /// Lifts the ban of `user`. Returns `false` if there is no such user.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn unban(&self, user: &Username) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE users SET banned = 0, banned_until = NULL, ban_reason = NULL WHERE name = $1",
        )
        .bind(user.as_str())
        .execute(self.database.write())
        .await?;
        Ok(done.rows_affected() == 1)
    }
}
