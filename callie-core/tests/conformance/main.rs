//! Compares the implementation with everything that describes the protocol.
//!
//! - [`vector`]: the conformance vectors as this crate reads them
//! - [`vectors`]: every vector has its documented result
//! - [`schema`]: the JSON Schemas, against the vectors and the tables of the code
//! - [`asyncapi`]: the AsyncAPI document, against the tables of the code
//! - [`document`]: `docs/protocol.md`, its examples and its tables
//! - [`properties`]: properties of all payloads, tested with arbitrary ones
//! - [`strategies`]: generates arbitrary values
//! - [`checks`]: checks of every text, shared with the fuzz targets
//! - [`conversation`]: guarantees of a session for any input; shared with the fuzz targets
//! - [`replay`]: the findings and seeds of the fuzz targets

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "`checks` and `conversation` are also parts of the fuzz targets")]

mod asyncapi;
mod checks;
mod conversation;
mod document;
mod properties;
mod replay;
mod schema;
mod strategies;
mod vector;
mod vectors;
