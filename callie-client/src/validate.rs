//! The core's validation of a text, for programs that test themselves against the conformance vectors.

use callie_core::{Fault, Limits, PayloadRef};

/// What is wrong with a text that a client would send to a server with the protocol's default limits; none if it is a valid
/// payload.
#[must_use]
pub fn check_payload(text: &str) -> Option<Fault> {
    PayloadRef::from_client(text, &Limits::default()).err()
}

/// What is wrong with a text that a server would send to a client; none if it is a valid payload.
#[must_use]
pub fn check_server_payload(text: &str) -> Option<Fault> {
    PayloadRef::from_server(text).err()
}
