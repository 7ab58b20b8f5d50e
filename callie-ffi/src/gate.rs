//! Taking a callback of the application away, and knowing when its last call has returned.
//!
//! Whoever gave a callback may free what it works on as soon as the call that took it away has returned.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use crate::owner;

/// What one callback is called through. Open until it is closed, for good.
#[derive(Debug)]
pub(crate) struct Gate {
    id: u64,
    /// Changes only while the table is locked.
    closed: AtomicBool,
}

/// One call of a callback, from before it starts until it has returned.
pub(crate) struct Call<'a> {
    gate: &'a Gate,
    thread: ThreadId,
}

/// The calls of all gates, and who waits for them: in one place, so that a circle of waiting threads can be seen.
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

    /// Whether a call can start, or has started and not returned.
    fn is_in_use(&self) -> bool {
        let table = table();
        !self.closed.load(Ordering::Relaxed) || table.calls.iter().any(|&(gate, _)| gate == self.id)
    }

    /// Lets no call start any more, and waits until those that have started have returned.
    ///
    /// It does not wait for a call on the calling thread, which is the callback closing its own gate: that call is the
    /// last. Neither does it wait for a call that itself waits for the calling thread, which would never end.
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

/// The gates of callbacks that took each other's place.
///
/// Whoever takes a callback away waits for all before it too: the call that replaced one of them may itself still wait.
#[derive(Debug, Default)]
pub(crate) struct Retired(Mutex<Vec<Arc<Gate>>>);

impl Retired {
    /// Adds one that was taken away.
    pub(crate) fn push(&self, gate: Arc<Gate>) {
        self.lock().push(gate);
    }

    /// Closes all of them, as [`Gate::close`] does.
    pub(crate) fn close(&self) {
        let gates = self.lock().clone();
        for gate in gates {
            gate.close();
        }
        // One whose callback is closing it right now is still in use.
        self.lock().retain(|gate| gate.is_in_use());
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Gate>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Whether `thread` is `other`, or waits for a call that needs it. No circle is ever added, so this ends.
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
        // The callback forked, and its child returns from it: the lock may be held by a thread that the child has not.
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

    /// Longer than anything here takes.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// Enters a gate on a thread of its own, which stays inside until it is released.
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
