//! The deletion of accounts: one transaction that erases everything of a user except the name, which stays taken.
//!
//! A new table with data of users either refers to `users` with `ON DELETE CASCADE`, or is erased in [`erase`]. The test
//! `nothing_of_a_deleted_user_is_left` reads every table.

use callie_core::{GroupId, Username};
use serde::{Deserialize, Serialize};

use super::column::text;
use super::connections::{Kind, Tx};
use super::database::Database;
use super::error::{GroupError, StoreError};
use super::event_log::{Event, record};
use super::group_rows::leave;
use super::model::Removal;
use crate::base::clock::Millis;
use crate::base::ids;

/// What deleting an account has changed besides the account. The event log keeps it for the running servers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Deletion {
    /// The person who deleted the account with the `user` command; `None` for the user.
    pub admin: Option<String>,
    /// The groups that the user was in, except those that were deleted because nobody else was in them.
    pub groups: Vec<GroupId>,
    /// Those of `groups` that have a new owner.
    pub handed_over: Vec<GroupId>,
}

/// Deletes accounts.
#[derive(Debug, Clone)]
pub struct Deletions {
    database: Database,
}

impl Deletions {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Deletes the account of `user` for the user, whose password hash is `password`. Returns `false` if there is no such
    /// user, or the hash is another one now.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails; nothing has changed then.
    pub async fn by_user(&self, user: &Username, password: &str, now: Millis) -> Result<bool, StoreError> {
        self.delete(user, Some(password), None, now).await
    }

    /// Deletes the account of `user` for `admin`, a person with access to the database. Returns `false` if there is no
    /// such user.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails; nothing has changed then.
    pub async fn by_admin(&self, user: &Username, admin: &str, now: Millis) -> Result<bool, StoreError> {
        self.delete(user, None, Some(admin), now).await
    }

    async fn delete(
        &self,
        user: &Username,
        password: Option<&str>,
        admin: Option<&str>,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let mut tx = self.database.begin().await?;
        if !tx.lock_account(user, password).await? {
            return Ok(false);
        }
        tx.remove_kept_of(user).await?;
        let mut deletion = leave_groups(&mut tx, user).await?;
        deletion.admin = admin.map(str::to_owned);
        let id = ids::new_uuid().to_string();
        erase(&mut tx, user, &id).await?;
        // A struct of texts always serialises.
        let deletion = serde_json::to_string(&deletion).unwrap_or_default();
        record(&mut tx, Event::account_deleted(&id, &deletion), now).await?;
        tx.commit().await?;
        self.database.wake_events();
        Ok(true)
    }
}

impl Tx {
    /// Locks the row of a user against everything that refers to it: new members, sessions, blocks and kept messages.
    /// Returns `false` if there is no such user, or if `password` is given and is not the user's password hash. Must be
    /// called before any other lock.
    async fn lock_account(&mut self, user: &Username, password: Option<&str>) -> Result<bool, StoreError> {
        let row = sqlx::query(match self.kind() {
            Kind::Sqlite => "SELECT 1 FROM users WHERE name = $1 AND password = COALESCE($2, password)",
            Kind::Postgres => {
                "SELECT 1 FROM users WHERE name = $1 AND password = COALESCE($2, password) FOR UPDATE"
            }
        })
        .bind(user.as_str())
        .bind(password)
        .fetch_optional(self)
        .await?;
        Ok(row.is_some())
    }
}

/// Has `user` leave all groups, as with `LEAVE_GROUP`.
async fn leave_groups(tx: &mut Tx, user: &Username) -> Result<Deletion, StoreError> {
    // The user's row is locked, so that no group is added. Sorted, so that two deletions lock in the same order.
    let rows = sqlx::query("SELECT group_id FROM group_members WHERE username = $1 ORDER BY group_id")
        .bind(user.as_str())
        .fetch_all(&mut *tx)
        .await?;
    let mut deletion = Deletion::default();
    for row in &rows {
        let id: GroupId = text(row, 0)?;
        tx.lock_group(id).await?;
        let removal = match leave(tx, id, user).await {
            Ok(removal) => removal,
            Err(GroupError::Store(error)) => return Err(error),
            // The user was removed, or the group was deleted, before the group was locked.
            Err(_) => continue,
        };
        match removal {
            Removal::Deleted => continue,
            Removal::HandedOver { .. } => deletion.handed_over.push(id),
            Removal::Left => {}
        }
        deletion.groups.push(id);
    }
    Ok(deletion)
}

/// Erases the rest of `user`: what refers to the user with `ON DELETE CASCADE` (sessions, blocks in both directions, the
/// inbox), and the events that name the user. Retires the name.
async fn erase(tx: &mut Tx, user: &Username, deletion: &str) -> Result<(), StoreError> {
    for sql in ["DELETE FROM events WHERE subject = $1", "DELETE FROM users WHERE name = $1"] {
        sqlx::query(sql).bind(user.as_str()).execute(&mut *tx).await?;
    }
    sqlx::query("UPDATE usernames SET deletion = $1 WHERE name = $2")
        .bind(deletion)
        .bind(user.as_str())
        .execute(tx)
        .await?;
    Ok(())
}

/// Returns the name of the user whose account the deletion with this ID has deleted.
pub(super) async fn name_of(database: &Database, deletion: &str) -> Result<Option<Username>, StoreError> {
    let row = sqlx::query("SELECT name FROM usernames WHERE deletion = $1")
        .bind(deletion)
        .fetch_optional(database.read())
        .await?;
    row.map(|row| text(&row, 0)).transpose()
}
