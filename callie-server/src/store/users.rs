//! Users: made once, looked up at each login.

use callie_core::{SessionId, Username};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::clock::Millis;

use super::column::optional_text;
use super::events::{Event, record};
use super::{Ban, Store, StoreError, User};

impl Store {
    /// Makes a user. Answers whether the name was free.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn create_user(
        &self,
        name: &Username,
        password: &str,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO users (name, password, created) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(name.as_str())
        .bind(password)
        .bind(now)
        .execute(&self.write)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The user called `name`, or none.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn user(&self, name: &Username, now: Millis) -> Result<Option<User>, StoreError> {
        let row = sqlx::query("SELECT password, banned, banned_until, ban_reason FROM users WHERE name = $1")
            .bind(name.as_str())
            .fetch_optional(&self.read)
            .await?;
        row.map(|row| {
            Ok(User { name: name.clone(), password: row.try_get(0)?, ban: read_ban(&row, 1, now)? })
        })
        .transpose()
    }

    /// Whether there is a user called `name`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn user_exists(&self, name: &Username) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 FROM users WHERE name = $1")
            .bind(name.as_str())
            .fetch_optional(&self.read)
            .await?;
        Ok(row.is_some())
    }

    /// Replaces the password hash `old` by `new` and ends the user's sessions but `keep`. Answers whether it was `old` still:
    /// of two changes at a time, one wins.
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
        let mut tx = self.begin().await?;
        let changed = sqlx::query("UPDATE users SET password = $1 WHERE name = $2 AND password = $3")
            .bind(new)
            .bind(name.as_str())
            .bind(old)
            .execute(&mut tx)
            .await?
            .rows_affected();
        if changed == 0 {
            return Ok(false);
        }
        let ended = sqlx::query("DELETE FROM sessions WHERE username = $1 AND id <> $2 RETURNING id")
            .bind(name.as_str())
            .bind(keep.as_str())
            .fetch_all(&mut tx)
            .await?;
        for row in ended {
            record(&mut tx, Event::session_ended(row.try_get(0)?), now).await?;
        }
        tx.commit().await?;
        self.poke.notify_one();
        Ok(true)
    }
}

/// The ban in the columns `banned, banned_until, ban_reason` from `at` on, if it holds at `now`.
pub(super) fn read_ban(row: &AnyRow, at: usize, now: Millis) -> Result<Option<Ban>, StoreError> {
    let banned: i64 = row.try_get(at)?;
    let until: Option<Millis> = row.try_get(at + 1)?;
    let holds = banned != 0 && until.is_none_or(|end| end > now);
    Ok(if holds { Some(Ban { reason: optional_text(row, at + 2)?, until }) } else { None })
}
