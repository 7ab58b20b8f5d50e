//! Tells a process from the children that `fork` makes of it.
//!
//! A child has the memory and the descriptors of its parent and none of its threads. Nothing there would ever answer, locks
//! may be held by threads that do not exist, and a change to a shared epoll reaches the parent. So what belongs to one
//! process refuses to work in another.

#[cfg(unix)]
use std::sync::atomic::AtomicBool;
use std::sync::atomic::{AtomicU32, Ordering};

/// How often this process was forked from one that used this library.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// One process, told apart from its parent and its children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process(u32);

impl Process {
    /// The calling process. Forks are counted from the first call on.
    #[must_use]
    pub fn current() -> Self {
        watch();
        Self(FORKS.load(Ordering::Relaxed))
    }

    /// How many forks lie between this process and the ancestor that used this library first.
    #[must_use]
    pub fn generation(self) -> u32 {
        self.0
    }

    /// Whether the calling process is a child of this one. Costs one atomic load.
    #[must_use]
    pub fn is_left(self) -> bool {
        FORKS.load(Ordering::Relaxed) != self.0
    }
}

/// Has the system count every fork from now on, in the child: asking for the process ID instead would cost a system call on
/// every use.
#[cfg(unix)]
#[allow(unsafe_code, reason = "there is no safe interface to pthread_atfork")]
fn watch() {
    extern "C" fn count() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }
    static WATCHED: AtomicBool = AtomicBool::new(false);
    // Two threads may both register the handler, which only makes the count grow faster.
    if !WATCHED.load(Ordering::Acquire) {
        // SAFETY: the handler only adds to an atomic number, which is allowed in the child of a process with threads. It
        // lives as long as the library: the system forgets it where the library is unloaded.
        let watched = unsafe { libc::pthread_atfork(None, None, Some(count)) };
        if watched != 0 {
            log::warn!("forks cannot be detected: pthread_atfork failed");
        }
        WATCHED.store(true, Ordering::Release);
    }
}

/// There is no fork on this system.
#[cfg(not(unix))]
fn watch() {}
