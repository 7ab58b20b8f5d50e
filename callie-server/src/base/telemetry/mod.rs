//! What the server reports to its operator: log lines (`logs.rs`, through `queue.rs`) and metrics (`metrics.rs`,
//! `labels.rs`, `counters.rs`, `database.rs`). Neither contains a token, a password or a text of a message.
//! `line_limit.rs` limits the lines that clients cause.

mod counters;
mod database;
mod labels;
mod line_limit;
mod logs;
mod metrics;
mod queue;

pub(crate) use counters::{Counters, outcome_of};
pub(crate) use database::DatabaseHealth;
pub use labels::{CloseLabel, Discarded, KeptChange, LoginOutcome, PayloadOutcome, Refusal, Resumption};
pub(crate) use line_limit::{Line, LineLimits, clip};
pub(crate) use logs::say;
pub use logs::{flush, init, set_filter};
pub use metrics::Metrics;

/// The metrics of a server, and the limits on the log lines that its clients cause.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    /// The metrics.
    pub(crate) metrics: Metrics,
    /// The limits on log lines.
    pub(crate) lines: LineLimits,
}
