//! What the server tells its operator: log lines (`logs.rs`, through `queue.rs`) and figures (`metrics.rs`). Neither ever
//! holds a token, a password or a text.

mod line_limit;
mod logs;
mod metrics;
mod queue;

pub(crate) use line_limit::{Line, LineLimits, clip};
pub(crate) use logs::say;
pub use logs::{flush, init, set_filter};
pub use metrics::{CloseLabel, Discarded, LoginOutcome, Metrics, PayloadOutcome, Refusal};
