//! What is wrong with a payload, for programs that test themselves against the conformance vectors.

use callie_client as client;

/// The first fault of a text.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct PayloadFault {
    /// For programs, such as `MISSING_FIELD`.
    pub code: String,
    /// Where: a JSON Pointer from the payload's root.
    pub path: String,
    /// For people.
    pub reason: String,
}

impl From<callie_core::Fault> for PayloadFault {
    fn from(fault: callie_core::Fault) -> Self {
        Self { code: fault.code().as_str().to_owned(), path: fault.path(), reason: fault.reason().to_owned() }
    }
}

/// What is wrong with a text that a client would send to a server with the protocol's default limits; none if it is a valid
/// payload.
#[uniffi::export]
pub fn check_payload(text: String) -> Option<PayloadFault> {
    client::check_payload(&text).map(PayloadFault::from)
}

/// What is wrong with a text that a server would send to a client; none if it is a valid payload.
#[uniffi::export]
pub fn check_server_payload(text: String) -> Option<PayloadFault> {
    client::check_server_payload(&text).map(PayloadFault::from)
}

/// The version of this library, such as `0.1.0`.
#[uniffi::export]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
