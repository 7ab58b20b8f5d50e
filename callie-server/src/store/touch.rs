//! The last use of sessions, gathered in memory and written together.
//!
//! After a restart thousands of clients come back within seconds: writing each use on its own would make every one of
//! them wait for the disk. A crash loses at most the uses of the last few seconds, of sessions that last thirty days.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use callie_core::SessionId;

use crate::clock::Millis;

use super::sessions::LIFETIME;
use super::{Session, Store, StoreError};

/// A use within this time of the one before is not written down.
const COARSE: Millis = 60_000;
/// Uses that wait to be written; more are left out, and noted at the session's next use.
const MOST: usize = 50_000;

/// Uses that wait to be written.
#[derive(Debug, Clone, Default)]
pub(super) struct Touched(Arc<Mutex<HashMap<SessionId, Millis>>>);

impl Touched {
    fn with<T>(&self, f: impl FnOnce(&mut HashMap<SessionId, Millis>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store {
    /// Notes that `session` is used, and answers it as that makes it: it lasts from now on.
    #[must_use]
    pub fn touch(&self, session: Session, now: Millis) -> Session {
        if now - session.last_seen < COARSE {
            return session;
        }
        self.touched.with(|waiting| {
            if waiting.len() < MOST {
                waiting.insert(session.id.clone(), now);
            }
        });
        Session { last_seen: now, expires: now + LIFETIME, ..session }
    }

    /// `session` with a use that is not written yet.
    pub(super) fn as_touched(&self, session: Session) -> Session {
        match self.touched.with(|waiting| waiting.get(&session.id).copied()) {
            Some(at) => Session { last_seen: at, expires: at + LIFETIME, ..session },
            None => session,
        }
    }

    /// Writes the uses that wait.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails; they are noted anew at the sessions' next use.
    pub async fn flush_touched(&self) -> Result<(), StoreError> {
        let waiting = self.touched.with(std::mem::take);
        if waiting.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        for (id, at) in waiting {
            // A session that ended meanwhile stays ended: this changes rows and makes none.
            sqlx::query("UPDATE sessions SET last_seen = $1, expires = $2 WHERE id = $3 AND last_seen < $1")
                .bind(at)
                .bind(at + LIFETIME)
                .bind(id.as_str())
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
