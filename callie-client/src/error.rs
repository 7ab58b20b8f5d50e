//! What can go wrong, one enum per group of calls, each with a stable code and a reason for people.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use callie_core::SysCode;
use callie_core::session;

/// Any error of the application's.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What an error is about, whichever call it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument is not of the form it must have. Nothing was sent.
    InvalidArgument,
    /// The server could not be reached, or the link broke while it was asked.
    Unreachable,
    /// The server did not answer in time.
    TimedOut,
    /// The server answered and said no; the code is the server's own.
    Refused,
    /// The server answered something that is not the protocol.
    BadAnswer,
    /// Too much waits already.
    QueueFull,
    /// The client has ended.
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
    /// Too much waits already: payloads for their end, or events to be taken.
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

/// A stable code for programs and a reason for people, with the error below where there is one.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason} ({code})")]
pub struct Fault {
    code: Cow<'static, str>,
    reason: String,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// What it says; the error below cannot be compared.
impl PartialEq for Fault {
    fn eq(&self, other: &Self) -> bool {
        (&self.code, &self.reason) == (&other.code, &other.reason)
    }
}

impl Eq for Fault {}

impl Fault {
    /// A fault with a stable code for programs and a reason for people.
    #[must_use]
    pub fn new(code: impl Into<Cow<'static, str>>, reason: impl Into<String>) -> Self {
        Self { code: code.into(), reason: reason.into(), source: None }
    }

    pub(crate) fn with_source(self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { source: Some(Arc::new(source)), ..self }
    }

    /// [`INVALID_ARGUMENT`](code::INVALID_ARGUMENT): "`name` must be `expected`".
    #[must_use]
    pub fn argument(name: &str, expected: impl fmt::Display) -> Self {
        Self::new(code::INVALID_ARGUMENT, format!("{name} must be {expected}"))
    }

    pub(crate) fn unreachable(reason: impl fmt::Display) -> Self {
        Self::new(code::UNREACHABLE, reason.to_string())
    }

    pub(crate) fn timed_out(waited_for: &str) -> Self {
        Self::new(code::TIMED_OUT, format!("{waited_for} took too long"))
    }

    pub(crate) fn bad_answer(reason: impl fmt::Display) -> Self {
        Self::new(code::BAD_ANSWER, format!("the server's answer is not the protocol: {reason}"))
    }

    pub(crate) fn closed(reason: impl fmt::Display) -> Self {
        Self::new(code::CLOSED, format!("the client has ended: {reason}"))
    }

    /// Received events keep the socket from being read, or endings fill the queue.
    pub(crate) fn untaken(events: usize) -> Self {
        let reason =
            format!("{events} events wait to be taken; take events, as nothing more can be answered before");
        Self::new(code::QUEUE_FULL, reason)
    }

    /// [`FORKED`](code::FORKED): the caller is a child of the process that the object was made in.
    #[must_use]
    pub fn forked() -> Self {
        let reason = "this process is a child of the one that the client was made in; \
            make the client in the process that uses it, or start processes with spawn in place of fork";
        Self::new(code::FORKED, reason)
    }

    /// [`INTERNAL`](code::INTERNAL), for a fault of this library or of the system under it.
    #[must_use]
    pub fn internal(reason: impl fmt::Display) -> Self {
        Self::new(code::INTERNAL, reason.to_string())
    }

    /// The stable code.
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

/// Writes an error enum whose variants are kinds of [`ErrorKind`], each around a [`Fault`].
macro_rules! error_group {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* #[error("{0}")] $variant(Fault),)*
            /// A fault of this library, or of the system under it.
            #[error("{0}")]
            Internal(Fault),
        }

        impl $name {
            /// The code and the reason.
            #[must_use]
            pub fn fault(&self) -> &Fault {
                match self { $(Self::$variant(fault) => fault,)* Self::Internal(fault) => fault }
            }

            /// What it is about.
            #[must_use]
            pub fn kind(&self) -> ErrorKind {
                match self { $(Self::$variant(_) => ErrorKind::$variant,)* Self::Internal(_) => ErrorKind::Internal }
            }

            /// The stable code: the server's own for a refusal, else one of [`code`].
            #[must_use]
            pub fn code(&self) -> &str {
                self.fault().code()
            }

            /// What was wrong, for people.
            #[must_use]
            pub fn reason(&self) -> &str {
                self.fault().reason()
            }
        }
    };
}

error_group!(
    /// Registering or logging in did not work.
    AccountError {
        /// The server's address or another argument is malformed.
        InvalidArgument,
        /// The server could not be reached.
        Unreachable,
        /// The server did not answer in time.
        TimedOut,
        /// The server said no, with the code of its problem document.
        Refused,
        /// The answer is not the protocol.
        BadAnswer,
    }
);

error_group!(
    /// Connecting and authenticating did not work.
    ConnectError {
        /// The session's token or another argument is malformed.
        InvalidArgument,
        /// The server could not be reached.
        Unreachable,
        /// The server did not answer in time.
        TimedOut,
        /// The server said no, with the code of its SYS payload.
        Refused,
        /// The answer is not the protocol.
        BadAnswer,
        /// The client has ended: make a new one.
        Closed,
    }
);

error_group!(
    /// A message was not taken for sending.
    SendError {
        /// The recipient, the text or an attachment is malformed or too large.
        InvalidArgument,
        /// Too many messages wait for their end, or too many events to be taken.
        QueueFull,
        /// The client has ended.
        Closed,
    }
);

error_group!(
    /// A ping or a command got no good answer.
    RequestError {
        /// The recipient, the command or its parameters are malformed.
        InvalidArgument,
        /// Too many payloads wait for their end, or too many events to be taken.
        QueueFull,
        /// There was no answer in time: it may or may not have been carried out.
        TimedOut,
        /// The server said no, with the code of its SYS payload.
        Refused,
        /// The answer is not the protocol, or it was lost.
        BadAnswer,
        /// The client has ended.
        Closed,
    }
);

error_group!(
    /// No more events come.
    ReceiveError {
        /// The batch must hold at least one event, and events go to one listener only.
        InvalidArgument,
        /// The client has ended and its last event was handed out.
        Closed,
    }
);

/// Why something that was to be sent was not taken.
pub(crate) fn not_taken(error: &session::SendError) -> SendError {
    match error {
        session::SendError::QueueFull { .. } => {
            SendError::QueueFull(Fault::new(code::QUEUE_FULL, error.to_string()))
        }
        session::SendError::TooLarge { .. } => {
            SendError::InvalidArgument(Fault::new(SysCode::PayloadTooLarge.as_str(), error.to_string()))
        }
        session::SendError::InvalidRecipient { .. } => {
            SendError::InvalidArgument(Fault::new(SysCode::InvalidRecipient.as_str(), error.to_string()))
        }
        other => SendError::InvalidArgument(Fault::new(code::INVALID_ARGUMENT, other.to_string())),
    }
}

impl From<SendError> for RequestError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::InvalidArgument(fault) => Self::InvalidArgument(fault),
            SendError::QueueFull(fault) => Self::QueueFull(fault),
            SendError::Closed(fault) => Self::Closed(fault),
            SendError::Internal(fault) => Self::Internal(fault),
        }
    }
}
