//! What the task of a connection that moves to another node hands over, and remembers.

use std::time::{Duration, Instant};

use callie_core::ConnectionId;
use callie_core::server::{MovedConnection, PayloadKey};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::router::{Item, NodeId, Receipt};

/// What a connection's task hands over.
pub(super) struct Exported {
    pub(super) connection: MovedConnection<Utf8Bytes>,
    pub(super) receipts: Vec<(PayloadKey, Receipt)>,
    pub(super) last_kept: i64,
    pub(super) queue: Vec<Item>,
    pub(super) left: Duration,
}

/// A connection that has moved to another node, while answers are pending.
pub(super) struct MovedTo {
    pub(super) node: NodeId,
    pub(super) connection: ConnectionId,
    pub(super) until: Instant,
}
