//! The scenarios of all clients in plain Rust: a test for each name in `bindings/scenarios.json`.
//!
//! They use `callie-testbed`, which `make build` builds. Each has its own environment and server, and ends within
//! [`bed::BOUND`].
//!
//! - `bed`: the test bed and its environments
//! - `events`: waiting for events
//! - one file for each family of scenarios
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a step that fails fails its scenario"
)]

mod accounts;
mod bed;
mod commands;
#[path = "../configs/mod.rs"]
mod configs;
mod connection;
mod events;
mod hostile;
mod lifetimes;
mod messages;
mod resilience;
mod state;
mod vectors;
