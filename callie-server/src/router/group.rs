//! A group of which somebody is connected: who is there, and who is not.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use callie_core::Username;
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::link::Link;
use super::user::Links;

/// A group in memory. It is there while one of its members is connected; see [`User`](super::user::User) for the order of
/// locks.
#[derive(Default)]
pub(crate) struct Group {
    state: RwLock<GroupState>,
}

/// Who is in the group.
#[derive(Default)]
pub(crate) struct GroupState {
    /// Members who are connected, with their connections: what a message to the group goes through.
    pub(crate) online: HashMap<Username, Links>,
    /// Members who are not connected; all of them once `loaded` is set.
    pub(crate) offline: BTreeSet<Username>,
    /// Whether the list of members was read from the database.
    pub(crate) loaded: bool,
    /// Counts changes, so that a list read from the database meanwhile is known to be old.
    pub(crate) changes: u64,
}

impl Group {
    /// Who is there, to read.
    pub(crate) fn state(&self) -> RwLockReadGuard<'_, GroupState> {
        self.state.read()
    }

    /// Who is there, to change. Mind the order of locks.
    pub(crate) fn change(&self) -> RwLockWriteGuard<'_, GroupState> {
        self.state.write()
    }
}

impl GroupState {
    /// A member's connection opened.
    pub(crate) fn attach(&mut self, name: &Username, link: &Arc<Link>) {
        if let Some(links) = self.online.get_mut(name) {
            if !links.iter().any(|l| Arc::ptr_eq(l, link)) {
                links.push(link.clone());
            }
            return;
        }
        self.offline.remove(name);
        self.online.insert(name.clone(), Links::from_iter([link.clone()]));
    }

    /// A member's connection closed.
    pub(crate) fn detach(&mut self, name: &Username, link: &Arc<Link>) {
        let Some(links) = self.online.get_mut(name) else { return };
        links.retain(|l| !Arc::ptr_eq(l, link));
        if links.is_empty() {
            self.online.remove(name);
            self.offline.insert(name.clone());
        }
    }

    /// A user became a member, with these connections.
    pub(crate) fn add(&mut self, name: &Username, links: Links) {
        self.changes += 1;
        if links.is_empty() {
            if !self.online.contains_key(name) {
                self.offline.insert(name.clone());
            }
        } else {
            self.offline.remove(name);
            self.online.insert(name.clone(), links);
        }
    }

    /// A user is no member any more.
    pub(crate) fn remove(&mut self, name: &Username) {
        self.changes += 1;
        self.online.remove(name);
        self.offline.remove(name);
    }

    /// Takes the list of all members, as the database has it.
    pub(crate) fn load(&mut self, members: &[Username]) {
        let absent = members.iter().filter(|name| !self.online.contains_key(*name));
        self.offline = absent.cloned().collect();
        self.loaded = true;
    }
}
