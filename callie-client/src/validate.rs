//! Checks payloads, for programs that test themselves against the conformance vectors.

use callie_core::{Fault, Limits, PayloadRef};

/// Checks a text as a server with the protocol's default limits checks it. Returns the first fault; none if it is a
/// valid payload.
#[must_use]
pub fn check_payload(text: &str) -> Option<Fault> {
    PayloadRef::from_client(text, &Limits::default()).err()
}

/// Checks a text as a client checks what a server sends. Returns the first fault; none if it is a valid payload.
#[must_use]
pub fn check_server_payload(text: &str) -> Option<Fault> {
    PayloadRef::from_server(text).err()
}
