//! The metrics of the database.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

/// The metrics of the database. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub(crate) struct DatabaseHealth {
    /// Queries that failed.
    pub(crate) read_failures: Counter,
    /// Changes that failed.
    pub(crate) write_failures: Counter,
    /// 1 if the last write that was made as a check succeeded.
    pub(crate) writable: Gauge,
}
