//! What running servers must hear of: a log in the database, so that an admin command and other servers reach them too.

use std::collections::HashMap;
use std::time::Duration;

use callie_core::command::RemovalReason;
use callie_core::{SessionId, Username};
use sqlx::Row as _;
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::clock::{self, Millis};

use super::column::{optional_text, text};
use super::connections::Tx;
use super::{Ban, Store, StoreError};

/// How often the log is read: what an admin does elsewhere takes effect within a second.
const POLL: Duration = Duration::from_millis(400);
/// How far back of the last reading is read: the clocks of several servers may differ by half of it, and a login, whose entry
/// is of the time that it began, may take a third before others can see it.
const OVERLAP: Millis = 60_000;
/// How long entries are kept: a server that is cut off from the database for as long reads what it has missed.
const KEEP: Millis = clock::DAY;
/// How often old entries are removed, in readings.
const CLEAN_EVERY: u32 = 500;

const SESSION_ENDED: &str = "session_ended";
const USER_BANNED: &str = "user_banned";

/// Something that open sockets must act on.
///
/// It may come more than once. Whoever lags behind the channel asks [`Store::session`] for each socket's session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// A session was revoked: its sockets close.
    SessionEnded {
        /// The session.
        session_id: SessionId,
    },
    /// A user was banned: all the user's sockets close.
    UserBanned {
        /// The user.
        username: Username,
        /// The ban.
        ban: Ban,
    },
}

/// An entry of the log, before it is written.
pub(super) struct Event<'a> {
    kind: &'static str,
    subject: &'a str,
    reason: Option<&'a str>,
    until: Option<Millis>,
}

impl<'a> Event<'a> {
    pub(super) fn session_ended(id: &'a str) -> Self {
        Self { kind: SESSION_ENDED, subject: id, reason: None, until: None }
    }

    pub(super) fn user_banned(user: &'a Username, ban: &'a Ban) -> Self {
        Self {
            kind: USER_BANNED,
            subject: user.as_str(),
            reason: ban.reason.as_ref().map(RemovalReason::as_str),
            until: ban.until,
        }
    }
}

/// Writes `event` within the transaction of what it tells of.
pub(super) async fn record(tx: &mut Tx, event: Event<'_>, now: Millis) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO events (id, at, kind, subject, reason, until) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(Uuid::now_v7().to_string())
        .bind(now)
        .bind(event.kind)
        .bind(event.subject)
        .bind(event.reason)
        .bind(event.until)
        .execute(tx)
        .await?;
    Ok(())
}

/// Reads the log and sends what is new, until `events` has no receiver and `store` is closed or the task is dropped.
pub async fn watch_events(store: Store, events: broadcast::Sender<SessionEvent>) {
    // The last reading that succeeded: what came while the database was away is read when it is back.
    let mut read = clock::now();
    let mut well = true;
    let mut seen: HashMap<String, Millis> = HashMap::new();
    for round in 1_u32.. {
        // Either the time is up or this process has just written an entry.
        let _ = tokio::time::timeout(POLL, store.poke.notified()).await;
        let now = clock::now();
        match store.events_since(read - OVERLAP, &mut seen).await {
            Ok(new) => {
                if !std::mem::replace(&mut well, true) {
                    tracing::info!("the log of ended sessions can be read again");
                }
                read = now;
                for event in new {
                    // Without a receiver there is no socket to close.
                    let _ = events.send(event);
                }
            }
            // Told once: several times a second would hide all else.
            Err(error) if std::mem::replace(&mut well, false) => {
                tracing::warn!(%error, "the log of ended sessions cannot be read");
            }
            Err(_) => {}
        }
        seen.retain(|_, at| *at > read - 2 * OVERLAP);
        if round % CLEAN_EVERY == 0
            && let Err(error) = store.remove_events_before(now - KEEP).await
        {
            tracing::warn!(%error, "old entries of the log of ended sessions cannot be removed");
        }
    }
}

impl Store {
    async fn events_since(
        &self,
        from: Millis,
        seen: &mut HashMap<String, Millis>,
    ) -> Result<Vec<SessionEvent>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, at, kind, subject, reason, until FROM events WHERE at >= $1 ORDER BY at, id",
        )
        .bind(from)
        .fetch_all(&self.read)
        .await?;
        let mut new = Vec::new();
        for row in rows {
            let id: String = row.try_get(0)?;
            if seen.insert(id, row.try_get(1)?).is_some() {
                continue;
            }
            match row.try_get(2)? {
                SESSION_ENDED => new.push(SessionEvent::SessionEnded { session_id: text(&row, 3)? }),
                USER_BANNED => {
                    let ban = Ban { reason: optional_text(&row, 4)?, until: row.try_get(5)? };
                    new.push(SessionEvent::UserBanned { username: text(&row, 3)?, ban });
                }
                // A newer server beside this one may have kinds of its own.
                _ => {}
            }
        }
        Ok(new)
    }

    async fn remove_events_before(&self, at: Millis) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM events WHERE at < $1").bind(at).execute(&self.write).await?;
        Ok(())
    }
}
