//! The members of groups: joining, adding, removing, leaving.

use callie_core::command::{Role, Visibility};
use callie_core::{GroupId, Username};

use super::database::Database;
use super::error::{GroupError, StoreError};
use super::group_rows::{
    admit, drop_member, leave, may_all_be_added, member_role, names, read_group, require,
};
use super::model::{GroupLimits, Removal};

/// The members of groups.
#[derive(Debug, Clone)]
pub struct Members {
    database: Database,
}

impl Members {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Has `user` join the public group `id`.
    ///
    /// # Errors
    /// [`GroupError::NotFound`] (also for a private one that the user is not in), [`GroupError::AlreadyMember`],
    /// [`GroupError::TooManyMembers`], [`GroupError::TooManyGroups`], [`GroupError::Store`].
    pub async fn join(&self, id: GroupId, user: &Username, limits: GroupLimits) -> Result<(), GroupError> {
        let mut tx = self.database.begin().await?;
        tx.lock_users(&[user]).await?;
        tx.lock_group(id).await?;
        if member_role(&mut tx, id, user).await?.is_some() {
            return Err(GroupError::AlreadyMember);
        }
        match read_group(&mut tx, id).await? {
            Some(group) if group.visibility == Visibility::Public => {}
            _ => return Err(GroupError::NotFound),
        }
        admit(&mut tx, id, user, limits).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Has `actor`, an admin or the owner, add `user` to the group.
    ///
    /// # Errors
    /// [`GroupError::NotFound`], [`GroupError::NotAMember`], [`GroupError::Forbidden`], [`GroupError::UserNotFound`],
    /// [`GroupError::AlreadyMember`], [`GroupError::MayNotAdd`], [`GroupError::TooManyMembers`],
    /// [`GroupError::TooManyGroups`], [`GroupError::Store`].
    pub async fn add(
        &self,
        id: GroupId,
        actor: &Username,
        user: &Username,
        limits: GroupLimits,
    ) -> Result<(), GroupError> {
        let mut tx = self.database.begin().await?;
        tx.lock_users(&[user]).await?;
        tx.lock_group(id).await?;
        require(&mut tx, id, actor, Role::Admin).await?;
        if member_role(&mut tx, id, user).await?.is_some() {
            return Err(GroupError::AlreadyMember);
        }
        may_all_be_added(&mut tx, actor, &[user]).await?;
        admit(&mut tx, id, user, limits).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Has `actor`, an admin or the owner, remove `user` from the group. Only the owner removes admins, and nobody
    /// removes the owner. A member leaves with [`Members::leave`].
    ///
    /// # Errors
    /// [`GroupError::NotFound`], [`GroupError::NotAMember`], [`GroupError::Forbidden`], [`GroupError::UserNotFound`],
    /// [`GroupError::Store`].
    pub async fn remove(&self, id: GroupId, actor: &Username, user: &Username) -> Result<(), GroupError> {
        let mut tx = self.database.begin().await?;
        tx.lock_group(id).await?;
        let own = require(&mut tx, id, actor, Role::Admin).await?;
        match member_role(&mut tx, id, user).await? {
            None => return Err(GroupError::UserNotFound(user.clone())),
            Some(role) if role < own => {}
            Some(_) => return Err(GroupError::Forbidden),
        }
        drop_member(&mut tx, id, user).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Has `user` leave the group. An owner is succeeded by the most senior admin or, without one, member. The group is
    /// deleted when its last member leaves.
    ///
    /// # Errors
    /// [`GroupError::NotFound`], [`GroupError::NotAMember`], [`GroupError::Store`].
    pub async fn leave(&self, id: GroupId, user: &Username) -> Result<Removal, GroupError> {
        let mut tx = self.database.begin().await?;
        tx.lock_group(id).await?;
        let removal = leave(&mut tx, id, user).await?;
        tx.commit().await?;
        Ok(removal)
    }

    /// Returns the role of `user` in the group, or `None` if the user is not a member.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn role(&self, id: GroupId, user: &Username) -> Result<Option<Role>, StoreError> {
        member_role(self.database.read(), id, user).await
    }

    /// Returns `true` if `user` is in the group.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn is_member(&self, id: GroupId, user: &Username) -> Result<bool, StoreError> {
        Ok(self.role(id, user).await?.is_some())
    }

    /// Returns the names of all members in no order, empty if there is no such group.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn names(&self, id: GroupId) -> Result<Vec<Username>, StoreError> {
        names(self.database.read(), id).await
    }
}
