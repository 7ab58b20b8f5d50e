//! The one runtime of the process behind the foreign languages and C.
//!
//! It is never dropped: objects may be dropped on any thread, at any time, the end of the process included.

use std::future::{Future, pending, poll_fn};
#[cfg(feature = "capi")]
use std::pin::Pin;
use std::pin::pin;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::Poll;
use std::thread;

use tokio::runtime::{Builder, Handle};

/// The way to the runtime. One thread drives it: there are sockets and timers in it and no computing, and a second one
/// would mostly be woken to find nothing to do.
static RUNTIME: OnceLock<Handle> = OnceLock::new();

/// The runtime could not be started: the system gives no threads or no descriptors.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the client could not be started: {reason}")]
pub(crate) struct NoRuntime {
    reason: String,
}

/// The runtime, started by the first who asks.
fn runtime() -> Result<&'static Handle, NoRuntime> {
    static STARTS: Mutex<()> = Mutex::new(());
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let _alone = STARTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let handle = start().map_err(|e| NoRuntime { reason: e.to_string() })?;
    Ok(RUNTIME.get_or_init(|| handle))
}

fn start() -> std::io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new().name("callie".to_owned()).spawn(move || runtime.block_on(pending::<()>()))?;
    Ok(handle)
}

/// Polls `work` inside the runtime, from whatever thread the foreign language polls.
///
/// The work stays in the caller's future, so dropping that drops the work at once and loses nothing that it had taken.
pub(crate) async fn within<F: Future>(work: F) -> Result<F::Output, NoRuntime> {
    let runtime = runtime()?;
    let mut work = pin!(work);
    Ok(poll_fn(|context| {
        let mut polled = Poll::Pending;
        enter(runtime, &mut || polled = work.as_mut().poll(context));
        polled
    })
    .await)
}

/// Does `work` inside the runtime, without waiting for anything.
pub(crate) fn inside<T>(work: impl FnOnce() -> T) -> Result<T, NoRuntime> {
    let _inside = runtime()?.enter();
    Ok(work())
}

/// Does `work` inside the runtime: once in the library, not once for each call that is exported.
fn enter(runtime: &Handle, work: &mut dyn FnMut()) {
    let _inside = runtime.enter();
    work();
}

/// Runs `work` to its end while the calling thread waits.
#[cfg(feature = "capi")]
pub(crate) fn block_on<F: Future>(work: F) -> Result<F::Output, NoRuntime> {
    let runtime = runtime()?;
    let mut done = None;
    wait(runtime, pin!(async { done = Some(work.await) }));
    done.ok_or_else(|| NoRuntime { reason: "it ended".into() })
}

/// Waits for `work`: once in the library, as tokio's waiting is larger than most of what waits.
#[cfg(feature = "capi")]
fn wait(runtime: &Handle, work: Pin<&mut dyn Future<Output = ()>>) {
    runtime.block_on(work);
}
