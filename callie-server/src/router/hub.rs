//! Who is connected to this server, and to which groups they belong.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use callie_core::{GroupId, Limits, Username};
use dashmap::DashMap;
use parking_lot::{Mutex, MutexGuard};

use super::delivery::Delivery;
use super::duplicates::Keys;
use super::farewell::Farewell;
use super::group::Group;
use super::link::Link;
use super::rate::Rates;
use super::user::{Links, Privacy, User, UserState, Ways};
use crate::cluster::{Awaited, Entry, Fate, NodeId, Nodes, Peers, Ticket};

/// The connections of this server, and what it knows of those to other nodes.
pub(crate) struct Hub {
    pub(super) users: DashMap<Username, Arc<User>>,
    pub(super) groups: DashMap<GroupId, Arc<Group>>,
    /// Who subscribed to whose presence, by whom they watch.
    pub(super) watchers: DashMap<Username, HashSet<Username>>,
    /// Makes the keys of recent payloads.
    pub(crate) keys: Keys,
    /// The other nodes.
    pub(crate) peers: Arc<Peers>,
    /// Confirmed deliveries by their deadline. All last equally long, so the oldest is at the front.
    deliveries: Mutex<VecDeque<Weak<Delivery>>>,
    /// Users whose last connection closed, by when others are told.
    pub(super) leaving: Mutex<VecDeque<(Instant, Arc<User>)>>,
    /// How long a user may be gone without others being told.
    pub(super) grace: Duration,
}

/// What a user's entry starts with.
pub(crate) struct Allowance {
    /// The limits in force.
    pub(crate) limits: Limits,
    /// BROADCASTs in a minute.
    pub(crate) broadcasts_per_minute: u32,
    /// Connections at a time.
    pub(crate) connections: usize,
}

/// What the database has of a user, and the version of the user's state when it was read.
pub(crate) struct Known {
    /// The groups the user is in.
    pub(crate) groups: Vec<GroupId>,
    /// Who may write to the user and see them.
    pub(crate) privacy: Privacy,
    /// The version.
    pub(crate) version: u64,
}

/// What became of a connection that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// It is registered.
    In,
    /// What is known of the user is missing or old: read it (again).
    Stale,
    /// The user has as many connections as one may have.
    TooMany,
}

impl Hub {
    /// A server without connections.
    pub(crate) fn new(grace: Duration, keys: Keys, peers: Arc<Peers>) -> Self {
        Self {
            users: DashMap::new(),
            groups: DashMap::new(),
            watchers: DashMap::new(),
            keys,
            peers,
            deliveries: Mutex::default(),
            leaving: Mutex::default(),
            grace,
        }
    }

    /// The user called `name`, if connected now or lately, to whichever node.
    pub(crate) fn user(&self, name: &str) -> Option<Arc<User>> {
        self.users.get(name).map(|user| user.clone())
    }

    /// The open connections to this node of the user called `name`.
    pub(crate) fn links_of(&self, name: &str) -> Links {
        self.user(name).map(|user| user.links()).unwrap_or_default()
    }

    /// The group, if one of its members is connected to this node.
    pub(crate) fn group(&self, id: GroupId) -> Option<Arc<Group>> {
        self.groups.get(&id).map(|group| group.clone())
    }

    /// Every open connection to this node.
    pub(crate) fn every_link(&self) -> Vec<Arc<Link>> {
        let mut all = Vec::new();
        for user in &self.users {
            all.extend(user.state().links.iter().cloned());
        }
        all
    }

    /// How many users are connected, to whichever node.
    pub(crate) fn users_online(&self) -> usize {
        self.users.iter().filter(|user| user.is_online()).count()
    }

    /// The entry of the user called `name`, made if there is none.
    pub(crate) fn entry(&self, name: &Username, allowance: &Allowance) -> Arc<User> {
        self.users.entry(name.clone()).or_insert_with(|| self.make(name, allowance)).clone()
    }

    pub(super) fn make(&self, name: &Username, allowance: &Allowance) -> Arc<User> {
        let rates = Rates::new(&allowance.limits, allowance.broadcasts_per_minute);
        Arc::new(User::new(name.clone(), rates, self.peers.clone()))
    }

