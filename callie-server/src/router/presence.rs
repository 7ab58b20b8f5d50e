//! Notifies users that a user came online or went offline (protocol, "SYS codes", presence).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use callie_core::command::PresenceAudience;
use callie_core::{GroupId, Notice, Recipient, Username};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::aliases::{Link, User};
use super::hub::Hub;
use super::privacy::GroupIds;
use crate::base::config::PresenceMode;
use crate::base::ids::envelope_ids;

/// Users whose presence one user may subscribe to at a time.
pub(crate) const MAX_WATCHED: usize = 4_096;

impl Hub {
    /// Notifies those who may see the user's presence that the user is online, unless they know it already.
    pub(crate) fn came_online(&self, user: &User, mode: PresenceMode) {
        {
            let mut state = user.state();
            if state.announced || !state.is_online() {
                return;
            }
            state.announced = true;
        }
        self.tell_presence(user, mode, Notice::user_joined);
    }

    /// Reports users as offline whose time to reconnect is over, to those who may see their presence.
    pub(crate) fn report_departures(&self, now: Instant, mode: PresenceMode) {
        // A user of another node may still be connected there while that node cannot be reached.
        if !self.remote.is_converged() {
            return;
        }
        loop {
            let Some(user) = self.departures.take(now) else { return };
            let announced = {
                let mut state = user.state();
                match state.leaves {
                    // The user has reconnected and left again.
                    Some(at) if at > now => {
                        drop(state);
                        self.departures.add(at, user);
                        continue;
                    }
                    leaves => {
                        state.is_listed = false;
                        if leaves.is_none() {
                            continue;
                        }
                    }
                }
                state.leaves = None;
                std::mem::take(&mut state.announced)
            };
            if announced {
                self.tell_presence(&user, mode, Notice::user_left);
            }
            self.forget_subscriptions(&user);
        }
    }

    fn tell_presence(
        &self,
        user: &User,
        mode: PresenceMode,
        notice: fn(Username, Option<GroupId>) -> Notice,
    ) {
        let audience = self.audience(user, mode);
        if audience.is_empty() {
            return;
        }
        let notice = notice(user.name.clone(), None);
        let text = Utf8Bytes::from(notice.to_payload(Recipient::Broadcast, envelope_ids()).encode());
        for link in audience {
            link.send(&text);
        }
    }

    /// Returns the connections to this node of everyone who may see the presence of `user`. Every node tells its own
    /// users.
    fn audience(&self, user: &User, mode: PresenceMode) -> Vec<Arc<Link>> {
        let (setting, groups, blocked) = {
            let state = user.state();
            (state.privacy.presence, state.groups.clone(), state.privacy.blocked.clone())
        };
        if mode == PresenceMode::Off || setting == PresenceAudience::Nobody {
            return Vec::new();
        }
        let mut names: HashSet<Username> = HashSet::new();
        for &id in &*groups {
            if let Some(group) = self.group(id) {
                names.extend(group.state().online.keys().cloned());
            }
        }
        if setting == PresenceAudience::Everyone {
            if mode == PresenceMode::Everyone {
                names.extend(self.every_link().iter().map(|link| link.user.clone()));
            } else {
                names.extend(self.watchers.of(user.name.as_str()));
            }
        }
        names.remove(&user.name);
        names.retain(|name| !blocked.contains(name));
        names.iter().flat_map(|name| self.links_of(name.as_str())).collect()
    }

    /// Returns `true` if `name` is online and `viewer` may know it.
    pub(crate) fn shows_online(&self, viewer: &User, name: &str) -> bool {
        if viewer.name == *name {
            return viewer.is_online();
        }
        self.user(name).is_some_and(|user| user.is_online() && user.is_visible_to(viewer))
    }

