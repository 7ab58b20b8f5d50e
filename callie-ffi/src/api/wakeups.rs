//! Futures whose continuations never call into the language that polls them: Python.
//!
//! An interpreter that is about to end terminates native threads that enter it, and unwinding through Rust aborts the
//! process. So wake-ups are queued here, and a thread of the interpreter fetches them. A poll that is answered at once
//! needs no wake-up.

#![allow(unsafe_code, reason = "what Python calls beside uniffi: exported by name, with one raw pointer")]

use std::cell::Cell;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The result of a poll whose wake-up will be queued.
const PENDING: i8 = -1;
/// The code of a wake-up whose handle is the number of a [token request](super::token_requests).
const TOKEN_REQUEST: i8 = 2;

/// One continuation to resume.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Wakeup {
    /// The value that was passed to the poll.
    handle: u64,
    /// As uniffi defines it: 0 if the result is ready, 1 to poll again. 2 for a token request.
    code: i8,
}

type Continuation = extern "C" fn(u64, i8);
/// uniffi's functions that poll a future.
type Poll = extern "C" fn(u64, Continuation, u64);

static QUEUE: Mutex<Vec<Wakeup>> = Mutex::new(Vec::new());
static ARRIVED: Condvar = Condvar::new();

thread_local! {
/// The future that this thread polls, and the code if it was answered at once.
    static POLLED: Cell<Option<Wakeup>> = const { Cell::new(None) };
}

/// Polls a future once. Returns 0 or 1 as uniffi's continuation does, or -1 if a [`Wakeup`] with `handle` follows
/// later.
#[unsafe(no_mangle)]
pub extern "C" fn ffi_callie_poll(poll: Poll, future: u64, handle: u64) -> i8 {
    POLLED.set(Some(Wakeup { handle, code: PENDING }));
    poll(future, wake, handle);
    POLLED.take().map_or(PENDING, |polled| polled.code)
}

/// The continuation that every future is polled with.
extern "C" fn wake(handle: u64, code: i8) {
    match POLLED.get() {
        Some(polled) if polled.handle == handle && polled.code == PENDING => {
            POLLED.set(Some(Wakeup { handle, code }));
        }
        _ => push(Wakeup { handle, code }),
    }
}

/// Queues a token request for the thread that fetches wake-ups.
pub(super) fn push_token_request(number: u64) {
    push(Wakeup { handle: number, code: TOKEN_REQUEST });
}

fn push(wakeup: Wakeup) {
    queue().push(wakeup);
    ARRIVED.notify_one();
}

/// Waits for wake-ups and writes up to `room` of them to `wakeups`. Returns how many.
///
/// # Safety
/// `wakeups` points to `room` writable values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ffi_callie_next_wakeups(wakeups: *mut Wakeup, room: u32) -> u32 {
    let mut queue = queue();
    while queue.is_empty() {
        queue = ARRIVED.wait(queue).unwrap_or_else(PoisonError::into_inner);
    }
    let mut written = 0;
    let count = usize::try_from(room).unwrap_or(usize::MAX).min(queue.len());
    for wakeup in queue.drain(..count) {
        // SAFETY: fewer than `room` were written, and the caller promises room for `room` values.
        unsafe { wakeups.add(written).write(wakeup) };
        written += 1;
    }
    u32::try_from(written).unwrap_or(room)
}

fn queue() -> MutexGuard<'static, Vec<Wakeup>> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}
