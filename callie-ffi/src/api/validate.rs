//! Checks payloads, for programs that test themselves against the conformance vectors.

use callie_client as client;
use callie_client::foreign::Fault;

/// Checks a text as a server with the protocol's default limits checks it. Returns the first fault; none if it is a
/// valid payload.
#[uniffi::export]
pub fn check_payload(text: String) -> Option<Fault> {
    client::check_payload(&text).map(Fault::from)
}

/// Checks a text as a client checks what a server sends. Returns the first fault; none if it is a valid payload.
#[uniffi::export]
pub fn check_server_payload(text: String) -> Option<Fault> {
    client::check_server_payload(&text).map(Fault::from)
}

/// The version of this library, such as `0.1.0`.
#[uniffi::export]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
