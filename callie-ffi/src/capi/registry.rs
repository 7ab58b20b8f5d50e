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

    /// Gives `value` a handle.
    pub(super) fn add<H>(&self, value: T) -> *mut H {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        self.live().insert(id, Arc::new(value));
        without_provenance_mut(id)
    }

    /// What `handle` stands for.
    pub(super) fn get<H>(&self, handle: *const H) -> Result<Arc<T>, Failure> {
        if handle.is_null() {
            return Err(Failure::null(self.name));
        }
        self.live().get(&handle.addr()).cloned().ok_or_else(|| Failure::dead(self.name))
    }

    /// Ends `handle`. NULL is nothing to end.
    pub(super) fn remove<H>(&self, handle: *mut H) -> Result<(), Failure> {
        if handle.is_null() {
            return Ok(());
        }
        let removed = self.live().remove(&handle.addr());
        removed.map(drop).ok_or_else(|| Failure::dead(self.name))
    }

    fn live(&self) -> MutexGuard<'_, BTreeMap<usize, Arc<T>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
