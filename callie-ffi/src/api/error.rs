//! Errors of calls, and of the application's callbacks.

use callie_client::{Error, ErrorKind};

use crate::owner::NoRuntime;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum CallError {
    /// The only variant: the kinds are an enum of their own, so that a wrapper handles them in one place.
    #[error("{reason} ({code})")]
    Failed {
        /// The kind of error.
        kind: ErrorKind,
        /// The stable code, for programs: the server's for a refusal.
        code: String,
        /// The reason, for people.
        reason: String,
    },
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        Self::Failed { kind: error.kind(), code: error.code().to_owned(), reason: error.reason().to_owned() }
    }
}

impl From<NoRuntime> for CallError {
    fn from(error: NoRuntime) -> Self {
        Error::from(error).into()
    }
}

/// A callback of the application failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum CallbackError {
    /// The callback gave a reason.
    #[error("{reason}")]
    Failed {
        /// The reason, for people.
        reason: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for CallbackError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed { reason: error.reason }
    }
}
