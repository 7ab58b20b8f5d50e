//! This node, as the entries of other nodes act on it.

use std::sync::Arc;
use std::time::Duration;

use crate::base::config::LiveConfig;
use crate::cache::Checks;
use crate::router::{Hub, Moves};

/// The parts of this node that the cluster acts on. Cloning shares them.
#[derive(Clone)]
pub(crate) struct LocalNode {
    /// Who is connected, here and on other nodes.
    pub(crate) hub: Arc<Hub>,
    /// What is to be read again from the database.
    pub(crate) checks: Arc<Checks>,
    /// The configuration in use.
    pub(crate) config: Arc<LiveConfig>,
    /// The connections that move between nodes.
    pub(crate) moves: Arc<Moves>,
    /// How long a confirmation is waited for.
    pub(crate) confirmation: Duration,
}
