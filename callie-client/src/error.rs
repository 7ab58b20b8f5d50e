//! What can go wrong: one error with a kind, a stable code and a reason for people.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use callie_core::SysCode;
use callie_core::session::SendError;

/// Any error of the application's.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What an [`Error`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument is malformed or too large. Nothing was sent.
    InvalidArgument,
    /// The server could not be reached, or the link broke while it was asked.
    Unreachable,
    /// The server did not answer in time. What was asked may or may not have been done.
    TimedOut,
    /// The server answered and said no; the code is the server's own.
    Refused,
    /// The server answered something that is not the protocol, or its answer was lost.
    BadAnswer,
    /// Too much waits already: payloads for their outcome, or events to be taken.
    QueueFull,
    /// The client has ended. Make a new one.
    Closed,
    /// A fault of this library, or of the system under it.
    Internal,
}

/// The codes of this library's own errors; a refusal carries the server's code instead.
pub mod code {
    /// An argument is not of the form it must have.
    pub const INVALID_ARGUMENT: &str = "INVALID_ARGUMENT";
    /// No connection could be made, or it broke.
    pub const UNREACHABLE: &str = "UNREACHABLE";
    /// The server's certificate could not be trusted, or TLS failed otherwise.
    pub const TLS_FAILED: &str = "TLS_FAILED";
    /// The server did not answer in time.
    pub const TIMED_OUT: &str = "TIMED_OUT";
    /// The server's answer is not the protocol.
    pub const BAD_ANSWER: &str = "BAD_ANSWER";
    /// The proxy of the environment could not be used.
    pub const PROXY_FAILED: &str = "PROXY_FAILED";
    /// Too much waits already: payloads for their outcome, or events to be taken.
    pub const QUEUE_FULL: &str = "QUEUE_FULL";
    /// A message could not be sent before its deadline.
    pub const EXPIRED: &str = "EXPIRED";
    /// A command was carried out, and its result was lost with a connection.
    pub const RESULT_LOST: &str = "RESULT_LOST";
    /// The client was suspended while it was connecting.
    pub const SUSPENDED: &str = "SUSPENDED";
    /// The library is used in a child of the process that it was used in first.
    pub const FORKED: &str = "FORKED";
    /// The application disconnected.
    pub const DISCONNECTED: &str = "DISCONNECTED";
    /// The client has ended.
    pub const CLOSED: &str = "CLOSED";
    /// A fault of this library, or of the system under it.
    pub const INTERNAL: &str = "INTERNAL";
}

/// Why a call failed: a kind and a stable code for programs, a reason for people, and the error below as its `source()`.
#[derive(Debug, Clone)]
pub struct Error {
    kind: ErrorKind,
    code: Cow<'static, str>,
    reason: String,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.code)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The error itself and not its `Arc`, so that it can be downcast.
        self.source.as_deref().map(|source| source as _)
    }
}

/// Two errors are equal if they say the same; their sources cannot be compared.
impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, &self.code, &self.reason) == (other.kind, &other.code, &other.reason)
    }
}

impl Eq for Error {}

impl Error {
    /// An error with a stable code for programs and a reason for people.
    #[must_use]
    pub fn new(kind: ErrorKind, code: impl Into<Cow<'static, str>>, reason: impl Into<String>) -> Self {
        Self { kind, code: code.into(), reason: reason.into(), source: None }
    }

    /// An invalid argument: "`name` must be `expected`".
    #[must_use]
    pub fn argument(name: &str, expected: impl fmt::Display) -> Self {
        Self::invalid(code::INVALID_ARGUMENT, format_args!("{name} must be {expected}"))
    }

    /// An invalid argument, with a code of its own.
    #[must_use]
    pub fn invalid(code: &'static str, reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::InvalidArgument, code, reason.to_string())
    }

    /// A fault of this library or of the system under it.
    #[must_use]
    pub fn internal(reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Internal, code::INTERNAL, reason.to_string())
    }

    /// The caller is a child of the process that the object was made in.
    #[must_use]
    pub fn forked() -> Self {
        let reason = "this process is a child of the one that the client was made in; \
            make the client in the process that uses it, or start processes with spawn in place of fork";
        Self::new(ErrorKind::Internal, code::FORKED, reason)
    }

    pub(crate) fn with_source(self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { source: Some(Arc::new(source)), ..self }
    }

    pub(crate) fn unreachable(reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Unreachable, code::UNREACHABLE, reason.to_string())
    }

    pub(crate) fn timed_out(reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::TimedOut, code::TIMED_OUT, reason.to_string())
    }

    pub(crate) fn refused(code: impl Into<Cow<'static, str>>, reason: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, code, reason)
    }

    pub(crate) fn bad_answer(reason: impl fmt::Display) -> Self {
        let reason = format!("the server's answer is not the protocol: {reason}");
        Self::new(ErrorKind::BadAnswer, code::BAD_ANSWER, reason)
    }

    pub(crate) fn queue_full(reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::QueueFull, code::QUEUE_FULL, reason.to_string())
    }

    /// Received events keep the socket from being read, or outcomes fill the queue.
    pub(crate) fn untaken(events: usize) -> Self {
        Self::queue_full(format_args!(
            "{events} events wait to be taken; take events, as nothing more can be answered before"
        ))
    }

    pub(crate) fn closed(reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Closed, code::CLOSED, format!("the client has ended: {reason}"))
    }

    /// What the error is about.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The stable code: the server's own for a refusal, else one of [`code`].
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What was wrong, for people.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// Why the session did not accept something that was to be sent.
impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        let code = match error {
            SendError::QueueFull { .. } => return Self::queue_full(error),
            SendError::TooLarge { .. } => SysCode::PayloadTooLarge.as_str(),
            SendError::Closed(_) => return Self::closed(error),
            SendError::InvalidRecipient { .. } | SendError::ReservedName { .. } => {
                SysCode::InvalidRecipient.as_str()
            }
            _ => code::INVALID_ARGUMENT,
        };
        Self::invalid(code, error)
    }
}
