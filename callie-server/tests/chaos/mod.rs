//! A cluster of real processes that is broken on purpose: `env.rs` starts, breaks and mends it, `life.rs` is a user who
//! goes on whatever happens, `verdict.rs` holds what users were told against what arrived.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code, unreachable_pub)]
#![allow(missing_docs)]

mod env;
pub mod life;
pub mod verdict;

pub use env::TestEnv;
