//! Lists of groups and of members, a page at a time.

use callie_core::{GroupId, Username};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::admins::read_username;
use super::blocks::cut;
use super::groups::{read_group, require};
use super::{
    Group, GroupEntry, GroupError, GroupMember, GroupPage, MemberPage, Role, Store, StoreError, Visibility,
};

impl Store {
    /// Up to `limit` of the groups that `user` is in, from after `after` on.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn list_groups(
        &self,
        user: &Username,
        after: Option<&str>,
        limit: u16,
    ) -> Result<GroupPage, StoreError> {
        let rows = sqlx::query(
            "SELECT g.id, g.name, g.visibility, g.member_count, m.role \
             FROM group_members m JOIN chat_groups g ON g.id = m.group_id \
             WHERE m.username = $1 AND m.group_id > $2 ORDER BY m.group_id LIMIT $3",
        )
        .bind(user.as_str())
        .bind(after.unwrap_or_default())
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.read)
        .await?;
        let groups = rows
            .iter()
            .map(|row| Ok(GroupEntry { group: group(row)?, role: Some(Role::read(row.try_get(4)?)?) }))
            .collect::<Result<_, StoreError>>()?;
        Ok(page(groups, limit))
    }

    /// Up to `limit` of the public groups, from after `after` on.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn list_public_groups(&self, after: Option<&str>, limit: u16) -> Result<GroupPage, StoreError> {
        let rows = sqlx::query(
            "SELECT id, name, visibility, member_count FROM chat_groups \
             WHERE visibility = $1 AND id > $2 ORDER BY id LIMIT $3",
        )
        .bind(Visibility::Public.as_str())
        .bind(after.unwrap_or_default())
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.read)
        .await?;
        let groups = rows
            .iter()
            .map(|row| Ok(GroupEntry { group: group(row)?, role: None }))
            .collect::<Result<_, StoreError>>()?;
        Ok(page(groups, limit))
    }

    /// The group and up to `limit` of its members, by name, from after `after` on; `actor` must be in it.
    ///
    /// # Errors
    /// [`GroupError::NotFound`], [`GroupError::NotAMember`], [`GroupError::Store`].
    pub async fn group_page(
        &self,
        id: GroupId,
        actor: &Username,
        after: Option<&str>,
        limit: u16,
    ) -> Result<MemberPage, GroupError> {
        // A transaction: the count and the members are of one moment.
        let mut tx = self.read.begin().await?;
        require(&mut tx, id, actor, Role::Member).await?;
        let group = read_group(&mut tx, id).await?.ok_or(GroupError::NotFound)?;
        let rows = sqlx::query(
            "SELECT username, role FROM group_members WHERE group_id = $1 AND username > $2 ORDER BY username LIMIT $3",
        )
        .bind(id.to_string())
        .bind(after.unwrap_or_default())
        .bind(i64::from(limit) + 1)
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let mut members = rows
            .iter()
            .map(|row| {
                Ok(GroupMember {
                    username: read_username(row.try_get(0)?)?,
                    role: Role::read(row.try_get(1)?)?,
                })
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        let next = cut(&mut members, limit).then(|| members.last().map(|m| m.username.clone())).flatten();
        Ok(MemberPage { group, members, next })
    }
}

fn group(row: &AnyRow) -> Result<Group, StoreError> {
    Ok(Group {
        id: GroupId::parse(row.try_get(0)?).map_err(|_| StoreError::Unreadable("group ID"))?,
        name: row.try_get(1)?,
        visibility: Visibility::read(row.try_get(2)?)?,
        member_count: row.try_get::<i64, _>(3)?.unsigned_abs(),
    })
}

fn page(mut groups: Vec<GroupEntry>, limit: u16) -> GroupPage {
    let next = cut(&mut groups, limit).then(|| groups.last().map(|entry| entry.group.id)).flatten();
    GroupPage { groups, next }
}
