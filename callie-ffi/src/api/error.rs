//! Errors of calls, and of the application's callbacks.

use callie_client::{Error, ErrorKind};

use crate::owner::NoRuntime;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum CallError {
    /// The only variant: the kinds are an enum of their own, so that a wrapper handles them in one place.
    #[error("{reason} ({code})")]
    Failed {
        /// What the error is about.
        kind: ErrorKind,
        /// Stable, for programs: the server's own code for a refusal.
        code: String,
        /// For people.
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
