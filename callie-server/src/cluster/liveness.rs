//! Which nodes are there, by the time when each was last heard.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::wire::VERSION;
use crate::router::NodeId;

/// How long a node may be silent before it is considered gone. With the time that users have to reconnect, presence
/// follows a crash within 10 s.
const SILENCE: Duration = Duration::from_secs(3);
/// The most nodes that are remembered as gone.
const MOST_GONE: usize = 1_024;

/// When each node was last heard.
#[derive(Default)]
pub(super) struct Liveness {
    /// Includes this node, which receives its own heartbeats.
    heard: HashMap<NodeId, Instant>,
    /// When a node of another version was last heard.
    other_version_at: Option<Instant>,
    /// The other versions that were logged.
    other_versions: HashSet<u8>,
    /// Nodes that were considered gone. One that returns has missed changes.
    gone: HashSet<NodeId>,
}

impl Liveness {
    /// Records that a node was heard now.
    pub(super) fn heard(&mut self, node: NodeId) {
        self.heard.insert(node, Instant::now());
    }

    /// Records that a node of another version was heard now, and logs the version once.
    pub(super) fn heard_version(&mut self, version: u8) {
        self.other_version_at = Some(Instant::now());
        if self.other_versions.insert(version) {
            tracing::error!(
                version,
                ours = VERSION,
                "a node of this cluster has another version and is ignored: run one version on all nodes"
            );
        }
    }

    /// Returns `true` if there is a node of another version.
    pub(super) fn has_other_version(&self) -> bool {
        self.other_version_at.is_some_and(|at| at.elapsed() <= SILENCE)
    }

    /// Returns `true` if a node has been silent for too long or was never heard.
    pub(super) fn is_silent(&self, node: NodeId, now: Instant) -> bool {
        self.heard.get(&node).is_none_or(|at| is_silence(*at, now))
    }

    /// Returns the nodes that were heard once and have been silent for too long.
    pub(super) fn silent(&self, now: Instant) -> Vec<NodeId> {
        self.heard.iter().filter(|(_, at)| is_silence(**at, now)).map(|(id, _)| *id).collect()
    }

    /// Removes a node that is gone. With `was_peer`, the node is remembered: it may still run without a connection to
    /// NATS.
    pub(super) fn gone(&mut self, node: NodeId, was_peer: bool) {
        self.heard.remove(&node);
        if was_peer && self.gone.len() < MOST_GONE {
            self.gone.insert(node);
        }
    }

    /// Returns `true` if a new node is one that was considered gone.
    pub(super) fn returned(&mut self, node: NodeId) -> bool {
        self.gone.remove(&node)
    }
}

fn is_silence(heard: Instant, now: Instant) -> bool {
    now.saturating_duration_since(heard) > SILENCE
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId(1);

    #[test]
    fn node_is_silent_three_seconds_after_it_was_heard() {
        let mut liveness = Liveness::default();
        let start = Instant::now();
        assert!(liveness.is_silent(NODE, start), "never heard");
        assert!(liveness.silent(start).is_empty());
        liveness.heard(NODE);
        assert!(!liveness.is_silent(NODE, start + SILENCE));
        let later = Instant::now() + SILENCE + Duration::from_millis(1);
        assert!(liveness.is_silent(NODE, later));
        assert_eq!(liveness.silent(later), [NODE]);
    }

    #[test]
    fn only_a_peer_that_was_gone_returns() {
        let mut liveness = Liveness::default();
        liveness.gone(NODE, false);
        assert!(!liveness.returned(NODE));
        liveness.gone(NODE, true);
        assert!(liveness.returned(NODE));
        assert!(!liveness.returned(NODE));
    }
}