    /// Registers a connection. While a user has none, memory is not kept up to date: then `known` says what the database
    /// has, and is refused as stale when things have changed since it was read.
    pub(crate) fn enter(
        &self,
        user: &Arc<User>,
        link: &Arc<Link>,
        known: Option<Known>,
        allowance: &Allowance,
    ) -> Entrance {
        // The user may have been forgotten meanwhile, and even be there anew.
        let entry = self.users.entry(link.user.clone()).or_insert_with(|| user.clone());
        if !Arc::ptr_eq(&entry, user) {
            return Entrance::Stale;
        }
        let mut state = user.state();
        if state.links.len() >= allowance.connections {
            return Entrance::TooMany;
        }
        if state.links.is_empty() {
            match known {
                Some(known) if known.version == state.version => {
                    state.groups = known.groups;
                    state.privacy = known.privacy;
                }
                _ => return Entrance::Stale,
            }
        }
        state.leaves = None;
        state.links.push(link.clone());
        for &id in &state.groups {
            let group = self.groups.entry(id).or_default();
            let mut group = group.change();
            group.attach(&link.user, link);
            if !state.away().is_empty() {
                group.set_away(&link.user, state.away());
            }
        }
        if state.links.len() == 1 {
            state.recalled = false;
            state.tell_here(&link.user, |entry| self.peers.tell_all(entry));
        }
        Entrance::In
    }

    /// Removes a connection.
    pub(crate) fn depart(&self, user: &Arc<User>, link: &Arc<Link>) {
        let mut state = user.state();
        let before = state.links.len();
        state.links.retain(|l| !Arc::ptr_eq(l, link));
        if state.links.len() == before {
            return;
        }
        for &id in &state.groups {
            self.detach(id, link);
        }
        if state.links.is_empty() {
            self.peers.tell_all(&Entry::Gone { user: user.name.clone() });
            self.went(user, state);
        }
    }

    /// The user may be connected nowhere any more: then others are told after a while.
    pub(super) fn went(&self, user: &Arc<User>, mut state: MutexGuard<'_, UserState>) {
        if state.is_online() {
            return;
        }
        let at = Instant::now() + self.grace;
        state.leaves = Some(at);
        drop(state);
        self.leaving.lock().push_back((at, user.clone()));
    }

    fn detach(&self, id: GroupId, link: &Arc<Link>) {
        if let Some(group) = self.groups.get(&id) {
            group.change().detach(&link.user, link);
        }
        self.forget_if_empty(id);
    }

    fn forget_if_empty(&self, id: GroupId) {
        self.groups.remove_if(&id, |_, group| group.state().online.is_empty());
    }

    /// `name` became a member of the group: the database has it already.
    pub(crate) fn joined(&self, id: GroupId, name: &Username) {
        let add = |ways: Ways| {
            if ways.links.is_empty() {
                if let Some(group) = self.groups.get(&id) {
                    group.change().add(name, ways);
                }
            } else {
                self.groups.entry(id).or_default().change().add(name, ways);
            }
        };
        match self.user(name.as_str()) {
            Some(user) => {
                let mut state = user.state();
                state.version += 1;
                if !state.groups.contains(&id) && state.is_online() {
                    state.groups.push(id);
                }
                add(state.ways());
            }
            None => add(Ways::default()),
        }
    }

