//! Blocks, and what else stands between two users.

use callie_core::Username;
use sqlx::Row as _;

use super::admins::read_username;
use super::{DirectAccess, DirectMessages, Store, StoreError};

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

    /// Up to `limit` of the users whom `blocker` blocks, by name, from after `after` on; and what to ask for next, if there
    /// is more.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn list_blocked(
        &self,
        blocker: &Username,
        after: Option<&str>,
        limit: u16,
    ) -> Result<(Vec<Username>, Option<Username>), StoreError> {
        let rows = sqlx::query(
            "SELECT blocked FROM blocks WHERE blocker = $1 AND blocked > $2 ORDER BY blocked LIMIT $3",
        )
        .bind(blocker.as_str())
        .bind(after.unwrap_or_default())
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.read)
        .await?;
        let mut names =
            rows.iter().map(|row| read_username(row.try_get(0)?)).collect::<Result<Vec<_>, StoreError>>()?;
        let next = cut(&mut names, limit).then(|| names.last().cloned()).flatten();
        Ok((names, next))
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

    /// Everyone who blocks `user` or whom `user` blocks, in no order: to ask once and keep.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn blocked_either(&self, user: &Username) -> Result<Vec<Username>, StoreError> {
        let rows = sqlx::query(
            "SELECT blocked FROM blocks WHERE blocker = $1 UNION SELECT blocker FROM blocks WHERE blocked = $1",
        )
        .bind(user.as_str())
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(|row| read_username(row.try_get(0)?)).collect()
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
        rows.iter().map(|row| read_username(row.try_get(0)?)).collect()
    }

    /// Whether `from` may write to `to` directly (oneself always). All that routing has to know, in one question.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn direct_access(&self, from: &Username, to: &Username) -> Result<DirectAccess, StoreError> {
        let row = sqlx::query(
            "SELECT direct_messages, \
             EXISTS (SELECT 1 FROM blocks WHERE (blocker = $1 AND blocked = $2) OR (blocker = $2 AND blocked = $1)) \
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
        Ok(match DirectMessages::read(row.try_get(0)?)? {
            DirectMessages::Everyone => DirectAccess::Allowed,
            DirectMessages::Groups if self.shares_group(from, to).await? => DirectAccess::Allowed,
            DirectMessages::Groups => DirectAccess::GroupsOnly,
        })
    }
}

/// Cuts a list that was asked for one entry beyond `limit`, and answers whether there was one.
pub(super) fn cut<T>(list: &mut Vec<T>, limit: u16) -> bool {
    let more = list.len() > usize::from(limit);
    list.truncate(usize::from(limit));
    more
}