    /// Subscribes `watcher` to the presence of `names`. Returns `false`, and does nothing, if that exceeds the limit.
    pub(crate) fn watch(&self, watcher: &User, names: &[Username]) -> bool {
        // Locked until both sides are noted, so that a departure in between removes both or neither.
        let mut state = watcher.state();
        if !state.is_online() {
            // The command outlived its connection. Nobody would ever cancel the subscription.
            return true;
        }
        let new: HashSet<&Username> = names.iter().filter(|name| !state.watching.contains(*name)).collect();
        if state.watching.len() + new.len() > MAX_WATCHED {
            return false;
        }
        let new: Vec<Username> = new.into_iter().cloned().collect();
        for name in &new {
            self.watchers.add(&watcher.name, name);
        }
        state.watching.extend(new);
        true
    }

    /// Cancels subscriptions of `watcher`.
    pub(crate) fn unwatch(&self, watcher: &User, names: &[Username]) {
        let mut state = watcher.state();
        for name in names {
            state.watching.remove(name);
        }
        self.watchers.remove(&watcher.name, names);
    }

    fn forget_subscriptions(&self, user: &User) {
        let mut state = user.state();
        if state.is_online() {
            return;
        }
        state.groups = GroupIds::default();
        let watched: Vec<Username> = state.watching.drain().collect();
        self.watchers.remove(&user.name, &watched);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use callie_core::command::Features;
    use callie_core::{Limits, SessionId};

    use super::*;
    use crate::router::{Allowance, JoinResult, Privacy, RemoteNodes, UserSnapshot, payload_keys};

    const GRACE: Duration = Duration::from_secs(60);

    fn hub(grace: Duration, alone: bool) -> Hub {
        let remote = RemoteNodes::none();
        remote.set_converged(alone);
        Hub::new(grace, payload_keys(&[7; 16]), Arc::new(remote), None)
    }

    fn allowance() -> Allowance {
        Allowance { limits: Limits::default(), connections: 10 }
    }

    fn arrive(hub: &Hub, name: &str) -> (Arc<User>, Arc<Link>) {
        let (name, session) = (Username::parse(name).unwrap(), SessionId::parse("s").unwrap());
        let link = Link::new(name.clone(), session, [127, 0, 0, 1].into(), None, Features::NONE, 1_000);
        let user = hub.entry(&name, &allowance());
        let version = user.state().version;
        let known = UserSnapshot { groups: GroupIds::default(), privacy: Privacy::default(), version };
        assert_eq!(hub.join(&user, &link, Some(known), &allowance()), JoinResult::Joined);
        (user, link)
    }

    #[test]
    fn subscription_after_departure_leaves_nothing() {
        let hub = hub(Duration::ZERO, true);
        let (ada, link) = arrive(&hub, "ada");
        let names = [Username::parse("bob").unwrap()];
        assert!(hub.watch(&ada, &names));
        assert_eq!(hub.watchers.len(), 1);
        hub.depart(&ada, &link);
        hub.report_departures(Instant::now(), PresenceMode::Groups);
        assert!(hub.watchers.len() == 0);
        // A command that was begun before the departure and ends after it.
        assert!(hub.watch(&ada, &names));
        assert!(hub.watchers.len() == 0 && ada.state().watching.is_empty());
    }

    #[test]
    fn departures_of_one_user_have_one_entry() {
        let hub = hub(GRACE, false);
        let ada = hub.entry(&Username::parse("ada").unwrap(), &allowance());
        for _ in 0..1_000 {
            hub.went(&ada, ada.state());
        }
        hub.report_departures(Instant::now() + GRACE, PresenceMode::Groups);
        assert_eq!(hub.departures.len(), 1, "no departure is reported while the cluster is unknown");
    }

    #[test]
    fn second_departure_has_its_own_deadline() {
        let hub = hub(GRACE, true);
        let ada = hub.entry(&Username::parse("ada").unwrap(), &allowance());
        hub.went(&ada, ada.state());
        let first = ada.state().leaves.unwrap();
        // The user came back and left again half a minute later.
        let second = first + GRACE / 2;
        ada.state().leaves = Some(second);
        hub.report_departures(first, PresenceMode::Groups);
        assert_eq!((hub.departures.len(), ada.state().leaves), (1, Some(second)));
        hub.report_departures(second, PresenceMode::Groups);
        assert_eq!((hub.departures.len(), ada.state().leaves), (0, None));
        hub.went(&ada, ada.state());
        assert_eq!(hub.departures.len(), 1);
    }
}
