//! The process that the library belongs to: the one that used it first.
//!
//! In a child that was forked from that one, every entry fails at once, and what the parent left behind is neither used nor
//! dropped: both would reach into the parent's sockets.

use std::sync::atomic::{AtomicU64, Ordering};

use callie_client::Error;
use callie_client::process::Process;

/// The generation of the owning process and 1, or 0 before the library was first used.
static OWNER: AtomicU64 = AtomicU64::new(0);

/// Why nothing can be run in the library.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum NoRuntime {
    /// The runtime could not be started: the system gives no threads or no descriptors.
    #[error("the client could not be started: {reason}")]
    NotStarted { reason: String },
    /// The library belongs to the parent process.
    #[error("{}", Error::forked().reason())]
    Forked,
}

impl From<NoRuntime> for Error {
    fn from(error: NoRuntime) -> Self {
        match error {
            NoRuntime::NotStarted { .. } => Self::internal(error),
            NoRuntime::Forked => Self::forked(),
        }
    }
}

/// Fails in a child of the owning process. To be called before anything is touched that may be the parent's: its locks may
/// be held by threads that the child does not have.
pub(crate) fn guard() -> Result<(), NoRuntime> {
    match OWNER.load(Ordering::Acquire) {
        0 => Ok(()),
        owner if owner == current() => Ok(()),
        _ => Err(NoRuntime::Forked),
    }
}

fn current() -> u64 {
    u64::from(Process::current().generation()) + 1
}

/// Makes the calling process the owner, or fails where its parent is. To be called before anything is made that a child
/// cannot use, such as a handle behind a lock, or a thread.
pub(crate) fn claim() -> Result<(), NoRuntime> {
    if OWNER.load(Ordering::Acquire) == 0 {
        // Another thread of this process may have been quicker, which is as good.
        let _ = OWNER.compare_exchange(0, current(), Ordering::AcqRel, Ordering::Acquire);
    }
    guard()
}
