//! Who is connected to this server and to the other nodes, and which groups they are in.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use callie_core::server::{CloseReason, Part, PayloadKeys, Rates};
use callie_core::{ConnectionId, GroupId, Limits, SessionId, Username};
use parking_lot::MutexGuard;
use tokio::sync::{Notify, oneshot};

use super::aliases::{Item, Link, Links, Origin, User, UserState};
use super::deliveries::Deliveries;
use super::delivery::{Delivery, Receipt};
use super::departures::Departures;
use super::entry::Entry;
use super::group::Group;
use super::groups::Groups;
use super::kept::RecentlyKept;
use super::moved_state::MovedState;
use super::node::{NO_REPLY, NodeId, Nodes, RequestId};
use super::peers::RemoteNodes;
use super::pending_reply::{PendingReply, ReplyStatus, Requests};
use super::privacy::{GroupIds, Privacy};
use super::users::Users;
use super::watchers::Watchers;
use crate::base::clock;
use crate::base::config::Config;

/// The connections of this server, and what it knows about those to other nodes.
pub(crate) struct Hub {
    /// The users.
    pub(super) users: Users,
    /// The groups.
    pub(super) groups: Groups,
    /// The subscriptions to the presence of users.
    pub(super) watchers: Watchers,
    /// The users whose departure is not reported yet.
    pub(super) departures: Departures,
    /// The deliveries that wait for confirmations.
    deliveries: Deliveries,
    /// The users for whom messages were stored lately.
    pub(super) recently_kept: RecentlyKept,
    /// Notified when a connection has been removed and its queued payloads are dropped.
    departed: Notify,
    /// Makes the keys of recent payloads.
    pub(crate) keys: PayloadKeys,
    /// The other nodes.
    pub(crate) remote: Arc<RemoteNodes>,
    /// How other nodes are asked; none for a server on its own.
    requests: Option<Arc<dyn Requests>>,
}

/// What a new user is allowed.
pub(crate) struct Allowance {
    /// What the user may send.
    pub(crate) limits: Limits,
    /// The most connections at a time.
    pub(crate) connections: usize,
}

impl Allowance {
    /// What `config` allows.
    pub(crate) fn of(config: &Config) -> Self {
        Self { limits: config.limits(), connections: config.max_connections_per_user }
    }
}

/// What the database has about a user, and the version of the user when it was read.
pub(crate) struct UserSnapshot {
    /// The groups the user is in.
    pub(crate) groups: GroupIds,
    /// Who may write to the user and see their presence.
    pub(crate) privacy: Privacy,
    /// The version of the user.
    pub(crate) version: u64,
}

/// The result of registering a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinResult {
    /// It is registered.
    Joined,
    /// What is known about the user is missing or out of date. The caller reads it and tries again.
    Stale,
    /// The user has the maximum number of connections, none of which is away.
    TooMany,
}

impl Hub {
    /// Creates a hub without connections. `requests` is how other nodes are asked; `None` for a server on its own.
    pub(crate) fn new(
        grace: Duration,
        keys: PayloadKeys,
        remote: Arc<RemoteNodes>,
        requests: Option<Arc<dyn Requests>>,
    ) -> Self {
        Self {
            users: Users::default(),
            groups: Groups::default(),
            watchers: Watchers::default(),
            departures: Departures::new(grace),
            deliveries: Deliveries::default(),
            recently_kept: RecentlyKept::default(),
            departed: Notify::new(),
            keys,
            remote,
            requests,
        }
    }

    /// Returns the user named `name`, if connected now or recently, to any node.
    pub(crate) fn user(&self, name: &str) -> Option<Arc<User>> {
        self.users.get(name)
    }

    /// Returns the connections to this node of the user named `name`.
    pub(crate) fn links_of(&self, name: &str) -> Links {
        self.user(name).map(|user| user.links()).unwrap_or_default()
    }

    /// Returns the group, if one of its members is connected to this node.
    pub(crate) fn group(&self, id: GroupId) -> Option<Arc<Group>> {
        self.groups.get(id)
    }

    /// Returns the other nodes that a user is connected to.
    pub(crate) fn nodes_of(&self, name: &Username) -> Nodes {
        self.user(name.as_str()).map(|user| user.state().away().clone()).unwrap_or_default()
    }

    /// Returns every connection to this node.
    pub(crate) fn every_link(&self) -> Vec<Arc<Link>> {
        let mut all = Vec::new();
        self.users.for_each(|user| all.extend(user.state().links.iter().cloned()));
        all
    }

    /// Returns the number of users who are connected to any node.
    pub(crate) fn users_online(&self) -> usize {
        let mut online = 0;
        self.users.for_each(|user| online += usize::from(user.is_online()));
        online
    }

