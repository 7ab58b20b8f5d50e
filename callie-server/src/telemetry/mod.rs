//! What the server tells its operator: log lines (`logs.rs`) and figures (`metrics.rs`). Neither ever holds a token, a
//! password or a text.

mod logs;
mod metrics;

pub use logs::{init, set_level};
pub use metrics::{Discarded, LoginOutcome, Metrics, PayloadOutcome};