    /// Notes all members of a group of which nobody was connected to this node before, as the database had them when the
    /// group's `changes` were `as_of`; false if that is not so any more.
    pub(crate) fn load(&self, id: GroupId, members: &[Username], as_of: u64) -> bool {
        let Some(group) = self.group(id) else { return true };
        loop {
            // Users are locked before groups, so this comes first and is done again if somebody moved meanwhile.
            let moves = group.state().moves;
            let away = if self.peers.is_empty() { Vec::new() } else { self.away_among(members) };
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

    /// Takes what the database has of a user who is connected; false if that changed meanwhile.
    pub(crate) fn refresh(&self, user: &Arc<User>, known: Known) -> bool {
        let (joined, left) = {
            let mut state = user.state();
            if state.version != known.version {
                return false;
            }
            state.privacy = known.privacy;
            let is_new = |id: &&GroupId| !state.groups.contains(id);
            let joined: Vec<GroupId> = known.groups.iter().filter(is_new).copied().collect();
            let is_old = |id: &&GroupId| !known.groups.contains(id);
            let left: Vec<GroupId> = state.groups.iter().filter(is_old).copied().collect();
            (joined, left)
        };
        for id in joined {
            self.joined(id, &user.name);
        }
        for id in left {
            self.left(id, &user.name);
        }
        let state = user.state();
        if !state.links.is_empty() {
            state.tell_here(&user.name, |entry| self.peers.tell_all(entry));
        }
        true
    }

    /// Takes the members of a group, as the database has them now.
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

    /// Tells the other nodes anew of a user who is connected to this one.
    pub(crate) fn tell_again(&self, name: &Username) {
        let Some(user) = self.user(name.as_str()) else { return };
        let state = user.state();
        if !state.links.is_empty() {
            state.tell_here(name, |entry| self.peers.tell_all(entry));
        }
    }

    /// The users who are connected to this node.
    pub(crate) fn users_here(&self) -> Vec<Username> {
        let here = self.users.iter().filter(|user| !user.state().links.is_empty());
        here.map(|user| user.name.clone()).collect()
    }

    /// The groups of which somebody is connected to this node.
    pub(crate) fn group_ids(&self) -> Vec<GroupId> {
        self.groups.iter().map(|group| *group.key()).collect()
    }

    /// Whether it matters here who is in the group and whether `name` is.
    pub(crate) fn concerns(&self, id: GroupId, name: &Username) -> bool {
        self.groups.contains_key(&id) || !self.links_of(name.as_str()).is_empty()
    }

    fn away_among<'a>(&self, members: &'a [Username]) -> Vec<(&'a Username, Nodes)> {
        let away = members.iter().filter_map(|name| {
            let nodes = self.user(name.as_str())?.state().away().clone();
            (!nodes.is_empty()).then_some((name, nodes))
        });
        away.collect()
    }

    /// `name` is no member of the group any more: the database has it already.
    pub(crate) fn left(&self, id: GroupId, name: &Username) {
        let user = self.user(name.as_str());
        let state = user.as_ref().map(|user| {
            let mut state = user.state();
            state.version += 1;
            state.groups.retain(|g| *g != id);
            state
        });
        if let Some(group) = self.groups.get(&id) {
            group.change().remove(name);
        }
        drop(state);
        self.forget_if_empty(id);
    }

    /// The group is gone: the database has it already.
    pub(crate) fn dissolved(&self, id: GroupId) {
        let Some(group) = self.group(id) else { return };
        let members: Vec<Username> = group.state().present().cloned().collect();
        for name in members {
            self.left(id, &name);
        }
        self.groups.remove(&id);
    }

    /// Changes a user's privacy: the database has it already.
    pub(crate) fn change_privacy(&self, name: &Username, change: impl FnOnce(&mut Privacy)) {
        if let Some(user) = self.user(name.as_str()) {
            let mut state = user.state();
            state.version += 1;
            change(&mut state.privacy);
        }
    }

    /// Ends all connections of `name` to this node.
    pub(crate) fn end(&self, name: &Username, farewell: &Farewell) {
        for link in self.links_of(name.as_str()) {
            link.end(farewell.clone());
        }
    }

    /// Tells another node something that it answers.
    pub(super) fn ask_node<'a>(
        &self,
        node: NodeId,
        awaited: Awaited,
        entry: impl FnOnce(Ticket) -> Entry<'a>,
    ) {
        match self.peers.get(node) {
            Some(peer) => peer.ask(awaited, entry),
            None => awaited.end(Fate::NotSent),
        }
    }

    /// Remembers a delivery until its deadline.
    pub(crate) fn await_confirmation(&self, delivery: &Arc<Delivery>) {
        self.deliveries.lock().push_back(Arc::downgrade(delivery));
    }

    /// Ends the deliveries whose time is up.
    pub(crate) fn expire_deliveries(&self, now: Instant) {
        let mut due = Vec::new();
        {
            let mut waiting = self.deliveries.lock();
            while let Some(first) = waiting.front() {
                match first.upgrade() {
                    Some(delivery) if delivery.deadline > now => break,
                    Some(delivery) => due.push(delivery),
                    None => {}
                }
                waiting.pop_front();
            }
        }
        // Outside of the lock: an answer goes to an outbox.
        for delivery in due {
            delivery.expire();
        }
    }

    /// Forgets the payloads of users who sent none lately, and those of them who are gone.
    pub(crate) fn forget_the_gone(&self, now: Instant) {
        self.users.retain(|_, user| {
            let gone = {
                let mut state = user.state();
                state.remembered.retain(|(_, until)| *until > now);
                !state.is_online() && state.leaves.is_none() && state.remembered.is_empty()
            };
            let nothing_recent = user.recent.forget(now);
            !(gone && nothing_recent)
        });
    }
}

/// A connection and its user.
#[derive(Clone)]
pub(crate) struct Origin {
    /// The user.
    pub(crate) user: Arc<User>,
    /// The connection.
    pub(crate) link: Arc<Link>,
}

/// A connection's place in the hub: given up when it is dropped, whatever ended the connection's task.
pub(crate) struct Place {
    hub: Arc<Hub>,
    origin: Origin,
}

impl Place {
    /// The place of a connection that has entered.
    pub(crate) fn new(hub: Arc<Hub>, origin: Origin) -> Self {
        Self { hub, origin }
    }

    /// The connection and its user.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.hub.depart(&self.origin.user, &self.origin.link);
        // What was queued is dropped after the connection is out of sight, so that nobody counts on it.
        self.origin.link.outbox.shut();
    }
}