    /// Returns the user named `name`, created if there is none.
    pub(crate) fn entry(&self, name: &Username, allowance: &Allowance) -> Arc<User> {
        self.users.get_or_insert(name, || self.make(name, allowance))
    }

    pub(super) fn make(&self, name: &Username, allowance: &Allowance) -> Arc<User> {
        Arc::new(User::new(name.clone(), &allowance.limits, self.remote.clone()))
    }

    /// Registers a connection. While a user has no connection, the user's data in memory is not kept up to date. Then
    /// `snapshot` is what the database has, and is refused as stale if it has changed since it was read.
    pub(crate) fn join(
        &self,
        user: &Arc<User>,
        link: &Arc<Link>,
        snapshot: Option<UserSnapshot>,
        allowance: &Allowance,
    ) -> JoinResult {
        // The user may have been removed meanwhile, and even have been added again. What changed until then is not
        // known.
        let joined = self.users.with_current(user, || self.insert(user, link, snapshot, allowance));
        joined.unwrap_or(JoinResult::Stale)
    }

    fn insert(
        &self,
        user: &User,
        link: &Arc<Link>,
        snapshot: Option<UserSnapshot>,
        allowance: &Allowance,
    ) -> JoinResult {
        let mut state = user.state();
        let mut replaced = None;
        if state.links.len() >= allowance.connections {
            replaced = state.links.iter().find(|link| link.outbox.is_away()).cloned();
            if replaced.is_none() {
                return JoinResult::TooMany;
            }
        }
        if state.links.is_empty() {
            match snapshot {
                Some(snapshot) if snapshot.version == state.version => {
                    state.groups = snapshot.groups;
                    state.privacy = snapshot.privacy;
                }
                _ => return JoinResult::Stale,
            }
        }
        let mut shared = user.shared();
        if !shared.rates.fit(&allowance.limits) {
            // The configuration has changed. The connection receives the current limits.
            shared.rates = Rates::new(&allowance.limits);
        }
        drop(shared);
        state.leaves = None;
        let is_first = state.links.is_empty();
        state.links.push(link.clone());
        for &id in &*state.groups {
            self.groups.with_or_insert(id, |group| {
                let mut group = group.change();
                group.attach(&link.user, link);
                if !state.away().is_empty() {
                    group.set_away(&link.user, state.away());
                }
            });
        }
        if is_first {
            state.recalled = false;
            state.send_here(&link.user, |entry| self.remote.send_to_all(entry));
        }
        if let Some(away) = replaced {
            state.links.retain(|link| !Arc::ptr_eq(link, &away));
            for &id in &*state.groups {
                self.detach(id, &away);
            }
            away.end(CloseReason::slow_consumer());
        }
        JoinResult::Joined
    }

    /// Removes a connection.
    pub(crate) fn depart(&self, user: &Arc<User>, link: &Arc<Link>) {
        let mut state = user.state();
        let before = state.links.len();
        state.links.retain(|l| !Arc::ptr_eq(l, link));
        if state.links.len() == before {
            return;
        }
        for &id in &*state.groups {
            self.detach(id, link);
        }
        if state.links.is_empty() {
            self.remote.send_to_all(&Entry::Gone { user: user.name.clone() });
            self.went(user, state);
        }
    }

    /// If the user is not connected to any node any more, queues the departure, which is reported after a while.
    pub(super) fn went(&self, user: &Arc<User>, mut state: MutexGuard<'_, UserState>) {
        if state.is_online() {
            return;
        }
        let at = self.departures.due();
        state.leaves = Some(at);
        // One entry for each user, however often they come and go while departures cannot be reported.
        let is_listed = std::mem::replace(&mut state.is_listed, true);
        drop(state);
        if !is_listed {
            self.departures.add(at, user.clone());
        }
    }

    fn detach(&self, id: GroupId, link: &Arc<Link>) {
        self.groups.with(id, |group| group.change().detach(&link.user, link));
        self.groups.remove_if_empty(id);
    }

    /// Closes all connections of `name` to this node.
    pub(crate) fn end(&self, name: &Username, reason: &CloseReason) {
        for link in self.links_of(name.as_str()) {
            link.end(reason.clone());
        }
    }

