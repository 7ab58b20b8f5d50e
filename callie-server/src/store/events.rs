//! What running servers must learn of: a log in the database, so that the `admin` and `user` commands and other servers
//! reach them too.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use callie_core::command::RemovalReason;
use callie_core::{SessionId, Timestamp, Username};
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};
use tokio::sync::broadcast;

use super::accounts::Accounts;
use super::column::text;
use super::database::Database;
use super::deletion::{Deletion, name_of};
use super::error::StoreError;
use super::event_log::{ACCOUNT_DELETED, ADMIN_ACT, Event, SESSION_ENDED, USER_BANNED, record};
use super::model::Ban;
use super::sql::{CHUNK, placeholders};
use crate::base::clock::{self, Millis};

/// How often the log is read. What an admin does elsewhere takes effect within a second.
const POLL: Duration = Duration::from_millis(400);
/// How far before the last reading each reading begins. The clocks of servers may differ by half of it. A login, whose
/// entry has the time at which it began, may become visible to others after a third of it.
const OVERLAP: Millis = 60_000;
/// How long entries are kept. A server that loses the database for less than this misses none.
const KEEP: Millis = clock::DAY;
/// How often old entries are removed, in readings.
const CLEAN_EVERY: u32 = 500;

/// An event that open sockets must act on.
///
/// An event may be sent more than once. A receiver that lags behind the channel reads the session of each socket with
/// [`Sessions::get`](super::Sessions::get).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// A session was revoked. Its sockets are closed.
    SessionEnded {
        /// The session.
        session_id: SessionId,
    },
    /// A user was banned. All sockets of the user are closed.
    UserBanned {
        /// The user.
        username: Username,
        /// The ban as it is now.
        ban: Ban,
    },
    /// A user was banned, and is no longer. Sockets of sessions that the ban has ended are closed.
    BanLifted {
        /// The user.
        username: Username,
    },
    /// An account was deleted. All sockets of the user are closed, and the user leaves the groups.
    AccountDeleted {
        /// The user.
        username: Username,
        /// What else has changed.
        deletion: Deletion,
    },
}

/// What somebody did with the `admin` or `user` command. Every running server logs it, because nobody keeps the output of the
/// command itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminAct {
    /// The person who did it.
    pub admin: String,
    /// What was done.
    pub act: String,
    /// The user who is affected, if one is.
    pub user: Option<Username>,
    /// The reason of a ban.
    pub reason: Option<RemovalReason>,
    /// When a ban ends.
    pub until: Option<Timestamp>,
}

impl AdminAct {
    /// The act of an admin who deleted the account of `user`.
    #[must_use]
    pub fn deletion(admin: &str, user: &Username) -> Self {
        Self {
            admin: admin.to_owned(),
            act: "DELETE_USER".to_owned(),
            user: Some(user.clone()),
            reason: None,
            until: None,
        }
    }

    /// Logs the act.
    pub fn log(&self) {
        let Self { admin, act, user, reason, until } = self;
        let (reason, until) = (reason.as_ref().map(RemovalReason::as_str), until.map(|at| at.to_string()));
        let user = user.as_ref().map(Username::as_str);
        tracing::info!(admin, act, user, reason, until, "an admin acted");
    }
}

/// An entry of the log as read.
struct Entry {
    id: String,
    at: Millis,
    kind: Kind,
}

enum Kind {
    Ended(SessionId),
    Banned(Username),
    Act(AdminAct),
    /// The ID of a deletion, and the deletion.
    Deleted(String, Deletion),
    /// An entry of a newer server, or a damaged one.
    Other,
}

/// The event log of the database.
#[derive(Debug, Clone)]
pub struct Events {
    database: Database,
    accounts: Accounts,
}

impl Events {
    pub(super) fn new(database: Database, accounts: Accounts) -> Self {
        Self { database, accounts }
    }

    /// Reads the log and sends new events, until the future is dropped.
    pub(crate) async fn watch(self, events: broadcast::Sender<SessionEvent>) {
        // The last reading that succeeded. Entries of the time when the database was away are read later.
        let started = clock::now();
        let mut read = started;
        let mut well = true;
        let mut seen: HashMap<String, Millis> = HashMap::new();
        for round in 1_u32.. {
            // Either the interval has passed or this process has just committed an entry.
            let _ = tokio::time::timeout(POLL, self.database.events_recorded()).await;
            let now = clock::now();
            match self.events_since(read - OVERLAP, started, &mut seen).await {
                Ok(new) => {
                    if !std::mem::replace(&mut well, true) {
                        tracing::info!("the event log can be read again");
                    }
                    read = now;
                    for event in new {
                        // Without a receiver there is no socket to close.
                        let _ = events.send(event);
                    }
                }
                // Logged once: several lines a second would hide everything else.
                Err(error) if std::mem::replace(&mut well, false) => {
                    tracing::warn!(%error, "cannot read the event log");
                }
                Err(_) => {}
            }
            seen.retain(|_, at| *at > read - 2 * OVERLAP);
            if round % CLEAN_EVERY == 0
                && let Err(error) = self.remove_events_before(now - KEEP).await
            {
                tracing::warn!(%error, "cannot remove old entries of the event log");
            }
        }
    }

