//! The one runtime of the process behind the foreign languages and C.
//!
//! It is never dropped: objects may be dropped on any thread, at any time, the end of the process included.

//!
//! It belongs to the process that started it. In a child that was forked from that one, every entry fails at once, and what
//! the parent left behind is neither used nor dropped: both would reach into the parent's sockets.

use std::future::{Future, pending};
use std::mem;
use std::pin::Pin;
#[cfg(feature = "capi")]
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};

use crate::callbacks::{self, ForeignWaker};
use crate::client::Fault;
use crate::process::Home;
use crate::threads;

/// The way to the runtime. One thread drives it: there are sockets and timers in it and no computing, and a second one
/// would mostly be woken to find nothing to do.
static RUNTIME: OnceLock<Handle> = OnceLock::new();

/// The process that the runtime belongs to: its number and 1, or 0 before it was first asked for.
static OWNER: AtomicU64 = AtomicU64::new(0);

/// There is no runtime to work in.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum NoRuntime {
    /// It could not be started: the system gives no threads or no descriptors.
    #[error("the client could not be started: {reason}")]
    NotStarted { reason: String },
    /// It is the parent's.
    #[error("{}", Fault::forked().reason())]
    Forked,
}

impl NoRuntime {
    /// The same as a code and a reason.
    pub(crate) fn to_fault(&self) -> Fault {
        match self {
            Self::NotStarted { .. } => Fault::internal(self),
            Self::Forked => Fault::forked(),
        }
    }
}

/// Fails in a child of the process that first used the runtime. To be called before anything is touched that may be the
/// parent's: its locks may be held by threads that the child has not.
pub(crate) fn guard() -> Result<(), NoRuntime> {
    match OWNER.load(Ordering::Acquire) {
        0 => Ok(()),
        owner if owner == here() => Ok(()),
        _ => Err(NoRuntime::Forked),
    }
}

fn here() -> u64 {
    u64::from(Home::here().number()) + 1
}

/// Makes the runtime this process's, or fails where it is the parent's. To be called before anything is made that a child
/// cannot use, such as a handle behind a lock, or a thread.
pub(crate) fn claim() -> Result<(), NoRuntime> {
    if OWNER.load(Ordering::Acquire) == 0 {
        // Another thread of this process may have been quicker, which is as good.
        let _ = OWNER.compare_exchange(0, here(), Ordering::AcqRel, Ordering::Acquire);
    }
    guard()
}

/// The runtime, started by the first who asks.
fn runtime() -> Result<&'static Handle, NoRuntime> {
    static STARTS: Mutex<()> = Mutex::new(());
    // Before the lock, which a thread of the parent may have held.
    claim()?;
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let _alone = STARTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let handle = start().map_err(|e| NoRuntime::NotStarted { reason: e.to_string() })?;
    Ok(RUNTIME.get_or_init(|| handle))
}

fn start() -> std::io::Result<Handle> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .on_thread_start(threads::leave_signals_to_others)
        .build()?;
    let handle = runtime.handle().clone();
    threads::spawn("callie", move || runtime.block_on(pending::<()>()))?;
    Ok(handle)
}

/// Polls `work` inside the runtime, from whatever thread the foreign language polls.
///
/// The work stays in the caller's future, so dropping that drops the work at once and loses nothing that it had taken.
pub(crate) async fn within<F: Future<Output: Send> + Send>(work: F) -> Result<F::Output, NoRuntime> {
    let runtime = runtime()?;
    let mut done = None;
    let work = async { done = Some(work.await) };
    Within { runtime, work: Some(Box::pin(work)), waker: None }.await?;
    done.ok_or_else(|| NoRuntime::NotStarted { reason: "it ended".into() })
}

/// Work that is polled inside the runtime: once in the library, not once for each call that is exported.
struct Within<'a> {
    runtime: &'a Handle,
    work: Option<Pin<Box<dyn Future<Output = ()> + Send + 'a>>>,
    /// The foreign language's own waker, and the one around it that stops with all calls.
    waker: Option<(Waker, Waker)>,
}

impl Future for Within<'_> {
    type Output = Result<(), NoRuntime>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        guard()?;
        let this = &mut *self;
        let (_, waker) = match &mut this.waker {
            Some(wakers) if wakers.0.will_wake(context.waker()) => wakers,
            wakers => {
                let foreign = context.waker().clone();
                let stops = ForeignWaker::waker(&foreign);
                wakers.insert((foreign, stops))
            }
        };
        let Some(work) = &mut this.work else { return Poll::Ready(Ok(())) };
        let _inside = this.runtime.enter();
        work.as_mut().poll(&mut Context::from_waker(waker)).map(Ok)
    }
}

impl Drop for Within<'_> {
    fn drop(&mut self) {
        if guard().is_err() {
            // Its sockets and timers are the parent's.
            mem::forget(self.work.take());
            mem::forget(self.waker.take());
        }
    }
}

/// Does `work` inside the runtime, without waiting for anything.
pub(crate) fn inside<T>(work: impl FnOnce() -> T) -> Result<T, NoRuntime> {
    let _inside = runtime()?.enter();
    Ok(work())
}

/// Runs `work` to its end while the calling thread waits.
#[cfg(feature = "capi")]
pub(crate) fn block_on<F: Future>(work: F) -> Result<F::Output, NoRuntime> {
    let runtime = runtime()?;
    let mut done = None;
    wait(runtime, pin!(async { done = Some(work.await) }));
    done.ok_or_else(|| NoRuntime::NotStarted { reason: "it ended".into() })
}

/// Waits for `work`: once in the library, as tokio's waiting is larger than most of what waits.
#[cfg(feature = "capi")]
fn wait(runtime: &Handle, work: Pin<&mut dyn Future<Output = ()>>) {
    runtime.block_on(work);
}

/// Stops all calls into the foreign language, for good, to be called before the program's own end: after it no listener, no
/// source of tokens, no log sink and no continuation of a waiting call runs or will run, and no object of that language is
/// dropped.
///
/// It waits at most `patience` for calls that are under way, but for those that it is itself called from. True if none is
/// under way any more; otherwise one is stuck, and nothing new begins all the same. The caller must not hold what those calls
/// need, such as an interpreter's lock. Clients are not ended: calls that wait are not answered any more.
pub(crate) fn stop_callbacks(patience: Duration) -> bool {
    guard().is_err() || callbacks::stop(patience)
}
