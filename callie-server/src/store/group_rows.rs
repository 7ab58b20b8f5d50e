//! Single steps of the transactions that change groups and their members.

use callie_core::command::{DirectMessages, Role, Visibility};
use callie_core::{GroupId, Username};
use sqlx::{AnyExecutor, AssertSqlSafe, Row as _};

use super::column::text;
use super::connections::Tx;
use super::error::{GroupError, StoreError};
use super::model::{Group, GroupLimits, Removal};
use super::sql::{CHUNK, placeholders};

/// Returns the role of the actor if it is at least `least`. Every command on a group checks this first.
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
    // Its members are deleted with it: ON DELETE CASCADE.
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

pub(super) async fn names(asked: impl AnyExecutor<'_>, id: GroupId) -> Result<Vec<Username>, StoreError> {
    let rows = sqlx::query("SELECT username FROM group_members WHERE group_id = $1")
        .bind(id.to_string())
        .fetch_all(asked)
        .await?;
    rows.iter().map(|row| text(row, 0)).collect()
}

pub(super) async fn member_role(
    asked: impl AnyExecutor<'_>,
    id: GroupId,
    user: &Username,
) -> Result<Option<Role>, StoreError> {
    let row = sqlx::query("SELECT role FROM group_members WHERE group_id = $1 AND username = $2")
        .bind(id.to_string())
        .bind(user.as_str())
        .fetch_optional(asked)
        .await?;
    row.map(|row| text(&row, 0)).transpose()
}

/// Adds `user` to the group if there is room.
pub(super) async fn admit(
    tx: &mut Tx,
    id: GroupId,
    user: &Username,
    limits: GroupLimits,
) -> Result<(), GroupError> {
    check_rooms(tx, &[user], limits.max_groups).await?;
    let most = i64::try_from(limits.max_members).unwrap_or(i64::MAX);
    let grown = sqlx::query(
        "UPDATE chat_groups SET member_count = member_count + 1 WHERE id = $1 AND member_count < $2",
    )
    .bind(id.to_string())
    .bind(most)
    .execute(&mut *tx)
    .await?;
    if grown.rows_affected() == 0 {
        return Err(GroupError::TooManyMembers);
    }
    sqlx::query(
        "INSERT INTO group_members (group_id, username, role, place) \
         SELECT $1, $2, $3, COALESCE(MAX(place), 0) + 1 FROM group_members WHERE group_id = $1",
    )
    .bind(id.to_string())
    .bind(user.as_str())
    .bind(Role::Member.as_str())
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn drop_member(tx: &mut Tx, id: GroupId, user: &Username) -> Result<(), GroupError> {
    sqlx::query("DELETE FROM group_members WHERE group_id = $1 AND username = $2")
        .bind(id.to_string())
        .bind(user.as_str())
        .execute(&mut *tx)
        .await?;
    sqlx::query("UPDATE chat_groups SET member_count = member_count - 1 WHERE id = $1")
        .bind(id.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

/// Removes `user` from the group, which is locked. An owner is succeeded by the most senior admin or, without one, member.
/// The group is deleted if nobody is left.
pub(super) async fn leave(tx: &mut Tx, id: GroupId, user: &Username) -> Result<Removal, GroupError> {
    let role = require(tx, id, user, Role::Member).await?;
    drop_member(tx, id, user).await?;
    let heir = sqlx::query(
        "SELECT username FROM group_members WHERE group_id = $1 \
         ORDER BY CASE role WHEN $2 THEN 0 WHEN $3 THEN 1 ELSE 2 END, place LIMIT 1",
    )
    .bind(id.to_string())
    .bind(Role::Owner.as_str())
    .bind(Role::Admin.as_str())
    .fetch_optional(&mut *tx)
    .await?;
    Ok(match heir {
        None => {
            remove_group(tx, id).await?;
            Removal::Deleted
        }
        Some(row) if role == Role::Owner => {
            let owner: Username = text(&row, 0)?;
            write_role(tx, id, &owner, Role::Owner).await?;
            Removal::HandedOver { owner }
        }
        Some(_) => Removal::Left,
    })
}

/// Fails when one of `users` does not exist or may not be written to directly by `actor`.
pub(super) async fn may_all_be_added(
    tx: &mut Tx,
    actor: &Username,
    users: &[&Username],
) -> Result<(), GroupError> {
    for chunk in users.chunks(CHUNK) {
        let list = placeholders(3, chunk.len());
        let sql = format!(
            "SELECT name, \
             CASE WHEN EXISTS (SELECT 1 FROM blocks WHERE (blocker = $1 AND blocked = name) \
             OR (blocker = name AND blocked = $1)) THEN 1 ELSE 0 END, \
             CASE WHEN direct_messages <> $2 THEN 1 \
             WHEN EXISTS (SELECT 1 FROM group_members a JOIN group_members b ON a.group_id = b.group_id \
             WHERE a.username = $1 AND b.username = name) THEN 1 ELSE 0 END \
             FROM users WHERE name IN ({list})"
        );
        // Only placeholders are put into the text. Whether two users share a group is read only where it matters,
        // because it is slow for an actor in many groups.
        let closed = DirectMessages::Groups.as_str();
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(actor.as_str()).bind(closed);
        for user in chunk {
            query = query.bind(user.as_str());
        }
        let rows = query.fetch_all(&mut *tx).await?;
        let mut known = std::collections::HashSet::with_capacity(rows.len());
        for row in &rows {
            let name: Username = text(row, 0)?;
            let blocked = row.try_get::<i64, _>(1)? != 0;
            let open = row.try_get::<i64, _>(2)? != 0;
            if blocked || !open {
                return Err(GroupError::MayNotAdd(name));
            }
            known.insert(name);
        }
        if let Some(missing) = chunk.iter().find(|user| !known.contains(**user)) {
            return Err(GroupError::UserNotFound((*missing).clone()));
        }
    }
    Ok(())
}

/// Fails when one of `users` is in the maximum number of groups.
pub(super) async fn check_rooms(tx: &mut Tx, users: &[&Username], most: usize) -> Result<(), GroupError> {
    for chunk in users.chunks(CHUNK) {
        let list = placeholders(2, chunk.len());
        let sql = format!(
            "SELECT 1 FROM group_members WHERE username IN ({list}) GROUP BY username HAVING COUNT(*) >= $1 LIMIT 1"
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(i64::try_from(most).unwrap_or(i64::MAX));
        for user in chunk {
            query = query.bind(user.as_str());
        }
        if query.fetch_optional(&mut *tx).await?.is_some() {
            return Err(GroupError::TooManyGroups);
        }
    }
    Ok(())
}

/// Adds `users` to a new group, in this order of seniority. The first one is the owner.
pub(super) async fn insert_members(tx: &mut Tx, id: GroupId, users: &[&Username]) -> Result<(), GroupError> {
    let mut place = 0_i64;
    for chunk in users.chunks(CHUNK) {
        let rows: Vec<String> = (0..chunk.len())
            .map(|n| format!("($1, ${}, ${}, ${})", 3 * n + 2, 3 * n + 3, 3 * n + 4))
            .collect();
        let sql =
            format!("INSERT INTO group_members (group_id, username, role, place) VALUES {}", rows.join(", "));
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(id.to_string());
        for user in chunk {
            let role = if place == 0 { Role::Owner } else { Role::Member };
            query = query.bind(user.as_str()).bind(role.as_str()).bind(place);
            place += 1;
        }
        query.execute(&mut *tx).await?;
    }
    Ok(())
}
