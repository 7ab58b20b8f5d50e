//! The users of other nodes, mirrored beside the users of this node.

use std::sync::Arc;
use std::time::Instant;

use callie_core::server::{BucketKind, Remembered};
use callie_core::{GroupId, Username, times};
use tokio::sync::oneshot;

use super::aliases::User;
use super::entry::{Entry, Memory, PrivacyChange};
use super::hub::{Allowance, Hub};
use super::node::{NodeId, Nodes};
use super::peers::Peer;
use super::pending_reply::PendingReply;
use super::privacy::{GroupIds, Privacy};
use crate::base::clock;
use crate::base::config::PresenceMode;

/// The most payloads that are handed over when a user moves, newest first. More would not fit into the smallest frame
/// that NATS accepts.
const MOST_NOTES: usize = 40_000;
/// The most payloads of all users together that a leaving node hands off: about 13 MB to each node, which it has time
/// for.
const MOST_HANDED_OFF: usize = 1_000_000;

impl Hub {
    /// Sends everything about the users of this node to another node. The stream has begun before: since each user is
    /// sent under the user's lock, later changes follow in order.
    pub(crate) fn introduce(&self, peer: &dyn Peer) {
        self.users.for_each(|user| {
            let state = user.state();
            if !state.links.is_empty() {
                state.send_here(&user.name, |entry| peer.send(entry));
            } else if !user.shared().recent.is_empty() {
                peer.send(&Entry::Remembered { user: user.name.clone() });
            }
        });
        peer.send(&Entry::Complete { missed_updates: self.remote.has_missed_updates() });
        peer.begun();
    }

    /// Applies that a user is connected to another node.
    pub(crate) fn is_there(
        &self,
        node: NodeId,
        name: &Username,
        groups: GroupIds,
        privacy: Privacy,
        allowance: &Allowance,
        mode: PresenceMode,
    ) {
        let update = |user: &Arc<User>| {
            let mut state = user.state();
            // What this node knows about its own users it has from the database.
            if state.links.is_empty() {
                for id in state.groups.difference(&groups) {
                    self.is_away(*id, name, &Nodes::new());
                }
                state.groups = groups;
                state.privacy = privacy;
            }
            state.leaves = None;
            let mut away = state.away().clone();
            if !away.contains(&node) {
                away.push(node);
            }
            state.remembered.retain(|(there, _)| *there != node);
            user.set_away(&mut state, away);
            for id in &*state.groups {
                self.is_away(*id, name, state.away());
            }
            drop(state);
            user.clone()
        };
        let user = self.users.with_or_insert(name, || self.make(name, allowance), update);
        if self.recently_kept.contains(name) {
            self.remote.send(&[node], &Entry::Kept { user: name.clone() });
        }
        self.came_online(&user, mode);
    }

    /// Applies that a user is not connected to another node any more, which still knows the user's recent payloads.
    pub(crate) fn is_only_remembered(&self, node: NodeId, name: &Username, allowance: &Allowance) {
        let user = self.entry(name, allowance);
        {
            let mut state = user.state();
            state.remembered.retain(|(there, _)| *there != node);
            state.remembered.push((node, Instant::now() + times::DUPLICATES));
        }
        self.is_gone(node, &user);
    }

    /// Applies that a user is not connected to another node any more.
    fn is_gone(&self, node: NodeId, user: &Arc<User>) {
        let name = &user.name;
        let mut state = user.state();
        let mut away = state.away().clone();
        let before = away.len();
        away.retain(|there| *there != node);
        if away.len() == before {
            return;
        }
        user.set_away(&mut state, away);
        for id in &*state.groups {
            self.is_away(*id, name, state.away());
        }
        self.went(user, state);
    }

    fn is_away(&self, id: GroupId, name: &Username, away: &Nodes) {
        self.groups.with(id, |group| group.change().set_away(name, away));
    }

    /// Applies that a node is not there any more.
    pub(crate) fn node_is_gone(&self, node: NodeId) {
        let mut gone: Vec<Arc<User>> = Vec::new();
        self.users.for_each(|user| {
            let mut state = user.state();
            state.remembered.retain(|(there, _)| *there != node);
            if state.away().contains(&node) {
                gone.push(user.clone());
            }
        });
        for user in gone {
            self.is_gone(node, &user);
        }
    }

    /// Returns the nodes that may know recent payloads of a user.
    fn who_remembers(&self, user: &User) -> Nodes {
        let state = user.state();
        let mut nodes = state.away().clone();
        nodes.extend(state.remembered.iter().map(|(node, _)| *node));
        nodes
    }

