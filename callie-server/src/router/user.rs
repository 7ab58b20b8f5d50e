//! A user who is connected, or was a moment ago.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use callie_core::{GroupId, Username};
use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;

use super::duplicates::Recent;
use super::link::Link;
use super::rate::Rates;
use callie_core::command::{DirectMessages, PresenceAudience};

/// Everything kept in memory about one user.
///
/// Locks are taken in this order: the hub's map of users, one user's state, the hub's map of groups, one group's state,
/// then those that take no other ([`Recent`], outboxes). Two users' states are never held at once, and nothing is held
/// across an await.
pub(crate) struct User {
    /// The user's name.
    pub(crate) name: Username,
    /// What the user may send.
    pub(crate) rates: Rates,
    /// What the user sent lately.
    pub(crate) recent: Recent,
    state: Mutex<UserState>,
}

/// The part that changes.
#[derive(Default)]
pub(crate) struct UserState {
    /// The open connections.
    pub(crate) links: Links,
    /// The groups the user is in, while connected.
    pub(crate) groups: Vec<GroupId>,
    /// Who may write to the user and see them, while connected.
    pub(crate) privacy: Privacy,
    /// Counts changes to `groups` and `privacy`, so that what was read from the database meanwhile is known to be old.
    pub(crate) version: u64,
    /// Whose presence the user subscribed to.
    pub(crate) watching: HashSet<Username>,
    /// Whether others think the user is online: from the first connection until a while after the last.
    pub(crate) announced: bool,
    /// When others are told that the user went offline; none while connected or once they were told.
    pub(crate) leaves: Option<Instant>,
}

/// Connections of one user: nearly always one.
pub(crate) type Links = SmallVec<[Arc<Link>; 1]>;

/// Who may write to a user, and who sees them come and go.
#[derive(Debug, Clone)]
pub(crate) struct Privacy {
    /// Who sees the user's presence.
    pub(crate) presence: PresenceAudience,
    /// Who may write to the user directly.
    pub(crate) direct: DirectMessages,
    /// Whom the user has blocked, and who has blocked the user: nothing direct passes either way.
    pub(crate) barred: HashSet<Username>,
}

impl Default for Privacy {
    fn default() -> Self {
        Self { presence: PresenceAudience::Groups, direct: DirectMessages::Everyone, barred: HashSet::new() }
    }
}

/// Why somebody may not write to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Barred {
    /// One of the two has blocked the other.
    Blocked,
    /// The user takes direct messages from groups they share only.
    NoSharedGroup,
}

impl User {
    /// A user without connections.
    pub(crate) fn new(name: Username, rates: Rates) -> Self {
        Self { name, rates, recent: Recent::new(Instant::now()), state: Mutex::default() }
    }

    /// The part that changes. Mind the order of locks.
    pub(crate) fn state(&self) -> MutexGuard<'_, UserState> {
        self.state.lock()
    }

    /// The open connections, as they are now.
    pub(crate) fn links(&self) -> Links {
        self.state.lock().links.clone()
    }

    /// Whether the user is connected.
    pub(crate) fn is_online(&self) -> bool {
        !self.state.lock().links.is_empty()
    }

    /// Whether both are in one group. Takes one lock after the other.
    pub(crate) fn shares_group_with(&self, other: &Self) -> bool {
        let mine = self.state.lock().groups.clone();
        let theirs = other.state.lock();
        mine.iter().any(|group| theirs.groups.contains(group))
    }

    /// The connections through which `from` reaches this user, none if the user has none.
    pub(crate) fn reached_by(&self, from: &Self) -> Result<Links, Barred> {
        let (links, direct) = {
            let state = self.state.lock();
            if state.links.is_empty() {
                return Ok(Links::new());
            }
            if state.privacy.barred.contains(from.name.as_str()) {
                return Err(Barred::Blocked);
            }
            (state.links.clone(), state.privacy.direct)
        };
        if direct == DirectMessages::Groups && !from.shares_group_with(self) {
            return Err(Barred::NoSharedGroup);
        }
        Ok(links)
    }

    /// The user's connections but one; none for nearly everyone.
    pub(crate) fn links_but(&self, one: &Link) -> Links {
        let state = self.state.lock();
        if state.links.len() < 2 {
            return Links::new();
        }
        state.links.iter().filter(|link| !std::ptr::eq(&***link, one)).cloned().collect()
    }

    /// Whether `viewer` may see that `self` comes and goes.
    pub(crate) fn is_visible_to(&self, viewer: &Self) -> bool {
        let presence = {
            let mine = self.state.lock();
            if mine.privacy.barred.contains(viewer.name.as_str()) {
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
