//! The one runtime of the process behind the foreign languages and C.
//!
//! It is never dropped: objects may be dropped on any thread, at any time, the end of the process included. It belongs to the
//! process that started it (see `owner`).

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

/// The way to the runtime. One thread drives it: there are sockets and timers in it and no computing, and a second one
/// would mostly be woken to find nothing to do.
static RUNTIME: OnceLock<Handle> = OnceLock::new();

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
