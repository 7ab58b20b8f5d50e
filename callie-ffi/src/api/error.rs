//! The errors, one enum per group of calls.

use crate::owner::NoRuntime;
use callie_client as client;

/// Writes the error enum of a group of calls: a variant for each kind of [`client::Error`] that they return.
macro_rules! foreign_error {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
        pub enum $name {
            $(
                $(#[$variant_doc])*
                #[error("{reason} ({code})")]
                $variant {
                    /// Stable, for programs.
                    code: String,
                    /// For people.
                    reason: String,
                },
            )*
            /// A fault of this library, or of the system under it.
            #[error("{reason} ({code})")]
            Internal {
                /// Stable, for programs.
                code: String,
                /// For people.
                reason: String,
            },
        }

        impl From<client::Error> for $name {
            fn from(error: client::Error) -> Self {
                let (code, reason) = (error.code().to_owned(), error.reason().to_owned());
                match error.kind() {
                    $(client::ErrorKind::$variant => Self::$variant { code, reason },)*
                    // `Internal`, and what this group of calls never returns.
                    _ => Self::Internal { code, reason },
                }
            }
        }

        impl From<NoRuntime> for $name {
            fn from(error: NoRuntime) -> Self {
                client::Error::from(error).into()
            }
        }
    };
}

foreign_error!(
    /// Registering or logging in did not work.
    AccountError {
        /// The server's address or another argument is malformed.
        InvalidArgument,
        /// The server could not be reached.
        Unreachable,
        /// The server did not answer in time.
        TimedOut,
        /// The server said no; the code is its own, such as `USERNAME_TAKEN`.
        Refused,
        /// The answer is not the protocol.
        BadAnswer,
    }
);

foreign_error!(
    /// Connecting and authenticating did not work.
    ConnectError {
        /// The session's token or another argument is malformed.
        InvalidArgument,
        /// The server could not be reached.
        Unreachable,
        /// The server did not answer in time.
        TimedOut,
        /// The server said no; the code is its own, such as `AUTH_FAILED`.
        Refused,
        /// The answer is not the protocol.
        BadAnswer,
        /// The client has ended: make a new one.
        Closed,
    }
);

foreign_error!(
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

foreign_error!(
    /// A ping or a command got no good answer.
    RequestError {
        /// The recipient, the command or its parameters are malformed.
        InvalidArgument,
        /// Too many payloads wait for their end, or too many events to be taken.
        QueueFull,
        /// There was no answer in time: it may or may not have been carried out.
        TimedOut,
        /// The server said no; the code is its own, such as `FORBIDDEN`.
        Refused,
        /// The answer is not the protocol, or it was lost.
        BadAnswer,
        /// The client has ended.
        Closed,
    }
);

foreign_error!(
    /// No more events come.
    ReceiveError {
        /// The batch must hold at least one event, and events go to one listener only.
        InvalidArgument,
        /// The client has ended and its last event was handed out.
        Closed,
    }
);

/// A callback of the application failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum CallbackError {
    /// It says why.
    #[error("{reason}")]
    Failed {
        /// For people.
        reason: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for CallbackError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed { reason: error.reason }
    }
}
