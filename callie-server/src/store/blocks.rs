//! Blocks between users.

use callie_core::Username;
use callie_core::command::{BlockedPage, Cursor, PageLimit};

use super::accounts;
use super::column::{cursor, text};
use super::database::Database;
use super::error::StoreError;
use super::sql::{cut, one_more};

/// The blocks between users.
#[derive(Debug, Clone)]
pub struct Blocks {
    database: Database,
}

impl Blocks {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Has `blocker` block `blocked`. Blocking twice has no effect. Returns `false` if there is no user `blocked`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn add(&self, blocker: &Username, blocked: &Username) -> Result<bool, StoreError> {
        if !accounts::exists(self.database.read(), blocked).await? {
            return Ok(false);
        }
        sqlx::query("INSERT INTO blocks (blocker, blocked) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(blocker.as_str())
            .bind(blocked.as_str())
            .execute(self.database.write())
            .await?;
        Ok(true)
    }

    /// Removes the block of `blocked` by `blocker`. Returns `false` if there is no user `blocked`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn remove(&self, blocker: &Username, blocked: &Username) -> Result<bool, StoreError> {
        if !accounts::exists(self.database.read(), blocked).await? {
            return Ok(false);
        }
        sqlx::query("DELETE FROM blocks WHERE blocker = $1 AND blocked = $2")
            .bind(blocker.as_str())
            .bind(blocked.as_str())
            .execute(self.database.write())
            .await?;
        Ok(true)
    }

    /// Returns up to `limit` users whom `blocker` blocks, sorted by name, after `after`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn list(
        &self,
        blocker: &Username,
        after: Option<&Cursor>,
        limit: PageLimit,
    ) -> Result<BlockedPage, StoreError> {
        let rows = sqlx::query(
            "SELECT blocked FROM blocks WHERE blocker = $1 AND blocked > $2 ORDER BY blocked LIMIT $3",
        )
        .bind(blocker.as_str())
        .bind(after.map_or("", Cursor::as_str))
        .bind(one_more(limit.get()))
        .fetch_all(self.database.read())
        .await?;
        let mut usernames =
            rows.iter().map(|row| text(row, 0)).collect::<Result<Vec<Username>, StoreError>>()?;
        let next = cut(&mut usernames, limit.get()).map(|last| cursor(last.as_str())).transpose()?;
        Ok(BlockedPage::new(usernames).with_next(next))
    }

    /// Returns `true` if one of the two has blocked the other.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn between(&self, one: &Username, other: &Username) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT 1 FROM blocks WHERE (blocker = $1 AND blocked = $2) OR (blocker = $2 AND blocked = $1) LIMIT 1",
        )
        .bind(one.as_str())
        .bind(other.as_str())
        .fetch_optional(self.database.read())
        .await?;
        Ok(row.is_some())
    }
}
