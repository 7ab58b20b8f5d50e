//! Sessions: begun by a login, extended by use, ended by their user, by time or by an admin.

use callie_core::account::{DeviceName, MAX_SESSIONS};
use callie_core::{SessionId, Username};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::column::{optional_text, read_ban, text};
use super::connections::Kind;
use super::database::Database;
use super::error::StoreError;
use super::event_log::{Event, record};
use super::model::{Session, TokenHash, User};
use super::touch::{LIFETIME, Touched};
use crate::base::clock::Millis;

/// The number of expired sessions that are removed at once, so that no other write waits long.
const SWEEP: i64 = 500;

/// The sessions of users.
#[derive(Debug, Clone)]
pub struct Sessions {
    database: Database,
    touched: Touched,
}

impl Sessions {
    pub(super) fn new(database: Database) -> Self {
        Self { database, touched: Touched::default() }
    }

    /// Notes that `session` is used, and returns the session with its new end. The use is written later, see
    /// [`Sessions::flush_uses`].
    #[must_use]
    pub fn touch(&self, session: Session, now: Millis) -> Session {
        self.touched.touch(session, now)
    }

    /// Writes the uses that were noted and are not written yet.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails. The uses are noted again at the next use of their sessions.
    pub async fn flush_uses(&self) -> Result<(), StoreError> {
        self.touched.flush(&self.database).await
    }

    /// Begins a session of `user`, and ends the oldest ones that exceed the maximum. Returns `None` if the user is
    /// gone, was banned, or has changed the password since `user` was read.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails; nothing has changed then.
    pub async fn create(
        &self,
        id: &SessionId,
        token: &TokenHash,
        user: &User,
        device: Option<&DeviceName>,
        now: Millis,
    ) -> Result<Option<Session>, StoreError> {
        let mut tx = self.database.begin().await?;
        tx.lock_users(&[&user.name]).await?;
        let row = sqlx::query(
            "SELECT banned, banned_until, ban_reason FROM users WHERE name = $1 AND password = $2",
        )
        .bind(user.name.as_str())
        .bind(user.password.as_str())
        .fetch_optional(&mut tx)
        .await?;
        match row {
            Some(row) if read_ban(&row, 0, now)?.is_none() => {}
            _ => return Ok(None),
        }
        let session = Session {
            id: id.clone(),
            user: user.name.clone(),
            device: device.cloned(),
            created: now,
            last_seen: now,
            expires: now + LIFETIME,
        };
        let ended = sqlx::query(
            "DELETE FROM sessions WHERE username = $1 AND id NOT IN \
             (SELECT id FROM sessions WHERE username = $1 ORDER BY created DESC, id DESC LIMIT $2) RETURNING id",
        )
        .bind(user.name.as_str())
        .bind(MAX_SESSIONS as i64 - 1)
        .fetch_all(&mut tx)
        .await?;
        for row in &ended {
            record(&mut tx, Event::session_ended(row.try_get(0)?), now).await?;
        }
        sqlx::query(
            "INSERT INTO sessions (id, token_hash, username, device, created, last_seen, expires) \
             VALUES ($1, $2, $3, $4, $5, $5, $6)",
        )
        .bind(id.as_str())
        .bind(token.as_str())
        .bind(user.name.as_str())
        .bind(device.map(DeviceName::as_str))
        .bind(now)
        .bind(session.expires)
        .execute(&mut tx)
        .await?;
        tx.commit().await?;
        if !ended.is_empty() {
            self.database.wake_events();
        }
        Ok(Some(session))
    }

    /// Returns the live session with `token`, or `None`. Counts as a use of it.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn authenticate(&self, token: &str, now: Millis) -> Result<Option<Session>, StoreError> {
        let row = sqlx::query(
            "SELECT id, username, device, created, last_seen, expires FROM sessions \
             WHERE token_hash = $1 AND expires > $2",
        )
        .bind(TokenHash::of(token).as_str())
        .bind(now)
        .fetch_optional(self.database.read())
        .await?;
        let session = row.map(|row| read_session(&row)).transpose()?;
        Ok(session.map(|session| self.touch(session, now)))
    }

    /// Returns the live session `id`, or `None`: for a socket that may have missed the end of its session.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn get(&self, id: &SessionId, now: Millis) -> Result<Option<Session>, StoreError> {
        let row = sqlx::query(
            "SELECT id, username, device, created, last_seen, expires FROM sessions WHERE id = $1 AND expires > $2",
        )
        .bind(id.as_str())
        .bind(now)
        .fetch_optional(self.database.read())
        .await?;
        row.map(|row| read_session(&row)).transpose()
    }

    /// Returns the live sessions of the user, the newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn list(&self, user: &Username, now: Millis) -> Result<Vec<Session>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, username, device, created, last_seen, expires FROM sessions \
             WHERE username = $1 AND expires > $2 ORDER BY created DESC, id DESC",
        )
        .bind(user.as_str())
        .bind(now)
        .fetch_all(self.database.read())
        .await?;
        rows.iter().map(|row| read_session(row).map(|session| self.touched.apply(session))).collect()
    }

    /// Ends the session `id` of `user`. Returns `false` if the user has no such session.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails; nothing has changed then.
    pub async fn end(&self, user: &Username, id: &SessionId, now: Millis) -> Result<bool, StoreError> {
        let mut tx = self.database.begin().await?;
        let ended = sqlx::query("DELETE FROM sessions WHERE id = $1 AND username = $2 AND expires > $3")
            .bind(id.as_str())
            .bind(user.as_str())
            .bind(now)
            .execute(&mut tx)
            .await?
            .rows_affected();
        if ended == 0 {
            return Ok(false);
        }
        record(&mut tx, Event::session_ended(id.as_str()), now).await?;
        tx.commit().await?;
        self.database.wake_events();
        Ok(true)
    }

    /// Removes expired sessions. Their sockets are closed by their own timers.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn remove_expired(&self, now: Millis) -> Result<u64, StoreError> {
        let done = sqlx::query(match self.database.write().kind() {
            Kind::Sqlite => {
                "DELETE FROM sessions WHERE id IN \
                 (SELECT id FROM sessions WHERE expires <= $1 ORDER BY expires LIMIT $2)"
            }
            // Other servers do the same at the same time.
            Kind::Postgres => {
                "DELETE FROM sessions WHERE id IN \
                 (SELECT id FROM sessions WHERE expires <= $1 ORDER BY expires LIMIT $2 FOR UPDATE SKIP LOCKED)"
            }
        })
        .bind(now)
        .bind(SWEEP)
        .execute(self.database.write())
        .await?;
        Ok(done.rows_affected())
    }
}

fn read_session(row: &AnyRow) -> Result<Session, StoreError> {
    Ok(Session {
        id: text(row, 0)?,
        user: text(row, 1)?,
        device: optional_text(row, 2)?,
        created: row.try_get(3)?,
        last_seen: row.try_get(4)?,
        expires: row.try_get(5)?,
    })
}
