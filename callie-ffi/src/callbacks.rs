//! Calls into the foreign language, which stop before it ends.
//!
//! When a program ends, its interpreter shuts down while other threads may still call into it, which aborts the
//! process. So every such call goes through this module, and [`stop`] ends them all.

use std::cell::Cell;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use crate::owner;

static GATE: Gate = Gate { state: Mutex::new(State { stopped: false, inside: 0 }), left: Condvar::new() };

thread_local! {
/// The number of nested calls on this thread.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

struct Gate {
    state: Mutex<State>,
    left: Condvar,
}

struct State {
    stopped: bool,
    /// The number of calls in progress.
    inside: usize,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call in progress.
pub(crate) struct Call(());

/// Begins a call into the foreign language. `None` if calls are stopped: then it must not be made. Whatever belongs to
/// the foreign language is called and dropped inside such a call.
pub(crate) fn begin() -> Option<Call> {
    // In a child of the process, the objects of the foreign language are not the parent's, and the lock may never be
    // free.
    owner::guard().ok()?;
    let mut state = GATE.state();
    if state.stopped {
        return None;
    }
    state.inside += 1;
    drop(state);
    // A thread that is ending has no calls in progress.
    let _ = DEPTH.try_with(|depth| depth.set(depth.get() + 1));
    Some(Call(()))
}

impl Drop for Call {
    fn drop(&mut self) {
        let _ = DEPTH.try_with(|depth| depth.set(depth.get().saturating_sub(1)));
        if owner::guard().is_err() {
            return;
        }
        let mut state = GATE.state();
        state.inside -= 1;
        let stopped = state.stopped;
        drop(state);
        if stopped {
            GATE.left.notify_all();
        }
    }
}

/// Stops all calls into the foreign language permanently, before the program ends: afterwards no listener, token
/// source, log sink or continuation of a waiting call runs, and no object of that language is dropped.
///
/// Waits at most `patience` for calls in progress, except those that it is itself called from. Returns true if none is
/// left. No new call begins in either case. The caller must not hold what those calls need, such as an interpreter's
/// lock. Clients are not ended; calls that wait are no longer answered.
pub(crate) fn stop(patience: Duration) -> bool {
    if owner::guard().is_err() {
        // The calls are the parent's.
        return true;
    }
    let own = DEPTH.try_with(Cell::get).unwrap_or_default();
    let mut state = GATE.state();
    state.stopped = true;
    let until = Instant::now().checked_add(patience);
    while state.inside > own {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        state = match left {
            Some(left) if left.is_zero() => return false,
            Some(left) => GATE.left.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            None => GATE.left.wait(state).unwrap_or_else(PoisonError::into_inner),
        };
    }
    true
}

/// An object of the foreign language. After calls were stopped it is neither called nor dropped.
pub(crate) struct Foreign<T: ?Sized>(Option<Box<T>>);

impl<T: ?Sized> Foreign<T> {
    pub(crate) fn new(object: Box<T>) -> Self {
        Self(Some(object))
    }

    /// Calls the object; `None` if calls are stopped.
    pub(crate) fn call<R>(&self, what: impl FnOnce(&T) -> R) -> Option<R> {
        let object = self.0.as_ref()?;
        let _call = begin()?;
        Some(what(object))
    }
}

impl<T: ?Sized> Drop for Foreign<T> {
    fn drop(&mut self) {
        let call = begin();
        match call {
            Some(_call) => drop(self.0.take()),
            None => mem::forget(self.0.take()),
        }
    }
}

/// The waker of a future that the foreign language polls: waking it is a call into the language.
pub(crate) struct ForeignWaker(Waker);

impl ForeignWaker {
    pub(crate) fn waker(foreign: &Waker) -> Waker {
        Waker::from(Arc::new(Self(foreign.clone())))
    }
}

impl Wake for ForeignWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(_call) = begin() {
            self.0.wake_by_ref();
        }
    }
}
