//! What every other part uses: the clock, IDs, the configuration, logs and metrics, tasks and the shutdown signal.
//!
//! Nothing in this folder imports from another folder of the crate.

pub mod clock;
pub mod config;
pub(crate) mod ids;
mod shutdown;
mod tasks;
pub mod telemetry;

pub(crate) use shutdown::Shutdown;
pub(crate) use tasks::Tasks;
