//! The relations between users, as routing needs them.

use callie_core::command::{DirectMessages, PresenceAudience};
use callie_core::{GroupId, Username};
use sqlx::Row as _;

use super::column::text;
use super::database::Database;
use super::error::StoreError;
use super::model::DirectAccess;

/// What the database has about a user and other users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRelations {
    /// The groups the user is in.
    pub groups: Vec<GroupId>,
    /// All users who block the user or whom the user blocks. A user to whom both applies may be included twice.
    pub blocked: Vec<Username>,
    /// Who sees the user's presence.
    pub presence: PresenceAudience,
    /// Who may write to the user directly.
    pub direct: DirectMessages,
}

/// The relations between users: shared groups, blocks, settings.
#[derive(Debug, Clone)]
pub struct Relations {
    database: Database,
}

impl Relations {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Returns what the database has about `user` at one moment, or `None` if there is no such user.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn get(&self, user: &Username) -> Result<Option<UserRelations>, StoreError> {
        let rows = sqlx::query(
            "SELECT 'presence', presence FROM users WHERE name = $1 \
             UNION ALL SELECT 'direct', direct_messages FROM users WHERE name = $1 \
             UNION ALL SELECT 'group', group_id FROM group_members WHERE username = $1 \
             UNION ALL SELECT 'blocked', blocked FROM blocks WHERE blocker = $1 \
             UNION ALL SELECT 'blocked', blocker FROM blocks WHERE blocked = $1",
        )
        .bind(user.as_str())
        .fetch_all(self.database.read())
        .await?;
        let (mut presence, mut direct) = (None, None);
        let (mut groups, mut blocked) = (Vec::new(), Vec::new());
        for row in &rows {
            match row.try_get(0)? {
                "presence" => presence = Some(text(row, 1)?),
                "direct" => direct = Some(text(row, 1)?),
                "group" => groups.push(text(row, 1)?),
                _ => blocked.push(text(row, 1)?),
            }
        }
        Ok(presence.zip(direct).map(|(presence, direct)| UserRelations { groups, blocked, presence, direct }))
    }

    /// Returns `true` if the two users are in a common group.
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
        .fetch_optional(self.database.read())
        .await?;
        Ok(row.is_some())
    }

    /// Returns all other users who share a group with `user`, each once, in no order.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn group_companions(&self, user: &Username) -> Result<Vec<Username>, StoreError> {
        let rows = sqlx::query(
            "SELECT DISTINCT b.username FROM group_members a JOIN group_members b ON a.group_id = b.group_id \
             WHERE a.username = $1 AND b.username <> $1",
        )
        .bind(user.as_str())
        .fetch_all(self.database.read())
        .await?;
        rows.iter().map(|row| text(row, 0)).collect()
    }

    /// Returns whether `from` may write to `to` directly, with one query for everything that routing needs. Users may
    /// always write to themselves.
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
        .fetch_optional(self.database.read())
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
