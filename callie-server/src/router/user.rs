//! A user who is connected, or was recently.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use callie_core::command::{DirectMessages, PresenceAudience};
use callie_core::server::{self, Admission, Denied, PayloadKey, SharedState};
use callie_core::{Limits, PriorOutcome, Username};
use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;

use super::entry::{Entry, PrivacyChange, PrivacyRules};
use super::link::Link;
use super::node::{NodeId, Nodes};
use super::peers::RemoteNodes;
use super::privacy::{Blocked, GroupIds, Privacy};

/// A user, with everything that is kept in memory.
///
/// A user who is connected only to another node has an entry too, so that all users are handled in the same way.
///
/// Locks are taken in this order: the map of users, one user's state, the map of watchers or of groups, one group's
/// state, and then [`User::shared`], outboxes, the progress of deliveries, and streams to other nodes. Under the lock of an
/// outbox, a delivery is paused or resumed, which its node may report in a stream; otherwise no lock is taken under these.
/// The states of two users are never locked at the same time, and no lock is held across an await.
pub(crate) struct User<R> {
    /// The user's name.
    pub(crate) name: Username,
    shared: Mutex<server::UserState>,
    state: Mutex<UserState<R>>,
    /// Whether the user is also connected to other nodes. They then receive what the user sends, because all
    /// connections of a user share one rate and one memory of payloads.
    is_elsewhere: AtomicBool,
    /// The number of connections that are being removed, and whose queued payloads are not dropped yet.
    departing: AtomicUsize,
    remote: Arc<RemoteNodes>,
}

/// The part of a user that changes.
pub(crate) struct UserState<R> {
    /// The connections to this node.
    pub(crate) links: Links<R>,
    /// The other nodes that the user is connected to.
    away: Nodes,
    /// Other nodes that the user has left, and until when they remember the user's payloads.
    pub(crate) remembered: SmallVec<[(NodeId, Instant); 0]>,
    /// The groups the user is in, while connected.
    pub(crate) groups: GroupIds,
    /// Who may write to the user and see their presence, while connected.
    pub(crate) privacy: Privacy,
    /// Counts changes of `groups` and `privacy`, to detect that what was read from the database is out of date.
    pub(crate) version: u64,
    /// The users whose presence the user has subscribed to.
    pub(crate) watching: HashSet<Username>,
    /// Whether others think that the user is online: from the first connection until a while after the last.
    pub(crate) announced: bool,
    /// Whether other nodes were asked for what they remember, since the user connected to this one.
    pub(crate) recalled: bool,
    /// When the user's departure is reported; `None` while connected or once it was reported.
    pub(crate) leaves: Option<Instant>,
    /// Whether the user is in the queue of departures.
    pub(super) is_listed: bool,
}

impl<R> Default for UserState<R> {
    fn default() -> Self {
        Self {
            links: Links::new(),
            away: Nodes::new(),
            remembered: SmallVec::new(),
            groups: GroupIds::default(),
            privacy: Privacy::default(),
            version: 0,
            watching: HashSet::new(),
            announced: false,
            recalled: false,
            leaves: None,
            is_listed: false,
        }
    }
}

/// Blocked users in the first entry about a user. More follow one by one, so that no entry is larger than NATS accepts.
const MOST_BLOCKED: usize = 5_000;

impl<R> UserState<R> {
    /// Returns `true` if the user is connected to any node.
    pub(crate) fn is_online(&self) -> bool {
        !self.links.is_empty() || !self.away.is_empty()
    }

    /// Returns the other nodes that the user is connected to.
    pub(crate) fn away(&self) -> &Nodes {
        &self.away
    }

    /// Returns all ways to the user.
    pub(super) fn ways(&self) -> Ways<R> {
        Ways { links: self.links.clone(), away: self.away.clone() }
    }

    /// Sends the user, who is connected to this node, to other nodes.
    pub(super) fn send_here(&self, name: &Username, send: impl Fn(&Entry<'_>)) {
        let Privacy { presence, direct, ref blocked } = self.privacy;
        let mut names = blocked.iter().cloned();
        let blocked = names.by_ref().take(MOST_BLOCKED).collect();
        send(&Entry::Here {
            user: name.clone(),
            groups: self.groups.iter().copied().collect(),
            privacy: PrivacyRules { presence, direct, blocked },
        });
        for other in names {
            send(&Entry::Private { user: name.clone(), change: PrivacyChange::Blocked(other) });
        }
    }
}

/// The ways to a user.
pub(crate) struct Ways<R> {
    /// The connections to this node.
    pub(crate) links: Links<R>,
    /// The other nodes that the user is connected to.
    pub(crate) away: Nodes,
}

impl<R> Default for Ways<R> {
    fn default() -> Self {
        Self { links: Links::new(), away: Nodes::new() }
    }
}

impl<R> Ways<R> {
    /// Returns `true` if there is no way.
    pub(crate) fn is_empty(&self) -> bool {
        self.links.is_empty() && self.away.is_empty()
    }
}

/// Connections of one user: nearly always one.
pub(crate) type Links<R> = SmallVec<[Arc<Link<R>>; 1]>;

impl<R> User<R> {
    /// Creates a user without connections.
    pub(crate) fn new(name: Username, limits: &Limits, remote: Arc<RemoteNodes>) -> Self {
        let shared = Mutex::new(server::UserState::new(limits));
        let is_elsewhere = AtomicBool::new(false);
        let departing = AtomicUsize::new(0);
        Self { name, shared, state: Mutex::default(), is_elsewhere, departing, remote }
    }

