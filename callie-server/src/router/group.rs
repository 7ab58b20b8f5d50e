//! A group with a member who is connected: its members by where they are connected.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use callie_core::Username;
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::aliases::{Link, Links, Ways};
use super::node::{NodeId, Nodes};

/// A group in memory. It exists while one of its members is connected to this node. For the order of locks see
/// [`User`](super::user::User).
#[derive(Default)]
pub(crate) struct Group {
    state: RwLock<GroupState>,
}

/// The members of a group.
#[derive(Default)]
pub(crate) struct GroupState {
    /// Members who are connected here, with their connections. A message to the group is queued for these.
    pub(crate) online: HashMap<Username, Links>,
    /// Members who are connected to other nodes, whether or not they are connected here.
    away: HashMap<Username, Nodes>,
    /// The number of members that each other node has.
    nodes: BTreeMap<NodeId, usize>,
    /// Members who are connected in more than one place: nearly always none.
    several: BTreeSet<Username>,
    /// Members who are not connected. Complete once `loaded` is set.
    pub(crate) offline: BTreeSet<Username>,
    /// Whether the list of members was read from the database.
    pub(crate) loaded: bool,
    /// Counts changes, to detect that a list read from the database is out of date.
    pub(crate) changes: u64,
    /// Counts connects and disconnects on other nodes, for the same purpose.
    pub(super) moves: u64,
}

/// The members of a group that a message reaches through one other node.
pub(crate) struct Share<'a> {
    /// The node.
    pub(crate) node: NodeId,
    /// The number of members who are counted for this node: those who are connected to no node that is counted earlier.
    pub(crate) members: usize,
    /// Members who also receive messages through this node and are counted elsewhere.
    pub(crate) uncounted: Vec<&'a str>,
}

impl Group {
    /// Locks the members for reading.
    pub(crate) fn state(&self) -> RwLockReadGuard<'_, GroupState> {
        self.state.read()
    }

    /// Locks the members for a change. Mind the order of locks.
    pub(crate) fn change(&self) -> RwLockWriteGuard<'_, GroupState> {
        self.state.write()
    }
}

impl GroupState {
    /// Adds a connection of a member.
    pub(crate) fn attach(&mut self, name: &Username, link: &Arc<Link>) {
        if let Some(links) = self.online.get_mut(name) {
            if !links.iter().any(|l| Arc::ptr_eq(l, link)) {
                links.push(link.clone());
            }
            return;
        }
        self.offline.remove(name);
        self.online.insert(name.clone(), Links::from_iter([link.clone()]));
        self.note_places(name);
    }

    /// Removes a connection of a member.
    pub(crate) fn detach(&mut self, name: &Username, link: &Arc<Link>) {
        let Some(links) = self.online.get_mut(name) else { return };
        links.retain(|l| !Arc::ptr_eq(l, link));
        if links.is_empty() {
            self.online.remove(name);
            if !self.away.contains_key(name) {
                self.offline.insert(name.clone());
            }
            self.note_places(name);
        }
    }

    /// Sets the other nodes that a member is connected to.
    pub(crate) fn set_away(&mut self, name: &Username, away: &Nodes) {
        self.moves += 1;
        self.leave_nodes(name);
        if away.is_empty() {
            if !self.online.contains_key(name) {
                self.offline.insert(name.clone());
            }
        } else {
            self.offline.remove(name);
            for node in away {
                *self.nodes.entry(*node).or_default() += 1;
            }
            self.away.insert(name.clone(), away.clone());
        }
        self.note_places(name);
    }

    fn leave_nodes(&mut self, name: &Username) {
        for node in self.away.remove(name).unwrap_or_default() {
            if let Some(count) = self.nodes.get_mut(&node) {
                *count -= 1;
                if *count == 0 {
                    self.nodes.remove(&node);
                }
            }
        }
    }

    fn note_places(&mut self, name: &Username) {
        let nodes = self.away.get(name).map_or(0, |nodes| nodes.len());
        if nodes + usize::from(self.online.contains_key(name)) > 1 {
            self.several.insert(name.clone());
        } else if !self.several.is_empty() {
            self.several.remove(name);
        }
    }

