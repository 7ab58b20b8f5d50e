//! The protocol held against everything that describes it, beside the unit tests in the sources.
//!
//! - [`vector`]: the conformance vectors as this crate reads them
//! - [`vectors`]: every vector gets the verdict it states
//! - [`schema`]: the JSON Schemas, against the vectors and the tables of the code
//! - [`asyncapi`]: the AsyncAPI document, against the tables of the code
//! - [`document`]: `docs/protocol.md`, its examples and its tables
//! - [`properties`]: what holds for all payloads, tried on arbitrary ones
//! - [`strategies`]: how arbitrary ones are made
//! - [`checks`]: what holds for every text, shared with the fuzz targets
//! - [`conversation`]: what holds for a session, whatever the server says; shared likewise
//! - [`replay`]: what the fuzz targets once broke, and their seeds

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
