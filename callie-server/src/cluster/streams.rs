//! The streams to all other nodes.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use super::stream::PeerStream;
use crate::router::{Entry, NO_REPLY, NodeId, Peer, Peers, PendingReply, ReplyStatus, RequestId, Requests};

/// The streams to all other nodes that are there.
#[derive(Default)]
pub(crate) struct Streams {
    /// There are few, so a linear search is fastest.
    list: ArcSwap<Vec<Arc<PeerStream>>>,
    wake: Arc<Notify>,
}

impl Streams {
    /// Returns all streams.
    pub(super) fn all(&self) -> Arc<Vec<Arc<PeerStream>>> {
        self.list.load_full()
    }

    /// Returns the stream to the node, if it is there.
    pub(super) fn get(&self, id: NodeId) -> Option<Arc<PeerStream>> {
        self.list.load().iter().find(|peer| peer.id == id).cloned()
    }

    /// Returns what wakes the task of the cluster when something is to be sent.
    pub(super) fn wake(&self) -> Arc<Notify> {
        self.wake.clone()
    }

    /// Adds a stream, and returns the older stream to the same node that it replaces.
    pub(super) fn put(&self, peer: Arc<PeerStream>) -> Option<Arc<PeerStream>> {
        let mut list = Vec::clone(&self.list.load());
        let old = match list.iter_mut().find(|there| there.id == peer.id) {
            Some(there) => Some(std::mem::replace(there, peer)),
            None => {
                list.push(peer);
                None
            }
        };
        // Replaced in one step, so that no entry misses the node in between.
        self.list.store(Arc::new(list));
        old
    }

    /// Removes the stream to a node, and returns it.
    pub(super) fn remove(&self, id: NodeId) -> Option<Arc<PeerStream>> {
        let mut list = Vec::clone(&self.list.load());
        let at = list.iter().position(|peer| peer.id == id)?;
        let old = list.remove(at);
        self.list.store(Arc::new(list));
        Some(old)
    }
}

impl Peers for Streams {
    fn is_empty(&self) -> bool {
        self.list.load().is_empty()
    }

    fn send(&self, nodes: &[NodeId], entry: &Entry<'_>) {
        for peer in self.list.load().iter().filter(|peer| nodes.contains(&peer.id)) {
            peer.send(entry);
        }
    }

    fn send_to_all(&self, entry: &Entry<'_>) {
        for peer in self.list.load().iter() {
            peer.send(entry);
        }
    }

    fn peer(&self, node: NodeId) -> Option<Arc<dyn Peer>> {
        self.get(node).map(|peer| peer as Arc<dyn Peer>)
    }

    fn nodes(&self) -> Vec<NodeId> {
        self.list.load().iter().map(|peer| peer.id).collect()
    }

    fn queued(&self) -> (usize, usize) {
        let list = self.list.load();
        (list.len(), list.iter().map(|peer| peer.queued()).sum())
    }
}

impl Requests for Streams {
    fn reserve(&self, node: NodeId, pending: PendingReply) -> RequestId {
        match self.get(node) {
            Some(peer) => peer.reserve(pending),
            None => {
                pending.end(ReplyStatus::NotSent);
                NO_REPLY
            }
        }
    }

    fn request<'a>(
        &self,
        node: NodeId,
        pending: PendingReply,
        entry: &mut dyn FnMut(RequestId) -> Entry<'a>,
    ) {
        match self.get(node) {
            Some(peer) => peer.request(pending, entry),
            None => pending.end(ReplyStatus::NotSent),
        }
    }
}
