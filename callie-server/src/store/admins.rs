//! Server admins and bans.

use callie_core::Username;
use callie_core::command::RemovalReason;
use sqlx::Row as _;

use crate::clock::Millis;

use super::column::text;
use super::events::{Event, record};
use super::users::read_ban;
use super::{Ban, Store, StoreError};

impl Store {
    /// Whether `user` is a server admin.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn is_admin(&self, user: &Username) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT admin FROM users WHERE name = $1")
            .bind(user.as_str())
            .fetch_optional(&self.read)
            .await?;
        Ok(row.map(|row| row.try_get::<i64, _>(0)).transpose()?.is_some_and(|admin| admin != 0))
    }

    /// Makes `user` a server admin, or no longer one. Answers whether there is such a user.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn set_admin(&self, user: &Username, admin: bool) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE users SET admin = $1 WHERE name = $2")
            .bind(i64::from(admin))
            .bind(user.as_str())
            .execute(&self.write)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// All server admins, by name.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn list_admins(&self) -> Result<Vec<Username>, StoreError> {
        let rows = sqlx::query("SELECT name FROM users WHERE admin <> 0 ORDER BY name")
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(|row| text(row, 0)).collect()
    }

    /// All users whose ban holds at `now`, by name.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn list_banned(&self, now: Millis) -> Result<Vec<(Username, Ban)>, StoreError> {
        let rows = sqlx::query(
            "SELECT name, banned, banned_until, ban_reason FROM users WHERE banned <> 0 ORDER BY name",
        )
        .fetch_all(&self.read)
        .await?;
        let mut banned = Vec::with_capacity(rows.len());
        for row in &rows {
            if let Some(ban) = read_ban(row, 1, now)? {
                banned.push((text(row, 0)?, ban));
            }
        }
        Ok(banned)
    }

    /// Bans `user` and ends all of the user's sessions. Answers whether there is such a user.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails; nothing has changed then.
    pub async fn ban(&self, user: &Username, ban: &Ban, now: Millis) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
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
        self.poke.notify_one();
        Ok(true)
    }

    /// Lifts the ban of `user`. Answers whether there is such a user.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn unban(&self, user: &Username) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE users SET banned = 0, banned_until = NULL, ban_reason = NULL WHERE name = $1",
        )
        .bind(user.as_str())
        .execute(&self.write)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}
