//! Passwords: hashed and checked with Argon2id, off the async threads and a few at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;

/// Hashings at a time, at most; on fewer cores as many as there are, for more would only slow each other and the messages.
/// Each takes 19 MiB and one core for some 30 ms (Argon2id as OWASP advises: 19 MiB, two passes), so memory stays below
/// 80 MiB however many log in.
const AT_A_TIME: usize = 4;
/// Hashings that may wait; more are refused at once. One core works these off within about eight seconds.
const MAY_WAIT: usize = 256;
/// How long one may wait: a client that waits longer has given up.
const WAIT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a password was neither hashed nor checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum PasswordError {
    /// Too many wait already.
    #[error("too many passwords are waiting to be checked")]
    Busy,
    /// The hash cannot be made or read.
    #[error("the password hash failed: {0}")]
    Hash(String),
}

/// Hashes and checks passwords. Cloning shares its bounds.
#[derive(Debug, Clone)]
pub(crate) struct Passwords {
    room: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    /// What the password of a user who does not exist is checked against, so that it takes as long.
    nobody: Arc<str>,
}

impl Passwords {
    /// Makes ready; takes as long as one hashing.
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

    /// The hash of `password`, in PHC form.
    pub(crate) async fn hash(&self, password: String) -> Result<String, PasswordError> {
        self.work(move || hash(password.as_bytes())).await
    }

    /// Whether `password` fits `known`, the hash of a user; without one the answer is no, and takes as long.
    pub(crate) async fn fits(&self, password: String, known: Option<&str>) -> Result<bool, PasswordError> {
        let (exists, known) = (known.is_some(), known.unwrap_or(&self.nobody).to_owned());
        self.work(move || {
            let parsed = PasswordHash::new(&known).map_err(|e| PasswordError::Hash(e.to_string()))?;
            // Any error but a mismatch would be one of the hash, which was just read.
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
            // Held by the work itself: it goes on also when the client is gone.
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

/// A place among those who wait, given back also when the wait is cancelled.
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
    async fn only_the_right_password_of_a_user_who_exists_fits() {
        let passwords = Passwords::new().await.unwrap();
        let known = passwords.hash("correct horse".into()).await.unwrap();
        assert!(known.starts_with("$argon2id$"));
        assert!(passwords.fits("correct horse".into(), Some(&known)).await.unwrap());
        assert!(!passwords.fits("wrong horse".into(), Some(&known)).await.unwrap());
        assert!(!passwords.fits("correct horse".into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn more_than_may_wait_are_refused_and_places_come_back() {
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
