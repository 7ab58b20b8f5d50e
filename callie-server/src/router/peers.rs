//! How the router reaches the other nodes of a cluster.
//!
//! The cluster implements [`Peers`], and [`Requests`](super::Requests) for what is answered. A server on its own has no
//! implementation: what it asks [`RemoteNodes`] is answered here, without a call through a trait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::entry::Entry;
use super::node::NodeId;

/// The stream to one other node.
pub(crate) trait Peer: Send + Sync {
    /// Queues an entry that is not answered. An entry is dropped if the stream has ended.
    fn send(&self, entry: &Entry<'_>);

    /// Ends the beginning of the stream, during which its queue is not bounded.
    fn begun(&self);
}

/// The streams to all other nodes.
pub(crate) trait Peers: Send + Sync {
    /// Returns `true` if there is no other node.
    fn is_empty(&self) -> bool;

    /// Queues an entry that is not answered for those of `nodes` that are there.
    fn send(&self, nodes: &[NodeId], entry: &Entry<'_>);

    /// Queues an entry that is not answered for all other nodes.
    fn send_to_all(&self, entry: &Entry<'_>);

    /// Returns the stream to a node, if the node is there.
    fn peer(&self, node: NodeId) -> Option<Arc<dyn Peer>>;

    /// Returns all other nodes.
    fn nodes(&self) -> Vec<NodeId>;

    /// Returns the number of other nodes, and the bytes that wait to be sent to them.
    fn queued(&self) -> (usize, usize);
}

/// The other nodes of the cluster, if there is one.
pub(crate) struct RemoteNodes {
    peers: Option<Arc<dyn Peers>>,
    /// Whether all users who are connected anywhere are known.
    converged: AtomicBool,
    /// Whether there were changes of groups or settings that a node may have missed.
    missed_updates: AtomicBool,
}

impl RemoteNodes {
    /// The other nodes, for a server on its own: there are none, ever.
    pub(crate) fn none() -> Self {
        Self { peers: None, converged: AtomicBool::new(true), missed_updates: AtomicBool::new(false) }
    }

    /// The other nodes, for a node of a cluster. It knows no user of another node until it has joined.
    pub(crate) fn new(peers: Arc<dyn Peers>) -> Self {
        Self { peers: Some(peers), converged: AtomicBool::new(false), missed_updates: AtomicBool::new(false) }
    }

    /// Returns `true` if every other node has sent its list of users: a user who is not known here is then connected
    /// nowhere.
    pub(crate) fn is_converged(&self) -> bool {
        self.converged.load(Ordering::Acquire)
    }

    /// Sets what [`is_converged`](Self::is_converged) returns.
    pub(crate) fn set_converged(&self, converged: bool) {
        self.converged.store(converged, Ordering::Release);
    }

    /// Returns `true` if there may be changes that a node has missed.
    pub(crate) fn has_missed_updates(&self) -> bool {
        self.missed_updates.load(Ordering::Relaxed)
    }

    /// Notes that a change may not have reached a node.
    pub(crate) fn note_missed_updates(&self) {
        self.missed_updates.store(true, Ordering::Relaxed);
    }

    /// Notes that every node that is there has received all changes.
    pub(crate) fn clear_missed_updates(&self) {
        self.missed_updates.store(false, Ordering::Relaxed);
    }

    /// Returns `true` for a server on its own, which has no other node, ever.
    pub(crate) fn is_alone(&self) -> bool {
        self.peers.is_none()
    }

    /// Returns `true` if there is no other node.
    pub(crate) fn is_empty(&self) -> bool {
        self.peers.as_ref().is_none_or(|peers| peers.is_empty())
    }

    /// Queues an entry that is not answered for those of `nodes` that are there.
    pub(crate) fn send(&self, nodes: &[NodeId], entry: &Entry<'_>) {
        if let Some(peers) = &self.peers {
            peers.send(nodes, entry);
        }
    }

    /// Queues an entry that is not answered for all other nodes.
    pub(crate) fn send_to_all(&self, entry: &Entry<'_>) {
        if let Some(peers) = &self.peers {
            peers.send_to_all(entry);
        }
    }

    /// Reports a change, which the database has already, to all other nodes. While a node may not be reached, the change
    /// is noted as missed, and nodes that appear later read the database.
    pub(crate) fn send_change(&self, entry: &Entry<'_>) {
        if !self.is_converged() {
            self.note_missed_updates();
        }
        self.send_to_all(entry);
    }

    /// Returns the stream to a node, if the node is there.
    pub(crate) fn peer(&self, node: NodeId) -> Option<Arc<dyn Peer>> {
        self.peers.as_ref()?.peer(node)
    }

    /// Returns all other nodes.
    pub(crate) fn nodes(&self) -> Vec<NodeId> {
        self.peers.as_ref().map(|peers| peers.nodes()).unwrap_or_default()
    }

    /// Returns the number of other nodes, and the bytes that wait to be sent to them.
    pub(crate) fn queued(&self) -> (usize, usize) {
        self.peers.as_ref().map_or((0, 0), |peers| peers.queued())
    }
}
