//! Removes callbacks of the application, and waits until their last call has returned.
//!
//! When the call that removes a callback has returned, the application may free the callback's data.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use crate::owner;

/// Guards the calls of one callback. It is open until it is closed permanently.
#[derive(Debug)]
pub(crate) struct Gate {
    id: u64,
    /// Only changed while the table is locked.
    closed: AtomicBool,
}

/// One call of a callback, from before it starts until it has returned.
pub(crate) struct Call<'a> {
    gate: &'a Gate,
    thread: ThreadId,
}

/// The calls of all gates and the threads that wait for them, in one table: it shows threads that wait for each other.
struct Table {
    calls: Vec<(u64, ThreadId)>,
    waits: Vec<(ThreadId, u64)>,
}

static TABLE: Mutex<Table> = Mutex::new(Table { calls: Vec::new(), waits: Vec::new() });
/// A call has returned.
static RETURNED: Condvar = Condvar::new();

fn table() -> MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gate {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { id: NEXT.fetch_add(1, Ordering::Relaxed), closed: AtomicBool::new(false) }
    }

    /// Starts a call, unless the gate is closed.
    pub(crate) fn enter(&self) -> Option<Call<'_>> {
        let mut table = table();
        if self.closed.load(Ordering::Relaxed) {
            return None;
        }
        let thread = thread::current().id();
        table.calls.push((self.id, thread));
        Some(Call { gate: self, thread })
    }

    /// Whether a call can start or is in progress.
    fn is_in_use(&self) -> bool {
        let table = table();
        !self.closed.load(Ordering::Relaxed) || table.calls.iter().any(|&(gate, _)| gate == self.id)
    }

    /// Prevents further calls, and waits until those in progress have returned.
    ///
    /// It does not wait for a call on the calling thread: that is a callback closing its own gate, and the
    /// last call. Nor does it wait for a call that itself waits for the calling thread, which would be a deadlock.
    pub(crate) fn close(&self) {
        let this = thread::current().id();
        let mut table = table();
        self.closed.store(true, Ordering::Relaxed);
        while table.calls.iter().any(|&(gate, thread)| gate == self.id && !table.needs(thread, this)) {
            table.waits.push((this, self.id));
            table = RETURNED.wait(table).unwrap_or_else(PoisonError::into_inner);
            table.waits.retain(|&(thread, _)| thread != this);
        }
    }
}

/// The gates of callbacks that replaced each other.
///
/// Removing a callback waits for all earlier ones too: the call that replaced one of them may still wait itself.
#[derive(Debug, Default)]
pub(crate) struct Retired(Mutex<Vec<Arc<Gate>>>);

impl Retired {
    /// Adds the gate of a callback that was replaced.
    pub(crate) fn push(&self, gate: Arc<Gate>) {
        self.lock().push(gate);
    }

    /// Closes all of them, as [`Gate::close`] does.
    pub(crate) fn close(&self) {
        let gates = self.lock().clone();
        for gate in gates {
            gate.close();
        }
        // A gate is still in use while its callback closes it.
        self.lock().retain(|gate| gate.is_in_use());
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Gate>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Whether `thread` is `other`, or waits for a call that waits for it. Cycles are never added, so the recursion
    /// ends.
    fn needs(&self, thread: ThreadId, other: ThreadId) -> bool {
        thread == other
            || self.waits.iter().filter(|&&(waiting, _)| waiting == thread).any(|&(_, gate)| {
                self.calls
                    .iter()
                    .any(|&(called, within)| called == gate && within != thread && self.needs(within, other))
            })
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        // The callback forked and returns in the child, where the thread that holds the lock may not exist.
        if owner::guard().is_err() {
            return;
        }
        let mut table = table();
        if let Some(at) = table.calls.iter().position(|&call| call == (self.gate.id, self.thread)) {
            table.calls.swap_remove(at);
        }
        let is_awaited = !table.waits.is_empty();
        drop(table);
        if is_awaited {
            RETURNED.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    use super::*;

    /// Longer than any step of these tests takes.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// Enters a gate on a new thread, which leaves it when it is released.
    fn call(gate: &Arc<Gate>) -> (Sender<()>, Receiver<()>) {
        let (entered, inside) = channel();
        let (release, released) = channel::<()>();
        let (returned, over) = channel();
        let gate = Arc::clone(gate);
        thread::spawn(move || {
            let call = gate.enter().expect("the gate is open");
            entered.send(()).expect("the test waits");
            let _ = released.recv_timeout(PATIENCE);
            returned.send(()).expect("the test listens");
            drop(call);
        });
        inside.recv_timeout(PATIENCE).expect("the call starts");
        (release, over)
    }

    #[test]
    fn closing_waits_for_calls_that_have_started() {
        let gate = Arc::new(Gate::new());
        let (release, returned) = call(&gate);
        let (closing, closed) = (Arc::clone(&gate), channel());
        let tell = closed.0;
        thread::spawn(move || {
            closing.close();
            tell.send(()).expect("the test waits");
        });
        assert!(closed.1.recv_timeout(Duration::from_millis(50)).is_err(), "it waits while the call goes on");
        release.send(()).expect("the call waits");
        closed.1.recv_timeout(PATIENCE).expect("it returns");
        returned.try_recv().expect("the call had returned before");
        assert!(gate.enter().is_none(), "no call starts any more");
    }

    #[test]
    fn callback_may_close_its_own_gate() {
        let gate = Gate::new();
        let call = gate.enter().expect("the gate is open");
        gate.close();
        drop(call);
        assert!(gate.enter().is_none());
    }

    #[test]
    fn later_closing_waits_for_earlier_ones() {
        let (retired, gate) = (Arc::new(Retired::default()), Arc::new(Gate::new()));
        let (release, returned) = call(&gate);
        retired.push(Arc::clone(&gate));
        let (tell, closed) = channel();
        for _ in 0..2 {
            let (retired, tell) = (Arc::clone(&retired), tell.clone());
            thread::spawn(move || {
                retired.close();
                tell.send(()).expect("the test waits");
            });
        }
        assert!(closed.recv_timeout(Duration::from_millis(50)).is_err(), "both wait while the call goes on");
        release.send(()).expect("the call waits");
        for _ in 0..2 {
            closed.recv_timeout(PATIENCE).expect("it returns");
        }
        returned.try_recv().expect("the call had returned before");
        assert!(retired.lock().is_empty());
    }

    #[test]
    fn callbacks_that_close_each_other_end() {
        const AROUND: usize = 3;
        for _ in 0..200 {
            let gates: Vec<_> = (0..AROUND).map(|_| Arc::new(Gate::new())).collect();
            let all_inside = Arc::new(Barrier::new(AROUND));
            let (ended, ends) = channel();
            for at in 0..AROUND {
                let (own, next) = (Arc::clone(&gates[at]), Arc::clone(&gates[(at + 1) % AROUND]));
                let (all_inside, ended) = (Arc::clone(&all_inside), ended.clone());
                thread::spawn(move || {
                    let call = own.enter().expect("the gate is open");
                    all_inside.wait();
                    next.close();
                    drop(call);
                    ended.send(()).expect("the test waits");
                });
            }
            for _ in 0..AROUND {
                ends.recv_timeout(PATIENCE).expect("no thread waits forever");
            }
        }
    }
}
