//! The one runtime of the process behind the foreign languages and C.
//!
//! It is never dropped: objects may be dropped on any thread, at any time, the end of the process included.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};

/// Sockets and timers only, no computing: two threads keep a slow one from holding up the rest.
const WORKERS: usize = 2;

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// The runtime could not be started: the system gives no threads or no descriptors.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the client could not be started: {reason}")]
pub(crate) struct NoRuntime {
    reason: String,
}

/// The runtime, started by the first who asks.
fn runtime() -> Result<&'static Runtime, NoRuntime> {
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let started = Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("callie")
        .enable_all()
        .build()
        .map_err(|e| NoRuntime { reason: e.to_string() })?;
    // Of two who start at once, one is kept and the other is put away without waiting.
    if let Err(surplus) = RUNTIME.set(started) {
        surplus.shutdown_background();
    }
    RUNTIME.get().ok_or_else(|| NoRuntime { reason: "it ended".into() })
}

/// Polls `work` inside the runtime, from whatever thread the foreign language polls.
///
/// The work stays in the caller's future, so dropping that drops the work at once and loses nothing that it had taken.
pub(crate) async fn within<F: Future>(work: F) -> Result<F::Output, NoRuntime> {
    let runtime = runtime()?;
    let mut work = pin!(work);
    Ok(poll_fn(|context| {
        let _inside = runtime.enter();
        work.as_mut().poll(context)
    })
    .await)
}

/// Does `work` inside the runtime, without waiting for anything.
pub(crate) fn inside<T>(work: impl FnOnce() -> T) -> Result<T, NoRuntime> {
    let _inside = runtime()?.enter();
    Ok(work())
}

/// Runs `work` to its end while the calling thread waits.
pub(crate) fn block_on<F: Future>(work: F) -> Result<F::Output, NoRuntime> {
    Ok(runtime()?.block_on(work))
}
