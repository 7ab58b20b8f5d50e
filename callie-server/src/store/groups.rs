//! Groups: creating, renaming, transferring and deleting them. Permissions are checked in the same transaction.

use std::collections::BTreeSet;

use callie_core::command::{GroupName, Role, Visibility};
use callie_core::{GroupId, Username};

use super::database::Database;
use super::error::GroupError;
use super::group_rows::{
    check_rooms, insert_members, may_all_be_added, member_role, names, read_group, remove_group, require,
    write_role,
};
use super::model::{Group, GroupLimits};
use crate::base::clock::Millis;

/// The groups.
#[derive(Debug, Clone)]
pub struct Groups {
    database: Database,
}

impl Groups {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Creates the group `id` with `owner` and `members`, of which duplicates and the owner are merged. Returns the
    /// group and all its members, the owner first.
    ///
    /// # Errors
    /// [`GroupError::UserNotFound`], [`GroupError::MayNotAdd`], [`GroupError::TooManyMembers`],
    /// [`GroupError::TooManyGroups`], [`GroupError::Store`].
    #[allow(clippy::too_many_arguments, reason = "each is a column of the new row or a limit on it")]
    pub async fn create(
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
        let mut tx = self.database.begin().await?;
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

    /// Renames the group. Admins and the owner may do this.
    ///
    /// # Errors
    /// [`GroupError::NotFound`], [`GroupError::NotAMember`], [`GroupError::Forbidden`], [`GroupError::Store`].
    pub async fn rename(&self, id: GroupId, actor: &Username, name: &GroupName) -> Result<Group, GroupError> {
        let mut tx = self.database.begin().await?;
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

    /// Deletes the group and returns its members. Only the owner may do this.
    ///
    /// # Errors
    /// [`GroupError::NotFound`], [`GroupError::NotAMember`], [`GroupError::Forbidden`], [`GroupError::Store`].
    pub async fn delete(&self, id: GroupId, actor: &Username) -> Result<Vec<Username>, GroupError> {
        let mut tx = self.database.begin().await?;
        tx.lock_group(id).await?;
        require(&mut tx, id, actor, Role::Owner).await?;
        let members = names(&mut tx, id).await?;
        remove_group(&mut tx, id).await?;
        tx.commit().await?;
        Ok(members)
    }

    /// Gives `user` the role `role`. Only the owner may do this. A new owner replaces the old one, who becomes an
    /// admin.
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
        let mut tx = self.database.begin().await?;
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

    /// Returns the group, or `None` if there is no such group. Does not check who may know it.
    ///
    /// # Errors
    /// [`GroupError::Store`].
    pub async fn get(&self, id: GroupId) -> Result<Option<Group>, GroupError> {
        read_group(self.database.read(), id).await
    }
}
