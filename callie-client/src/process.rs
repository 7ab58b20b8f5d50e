//! Distinguishes a process from its children made by `fork`.
//!
//! A child has its parent's memory and file descriptors, but none of its threads. Calls in it would never complete,
//! locks may be held by threads that do not exist, and changes to a shared epoll affect the parent. So objects that
//! belong to one process do not work in another.

#[cfg(unix)]
use std::sync::atomic::AtomicBool;
use std::sync::atomic::{AtomicU32, Ordering};

/// The number of forks between this process and the ancestor that used this library first.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// Identifies a process among its parent and its children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process(u32);

impl Process {
    /// The calling process. The first call starts the count of forks.
    #[must_use]
    pub fn current() -> Self {
        watch();
        Self(FORKS.load(Ordering::Relaxed))
    }

    /// The number of forks between this process and the ancestor that used this library first.
    #[must_use]
    pub fn generation(self) -> u32 {
        self.0
    }

    /// Whether the calling process is a child of this one. This costs one atomic load.
    #[must_use]
    pub fn is_left(self) -> bool {
        FORKS.load(Ordering::Relaxed) != self.0
    }
}

/// Makes every later fork increment the count in the child. Reading the process ID instead would cost a system call on
/// every use.
#[cfg(unix)]
#[allow(unsafe_code, reason = "there is no safe interface to pthread_atfork")]
fn watch() {
    extern "C" fn count() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }
    static WATCHED: AtomicBool = AtomicBool::new(false);
    // If two threads both register the handler, the count only grows faster.
    if !WATCHED.load(Ordering::Acquire) {
        // SAFETY: the handler only increments an atomic number, which is allowed in the child of a process with threads.
        // It is valid as long as the library: the system removes it when the library is unloaded.
        let watched = unsafe { libc::pthread_atfork(None, None, Some(count)) };
        if watched != 0 {
            log::warn!("forks cannot be detected: pthread_atfork failed");
        }
        WATCHED.store(true, Ordering::Release);
    }
}

/// This system has no fork.
#[cfg(not(unix))]
fn watch() {}