    /// Asks the nodes that the user is or was connected to for what they remember about the user.
    ///
    /// Returns one receiver for each node. It fails when the node does not answer.
    pub(crate) fn recall(&self, user: &User) -> Vec<oneshot::Receiver<Memory>> {
        let ask = |node: &NodeId| {
            let (sender, receiver) = oneshot::channel();
            let name = || user.name.clone();
            self.request(*node, PendingReply::Memory(sender), &mut |request| Entry::Recall {
                request,
                user: name(),
            });
            receiver
        };
        self.who_remembers(user).iter().map(ask).collect()
    }

    /// Returns what this node remembers about a user, for the node that the user has connected to.
    pub(crate) fn memory_of(&self, name: &Username) -> Memory {
        let Some(user) = self.user(name.as_str()) else { return Memory::default() };
        let watching = user.state().watching.iter().cloned().collect();
        let now = clock::elapsed(Instant::now());
        let shared = user.shared();
        Memory { spent: shared.rates.spent(now), payloads: shared.recent.newest(now, MOST_NOTES), watching }
    }

    /// Hands off to all other nodes what this node remembers about payloads, because it stops. Its users will connect
    /// to other nodes, and send again what was not answered.
    pub(crate) fn hand_off(&self) {
        let (now, mut room) = (clock::elapsed(Instant::now()), MOST_HANDED_OFF);
        self.users.for_each(|user| {
            if room == 0 {
                return;
            }
            let payloads = user.shared().recent.newest(now, room.min(MOST_NOTES));
            room -= payloads.len();
            if !payloads.is_empty() {
                self.remote.send_to_all(&Entry::HandedOff { user: user.name.clone(), payloads });
            }
        });
    }

    /// Takes over what a stopping node remembers about a user's payloads.
    pub(crate) fn take_over(&self, name: &Username, payloads: Vec<Remembered>, allowance: &Allowance) {
        let adopt = |user: &Arc<User>| user.shared().recent.adopt(clock::elapsed(Instant::now()), payloads);
        self.users.with_or_insert(name, || self.make(name, allowance), adopt);
    }

    /// Takes over what other nodes remember about a user who has connected here. Only once: a second connection may
    /// have asked them as well, and payloads must not be counted twice.
    pub(crate) fn remember(&self, user: &User, memories: Vec<Memory>) {
        if std::mem::replace(&mut user.state().recalled, true) {
            return;
        }
        let now = clock::elapsed(Instant::now());
        for (at, bucket) in BucketKind::ALL.into_iter().enumerate() {
            // Nodes that the user was connected to at the same time have shared their counts, so each has counted all
            // payloads.
            let spent = memories.iter().map(|memory| memory.spent[at]).max().unwrap_or_default();
            user.shared().rates.owe(now, bucket, spent);
        }
        for memory in memories {
            user.shared().recent.adopt(now, memory.payloads);
            // The limit on subscriptions is the same on every node.
            self.watch(user, &memory.watching);
        }
    }

    /// Counts a payload that a user who is connected here sent through another node.
    pub(crate) fn spent_elsewhere(&self, name: &str, bucket: BucketKind) {
        if let Some(user) = self.user(name) {
            user.shared().rates.owe(clock::elapsed(Instant::now()), bucket, 1);
        }
    }

    /// Records the outcome of a payload that a user who is connected here sent through another node.
    pub(crate) fn noted_elsewhere(&self, name: &str, payload: Remembered) {
        if let Some(user) = self.user(name) {
            user.shared().recent.learn(clock::elapsed(Instant::now()), payload);
        }
    }

    /// Applies a change of who may write to a user or see them, which the database has already, here and on all other
    /// nodes.
    pub(crate) fn change_privacy_everywhere(&self, name: &Username, change: PrivacyChange) {
        self.privacy_changed(name, &change);
        self.remote.send_change(&Entry::Private { user: name.clone(), change });
    }

    /// Applies a change of who may write to a user or see them, which the database has already.
    pub(crate) fn privacy_changed(&self, name: &Username, change: &PrivacyChange) {
        match change {
            PrivacyChange::Settings(presence, direct) => self.change_privacy(name, |privacy| {
                privacy.presence = *presence;
                privacy.direct = *direct;
            }),
            PrivacyChange::Blocked(other) => self.change_both(name, other, |privacy, other| {
                privacy.blocked.insert(other.clone());
            }),
            PrivacyChange::Unblocked(other) => self.change_both(name, other, |privacy, other| {
                privacy.blocked.remove(other);
            }),
        }
    }

    fn change_both(&self, name: &Username, other: &Username, change: impl Fn(&mut Privacy, &Username)) {
        self.change_privacy(name, |privacy| change(privacy, other));
        self.change_privacy(other, |privacy| change(privacy, name));
    }
}