    /// Returns the user's rates and recent payloads, locked. No other lock is taken while they are.
    pub(crate) fn shared(&self) -> MutexGuard<'_, server::UserState> {
        self.shared.lock()
    }

    /// Locks the part that changes. Mind the order of locks.
    pub(crate) fn state(&self) -> MutexGuard<'_, UserState<R>> {
        self.state.lock()
    }

    /// Notes that a connection begins or ends to be removed.
    pub(super) fn departs(&self, begins: bool) {
        if begins {
            self.departing.fetch_add(1, Ordering::SeqCst);
        } else {
            self.departing.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Returns `true` while a connection is being removed.
    pub(super) fn is_departing(&self) -> bool {
        self.departing.load(Ordering::SeqCst) > 0
    }

    /// Returns the connections to this node.
    pub(crate) fn links(&self) -> Links<R> {
        self.state.lock().links.clone()
    }

    /// Returns `true` if the user is connected to any node.
    pub(crate) fn is_online(&self) -> bool {
        self.state.lock().is_online()
    }

    /// Sets the other nodes that the user is connected to.
    pub(super) fn set_away(&self, state: &mut UserState<R>, away: Nodes) {
        self.is_elsewhere.store(!away.is_empty(), Ordering::Relaxed);
        state.away = away;
    }

    /// Records the outcome of a payload, if the payload is remembered.
    pub(crate) fn settle(&self, key: PayloadKey, outcome: PriorOutcome) {
        self.shared().recent.settle(key, outcome);
        self.share(|| Entry::Noted { user: self.name.as_str(), key, outcome });
    }

    /// Sends an entry to the other nodes that the user is connected to.
    fn share<'a>(&self, entry: impl FnOnce() -> Entry<'a>) {
        if self.is_elsewhere.load(Ordering::Relaxed) {
            let away = self.state.lock().away.clone();
            self.remote.send(&away, &entry());
        }
    }

    /// Returns `true` if every user who is connected anywhere is known, see [`RemoteNodes::is_converged`].
    pub(super) fn is_converged(&self) -> bool {
        self.remote.is_converged()
    }

    /// Returns all ways to the user.
    pub(crate) fn ways(&self) -> Ways<R> {
        self.state.lock().ways()
    }

    /// Returns `true` if both users are in one group. Locks one user after the other.
    pub(crate) fn shares_group_with(&self, other: &Self) -> bool {
        let mine = self.state.lock().groups.clone();
        let theirs = other.state.lock().groups.clone();
        !mine.is_disjoint(&theirs)
    }

    /// Returns the ways by which `from` reaches this user; none if the user is not connected.
    pub(crate) fn reached_by(&self, from: &Self) -> Result<Ways<R>, Blocked> {
        let (ways, direct) = {
            let state = self.state.lock();
            if !state.is_online() {
                return Ok(Ways::default());
            }
            if state.privacy.blocked.contains(from.name.as_str()) {
                return Err(Blocked::ByBlock);
            }
            (state.ways(), state.privacy.direct)
        };
        if direct == DirectMessages::Groups && !from.shares_group_with(self) {
            return Err(Blocked::NoSharedGroup);
        }
        Ok(ways)
    }

    /// Returns the user's connections except one, here and on other nodes. Nearly always there are none.
    pub(crate) fn ways_but(&self, one: &Link<R>) -> (Links<R>, Nodes) {
        let state = self.state.lock();
        let away = state.away.clone();
        if state.links.len() < 2 {
            return (Links::new(), away);
        }
        let others = state.links.iter().filter(|link| !std::ptr::eq(&***link, one)).cloned();
        (others.collect(), away)
    }

    /// Returns `true` if `viewer` may see the presence of this user.
    pub(crate) fn is_visible_to(&self, viewer: &Self) -> bool {
        let presence = {
            let mine = self.state.lock();
            if mine.privacy.blocked.contains(viewer.name.as_str()) {
                return false;
            }
            mine.privacy.presence
        };
        match presence {
            PresenceAudience::Everyone => true,
            PresenceAudience::Groups => self.shares_group_with(viewer),
            PresenceAudience::Nobody => false,
        }
    }
}

/// The core's view of a user's state. Changes are sent to the other nodes that the user is connected to.
impl<R> SharedState for &User<R> {
    fn admit(&mut self, now: Duration, admission: Admission) -> Result<(), Denied> {
        let admitted = self.shared().admit(now, admission);
        if !matches!(admitted, Err(Denied::RateLimited { .. })) {
            for &bucket in admission.bucket.buckets() {
                self.share(|| Entry::Spent { user: self.name.as_str(), bucket });
            }
        }
        if let (Ok(()), Some((key, outcome))) = (admitted, admission.note) {
            self.share(|| Entry::Noted { user: self.name.as_str(), key, outcome });
        }
        admitted
    }

    fn settle(&mut self, key: PayloadKey, outcome: PriorOutcome) {
        User::settle(self, key, outcome);
    }
}

/// A connection and its user.
pub(crate) struct Origin<R> {
    /// The user.
    pub(crate) user: Arc<User<R>>,
    /// The connection.
    pub(crate) link: Arc<Link<R>>,
}

impl<R> Clone for Origin<R> {
    fn clone(&self) -> Self {
        Self { user: self.user.clone(), link: self.link.clone() }
    }
}
