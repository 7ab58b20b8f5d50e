//! The error of all calls: a kind and a stable code for programs, and a reason for people.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use callie_core::SysCode;
use callie_core::session::SendError;

/// An error of the application, of any type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The kind of an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument is malformed or too large. Nothing was sent.
    InvalidArgument,
    /// The server could not be reached, or the connection broke before it answered.
    Unreachable,
    /// The server did not answer in time. It may or may not have carried out the request.
    TimedOut,
    /// The server refused the request; the code is the server's.
    Refused,
    /// The server's answer violates the protocol, or was lost.
    BadAnswer,
    /// Too many payloads wait for their outcome, or too many events wait to be taken.
    QueueFull,
    /// The client has ended. Create a new one.
    Closed,
    /// The state that the client keeps beyond its process cannot be read or written.
    State,
    /// A fault of this library or of the operating system.
    Internal,
}

/// The codes of errors that the library itself reports. A refusal by the server has the server's code.
pub mod code {
    /// An argument is malformed.
    pub const INVALID_ARGUMENT: &str = "INVALID_ARGUMENT";
    /// The server could not be reached, or the connection broke.
    pub const UNREACHABLE: &str = "UNREACHABLE";
    /// The server's certificate is not trusted, or TLS failed for another reason.
    pub const TLS_FAILED: &str = "TLS_FAILED";
    /// The server did not answer in time.
    pub const TIMED_OUT: &str = "TIMED_OUT";
    /// The server's answer violates the protocol.
    pub const BAD_ANSWER: &str = "BAD_ANSWER";
    /// The proxy that the environment names cannot be used.
    pub const PROXY_FAILED: &str = "PROXY_FAILED";
    /// Too many payloads wait for their outcome, or too many events wait to be taken.
    pub const QUEUE_FULL: &str = "QUEUE_FULL";
    /// A message could not be sent before its deadline.
    pub const EXPIRED: &str = "EXPIRED";
    /// A command was carried out, but its result was lost with the connection.
    pub const RESULT_LOST: &str = "RESULT_LOST";
    /// The client was suspended while it was connecting.
    pub const SUSPENDED: &str = "SUSPENDED";
    /// The object belongs to the parent of this process: it cannot be used after `fork`.
    pub const FORKED: &str = "FORKED";
    /// The application disconnected.
    pub const DISCONNECTED: &str = "DISCONNECTED";
    /// The state cannot be read or written: the file or its directory is missing, full or not accessible, or the
    /// application's store failed.
    pub const STATE_UNAVAILABLE: &str = "STATE_UNAVAILABLE";
    /// Another client uses the file of the state.
    pub const STATE_IN_USE: &str = "STATE_IN_USE";
    /// The state is not as it was written. A file was renamed, and the next client starts without a state.
    pub const STATE_DAMAGED: &str = "STATE_DAMAGED";
    /// The state is that of another user.
    pub const STATE_OF_OTHER_USER: &str = "STATE_OF_OTHER_USER";
    /// The state is that of a user of another server.
    pub const STATE_OF_OTHER_SERVER: &str = "STATE_OF_OTHER_SERVER";
    /// A newer version of the library wrote the state.
    pub const STATE_TOO_NEW: &str = "STATE_TOO_NEW";
    /// The client has ended.
    pub const CLOSED: &str = "CLOSED";
    /// A fault of this library or of the operating system.
    pub const INTERNAL: &str = "INTERNAL";
}

/// Why a call failed: a kind and a stable code for programs, a reason for people, and the underlying error as
/// `source()`.
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

/// Errors are equal if kind, code and reason are; sources cannot be compared.
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

    /// An invalid argument, with its own code.
    #[must_use]
    pub fn invalid(code: &'static str, reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::InvalidArgument, code, reason.to_string())
    }

    /// A fault of this library or of the operating system.
    #[must_use]
    pub fn internal(reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Internal, code::INTERNAL, reason.to_string())
    }

    /// The calling process is a child of the one that made the object.
    #[must_use]
    pub fn forked() -> Self {
        let reason = "this process is a child of the one that the client was made in; \
            make the client in the process that uses it, or start processes with spawn in place of fork";
        Self::new(ErrorKind::Internal, code::FORKED, reason)
    }

    pub(crate) fn with_source(self, source: impl Into<BoxError>) -> Self {
        Self { source: Some(Arc::from(source.into())), ..self }
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

    /// Too many events wait to be taken.
    pub(crate) fn untaken(events: usize) -> Self {
        Self::queue_full(format_args!(
            "{events} events wait to be taken; take events, as nothing more can be answered before"
        ))
    }

    pub(crate) fn closed(reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Closed, code::CLOSED, format!("the client has ended: {reason}"))
    }

    /// The kind of error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The stable code: the server's for a refusal, else one of [`code`].
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The reason, for people.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// Why the session did not accept a payload for sending.
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
