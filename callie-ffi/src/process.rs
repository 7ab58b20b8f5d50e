//! Which process this is: what belongs to one does not work in a child that `fork` made of it.
//!
//! The child has the memory and the descriptors of its parent, and none of its threads. So nothing there would ever answer,
//! locks may be held by threads that are not there, and whatever the child does to a shared epoll it does to its parent.

#[cfg(unix)]
use std::sync::atomic::AtomicBool;
use std::sync::atomic::{AtomicU32, Ordering};

/// How often this process was forked from one that used this library.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// The process that something was made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Home(u32);

impl Home {
    /// This process.
    pub(crate) fn here() -> Self {
        watch();
        Self(FORKS.load(Ordering::Relaxed))
    }

    /// The number of this process: 0 where no ancestor of it used this library, one more in each child.
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// Whether this process is another, a child of that one.
    pub(crate) fn is_left(self) -> bool {
        FORKS.load(Ordering::Relaxed) != self.0
    }
}

/// Has every fork from now on counted. The system does that in the child, so that nobody has to ask for the process ID, a
/// system call, on every use.
#[cfg(unix)]
#[allow(unsafe_code, reason = "no safe interface to pthread_atfork is there")]
fn watch() {
    extern "C" fn count() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }
    static WATCHED: AtomicBool = AtomicBool::new(false);
    // Two threads may both have it done, which does no harm: whoever finds it done can rely on it.
    if !WATCHED.load(Ordering::Acquire) {
        // SAFETY: the handler only adds to an atomic number, which is allowed in the child of a process with threads. It
        // lives as long as the library: the system forgets it where the library is unloaded.
        let watched = unsafe { libc::pthread_atfork(None, None, Some(count)) };
        if watched != 0 {
            log::warn!("forks cannot be noticed: the system has no memory for it");
        }
        WATCHED.store(true, Ordering::Release);
    }
}

/// There is no fork on this system.
#[cfg(not(unix))]
fn watch() {}
