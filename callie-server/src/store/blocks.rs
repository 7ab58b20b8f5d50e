//! Blocks, and what else stands between two users.

use callie_core::Username;
use callie_core::command::{BlockedList, Cursor, DirectMessages, PageLimit};
use sqlx::Row as _;

use super::column::{cursor, text};
use super::{DirectAccess, Store, StoreError};

impl Store {
    /// Has `blocker` block `blocked`. Answers whether there is a user `blocked`; to block twice is well.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn block(&self, blocker: &Username, blocked: &Username) -> Result<bool, StoreError> {
        if !self.user_exists(blocked).await? {
            return Ok(false);
        }
        sqlx::query("INSERT INTO blocks (blocker, blocked) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(blocker.as_str())
            .bind(blocked.as_str())
            .execute(&self.write)
            .await?;
        Ok(true)
    }

    /// Has `blocker` no longer block `blocked`. Answers whether there is a user `blocked`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn unblock(&self, blocker: &Username, blocked: &Username) -> Result<bool, StoreError> {
        if !self.user_exists(blocked).await? {
            return Ok(false);
        }
        sqlx::query("DELETE FROM blocks WHERE blocker = $1 AND blocked = $2")
            .bind(blocker.as_str())
            .bind(blocked.as_str())
            .execute(&self.write)
            .await?;
        Ok(true)
    }

    /// Up to `limit` of the users whom `blocker` blocks, by name, from after `after` on.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn list_blocked(
        &self,
        blocker: &Username,
        after: Option<&Cursor>,
        limit: PageLimit,
    ) -> Result<BlockedList, StoreError> {
        let rows = sqlx::query(
            "SELECT blocked FROM blocks WHERE blocker = $1 AND blocked > $2 ORDER BY blocked LIMIT $3",
        )
        .bind(blocker.as_str())
        .bind(after.map_or("", Cursor::as_str))
        .bind(one_more(limit.get()))
        .fetch_all(&self.read)
        .await?;
        let mut blocked =
            rows.iter().map(|row| text(row, 0)).collect::<Result<Vec<Username>, StoreError>>()?;
        let next = cut(&mut blocked, limit.get()).map(|last| cursor(last.as_str())).transpose()?;
        Ok(BlockedList { blocked, next })
    }

    /// Whether one of the two has blocked the other.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn is_blocked_either(&self, one: &Username, other: &Username) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT 1 FROM blocks WHERE (blocker = $1 AND blocked = $2) OR (blocker = $2 AND blocked = $1) LIMIT 1",
        )
        .bind(one.as_str())
        .bind(other.as_str())
        .fetch_optional(&self.read)
        .await?;
        Ok(row.is_some())
    }

    /// Whether the two are in a group together.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn shares_group(&self, one: &Username, other: &Username) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT 1 FROM group_members a JOIN group_members b ON a.group_id = b.group_id \
             WHERE a.username = $1 AND b.username = $2 LIMIT 1",
        )
        .bind(one.as_str())
        .bind(other.as_str())
        .fetch_optional(&self.read)
        .await?;
        Ok(row.is_some())
    }

    /// Everyone who shares a group with `user`, each once, in no order, without `user`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn group_companions(&self, user: &Username) -> Result<Vec<Username>, StoreError> {
        let rows = sqlx::query(
            "SELECT DISTINCT b.username FROM group_members a JOIN group_members b ON a.group_id = b.group_id \
             WHERE a.username = $1 AND b.username <> $1",
        )
        .bind(user.as_str())
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(|row| text(row, 0)).collect()
    }

    /// Whether `from` may write to `to` directly (oneself always). All that routing has to know, in one question.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn direct_access(&self, from: &Username, to: &Username) -> Result<DirectAccess, StoreError> {
        let row = sqlx::query(
            "SELECT direct_messages, \
             CASE WHEN EXISTS (SELECT 1 FROM blocks WHERE (blocker = $1 AND blocked = $2) OR (blocker = $2 AND blocked = $1)) \
             THEN 1 ELSE 0 END \
             FROM users WHERE name = $2",
        )
        .bind(from.as_str())
        .bind(to.as_str())
        .fetch_optional(&self.read)
        .await?;
        let Some(row) = row else { return Ok(DirectAccess::Unknown) };
        if from == to {
            return Ok(DirectAccess::Allowed);
        }
        if row.try_get::<i64, _>(1)? != 0 {
            return Ok(DirectAccess::Blocked);
        }
        Ok(match text(&row, 0)? {
            DirectMessages::Everyone => DirectAccess::Allowed,
            DirectMessages::Groups if self.shares_group(from, to).await? => DirectAccess::Allowed,
            DirectMessages::Groups => DirectAccess::GroupsOnly,
        })
    }
}

/// One entry more than a page has: it tells whether there is another page.
pub(super) fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX - 1) + 1
}

/// Cuts a list that was asked for one entry beyond `limit`, and answers the last entry left if there was one.
pub(super) fn cut<T>(list: &mut Vec<T>, limit: usize) -> Option<&T> {
    let more = list.len() > limit;
    list.truncate(limit);
    list.last().filter(|_| more)
}
