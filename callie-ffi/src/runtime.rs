//! The tokio runtime of the process, for the foreign languages and C.
//!
//! It is never dropped: objects may be dropped on any thread at any time, even while the process ends. It belongs to
//! the process that started it (see `owner`).

use std::future::{Future, pending};
use std::mem;
use std::pin::Pin;
#[cfg(feature = "capi")]
use std::pin::pin;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::runtime::{Builder, Handle};

use crate::callbacks::ForeignWaker;
use crate::owner::{NoRuntime, claim, guard};
use crate::threads;

/// The handle of the runtime. One thread drives it: it has sockets and timers but no computations, and a second one
/// would mostly be woken without work.
static RUNTIME: OnceLock<Handle> = OnceLock::new();

/// The runtime, started by the first call.
fn runtime() -> Result<&'static Handle, NoRuntime> {
    static STARTS: Mutex<()> = Mutex::new(());
    // Before the lock, which a thread of the parent may have held during the fork.
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

/// Polls `work` inside the runtime, on the thread on which the foreign language polls.
///
/// The work is part of the returned future, so dropping the future drops the work at once and loses no events.
pub(crate) async fn within<F: Future<Output: Send> + Send>(work: F) -> Result<F::Output, NoRuntime> {
    let runtime = runtime()?;
    let mut done = None;
    let work = async { done = Some(work.await) };
    Within { runtime, work: Some(Box::pin(work)), waker: None }.await?;
    done.ok_or_else(|| NoRuntime::NotStarted { reason: "it ended".into() })
}

/// A future that is polled inside the runtime. Not generic, so that the library contains its code once.
struct Within<'a> {
    runtime: &'a Handle,
    work: Option<Pin<Box<dyn Future<Output = ()> + Send + 'a>>>,
    /// The foreign language's waker, and the one that wraps it and stops with all calls.
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

/// Calls `work` inside the runtime, without waiting.
pub(crate) fn inside<T>(work: impl FnOnce() -> T) -> Result<T, NoRuntime> {
    let _inside = runtime()?.enter();
    Ok(work())
}

/// Runs `work` to completion while the calling thread waits.
#[cfg(feature = "capi")]
pub(crate) fn block_on<F: Future>(work: F) -> Result<F::Output, NoRuntime> {
    let runtime = runtime()?;
    let mut done = None;
    wait(runtime, pin!(async { done = Some(work.await) }));
    done.ok_or_else(|| NoRuntime::NotStarted { reason: "it ended".into() })
}

/// Waits for `work`. Not generic, so that the library contains tokio's code for waiting once.
#[cfg(feature = "capi")]
fn wait(runtime: &Handle, work: Pin<&mut dyn Future<Output = ()>>) {
    runtime.block_on(work);
}