    /// Returns what follows from the new entries of the log since `from`. They count as seen only once all of them
    /// could be checked. Acts of admins before `started` are not logged, because they would be logged again at every
    /// start.
    async fn events_since(
        &self,
        from: Millis,
        started: Millis,
        seen: &mut HashMap<String, Millis>,
    ) -> Result<Vec<SessionEvent>, StoreError> {
        let rows =
            sqlx::query("SELECT id, at, kind, subject, reason FROM events WHERE at >= $1 ORDER BY at, id")
                .bind(from)
                .fetch_all(self.database.read())
                .await?;
        let mut new = Vec::new();
        for row in &rows {
            let entry = read_entry(row)?;
            if !seen.contains_key(&entry.id) {
                new.push(entry);
            }
        }
        // Everything that a starting server reads about groups is newer than its deletions before.
        new.retain(|entry| !matches!(entry.kind, Kind::Deleted(..)) || entry.at >= started);
        let events = self.as_it_is_now(&new).await?;
        for entry in &new {
            if let Kind::Act(act) = &entry.kind
                && entry.at >= started
            {
                act.log();
            }
        }
        for event in &events {
            if let SessionEvent::AccountDeleted { username, deletion: Deletion { admin: Some(admin), .. } } =
                event
            {
                AdminAct::deletion(admin, username).log();
            }
        }
        seen.extend(new.into_iter().map(|entry| (entry.id, entry.at)));
        Ok(events)
    }

    /// Returns what follows from `entries`, as the database is now: entries may be old, and only what is still true
    /// counts.
    async fn as_it_is_now(&self, entries: &[Entry]) -> Result<Vec<SessionEvent>, StoreError> {
        let ended: Vec<&SessionId> = entries
            .iter()
            .filter_map(|entry| match &entry.kind {
                Kind::Ended(id) => Some(id),
                _ => None,
            })
            .collect();
        let alive = self.which_exist(&ended).await?;
        let mut events = Vec::new();
        for entry in entries {
            match &entry.kind {
                Kind::Ended(id) if !alive.contains(id.as_str()) => {
                    events.push(SessionEvent::SessionEnded { session_id: id.clone() });
                }
                Kind::Banned(username) => {
                    let ban = match self.accounts.get(username, clock::now()).await {
                        Ok(user) => user.and_then(|user| user.ban),
                        // Another attempt would fail the same way. The sessions are gone in any case.
                        Err(error @ StoreError::Unreadable(_)) => {
                            tracing::error!(%error, user = %username, "cannot read a ban");
                            None
                        }
                        Err(error) => return Err(error),
                    };
                    events.push(match ban {
                        Some(ban) => SessionEvent::UserBanned { username: username.clone(), ban },
                        None => SessionEvent::BanLifted { username: username.clone() },
                    });
                }
                Kind::Deleted(id, deletion) => {
                    if let Some(username) = name_of(&self.database, id).await? {
                        events.push(SessionEvent::AccountDeleted { username, deletion: deletion.clone() });
                    }
                }
                Kind::Ended(_) | Kind::Act(_) | Kind::Other => {}
            }
        }
        Ok(events)
    }

    /// Returns those of `sessions` that exist.
    async fn which_exist(&self, sessions: &[&SessionId]) -> Result<HashSet<String>, StoreError> {
        let mut found = HashSet::new();
        for chunk in sessions.chunks(CHUNK) {
            let list = placeholders(1, chunk.len());
            // Only placeholders are put into the text.
            let mut query =
                sqlx::query(AssertSqlSafe(format!("SELECT id FROM sessions WHERE id IN ({list})")));
            for id in chunk {
                query = query.bind(id.as_str());
            }
            for row in query.fetch_all(self.database.read()).await? {
                found.insert(row.try_get(0)?);
            }
        }
        Ok(found)
    }

    /// Has all running servers log `act`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn note_admin_act(&self, act: &AdminAct, now: Millis) -> Result<(), StoreError> {
        let mut tx = self.database.begin().await?;
        // A struct of texts always serialises.
        let reason = serde_json::to_string(act).unwrap_or_default();
        record(&mut tx, Event::admin_act(act.user.as_ref(), &reason), now).await?;
        Ok(tx.commit().await?)
    }

    async fn remove_events_before(&self, at: Millis) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM events WHERE at < $1").bind(at).execute(self.database.write()).await?;
        Ok(())
    }
}

/// Reads an entry. One that cannot be read is logged and skipped, so that it does not keep back later ones.
fn read_entry(row: &AnyRow) -> Result<Entry, StoreError> {
    let (id, at): (String, Millis) = (row.try_get(0)?, row.try_get(1)?);
    let kind = match row.try_get(2)? {
        SESSION_ENDED => text(row, 3).map(Kind::Ended),
        USER_BANNED => text(row, 3).map(Kind::Banned),
        ADMIN_ACT => {
            let act: String = row.try_get(4)?;
            serde_json::from_str(&act).map(Kind::Act).map_err(|_| StoreError::Unreadable("admin's act"))
        }
        ACCOUNT_DELETED => {
            let (id, deletion): (String, String) = (row.try_get(3)?, row.try_get(4)?);
            let deletion = serde_json::from_str(&deletion);
            deletion
                .map(|deletion| Kind::Deleted(id, deletion))
                .map_err(|_| StoreError::Unreadable("deletion"))
        }
        _ => Ok(Kind::Other),
    };
    let kind = kind.unwrap_or_else(|error| {
        tracing::error!(%error, entry = id, "skipped an unreadable entry of the event log");
        Kind::Other
    });
    Ok(Entry { id, at, kind })
}
