//! A cluster of real processes with random faults: `env.rs` starts it, injects faults and repairs them, `life.rs` is a
//! user who continues through all of them, and `record.rs` compares the outcomes that users received with what
//! arrived.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code, unreachable_pub)]
#![allow(missing_docs)]

mod env;
pub mod life;
pub mod record;

pub use env::TestEnv;
