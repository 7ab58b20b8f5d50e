//! The process that the library belongs to: the one that used it first.
//!
//! In a child forked from it, every call fails at once, and the parent's objects are neither used nor
//! dropped: both would affect the parent's sockets.

use std::sync::atomic::{AtomicU64, Ordering};

use callie_client::Error;
use callie_client::process::Process;

/// The generation of the owning process plus 1, or 0 before the library was first used.
static OWNER: AtomicU64 = AtomicU64::new(0);

/// Why the library cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum NoRuntime {
    /// The runtime could not be started: the system has no threads or file descriptors left.
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

/// Fails in a child of the owning process. Must be called before anything is used that may be the parent's: its locks
/// may be held by threads that do not exist in the child.
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

/// Makes the calling process the owner, or fails if its parent is. Must be called before anything is made that a child
/// cannot use, such as a handle behind a lock, or a thread.
pub(crate) fn claim() -> Result<(), NoRuntime> {
    if OWNER.load(Ordering::Acquire) == 0 {
        // Another thread of this process may have done it first, with the same result.
        let _ = OWNER.compare_exchange(0, current(), Ordering::AcqRel, Ordering::Acquire);
    }
    guard()
}
