//! The protocol held against everything that describes it, beside the unit tests in the sources.
//!
//! - [`vector`]: the conformance vectors as this crate reads them
//! - [`asyncapi`]: the AsyncAPI document, against the tables of the code
//! - [`schema`]: the JSON Schemas, against the vectors and the tables of the code
//! - [`vectors`]: every vector gets the verdict it states

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod asyncapi;
mod schema;
mod vector;
mod vectors;