    /// Queues an entry that is answered for `node`. `pending` is settled in every case.
    pub(super) fn request<'a>(
        &self,
        node: NodeId,
        pending: PendingReply,
        entry: &mut dyn FnMut(RequestId) -> Entry<'a>,
    ) {
        match &self.requests {
            Some(requests) => requests.request(node, pending, entry),
            None => pending.end(ReplyStatus::NotSent),
        }
    }

    /// Returns a request ID for something that is answered, in a later entry for `node`.
    pub(crate) fn reserve(&self, node: NodeId, pending: PendingReply) -> RequestId {
        match &self.requests {
            Some(requests) => requests.reserve(node, pending),
            None => {
                pending.end(ReplyStatus::NotSent);
                NO_REPLY
            }
        }
    }

    /// Asks a node for a connection of a user who is connected here, and the other nodes for fences. The receiver fails
    /// when the node does not answer.
    pub(crate) fn ask_for(
        &self,
        node: NodeId,
        session: &SessionId,
        connection: &ConnectionId,
        received: Option<u64>,
    ) -> oneshot::Receiver<Option<Box<MovedState>>> {
        let (sender, receiver) = oneshot::channel();
        let others: Vec<NodeId> = self.remote.nodes().into_iter().filter(|other| *other != node).collect();
        let fences = u32::try_from(others.len()).unwrap_or(u32::MAX);
        let mut asked = NO_REPLY;
        self.request(node, PendingReply::Move(sender), &mut |request| {
            asked = request;
            let (session, connection) = (session.clone(), connection.clone());
            Entry::Move { request, session, connection, received, fences }
        });
        self.remote.send(&others, &Entry::Fence { to: node, request: asked });
        receiver
    }

    /// Adds a delivery that ends at its deadline.
    pub(crate) fn await_confirmation(&self, delivery: &Arc<Delivery>) {
        self.deliveries.add(delivery.deadline, delivery);
    }

    /// Has a payload that has moved here end at its deadline.
    pub(crate) fn await_moved(&self, receipt: &Receipt) {
        if let Some(delivery) = receipt.delivery() {
            self.await_confirmation(delivery);
        }
    }

    /// Has a part of a delivery, which was paused, end at `deadline`.
    pub(crate) fn resume_delivery(&self, delivery: &Arc<Delivery>, part: Part, deadline: Instant) {
        delivery.resume(part, deadline);
        self.deliveries.add(deadline, delivery);
    }

    /// Has the confirmation of a payload end at `deadline`, because the connection that received it was resumed.
    pub(crate) fn resume_confirmation(&self, receipt: &mut Receipt, deadline: Instant) {
        if let Some(delivery) = receipt.resume(deadline) {
            self.deliveries.add(deadline, &delivery);
        }
    }

    /// Ends the deliveries whose deadline has passed.
    pub(crate) fn expire_deliveries(&self, now: Instant) {
        self.deliveries.expire(now);
    }

    /// Ends all deliveries: the server is stopping and receives no more confirmations.
    pub(crate) fn abandon_deliveries(&self) {
        self.deliveries.give_up();
    }

    /// Forgets old payloads of all users, and users who are gone and have no recent payloads.
    pub(crate) fn remove_departed(&self, now: Instant) {
        self.recently_kept.forget(now);
        self.users.retain(|user| {
            let gone = {
                let mut state = user.state();
                state.remembered.retain(|(_, until)| *until > now);
                !state.is_online() && state.leaves.is_none() && state.remembered.is_empty()
            };
            let nothing_recent = user.shared().recent.forget(clock::elapsed(now));
            !(gone && nothing_recent)
        });
    }
}

/// A connection's registration in the hub. Dropping it removes the connection.
pub(crate) struct Registration {
    hub: Arc<Hub>,
    origin: Origin,
    unwritten: VecDeque<Item>,
}

impl Registration {
    /// The registration of a connection that has joined.
    pub(crate) fn new(hub: Arc<Hub>, origin: Origin) -> Self {
        Self { hub, origin, unwritten: VecDeque::new() }
    }

    /// The connection and its user.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Leaves payloads that were taken from the outbox and not written. They are dropped with the connection.
    pub(crate) fn leave_unwritten(&mut self, items: VecDeque<Item>) {
        self.unwritten = items;
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let Origin { user, link } = &self.origin;
        user.departs(true);
        self.hub.depart(user, link);
        // Queued payloads are dropped after the connection is removed, so that nobody counts on it any more.
        drop(std::mem::take(&mut self.unwritten));
        link.outbox.shut();
        user.departs(false);
        self.hub.departed.notify_waiters();
    }
}

impl Hub {
    /// Waits until no connection of `name` to this node is being removed. Afterwards whatever such a connection did not
    /// write is queued to be kept, and what is kept from then on comes behind it.
    pub(crate) async fn departed(&self, name: &str) {
        loop {
            let departed = self.departed.notified();
            if !self.user(name).is_some_and(|user| user.is_departing()) {
                return;
            }
            departed.await;
        }
    }
}
