//! The other nodes, as this one sees them: what the router asks when a payload has to go further than this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use smallvec::SmallVec;
use tokio::sync::Notify;

use super::peer::Peer;
use super::wire::{Entry, NodeId};

/// Some of the other nodes: nearly always none or one.
pub(crate) type Nodes = SmallVec<[NodeId; 2]>;

/// All other nodes. A server on its own has none, ever.
pub(crate) struct Peers {
    /// Few, so a list is searched fastest.
    list: ArcSwap<Vec<Arc<Peer>>>,
    /// Whether all users who are connected anywhere are known.
    whole: AtomicBool,
    /// Whether changes of groups or settings were made of which not every node has heard.
    unheard: AtomicBool,
    wake: Arc<Notify>,
}

impl Peers {
    /// No other nodes. A server on its own knows everyone; one of a cluster nobody until it has joined.
    pub(crate) fn new(alone: bool) -> Self {
        Self {
            list: ArcSwap::default(),
            whole: AtomicBool::new(alone),
            unheard: AtomicBool::new(false),
            wake: Arc::default(),
        }
    }

    /// Whether somebody who is not known here is connected nowhere.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole.load(Ordering::Acquire)
    }

    /// Tells all other nodes of a change that the database has. If one of them cannot be told, it is told to look when it
    /// is there again.
    pub(crate) fn tell_change(&self, entry: &Entry<'_>) {
        if !self.is_whole() {
            self.unheard.store(true, Ordering::Relaxed);
        }
        self.tell_all(entry);
    }

    /// Something that a node was to be told may not have got there.
    pub(super) fn note_unheard(&self) {
        self.unheard.store(true, Ordering::Relaxed);
    }

    /// Whether a node that comes has to look into the database for what it was not told.
    pub(crate) fn has_unheard(&self) -> bool {
        self.unheard.load(Ordering::Relaxed)
    }

    /// Every node that is there has heard of all changes.
    pub(super) fn all_heard(&self) {
        self.unheard.store(false, Ordering::Relaxed);
    }

    pub(super) fn set_whole(&self, whole: bool) {
        self.whole.store(whole, Ordering::Release);
    }

    /// All other nodes.
    pub(crate) fn all(&self) -> Arc<Vec<Arc<Peer>>> {
        self.list.load_full()
    }

    /// The node, if it is there.
    pub(crate) fn get(&self, id: NodeId) -> Option<Arc<Peer>> {
        self.list.load().iter().find(|peer| peer.id == id).cloned()
    }

    /// Tells all other nodes.
    pub(crate) fn tell_all(&self, entry: &Entry<'_>) {
        for peer in self.list.load().iter() {
            peer.tell(entry);
        }
    }

    /// Tells some nodes.
    pub(crate) fn tell(&self, nodes: &[NodeId], entry: &Entry<'_>) {
        for peer in self.list.load().iter().filter(|peer| nodes.contains(&peer.id)) {
            peer.tell(entry);
        }
    }

    /// Whether there is nobody to tell.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.load().is_empty()
    }

    /// Wakes the cluster's task when something is to be sent.
    pub(super) fn wake(&self) -> Arc<Notify> {
        self.wake.clone()
    }

    /// Takes a node, and its new stream in the place of an older one, which is given back.
    pub(super) fn put(&self, peer: Arc<Peer>) -> Option<Arc<Peer>> {
        let mut list = Vec::clone(&self.list.load());
        let old = match list.iter_mut().find(|there| there.id == peer.id) {
            Some(there) => Some(std::mem::replace(there, peer)),
            None => {
                list.push(peer);
                None
            }
        };
        // In one step, so that nobody misses the node in between.
        self.list.store(Arc::new(list));
        old
    }

    /// Takes a node away.
    pub(super) fn remove(&self, id: NodeId) -> Option<Arc<Peer>> {
        let mut list = Vec::clone(&self.list.load());
        let at = list.iter().position(|peer| peer.id == id)?;
        let old = list.remove(at);
        self.list.store(Arc::new(list));
        Some(old)
    }
}
