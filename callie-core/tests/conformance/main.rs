//! The protocol held against everything that describes it, beside the unit tests in the sources.
//!
//! - [`vector`]: the conformance vectors as this crate reads them
//! - [`vectors`]: every vector gets the verdict it states
//! - [`schema`]: the JSON Schemas, against the vectors and the tables of the code
//! - [`asyncapi`]: the AsyncAPI document, against the tables of the code
//! - [`properties`]: what holds for all payloads, tried on arbitrary ones
//! - [`strategies`]: how arbitrary ones are made
//! - [`reference`]: what serde_json says of a text

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod asyncapi;
mod properties;
mod reference;
mod schema;
mod strategies;
mod vector;
mod vectors;
