//! A cluster of real processes that is broken on purpose: `world.rs` starts, breaks and mends it, `life.rs` is a user who
//! goes on whatever happens, `verdict.rs` holds what users were told against what arrived.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code, unreachable_pub)]
#![allow(missing_docs)]

pub mod life;
pub mod verdict;
mod world;

pub use world::World;
