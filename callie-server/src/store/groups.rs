//! Groups: made, renamed, handed over, deleted. Who may do what is checked in the transaction that does it.

use std::collections::BTreeSet;

use callie_core::command::{GroupName, Role, Visibility};
use callie_core::{GroupId, Username};
use sqlx::{AnyExecutor, Row as _};

use crate::clock::Millis;

use super::column::text;
use super::connections::Tx;
use super::members::{check_rooms, insert_members, may_all_be_added, member_role};
use super::{Group, GroupError, Store};

impl Store {
    /// Makes the group `id` with `owner` as its owner and `members` beside (names given twice and the owner's own are merged),
    /// and answers it with all its members, the owner first. All or nothing.
    ///
    /// # Errors
    /// [`GroupError::UserNotFound`], [`GroupError::MayNotAdd`], [`GroupError::TooManyMembers`],
    /// [`GroupError::TooManyGroups`], [`GroupError::Store`].
    #[allow(clippy::too_many_arguments, reason = "each is a column of the new row or a limit on it")]
    pub async fn create_group(
        &self,
        id: GroupId,
        name: &GroupName,
        visibility: Visibility,
        owner: &Username,
        members: &[Username],
        limits: GroupLimits,
        now: Millis,
    ) -> Result<(Group, Vec<Username>), GroupError> {
        let others: BTreeSet<&Username> = members.iter().filter(|m| *m != owner).collect();
        let all: Vec<&Username> = std::iter::once(owner).chain(others).collect();
        if all.len() > limits.max_members {
            return Err(GroupError::TooManyMembers);
        }
        let mut tx = self.begin().await?;
        tx.lock_users(&all).await?;
        may_all_be_added(&mut tx, owner, &all[1..]).await?;
        check_rooms(&mut tx, &all, limits.max_groups).await?;
        sqlx::query("INSERT INTO chat_groups (id, name, visibility, member_count, created) VALUES ($1, $2, $3, $4, $5)")
            .bind(id.to_string())
            .bind(name.as_str())
            .bind(visibility.as_str())
            .bind(i64::try_from(all.len()).unwrap_or(i64::MAX))
            .bind(now)
            .execute(&mut tx)
            .await?;
        insert_members(&mut tx, id, &all).await?;
        tx.commit().await?;
        let group = Group { id, name: name.clone(), visibility, member_count: all.len() as u64 };
        Ok((group, all.into_iter().cloned().collect()))
    }

    /// Renames the group; admins and the owner may.
    ///
    /// # Errors
    /// [`GroupError::NotFound`], [`GroupError::NotAMember`], [`GroupError::Forbidden`], [`GroupError::Store`].
    pub async fn rename_group(
        &self,
        id: GroupId,
        actor: &Username,
        name: &GroupName,
    ) -> Result<Group, GroupError> {
        let mut tx = self.begin().await?;
        tx.lock_group(id).await?;
        require(&mut tx, id, actor, Role::Admin).await?;
        sqlx::query("UPDATE chat_groups SET name = $1 WHERE id = $2")
            .bind(name.as_str())
            .bind(id.to_string())
            .execute(&mut tx)
            .await?;
        let group = read_group(&mut tx, id).await?.ok_or(GroupError::NotFound)?;
        tx.commit().await?;
        Ok(group)
    }

    /// Deletes the group; the owner may. Answers who was in it.
    ///
    /// # Errors
    /// [`GroupError::NotFound`], [`GroupError::NotAMember`], [`GroupError::Forbidden`], [`GroupError::Store`].
    pub async fn delete_group(&self, id: GroupId, actor: &Username) -> Result<Vec<Username>, GroupError> {
        let mut tx = self.begin().await?;
        tx.lock_group(id).await?;
        require(&mut tx, id, actor, Role::Owner).await?;
        let members = super::members::names(&mut tx, id).await?;
        remove_group(&mut tx, id).await?;
        tx.commit().await?;
        Ok(members)
    }

    /// Gives `user` the role `role`; the owner may. Who becomes owner takes the place of the old one, who becomes admin.
    ///
    /// # Errors
    /// [`GroupError::NotFound`], [`GroupError::NotAMember`], [`GroupError::Forbidden`] (also for one's own role),
    /// [`GroupError::UserNotFound`], [`GroupError::Store`].
    pub async fn set_role(
        &self,
        id: GroupId,
        actor: &Username,
        user: &Username,
        role: Role,
    ) -> Result<(), GroupError> {
        let mut tx = self.begin().await?;
        tx.lock_group(id).await?;
        require(&mut tx, id, actor, Role::Owner).await?;
        if actor == user {
            return Err(GroupError::Forbidden);
        }
        if member_role(&mut tx, id, user).await?.is_none() {
            return Err(GroupError::UserNotFound(user.clone()));
        }
        if role == Role::Owner {
            write_role(&mut tx, id, actor, Role::Admin).await?;
        }
        write_role(&mut tx, id, user, role).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The group, or none. Says nothing of who may know of it.
    ///
    /// # Errors
    /// [`GroupError::Store`].
    pub async fn group(&self, id: GroupId) -> Result<Option<Group>, GroupError> {
        read_group(&self.read, id).await
    }
}

/// What the server's configuration sets about groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupLimits {
    /// The most members of a group.
    pub max_members: usize,
    /// The most groups of a user.
    pub max_groups: usize,
}

/// The actor's role, if it is `least` or more: what every command on a group asks first.
pub(super) async fn require(
    tx: &mut Tx,
    id: GroupId,
    actor: &Username,
    least: Role,
) -> Result<Role, GroupError> {
    match member_role(&mut *tx, id, actor).await? {
        Some(role) if role >= least => Ok(role),
        Some(_) => Err(GroupError::Forbidden),
        None => Err(match read_group(tx, id).await? {
            Some(group) if group.visibility == Visibility::Public => GroupError::NotAMember,
            _ => GroupError::NotFound,
        }),
    }
}

pub(super) async fn read_group(
    asked: impl AnyExecutor<'_>,
    id: GroupId,
) -> Result<Option<Group>, GroupError> {
    let row = sqlx::query("SELECT name, visibility, member_count FROM chat_groups WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(asked)
        .await?;
    row.map(|row| {
        Ok(Group {
            id,
            name: text(&row, 0)?,
            visibility: text(&row, 1)?,
            member_count: row.try_get::<i64, _>(2)?.unsigned_abs(),
        })
    })
    .transpose()
}

pub(super) async fn remove_group(tx: &mut Tx, id: GroupId) -> Result<(), GroupError> {
    // Its members go with it: ON DELETE CASCADE.
    sqlx::query("DELETE FROM chat_groups WHERE id = $1").bind(id.to_string()).execute(tx).await?;
    Ok(())
}

pub(super) async fn write_role(
    tx: &mut Tx,
    id: GroupId,
    user: &Username,
    role: Role,
) -> Result<(), GroupError> {
    sqlx::query("UPDATE group_members SET role = $1 WHERE group_id = $2 AND username = $3")
        .bind(role.as_str())
        .bind(id.to_string())
        .bind(user.as_str())
        .execute(tx)
        .await?;
    Ok(())
}
