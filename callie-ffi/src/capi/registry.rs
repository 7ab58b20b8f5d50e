//! Handles: numbers that C holds as pointers.
//!
//! A handle is never dereferenced and its number is never reused, so a freed or invalid handle is recognized. A call
//! keeps the objects it uses alive, so freeing a handle on another thread is safe.

use std::collections::BTreeMap;
use std::ptr::without_provenance_mut;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::status::Failure;

/// The number of the next handle of any kind. 0 is NULL.
static NEXT: AtomicUsize = AtomicUsize::new(1);

/// The valid handles of one kind, and the objects behind them.
pub(super) struct Registry<T> {
    name: &'static str,
    live: Mutex<BTreeMap<usize, Arc<T>>>,
}

impl<T> Registry<T> {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, live: Mutex::new(BTreeMap::new()) }
    }

    /// The kind's name in the reasons of errors.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Adds an object and returns its handle.
    pub(super) fn add<H>(&self, value: T) -> Result<*mut H, Failure> {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        self.live()?.insert(id, Arc::new(value));
        Ok(without_provenance_mut(id))
    }

    /// The object behind `handle`.
    pub(super) fn get<H>(&self, handle: *const H) -> Result<Arc<T>, Failure> {
        if handle.is_null() {
            return Err(Failure::null(self.name));
        }
        self.live()?.get(&handle.addr()).cloned().ok_or_else(|| Failure::dead(self.name))
    }

    /// Removes `handle` and returns its object; `None` for NULL.
    pub(super) fn remove<H>(&self, handle: *mut H) -> Result<Option<Arc<T>>, Failure> {
        let mut live = self.live()?;
        if handle.is_null() {
            return Ok(None);
        }
        live.remove(&handle.addr()).map(Some).ok_or_else(|| Failure::dead(self.name))
    }

    /// In a forked child it fails before it takes the lock, which another thread may have held during the fork.
    fn live(&self) -> Result<MutexGuard<'_, BTreeMap<usize, Arc<T>>>, Failure> {
        Failure::if_forked()?;
        Ok(self.live.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
