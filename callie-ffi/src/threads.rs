//! Threads of the library, on which no signal handler of the program runs.
//!
//! A program expects its handlers on its own threads: a handler may need the locks of the code that it interrupts, and
//! it is a call of the program that a signal should interrupt.

use std::io;
use std::thread::Builder;

/// Starts a thread on which no signal handler of the program runs.
pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    without_signals(|| Builder::new().name(name.to_owned()).spawn(work).map(drop))
}

/// Calls `work`. No signal handler of the program runs on the threads that it starts.
pub(crate) fn without_signals<T>(work: impl FnOnce() -> T) -> T {
    // A thread inherits the mask of its creator, so no signal can reach it before it sets one.
    let _blocked = os::block_signals();
    work()
}

/// Permanently blocks the program's signals on the calling thread.
pub(crate) fn leave_signals_to_others() {
    std::mem::forget(os::block_signals());
}

#[cfg(unix)]
#[allow(unsafe_code, reason = "no safe interface to signal masks is there")]
mod os {
    use std::mem::MaybeUninit;
    use std::ptr::null_mut;

    /// The mask to restore.
    pub(super) struct Blocked(Option<libc::sigset_t>);

    /// Blocks every signal except those that the thread's own faults raise.
    pub(super) fn block_signals() -> Blocked {
        const OWN_FAULTS: [libc::c_int; 7] = [
            libc::SIGABRT,
            libc::SIGBUS,
            libc::SIGFPE,
            libc::SIGILL,
            libc::SIGSEGV,
            libc::SIGSYS,
            libc::SIGTRAP,
        ];
        let (mut all, mut before) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        // SAFETY: `sigfillset` initialises the set before it is changed and read; `pthread_sigmask` writes the previous
        // mask when it returns 0.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            for signal in OWN_FAULTS {
                libc::sigdelset(all.as_mut_ptr(), signal);
            }
            let done = libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
            Blocked((done == 0).then(|| before.assume_init()))
        }
    }

    impl Drop for Blocked {
        fn drop(&mut self) {
            if let Some(before) = &self.0 {
                // SAFETY: the mask is the thread's previous one; the current one is not requested.
                let _ = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, null_mut()) };
            }
        }
    }
}

/// There are no signals on this system.
#[cfg(not(unix))]
mod os {
    pub(super) struct Blocked;

    pub(super) fn block_signals() -> Blocked {
        Blocked
    }
}