    /// Adds a member, who is reached by `ways`.
    pub(crate) fn add(&mut self, name: &Username, ways: Ways) {
        self.changes += 1;
        if ways.links.is_empty() {
            self.online.remove(name);
        } else {
            self.offline.remove(name);
            self.online.insert(name.clone(), ways.links);
        }
        self.set_away(name, &ways.away);
    }

    /// Removes a member.
    pub(crate) fn remove(&mut self, name: &Username) {
        self.changes += 1;
        self.leave_nodes(name);
        self.online.remove(name);
        self.offline.remove(name);
        self.several.remove(name);
    }

    /// Sets all members, as the database has them, and the other nodes that some of them are connected to.
    pub(crate) fn load(&mut self, members: &[Username], away: Vec<(&Username, Nodes)>) {
        for (name, nodes) in away {
            self.set_away(name, &nodes);
        }
        let is_there = |name: &Username| self.online.contains_key(name) || self.away.contains_key(name);
        self.offline = members.iter().filter(|name| !is_there(name)).cloned().collect();
        self.loaded = true;
    }

    /// Returns `true` if a member is connected to any node.
    pub(crate) fn is_connected(&self, name: &Username) -> bool {
        self.online.contains_key(name) || self.away.contains_key(name)
    }

    /// Returns the share of each other node that has members, as a message of `from` counts them.
    pub(crate) fn shares(&self, from: &Username) -> Vec<Share<'_>> {
        let all = self.nodes.iter();
        let mut shares: Vec<Share<'_>> =
            all.map(|(&node, &members)| Share { node, members, uncounted: Vec::new() }).collect();
        for name in &self.several {
            let Some(nodes) = self.away.get(name) else { continue };
            let counted_at = if self.online.contains_key(name) { None } else { nodes.iter().min() };
            for share in shares.iter_mut().filter(|share| nodes.contains(&share.node)) {
                if name == from {
                    share.members -= 1;
                } else if counted_at != Some(&share.node) {
                    share.members -= 1;
                    // Sorted by name, because `several` is.
                    share.uncounted.push(name.as_str());
                }
            }
        }
        shares
    }

    /// Returns the members who are connected to any node. Some may be returned twice.
    pub(crate) fn present(&self) -> impl Iterator<Item = &Username> {
        self.online.keys().chain(self.away.keys())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use callie_core::SessionId;
    use callie_core::command::Features;

    fn name(text: &str) -> Username {
        Username::parse(text).unwrap()
    }

    fn ways(links: usize, away: &[u64]) -> Ways {
        let session = || SessionId::parse("s").unwrap();
        let link = || Link::new(name("any"), session(), [127, 0, 0, 1].into(), None, Features::NONE, 100);
        Ways { links: (0..links).map(|_| link()).collect(), away: away.iter().map(|n| NodeId(*n)).collect() }
    }

    #[test]
    fn member_on_several_nodes_is_counted_once() {
        let mut group = GroupState::default();
        group.add(&name("ada"), ways(1, &[1]));
        group.add(&name("bob"), ways(0, &[2, 1]));
        group.add(&name("cy"), ways(1, &[2]));
        group.add(&name("dan"), ways(0, &[2]));
        group.add(&name("eve"), ways(0, &[]));
        let shares = group.shares(&name("ada"));
        let seen: Vec<_> = shares.iter().map(|s| (s.node.0, s.members, s.uncounted.clone())).collect();
        assert_eq!(seen, [(1, 1, vec![]), (2, 1, vec!["bob", "cy"])]);
        assert_eq!(group.offline.iter().map(Username::as_str).collect::<Vec<_>>(), ["eve"]);
    }

    #[test]
    fn member_who_leaves_one_node_stays_on_the_other() {
        let mut group = GroupState::default();
        group.add(&name("bob"), ways(0, &[1, 2]));
        group.set_away(&name("bob"), &ways(0, &[2]).away);
        let shares = group.shares(&name("ada"));
        assert_eq!(shares.iter().map(|s| (s.node.0, s.members)).collect::<Vec<_>>(), [(2, 1)]);
        drop(shares);
        group.set_away(&name("bob"), &Nodes::new());
        assert!(group.shares(&name("ada")).is_empty() && group.offline.contains("bob"));
        group.remove(&name("bob"));
        assert!(group.present().next().is_none() && group.offline.is_empty());
    }
}
