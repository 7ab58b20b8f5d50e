//! The last uses of sessions, collected in memory and written together.
//!
//! After a restart, thousands of clients reconnect within seconds. If each use were written on its own, all of them
//! would wait for the disk. A crash loses at most the uses of the last few seconds, of sessions that last 30 days.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use callie_core::SessionId;
use callie_core::account::SESSION_DAYS;
use sqlx::AssertSqlSafe;

use super::connections::{Kind, Tx};
use super::database::Database;
use super::error::StoreError;
use super::model::Session;
use super::sql::CHUNK;
use crate::base::clock::{self, Millis};

/// How long a session lasts after its last use.
pub(super) const LIFETIME: Millis = SESSION_DAYS as Millis * clock::DAY;

/// A use that follows the one before within this time is not recorded.
const COARSE: Millis = 60_000;
/// A last use that is later than this was not noted by another server, but with a wrong clock.
const FUTURE: Millis = clock::DAY;
/// The most uses that wait to be written. More are dropped, and noted at the next use of the session.
const MOST: usize = 50_000;

/// The uses that wait to be written.
#[derive(Debug, Clone, Default)]
pub(super) struct Touched(Arc<Mutex<HashMap<SessionId, Millis>>>);

impl Touched {
    /// Notes that `session` is used, and returns the session with its new end.
    pub(super) fn touch(&self, session: Session, now: Millis) -> Session {
        let ahead = session.last_seen - now;
        // A last use in the future was noted with a wrong clock: then, or now.
        let is_known = if ahead > 0 { ahead < FUTURE || !clock::is_settled() } else { -ahead < COARSE };
        if is_known {
            return session;
        }
        self.with(|waiting| {
            if waiting.len() < MOST {
                waiting.insert(session.id.clone(), now);
            }
        });
        Session { last_seen: now, expires: now + LIFETIME, ..session }
    }

    /// Returns `session` with a use that is not written yet.
    pub(super) fn apply(&self, session: Session) -> Session {
        match self.with(|waiting| waiting.get(&session.id).copied()) {
            Some(at) => Session { last_seen: at, expires: at + LIFETIME, ..session },
            None => session,
        }
    }

    /// Writes the uses that wait. Uses that cannot be written are noted again at the next use of their sessions.
    pub(super) async fn flush(&self, database: &Database) -> Result<(), StoreError> {
        let waiting = self.with(std::mem::take);
        if waiting.is_empty() {
            return Ok(());
        }
        let mut tx = database.begin().await?;
        let waiting: Vec<(SessionId, Millis)> = waiting.into_iter().collect();
        for chunk in waiting.chunks(CHUNK) {
            write(&mut tx, chunk).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    fn with<T>(&self, f: impl FnOnce(&mut HashMap<SessionId, Millis>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes some of the uses. A session that has ended meanwhile stays ended: this updates rows and inserts none.
async fn write(tx: &mut Tx, uses: &[(SessionId, Millis)]) -> Result<(), StoreError> {
    let list = |place: fn(usize) -> String| (0..uses.len()).map(place).collect::<Vec<_>>().join(", ");
    let pairs = list(|n| format!("(${}, ${})", 2 * n + 2, 2 * n + 3));
    let mut sql = format!(
        "UPDATE sessions SET last_seen = used.column2, expires = used.column2 + $1 FROM (VALUES {pairs}) AS used \
         WHERE sessions.id = used.column1 \
         AND (sessions.last_seen < used.column2 OR sessions.last_seen > used.column2 + {FUTURE})"
    );
    if tx.kind() == Kind::Postgres {
        // A locked row is being ended or written by another transaction. Waiting for it could deadlock.
        let ids = list(|n| format!("${}", 2 * n + 2));
        sql += &format!(
            " AND sessions.id IN (SELECT id FROM sessions WHERE id IN ({ids}) FOR NO KEY UPDATE SKIP LOCKED)"
        );
    }
    // Only placeholders are put into the text.
    let mut query = sqlx::query(AssertSqlSafe(sql)).bind(LIFETIME);
    for (id, at) in uses {
        query = query.bind(id.as_str()).bind(*at);
    }
    query.execute(tx).await?;
    Ok(())
}
