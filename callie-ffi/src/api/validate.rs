//! What is wrong with a payload, for programs that test themselves against the conformance vectors.

use callie_client as client;
use callie_client::foreign::Fault;

/// What is wrong with a text that a client would send to a server with the protocol's default limits; none if it is a valid
/// payload.
#[uniffi::export]
pub fn check_payload(text: String) -> Option<Fault> {
    client::check_payload(&text).map(Fault::from)
}

/// What is wrong with a text that a server would send to a client; none if it is a valid payload.
#[uniffi::export]
pub fn check_server_payload(text: String) -> Option<Fault> {
    client::check_server_payload(&text).map(Fault::from)
}

/// The version of this library, such as `0.1.0`.
#[uniffi::export]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
