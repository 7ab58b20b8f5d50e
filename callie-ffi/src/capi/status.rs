//! The status that calls return, and the last error of a thread.

use std::cell::RefCell;
use std::ffi::c_char;

use crate::owner::{self, NoRuntime};
use callie_client::{self as client, Error, ErrorKind};

/// The result of a call. If it is not `CALLIE_STATUS_OK`, `callie_last_error_code` and `callie_last_error_reason` give
/// details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum CallieStatus {
    /// Success.
    Ok = 0,
    /// A required argument is NULL.
    NullArgument = 1,
    /// A handle was freed already, or is invalid.
    InvalidHandle = 2,
    /// A text is not UTF-8.
    InvalidUtf8 = 3,
    /// An argument is malformed. Nothing was sent.
    InvalidArgument = 4,
    /// The server could not be reached, or the connection broke.
    Unreachable = 5,
    /// The server did not answer in time.
    TimedOut = 6,
    /// The server refused the request; the error's code is the server's.
    Refused = 7,
    /// The server's answer violates the protocol.
    BadAnswer = 8,
    /// The client has ended.
    Closed = 9,
    /// A fault of this library or of the operating system.
    Internal = 10,
    /// Too many payloads wait for their outcome, or too many events wait to be taken.
    QueueFull = 11,
    /// The process was forked from one that had already used the library: it can only call `exec` or exit.
    Forked = 12,
    /// The state that the client keeps beyond its process cannot be read or written; the error's code begins with
    /// `STATE_`.
    State = 13,
}

/// Why a call failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: CallieStatus,
    code: String,
    reason: String,
}

/// An invalid argument, by its name in the header.
pub(super) fn malformed(name: &str, expected: impl std::fmt::Display) -> Failure {
    Failure::form(format!("{name} must be {expected}"))
}

impl Failure {
    pub(super) fn null(name: &str) -> Self {
        Self::argument(CallieStatus::NullArgument, format!("{name} is NULL"))
    }

    pub(super) fn dead(name: &str) -> Self {
        Self::argument(CallieStatus::InvalidHandle, format!("{name} was freed already or was never a handle"))
    }

    /// The handle was freed while the call waited.
    pub(super) fn freed() -> Self {
        Self {
            status: CallieStatus::Closed,
            code: client::code::CLOSED.into(),
            reason: "the client was freed while the call waited".into(),
        }
    }

    pub(super) fn utf8(name: &str) -> Self {
        Self::argument(CallieStatus::InvalidUtf8, format!("{name} is not UTF-8"))
    }

    pub(super) fn form(reason: String) -> Self {
        Self::argument(CallieStatus::InvalidArgument, reason)
    }

    pub(super) fn timed_out(reason: &str) -> Self {
        Self { status: CallieStatus::TimedOut, code: client::code::TIMED_OUT.into(), reason: reason.into() }
    }

    /// Fails in a forked child; elsewhere, makes calls in children that are forked later fail.
    pub(super) fn if_forked() -> Result<(), Self> {
        Ok(owner::claim()?)
    }

    pub(super) fn internal(reason: &str) -> Self {
        Self { status: CallieStatus::Internal, code: client::code::INTERNAL.into(), reason: reason.into() }
    }

    fn argument(status: CallieStatus, reason: String) -> Self {
        Self { status, code: client::code::INVALID_ARGUMENT.into(), reason }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::InvalidArgument => CallieStatus::InvalidArgument,
            ErrorKind::Unreachable => CallieStatus::Unreachable,
            ErrorKind::TimedOut => CallieStatus::TimedOut,
            ErrorKind::Refused => CallieStatus::Refused,
            ErrorKind::BadAnswer => CallieStatus::BadAnswer,
            ErrorKind::QueueFull => CallieStatus::QueueFull,
            ErrorKind::Closed => CallieStatus::Closed,
            ErrorKind::State => CallieStatus::State,
            ErrorKind::Internal if error.code() == client::code::FORKED => CallieStatus::Forked,
            // `Internal`, and variants that a later version adds.
            _ => CallieStatus::Internal,
        };
        Self { status, code: error.code().to_owned(), reason: error.reason().to_owned() }
    }
}

impl From<NoRuntime> for Failure {
    fn from(error: NoRuntime) -> Self {
        Error::from(error).into()
    }
}

/// The code and reason of a thread's last error; both end in NUL.
struct LastError {
    code: Vec<u8>,
    reason: Vec<u8>,
}

thread_local! {
    static LAST: RefCell<LastError> = const { RefCell::new(LastError { code: Vec::new(), reason: Vec::new() }) };
}

/// Keeps `failure` for the calling thread. A thread that is ending keeps none.
pub(super) fn keep(failure: Failure) {
    let kept = LastError { code: end(failure.code), reason: end(failure.reason) };
    let _ = LAST.try_with(|last| last.replace(kept));
}

fn end(text: String) -> Vec<u8> {
    // A NUL inside would hide the rest.
    let mut bytes: Vec<u8> = text.into_bytes().into_iter().filter(|&b| b != 0).collect();
    bytes.push(0);
    bytes
}

fn show(pick: impl Fn(&LastError) -> &Vec<u8>) -> *const c_char {
    let pointer = LAST.try_with(|last| {
        let last = last.borrow();
        let text = pick(&last);
        if text.is_empty() { c"".as_ptr() } else { text.as_ptr().cast() }
    });
    pointer.unwrap_or(c"".as_ptr())
}

/// The stable code of the calling thread's last error, such as `USERNAME_TAKEN`; `""` before the first.
///
/// Valid until the next call of this library that fails on the same thread.
#[unsafe(no_mangle)]
pub extern "C" fn callie_last_error_code() -> *const c_char {
    show(|last| &last.code)
}

/// The reason of the calling thread's last error, for people; `""` before the first.
///
/// Valid until the next call of this library that fails on the same thread.
#[unsafe(no_mangle)]
pub extern "C" fn callie_last_error_reason() -> *const c_char {
    show(|last| &last.reason)
}
