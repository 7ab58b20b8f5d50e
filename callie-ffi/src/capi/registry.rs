//! Handles that are names, not addresses.
//!
//! What C holds as a pointer is a number that this library never follows and never gives twice, so a handle that was freed,
//! or that never was one, is told from a live one. A call keeps what it uses alive, so freeing on another thread is safe.

use std::collections::BTreeMap;
use std::ptr::without_provenance_mut;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::status::Failure;

/// The number of the next handle, of whatever kind. Zero is NULL.
static NEXT: AtomicUsize = AtomicUsize::new(1);

/// The live handles of one kind: `T` is what they stand for, `H` is what C sees.
pub(super) struct Registry<T> {
    name: &'static str,
    live: Mutex<BTreeMap<usize, Arc<T>>>,
}

impl<T> Registry<T> {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, live: Mutex::new(BTreeMap::new()) }
    }

    /// What a reason calls the handle.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Gives `value` a handle.
    pub(super) fn add<H>(&self, value: T) -> Result<*mut H, Failure> {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        self.live()?.insert(id, Arc::new(value));
        Ok(without_provenance_mut(id))
    }

    /// What `handle` stands for.
    pub(super) fn get<H>(&self, handle: *const H) -> Result<Arc<T>, Failure> {
        if handle.is_null() {
            return Err(Failure::null(self.name));
        }
        self.live()?.get(&handle.addr()).cloned().ok_or_else(|| Failure::dead(self.name))
    }

    /// Ends `handle`, and returns what it stood for. NULL is nothing to end.
    pub(super) fn remove<H>(&self, handle: *mut H) -> Result<Option<Arc<T>>, Failure> {
        let mut live = self.live()?;
        if handle.is_null() {
            return Ok(None);
        }
        live.remove(&handle.addr()).map(Some).ok_or_else(|| Failure::dead(self.name))
    }

    /// In a forked child it fails before it takes the lock, which another thread may have held.
    fn live(&self) -> Result<MutexGuard<'_, BTreeMap<usize, Arc<T>>>, Failure> {
        Failure::if_forked()?;
        Ok(self.live.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
