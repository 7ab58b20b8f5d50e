//! Pages of groups and of members.

use callie_core::command::{Cursor, GroupPage, GroupSummary, PageLimit, Role, Visibility};
use callie_core::{GroupId, Username};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::column::{cursor, optional_text, text};
use super::database::Database;
use super::error::{GroupError, StoreError};
use super::group_rows::{read_group, require};
use super::model::{GroupMember, MemberPage};
use super::sql::{cut, one_more};

/// The most groups in one page, whatever was requested: a name may have 256 bytes, and a page is one payload.
const MOST_GROUPS: usize = 100;

/// Reads up to `$3` groups that the user `$1` is in, after the ID `$2`, for [`group_summary`].
pub(super) const GROUPS_OF_USER: &str = "SELECT g.id, g.name, g.member_count, m.role \
    FROM group_members m JOIN chat_groups g ON g.id = m.group_id \
    WHERE m.username = $1 AND m.group_id > $2 ORDER BY m.group_id LIMIT $3";

/// Pages of groups and of their members.
#[derive(Debug, Clone)]
pub struct GroupPages {
    database: Database,
}

impl GroupPages {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Returns up to `limit` groups that `user` is in, after `after`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn of_user(
        &self,
        user: &Username,
        after: Option<&Cursor>,
        limit: PageLimit,
    ) -> Result<GroupPage, StoreError> {
        let limit = limit.get().min(MOST_GROUPS);
        let rows = sqlx::query(GROUPS_OF_USER)
            .bind(user.as_str())
            .bind(after.map_or("", Cursor::as_str))
            .bind(one_more(limit))
            .fetch_all(self.database.read())
            .await?;
        page(&rows, limit)
    }

    /// Returns up to `limit` public groups, after `after`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn public(&self, after: Option<&Cursor>, limit: PageLimit) -> Result<GroupPage, StoreError> {
        let limit = limit.get().min(MOST_GROUPS);
        let rows = sqlx::query(
            "SELECT id, name, member_count, NULL FROM chat_groups \
             WHERE visibility = $1 AND id > $2 ORDER BY id LIMIT $3",
        )
        .bind(Visibility::Public.as_str())
        .bind(after.map_or("", Cursor::as_str))
        .bind(one_more(limit))
        .fetch_all(self.database.read())
        .await?;
        page(&rows, limit)
    }

    /// Returns the group and up to `limit` of its members, sorted by name, after `after`. `actor` must be a member.
    ///
    /// # Errors
    /// [`GroupError::NotFound`], [`GroupError::NotAMember`], [`GroupError::Store`].
    pub async fn members(
        &self,
        id: GroupId,
        actor: &Username,
        after: Option<&Cursor>,
        limit: PageLimit,
    ) -> Result<MemberPage, GroupError> {
        // A transaction, so that the count and the members are of the same moment.
        let mut tx = self.database.begin_reading().await?;
        require(&mut tx, id, actor, Role::Member).await?;
        let group = read_group(&mut tx, id).await?.ok_or(GroupError::NotFound)?;
        let rows = sqlx::query(
            "SELECT username, role FROM group_members WHERE group_id = $1 AND username > $2 ORDER BY username LIMIT $3",
        )
        .bind(id.to_string())
        .bind(after.map_or("", Cursor::as_str))
        .bind(one_more(limit.get()))
        .fetch_all(&mut tx)
        .await?;
        tx.commit().await?;
        let mut members = rows
            .iter()
            .map(|row| Ok(GroupMember { username: text(row, 0)?, role: text(row, 1)? }))
            .collect::<Result<Vec<_>, StoreError>>()?;
        let next = cut(&mut members, limit.get()).map(|last| cursor(last.username.as_str())).transpose()?;
        Ok(MemberPage { group, members, next })
    }
}

/// Reads a row `id, name, member_count, role`.
pub(super) fn group_summary(row: &AnyRow) -> Result<GroupSummary, StoreError> {
    let member_count = row.try_get::<i64, _>(2)?.unsigned_abs();
    let group = GroupSummary::new(text(row, 0)?, text(row, 1)?);
    Ok(group.with_role(optional_text(row, 3)?).with_member_count(member_count))
}

/// Returns a page of rows as [`group_summary`] reads them.
fn page(rows: &[AnyRow], limit: usize) -> Result<GroupPage, StoreError> {
    let mut groups = rows.iter().map(group_summary).collect::<Result<Vec<_>, StoreError>>()?;
    let next = cut(&mut groups, limit).map(|last| cursor(&last.group_id.to_string())).transpose()?;
    Ok(GroupPage::new(groups).with_next(next))
}
