//! The error of all calls: a kind, a stable code and a reason.

use std::borrow::Cow;
use std::fmt::Display;

use callie_core::session::{ClosedBy, Refusal, SendError};
use callie_core::{LINK_LOST, SysCode};
use serde::Serialize;

/// The kind of an error; the package has a class for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ErrorKind {
    InvalidArgument,
    Unreachable,
    TimedOut,
    Refused,
    BadAnswer,
    QueueFull,
    Closed,
    Internal,
}

impl ErrorKind {
    /// The kind of an error of a connection, by its name.
    pub(crate) fn of_link(name: &str) -> Self {
        match name {
            "REFUSED" => Self::Refused,
            "TIMED_OUT" => Self::TimedOut,
            "BAD_ANSWER" => Self::BadAnswer,
            _ => Self::Unreachable,
        }
    }
}

/// Why a call failed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Error {
    pub(crate) kind: ErrorKind,
    /// For programs.
    pub(crate) code: Cow<'static, str>,
    /// For people.
    pub(crate) reason: String,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, code: impl Into<Cow<'static, str>>, reason: impl Display) -> Self {
        Self { kind, code: code.into(), reason: reason.to_string() }
    }

    pub(crate) fn invalid(reason: impl Display) -> Self {
        Self::new(ErrorKind::InvalidArgument, "INVALID_ARGUMENT", reason)
    }

    /// "`name` must be `expected`".
    pub(crate) fn argument(name: &str, expected: impl Display) -> Self {
        Self::invalid(format_args!("{name} must be {expected}"))
    }

    pub(crate) fn timed_out(reason: impl Display) -> Self {
        Self::new(ErrorKind::TimedOut, "TIMED_OUT", reason)
    }

    pub(crate) fn unreachable(reason: impl Display) -> Self {
        Self::new(ErrorKind::Unreachable, "UNREACHABLE", reason)
    }

    pub(crate) fn bad_answer(reason: impl Display) -> Self {
        let reason = format!("the server's answer is not the protocol: {reason}");
        Self::new(ErrorKind::BadAnswer, "BAD_ANSWER", reason)
    }

    pub(crate) fn refused(code: impl Into<Cow<'static, str>>, reason: impl Display) -> Self {
        Self::new(ErrorKind::Refused, code, reason)
    }

    pub(crate) fn suspended() -> Self {
        let reason = "the client was suspended before it was connected";
        Self::new(ErrorKind::Unreachable, "SUSPENDED", reason)
    }

    pub(crate) fn internal(reason: impl Display) -> Self {
        Self::new(ErrorKind::Internal, "INTERNAL", reason)
    }
}

/// Why the session did not accept a payload for sending. A closed session is handled before.
impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        let code = match error {
            SendError::QueueFull { .. } => return Self::new(ErrorKind::QueueFull, "QUEUE_FULL", error),
            SendError::TooLarge { .. } => SysCode::PayloadTooLarge.as_str(),
            SendError::InvalidRecipient { .. } | SendError::ReservedName { .. } => {
                SysCode::InvalidRecipient.as_str()
            }
            _ => "INVALID_ARGUMENT",
        };
        Self::new(ErrorKind::InvalidArgument, code, error)
    }
}

/// The close code of a normal closure (RFC 6455).
const NORMAL: u16 = 1000;

/// Why a client has ended.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Closed {
    pub(crate) close_code: u16,
    pub(crate) code: String,
    pub(crate) reason: String,
}

impl Closed {
    /// The error of later calls.
    pub(crate) fn to_error(&self) -> Error {
        let reason = format!("the client has ended: {} ({})", self.reason, self.close_code);
        Error::new(ErrorKind::Closed, "CLOSED", reason)
    }

    /// Why an attempt to connect failed.
    pub(crate) fn to_connect_error(&self) -> Error {
        if self.close_code == NORMAL || self.close_code == LINK_LOST {
            self.to_error()
        } else {
            Error::refused(self.code.clone(), &self.reason)
        }
    }
}

impl From<&Refusal> for Closed {
    fn from(refusal: &Refusal) -> Self {
        let close_code = refusal.code;
        match &refusal.reason {
            Some(name) => Self { close_code, code: name.to_string(), reason: refusal.description.clone() },
            None => Self {
                close_code,
                code: "CLOSED".to_owned(),
                reason: format!("the server closed with {close_code}"),
            },
        }
    }
}

impl From<&ClosedBy> for Closed {
    fn from(by: &ClosedBy) -> Self {
        match by {
            ClosedBy::Server(refusal) => refusal.into(),
            ClosedBy::NoToken { refusal, error } => {
                let closed = Self::from(refusal);
                Self { reason: format!("{} ({error})", closed.reason), ..closed }
            }
            // The driver of this module never abandons its session.
            _ => Self {
                close_code: NORMAL,
                code: "DISCONNECTED".to_owned(),
                reason: "the application disconnected".to_owned(),
            },
        }
    }
}
