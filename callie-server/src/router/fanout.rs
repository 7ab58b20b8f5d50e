//! The delivery of a payload to many recipients, who share its bytes.

use std::sync::Arc;

use callie_core::{GroupId, PayloadId, Username};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::aliases::Link;
use super::delivery::{Delivery, Request};
use super::direct::{Outgoing, is_same, send_to_all};
use super::entry::Entry;
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
    /// The delivery to members who are connected to other nodes, if there are any.
    pub(crate) elsewhere: Option<Arc<RemoteDelivery>>,
}

impl Hub {
    /// Delivers a payload to all other members of a group and, if it reached one, to the sender's other connections.
    ///
    /// If its sender asked for confirmation, the answer is sent later.
    pub(crate) fn to_group(&self, id: GroupId, group: &Group, outgoing: Outgoing<'_>) -> Delivered {
        let Outgoing { from, text, ask, timed, most_names } = outgoing;
        let me = &from.user.name;
        let asked = ask.as_ref().and_then(Request::payload_id);
        let delivery = ask.map(Delivery::start);
        let mut result = Delivered { most_names, ..Delivered::default() };
        let state = group.state();
        for (name, links) in state.online.iter().filter(|(name, _)| *name != me) {
            let taken = match &delivery {
                Some(delivery) => delivery.hand_to(links, &text),
                None => send_to_all(links, text.clone(), timed),
            };
            if taken {
                result.delivered += 1;
            } else {
                result.miss(name);
            }
        }
        result.miss_all(&state);
        let never_handed = state.offline.len();
        let onward = Onward { id, from: me, asked: asked.as_ref(), text: &text };
        result.elsewhere = self.to_other_nodes(&state, &onward, delivery.as_ref(), result.delivered);
        drop(state);
        if result.delivered > 0 || result.elsewhere.is_some() {
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
        delivered: usize,
    ) -> Option<Arc<RemoteDelivery>> {
        let mut remote = None;
        for share in state.shares(onward.from) {
            let mut entry = |request| Entry::Group {
                request,
                group: onward.id,
                from: onward.from.as_str(),
                asked: onward.asked.map(PayloadId::as_str),
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
            let remote = remote.get_or_insert_with(|| RemoteDelivery::new(delivered));
            let pending = match delivery {
                Some(delivery) => {
                    let part = delivery.leave_to_node(members);
                    PendingReply::Delivery { delivery: delivery.clone(), part }
                }
                None => {
                    remote.begin();
                    PendingReply::RemoteDelivery { delivery: remote.clone(), members }
                }
            };
            self.request(share.node, pending, &mut entry);
        }
        remote
    }

    /// Delivers a payload of the server to all other members of a group, here and on other nodes.
    pub(crate) fn push_to_group(
        &self,
        id: GroupId,
        group: &Group,
        from: &Username,
        text: &Utf8Bytes,
    ) -> Arc<RemoteDelivery> {
        let state = group.state();
        let others = state.online.iter().filter(|(name, _)| *name != from);
        let reached = others.filter(|(_, links)| send_to_all(links, text.clone(), None)).count();
        let remote = RemoteDelivery::new(reached);
        for share in state.shares(from) {
            remote.begin();
            let pending = PendingReply::RemoteDelivery { delivery: remote.clone(), members: share.members };
            self.request(share.node, pending, &mut |request| Entry::Group {
                request,
                group: id,
                from: from.as_str(),
                asked: None,
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
    text: &'a str,
}

impl Delivered {
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

    /// Adds `missed` members whom other nodes did not reach. Their names are taken from those who are offline by now.
    pub(crate) fn missed_elsewhere(&mut self, missed: usize, group: &Group) {
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
            send_to_all(links, text.clone(), None);
        }
    }
}
