//! Members of groups and the privacy of users, as the database has them: kept in memory for connected users.

use std::collections::HashSet;
use std::sync::Arc;

use callie_core::{GroupId, Username};

use super::aliases::{User, Ways};
use super::hub::{Hub, UserSnapshot};
use super::node::Nodes;
use super::privacy::Privacy;

impl Hub {
    /// Applies that `name` has joined the group, which the database has already.
    pub(crate) fn joined(&self, id: GroupId, name: &Username) {
        match self.user(name.as_str()) {
            Some(user) => {
                let mut state = user.state();
                state.version += 1;
                if state.is_online() {
                    Arc::make_mut(&mut state.groups).insert(id);
                }
                self.add(id, name, state.ways());
            }
            None => self.add(id, name, Ways::default()),
        }
    }

    fn add(&self, id: GroupId, name: &Username, ways: Ways) {
        if !ways.links.is_empty() {
            self.groups.with_or_insert(id, |group| group.change().add(name, ways));
        } else {
            self.groups.with(id, |group| group.change().add(name, ways));
        }
    }

    fn remove(&self, id: GroupId, name: &Username) {
        self.groups.with(id, |group| group.change().remove(name));
    }

    /// Sets all members of a group that had no connected member before, as the database had them when the group's
    /// `changes` were `as_of`. Returns `false` if they have changed since.
    pub(crate) fn load(&self, id: GroupId, members: &[Username], as_of: u64) -> bool {
        let Some(group) = self.group(id) else { return true };
        loop {
            // Users are locked before groups. So this comes first, and is repeated if a user has moved meanwhile.
            let moves = group.state().moves;
            let away = if self.remote.is_empty() { Vec::new() } else { self.away_among(members) };
            let mut state = group.change();
            if state.loaded {
                return true;
            }
            if state.changes != as_of {
                return false;
            }
            if state.moves == moves {
                state.load(members, away);
                return true;
            }
        }
    }

    /// Sets what the database has about a connected user. Returns `false` if it has changed since it was read.
    pub(crate) fn refresh(&self, user: &Arc<User>, snapshot: UserSnapshot) -> bool {
        let mut state = user.state();
        if state.version != snapshot.version {
            return false;
        }
        if state.links.is_empty() {
            return true;
        }
        state.version += 1;
        state.privacy = snapshot.privacy;
        let before = std::mem::replace(&mut state.groups, snapshot.groups);
        // The user stays locked, so that no other change happens in between and is undone.
        for &id in state.groups.difference(&before) {
            self.add(id, &user.name, state.ways());
        }
        let left: Vec<GroupId> = before.difference(&state.groups).copied().collect();
        for &id in &left {
            self.remove(id, &user.name);
        }
        state.send_here(&user.name, |entry| self.remote.send_to_all(entry));
        drop(state);
        for id in left {
            self.groups.remove_if_empty(id);
        }
        true
    }

    /// Sets the members of a group, as the database has them now.
    pub(crate) fn set_members(&self, id: GroupId, members: &[Username]) {
        let Some(group) = self.group(id) else { return };
        let known: HashSet<Username> = {
            let state = group.state();
            state.present().chain(&state.offline).cloned().collect()
        };
        let members: HashSet<&Username> = members.iter().collect();
        for name in known.iter().filter(|name| !members.contains(name)) {
            self.left(id, name);
        }
        for name in members.into_iter().filter(|name| !known.contains(*name)) {
            self.joined(id, name);
        }
        if let Some(group) = self.group(id) {
            group.change().loaded = true;
        }
    }

    /// Sends a user who is connected to this node to the other nodes again.
    pub(crate) fn tell_again(&self, name: &Username) {
        let Some(user) = self.user(name.as_str()) else { return };
        let state = user.state();
        if !state.links.is_empty() {
            state.send_here(name, |entry| self.remote.send_to_all(entry));
        }
    }

    /// Returns the users who are connected to this node.
    pub(crate) fn users_here(&self) -> Vec<Username> {
        let mut here = Vec::new();
        self.users.for_each(|user| {
            if !user.state().links.is_empty() {
                here.push(user.name.clone());
            }
        });
        here
    }

    /// Returns the groups with a member who is connected to this node.
    pub(crate) fn group_ids(&self) -> Vec<GroupId> {
        self.groups.ids()
    }

    /// Returns `true` if this node has the group or a connection of `name`.
    pub(crate) fn concerns(&self, id: GroupId, name: &Username) -> bool {
        self.groups.contains(id) || !self.links_of(name.as_str()).is_empty()
    }

    fn away_among<'a>(&self, members: &'a [Username]) -> Vec<(&'a Username, Nodes)> {
        let away = members.iter().filter_map(|name| {
            let nodes = self.user(name.as_str())?.state().away().clone();
            (!nodes.is_empty()).then_some((name, nodes))
        });
        away.collect()
    }

    /// Applies that `name` has left the group, which the database has already.
    pub(crate) fn left(&self, id: GroupId, name: &Username) {
        let user = self.user(name.as_str());
        let state = user.as_ref().map(|user| {
            let mut state = user.state();
            state.version += 1;
            Arc::make_mut(&mut state.groups).remove(&id);
            state
        });
        self.remove(id, name);
        drop(state);
        self.groups.remove_if_empty(id);
    }

    /// Applies that the group was deleted, which the database has already.
    pub(crate) fn dissolved(&self, id: GroupId) {
        let Some(group) = self.group(id) else { return };
        let members: Vec<Username> = group.state().present().cloned().collect();
        for name in members {
            self.left(id, &name);
        }
        self.groups.remove(id);
    }

    /// Changes the privacy of a user, which the database has already.
    pub(crate) fn change_privacy(&self, name: &Username, change: impl FnOnce(&mut Privacy)) {
        if let Some(user) = self.user(name.as_str()) {
            let mut state = user.state();
            state.version += 1;
            change(&mut state.privacy);
        }
    }
}
