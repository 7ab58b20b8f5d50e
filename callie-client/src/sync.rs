//! Locks: those of the standard library, or in unit tests those of `shuttle`, which runs the threads of a test in every
//! order that it draws.

#[cfg(not(test))]
use std::sync::Mutex;
#[cfg(not(test))]
pub(crate) use std::sync::MutexGuard;
use std::sync::PoisonError;

#[cfg(test)]
use shuttle::sync::Mutex;
#[cfg(test)]
pub(crate) use shuttle::sync::MutexGuard;

/// A lock that ignores poisoning: a panic cannot leave the values behind these locks inconsistent.
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
