//! What the server tells its operator: log lines (`logs.rs`) and figures (`metrics.rs`). Neither ever holds a token, a
//! password or a text.

mod line_limit;
mod logs;
mod metrics;

pub(crate) use line_limit::{Line, LineLimits, clip};
pub use logs::{init, set_level};
pub use metrics::{CloseLabel, Discarded, LoginOutcome, Metrics, PayloadOutcome, Refusal};
