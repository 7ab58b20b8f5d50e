//! The Callie client for Swift, Kotlin, Python and C: [`callie_client`] as those languages call it.
//!
//! - [`api`]: what uniffi shows to Python, Kotlin and Swift
//! - [`capi`]: what the header that cbindgen writes shows to C and C++
//!
//! Rust programs use `callie-client`.

pub mod api;
mod callbacks;
#[cfg(feature = "capi")]
pub mod capi;
mod gate;
mod listener;
mod logging;
mod owner;
mod runtime;
mod threads;

uniffi::setup_scaffolding!("callie");
