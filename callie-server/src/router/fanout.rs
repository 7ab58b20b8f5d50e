//! The delivery of a payload to many recipients, who share its bytes.

use std::sync::Arc;

use callie_core::{GroupId, PayloadId, Username};
use parking_lot::RwLockReadGuard;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::aliases::Link;
use super::delivery::{Delivery, Request};
use super::direct::{Handed, Outgoing, is_same, keep_for, send_to_all};
use super::entry::{Entry, Keep};
use super::group::{Group, GroupState};
use super::hub::Hub;
use super::node::NO_REPLY;
use super::pending_reply::PendingReply;
use super::remote_delivery::RemoteDelivery;

/// The result of delivering a payload to a group.
#[derive(Default)]
pub(crate) struct Delivered {
    /// The number of other members who received it here.
    pub(crate) delivered: usize,
    /// The first of the members who did not receive it, as many as were asked for.
    pub(crate) offline: Vec<Username>,
    most_names: usize,
    /// The number of members who did not receive it.
    pub(crate) offline_count: usize,
    /// The delivery to members who are connected to other nodes or away, if there are any.
    pub(crate) pending: Option<Arc<RemoteDelivery>>,
}

impl Hub {
    /// Delivers a payload to all other members of a group and, if it reached one, to the sender's other connections.
    ///
    /// `state` is the state of the group `id`. If its sender asked for confirmation, the answer is sent later.
    pub(crate) fn to_group(
        &self,
        id: GroupId,
        state: RwLockReadGuard<'_, GroupState>,
        outgoing: Outgoing<'_>,
    ) -> Delivered {
        let Outgoing { from, text, ask, keep, timed, most_names } = outgoing;
        let me = &from.user.name;
        let asked = ask.as_ref().and_then(Request::payload_id);
        let delivery = ask.map(Delivery::start);
        let mut result = Delivered { most_names, ..Delivered::default() };
        for (name, links) in state.online.iter().filter(|(name, _)| *name != me) {
            let handed = match &delivery {
                Some(delivery) if delivery.hand_to(links, &text) => Handed::Sent,
                Some(_) => Handed::Missed,
                None => send_to_all(links, text.clone(), timed, keep),
            };
            match handed {
                Handed::Sent => result.delivered += 1,
                Handed::Missed => result.miss(name),
                Handed::Away(text) => keep_for(links, &text, result.pending()),
            }
        }
        result.miss_all(&state);
        let never_handed = state.offline.len();
        let onward = Onward { id, from: me, asked: asked.as_ref(), keep, text: &text };
        self.to_other_nodes(&state, &onward, delivery.as_ref(), &mut result);
        drop(state);
        if let Some(pending) = &result.pending {
            pending.add_reached(result.delivered);
        }
        if result.delivered > 0 || result.pending.is_some() {
            self.to_own_others(from, &text);
        }
        if let Some(delivery) = delivery {
            delivery.handed_out(never_handed);
            self.await_confirmation(&delivery);
        }
        result
    }

    /// Sends a payload to a group once to each node that has members of it.
    fn to_other_nodes(
        &self,
        state: &GroupState,
        onward: &Onward<'_>,
        delivery: Option<&Arc<Delivery>>,
        result: &mut Delivered,
    ) {
        for share in state.shares(onward.from) {
            let mut entry = |request| Entry::Group {
                request,
                group: onward.id,
                from: onward.from.as_str(),
                asked: onward.asked.map(PayloadId::as_str),
                keep: onward.keep,
                members: share.members as u64,
                uncounted: share.uncounted.clone(),
                text: onward.text,
            };
            let members = share.members;
            if members == 0 {
                if !share.uncounted.is_empty() {
                    self.remote.send(&[share.node], &entry(NO_REPLY));
                }
                continue;
            }
            let remote = result.pending();
            let pending = match delivery {
                Some(delivery) => {
                    let part = delivery.leave_to_node(members);
                    PendingReply::Delivery { delivery: delivery.clone(), part }
                }
                None => {
                    remote.begin();
                    PendingReply::of_members(remote, members)
                }
            };
            self.request(share.node, pending, &mut entry);
        }
    }

    /// Delivers a payload of the server to all other members of a group, here and on other nodes. `keep` must not be
    /// [`Keep::Reported`]: a member who is away counts as reached.
    pub(crate) fn push_to_group(
        &self,
        id: GroupId,
        group: &Group,
        from: &Username,
        text: &Utf8Bytes,
        keep: Keep,
    ) -> Arc<RemoteDelivery> {
        let state = group.state();
        let others = state.online.iter().filter(|(name, _)| *name != from);
        let is_sent =
            |links| matches!(send_to_all(links, text.clone(), None, keep), Handed::Sent | Handed::Away(_));
        let reached = others.filter(|(_, links)| is_sent(links)).count();
        let remote = RemoteDelivery::new(reached);
        for share in state.shares(from) {
            remote.begin();
            let pending = PendingReply::of_members(&remote, share.members);
            self.request(share.node, pending, &mut |request| Entry::Group {
                request,
                group: id,
                from: from.as_str(),
                asked: None,
                keep,
                members: share.members as u64,
                uncounted: share.uncounted.clone(),
                text,
            });
        }
        remote
    }

    /// Delivers a payload to every connection but one, here and on other nodes.
    pub(crate) fn to_everyone(&self, text: &Utf8Bytes, but: Option<&Link>) {
        self.to_everyone_here(text, but);
        self.remote.send_to_all(&Entry::Everyone { text });
    }

    /// Delivers a payload to every connection to this node but one.
    pub(super) fn to_everyone_here(&self, text: &Utf8Bytes, but: Option<&Link>) {
        for link in self.every_link() {
            if but.is_none_or(|but| !is_same(&link, but)) {
                link.send(text);
            }
        }
    }
}

/// A payload to a group on its way to other nodes.
struct Onward<'a> {
    id: GroupId,
    from: &'a Username,
    asked: Option<&'a PayloadId>,
    keep: Keep,
    text: &'a str,
}

impl Delivered {
    fn pending(&mut self) -> &Arc<RemoteDelivery> {
        self.pending.get_or_insert_with(|| RemoteDelivery::new(0))
    }

    fn miss(&mut self, name: &Username) {
        self.offline_count += 1;
        if self.offline.len() < self.most_names {
            self.offline.push(name.clone());
        }
    }

    /// Adds all members who are not connected.
    fn miss_all(&mut self, state: &GroupState) {
        let room = self.most_names.saturating_sub(self.offline.len());
        self.offline.extend(state.offline.iter().take(room).cloned());
        self.offline_count += state.offline.len();
    }

    /// Adds `missed` members of whom it was known only later that they are not reached. Their names are taken from those who are offline by now.
    pub(crate) fn missed_later(&mut self, missed: usize, group: &Group) {
        self.offline_count += missed;
        let state = group.state();
        let news = state.offline.iter().filter(|name| !self.offline.contains(name));
        let room = self.most_names.saturating_sub(self.offline.len());
        let names: Vec<Username> = news.take(missed.min(room)).cloned().collect();
        self.offline.extend(names);
    }
}

impl Group {
    /// Queues a payload of the server for all members who are connected to this node.
    pub(crate) fn announce(&self, text: &Utf8Bytes) {
        for links in self.state().online.values() {
            send_to_all(links, text.clone(), None, Keep::Quietly);
        }
    }
}
