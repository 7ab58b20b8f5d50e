//! All that is kept of a user, and the list of all users.

use callie_core::account_data::{AccountData, BanData, KeptCounts};
use callie_core::command::{GroupSummary, Settings};
use callie_core::{SessionId, Username};
use sqlx::Row as _;

use super::column::{read_ban, text};
use super::connections::Tx;
use super::database::Database;
use super::error::StoreError;
use super::group_pages::{GROUPS_OF_USER, group_summary};
use super::model::{Ban, Session};
use super::sessions::Sessions;
use crate::base::clock::{self, Millis};

/// The most users that [`AccountReader::page`] returns.
const PAGE: i64 = 500;

/// A user in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSummary {
    /// The user.
    pub username: Username,
    /// The time of the registration.
    pub created: Millis,
    /// Whether the user is a server admin.
    pub admin: bool,
    /// The ban that is in force, if any.
    pub ban: Option<Ban>,
    /// The number of live sessions.
    pub sessions: u64,
    /// The last use of a live session.
    pub last_seen: Option<Millis>,
    /// The number of groups that the user is in.
    pub groups: u64,
}

/// Reads what is kept of users.
#[derive(Debug, Clone)]
pub struct AccountReader {
    database: Database,
    sessions: Sessions,
}

impl AccountReader {
    pub(super) fn new(database: Database, sessions: Sessions) -> Self {
        Self { database, sessions }
    }

    /// Returns all that is kept of `user`, or `None` if there is no such user. `asking` is the session that is marked as
    /// the current one.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn get(
        &self,
        user: &Username,
        asking: Option<&SessionId>,
        now: Millis,
    ) -> Result<Option<AccountData>, StoreError> {
        let mut tx = self.database.begin_reading().await?;
        let Some(data) = read_user(&mut tx, user, now).await? else { return Ok(None) };
        let data = data
            .with_groups(read_groups(&mut tx, user).await?)
            .with_blocked(read_blocked(&mut tx, user).await?)
            .with_kept_messages(count_kept(&mut tx, user).await?);
        tx.commit().await?;
        let sessions = self.sessions.list(user, now).await?;
        Ok(Some(data.with_sessions(Session::list(sessions, asking).sessions)))
    }

    /// Returns the users after `after`, sorted by name; none if there are no more.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn page(
        &self,
        after: Option<&Username>,
        now: Millis,
    ) -> Result<Vec<AccountSummary>, StoreError> {
        let rows = sqlx::query(
            "SELECT u.name, u.created, u.admin, u.banned, u.banned_until, u.ban_reason, \
             (SELECT COUNT(*) FROM sessions s WHERE s.username = u.name AND s.expires > $2), \
             (SELECT MAX(s.last_seen) FROM sessions s WHERE s.username = u.name AND s.expires > $2), \
             (SELECT COUNT(*) FROM group_members m WHERE m.username = u.name) \
             FROM users u WHERE u.name > $1 ORDER BY u.name LIMIT $3",
        )
        .bind(after.map_or("", Username::as_str))
        .bind(now)
        .bind(PAGE)
        .fetch_all(self.database.read())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(AccountSummary {
                    username: text(row, 0)?,
                    created: row.try_get(1)?,
                    admin: row.try_get::<i64, _>(2)? != 0,
                    ban: read_ban(row, 3, now)?,
                    sessions: row.try_get::<i64, _>(6)?.unsigned_abs(),
                    last_seen: row.try_get(7)?,
                    groups: row.try_get::<i64, _>(8)?.unsigned_abs(),
                })
            })
            .collect()
    }
}

async fn read_user(tx: &mut Tx, user: &Username, now: Millis) -> Result<Option<AccountData>, StoreError> {
    let row = sqlx::query(
        "SELECT created, admin, display_name, presence, direct_messages, banned, banned_until, ban_reason \
         FROM users WHERE name = $1",
    )
    .bind(user.as_str())
    .fetch_optional(tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let settings = Settings::new(text(&row, 2)?, text(&row, 3)?, text(&row, 4)?);
    let ban = read_ban(&row, 5, now)?.map(|ban| BanData::new(ban.reason, ban.until.map(clock::timestamp)));
    let data = AccountData::new(user.clone(), clock::timestamp(row.try_get(0)?), settings);
    Ok(Some(data.with_admin(row.try_get::<i64, _>(1)? != 0).with_ban(ban)))
}

async fn read_groups(tx: &mut Tx, user: &Username) -> Result<Vec<GroupSummary>, StoreError> {
    let rows = sqlx::query(GROUPS_OF_USER).bind(user.as_str()).bind("").bind(i64::MAX).fetch_all(tx).await?;
    rows.iter().map(group_summary).collect()
}

async fn read_blocked(tx: &mut Tx, user: &Username) -> Result<Vec<Username>, StoreError> {
    let rows = sqlx::query("SELECT blocked FROM blocks WHERE blocker = $1 ORDER BY blocked")
        .bind(user.as_str())
        .fetch_all(tx)
        .await?;
    rows.iter().map(|row| text(row, 0)).collect()
}

async fn count_kept(tx: &mut Tx, user: &Username) -> Result<KeptCounts, StoreError> {
    let row = sqlx::query(
        "SELECT (SELECT COUNT(*) FROM kept_messages WHERE recipient = $1), \
         (SELECT COUNT(*) FROM kept_texts WHERE sender = $1)",
    )
    .bind(user.as_str())
    .fetch_one(tx)
    .await?;
    let number = |at| Ok::<_, StoreError>(row.try_get::<i64, _>(at)?.unsigned_abs());
    Ok(KeptCounts::new(number(0)?, number(1)?))
}
