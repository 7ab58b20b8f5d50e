//! Hashing and verifying passwords with Argon2id, outside of the async threads and a few at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;

/// The most passwords that are hashed at the same time; on fewer cores as many as there are, because more would only
/// slow down each other and messages. Each takes 19 MiB and one core for about 30 ms (Argon2id as OWASP recommends: 19
/// MiB, two passes), so memory stays below 80 MiB.
const AT_A_TIME: usize = 4;
/// The most passwords that wait. More are refused immediately. One core hashes these within about 8 seconds.
const MAY_WAIT: usize = 256;
/// How long a password may wait. A client that waits longer has given up.
const WAIT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a password was neither hashed nor verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum PasswordError {
    /// Too many passwords wait.
    #[error("too many passwords are waiting to be verified")]
    Busy,
    /// The password cannot be hashed, or the hash cannot be read.
    #[error("the password hash failed: {0}")]
    Hash(String),
}

/// Hashes and verifies passwords. Cloning shares the limits.
#[derive(Debug, Clone)]
pub(crate) struct Passwords {
    room: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    /// The hash that passwords for unknown users are verified against, so that it takes as long.
    nobody: Arc<str>,
}

impl Passwords {
    /// Hashes one password, which later verifications use for unknown users.
    pub(crate) async fn new() -> Result<Self, PasswordError> {
        let mut password = [0; 32];
        getrandom::fill(&mut password).map_err(|e| PasswordError::Hash(e.to_string()))?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut made = Self {
            room: Arc::new(Semaphore::new(cores.min(AT_A_TIME))),
            waiting: Arc::new(AtomicUsize::new(0)),
            nobody: "".into(),
        };
        made.nobody = made.work(move || hash(&password)).await?.into();
        Ok(made)
    }

    /// Returns the hash of `password` in PHC form.
    pub(crate) async fn hash(&self, password: String) -> Result<String, PasswordError> {
        self.work(move || hash(password.as_bytes())).await
    }

    /// Returns `true` if `password` matches `known`, the hash of a user. Without a hash returns `false` after the same
    /// time.
    pub(crate) async fn fits(&self, password: String, known: Option<&str>) -> Result<bool, PasswordError> {
        let (exists, known) = (known.is_some(), known.unwrap_or(&self.nobody).to_owned());
        self.work(move || {
            let parsed = PasswordHash::new(&known).map_err(|e| PasswordError::Hash(e.to_string()))?;
            // Any error other than a mismatch would be one of the hash, which was just parsed.
            Ok(Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok() && exists)
        })
        .await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let place = {
            let _waiting = Waiting::enter(&self.waiting)?;
            tokio::time::timeout(WAIT_TIMEOUT, Arc::clone(&self.room).acquire_owned())
                .await
                .map_err(|_| PasswordError::Busy)?
                .map_err(|_| PasswordError::Busy)?
        };
        let done = tokio::task::spawn_blocking(move || {
            // Held by the work itself, which continues when the client is gone.
            let _place = place;
            work()
        });
        done.await.map_err(|e| PasswordError::Hash(e.to_string()))?
    }
}

fn hash(password: &[u8]) -> Result<String, PasswordError> {
    let made = Argon2::default().hash_password(password).map_err(|e| PasswordError::Hash(e.to_string()))?;
    Ok(made.to_string())
}

/// A place among the passwords that wait, returned also when the wait is cancelled.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize) -> Result<Self, PasswordError> {
        let place = Self(count);
        if count.fetch_add(1, Ordering::Relaxed) < MAY_WAIT { Ok(place) } else { Err(PasswordError::Busy) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_matches() {
        let passwords = Passwords::new().await.unwrap();
        let known = passwords.hash("correct horse".into()).await.unwrap();
        assert!(known.starts_with("$argon2id$"));
        assert!(passwords.fits("correct horse".into(), Some(&known)).await.unwrap());
        assert!(!passwords.fits("wrong horse".into(), Some(&known)).await.unwrap());
        assert!(!passwords.fits("correct horse".into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn waiting_passwords_are_limited() {
        let passwords = Passwords::new().await.unwrap();
        let full = Arc::clone(&passwords.room)
            .acquire_many_owned(passwords.room.available_permits() as u32)
            .await
            .unwrap();
        passwords.waiting.store(MAY_WAIT, Ordering::Relaxed);
        assert!(matches!(passwords.hash("a".into()).await, Err(PasswordError::Busy)));
        assert_eq!(passwords.waiting.load(Ordering::Relaxed), MAY_WAIT);
        passwords.waiting.store(0, Ordering::Relaxed);
        drop(full);
        assert!(passwords.hash("a".into()).await.is_ok());
        assert_eq!(passwords.waiting.load(Ordering::Relaxed), 0);
    }
}
