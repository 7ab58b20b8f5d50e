//! What every client of Callie must do, in plain Rust: a test for each name in `bindings/scenarios.json`.
//!
//! They talk to `callie-testbed`, which `make build` puts beside the other programs. Each has a env and a server of its
//! own and ends within [`bed::BOUND`].
//!
//! - `bed`: the test bed and its envs
//! - `events`: waiting for what is to arrive
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
mod connection;
mod events;
mod hostile;
mod lifetimes;
mod messages;
mod resilience;
mod vectors;
