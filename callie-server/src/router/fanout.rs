//! The way of a payload to many: the bytes are shared by all who get them.

use std::sync::Arc;

use callie_core::{GroupId, MAX_OFFLINE_NAMES, PayloadId, Username};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::delivery::Delivery;
use super::direct::{Parcel, is_same, send_to_all};
use super::group::{Group, GroupState};
use super::hub::Hub;
use super::link::Link;
use super::passage::Passage;
use crate::cluster::{Awaited, Entry, NOBODY_ASKS};

/// How far a payload to a group came.
#[derive(Default)]
pub(crate) struct Reach {
    /// Other members who got it here.
    pub(crate) delivered: usize,
    /// Some of those who did not.
    pub(crate) offline: Vec<Username>,
    /// How many did not.
    pub(crate) offline_count: usize,
    /// Its way to members who are connected to other nodes, if there are any.
    pub(crate) elsewhere: Option<Arc<Passage>>,
}

impl Hub {
    /// Passes a payload on to all other members of a group and, if it reached one, to the sender's other connections.
    ///
    /// If its sender asked, the answer comes by itself.
    pub(crate) fn to_group(&self, id: GroupId, group: &Group, parcel: Parcel<'_>) -> Reach {
        let Parcel { from, text, ask, timed } = parcel;
        let me = &from.user.name;
        let asked = ask.as_ref().map(|request| request.payload_id.clone());
        let delivery = ask.map(Delivery::start);
        let mut reach = Reach::default();
        let state = group.state();
        for (name, links) in state.online.iter().filter(|(name, _)| *name != me) {
            let taken = match &delivery {
                Some(delivery) => delivery.hand_to(links, &text),
                None => send_to_all(links, text.clone(), timed),
            };
            if taken {
                reach.delivered += 1;
            } else {
                reach.miss(name);
            }
        }
        reach.miss_all(&state);
        let never_handed = state.offline.len();
        let onward = Onward { id, from: me, asked: asked.as_ref(), text: &text };
        reach.elsewhere = self.to_other_nodes(&state, &onward, delivery.as_ref(), reach.delivered);
        drop(state);
        if reach.delivered > 0 || reach.elsewhere.is_some() {
            self.to_own_others(from, &text);
        }
        if let Some(delivery) = delivery {
            delivery.handed_out(never_handed);
            self.await_confirmation(&delivery);
        }
        reach
    }

    /// Sends a payload to a group on to the nodes that have members of it, once to each.
    fn to_other_nodes(
        &self,
        state: &GroupState,
        onward: &Onward<'_>,
        delivery: Option<&Arc<Delivery>>,
        delivered: usize,
    ) -> Option<Arc<Passage>> {
        let mut passage = None;
        for share in state.shares(onward.from) {
            let entry = |ticket| Entry::Group {
                ticket,
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
                    self.peers.tell(&[share.node], &entry(NOBODY_ASKS));
                }
                continue;
            }
            let passage = passage.get_or_insert_with(|| Passage::new(delivered));
            let awaited = match delivery {
                Some(delivery) => {
                    let part = delivery.leave_to_node(members);
                    Awaited::Delivery { delivery: delivery.clone(), part }
                }
                None => {
                    passage.begin();
                    Awaited::Passage { passage: passage.clone(), members }
                }
            };
            self.ask_node(share.node, awaited, entry);
        }
        passage
    }

    /// Gives a payload of the server to all other members of a group, here and elsewhere, and tells of its way to them.
    pub(crate) fn push_to_group(
        &self,
        id: GroupId,
        group: &Group,
        from: &Username,
        text: &Utf8Bytes,
    ) -> Arc<Passage> {
        let state = group.state();
        let others = state.online.iter().filter(|(name, _)| *name != from);
        let reached = others.filter(|(_, links)| send_to_all(links, text.clone(), None)).count();
        let passage = Passage::new(reached);
        for share in state.shares(from) {
            passage.begin();
            let awaited = Awaited::Passage { passage: passage.clone(), members: share.members };
            self.ask_node(share.node, awaited, |ticket| Entry::Group {
                ticket,
                group: id,
                from: from.as_str(),
                asked: None,
                members: share.members as u64,
                uncounted: share.uncounted.clone(),
                text,
            });
        }
        passage
    }

    /// Gives a payload to every connection but one, here and elsewhere.
    pub(crate) fn to_everyone(&self, text: &Utf8Bytes, but: Option<&Link>) {
        self.to_everyone_here(text, but);
        self.peers.tell_all(&Entry::Everyone { text });
    }

    /// Gives a payload to every connection to this node but one.
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

impl Reach {
    fn miss(&mut self, name: &Username) {
        self.offline_count += 1;
        if self.offline.len() < MAX_OFFLINE_NAMES {
            self.offline.push(name.clone());
        }
    }

    /// All members who are not connected.
    fn miss_all(&mut self, state: &GroupState) {
        let room = MAX_OFFLINE_NAMES.saturating_sub(self.offline.len());
        self.offline.extend(state.offline.iter().take(room).cloned());
        self.offline_count += state.offline.len();
    }

    /// Adds what other nodes told: so many more were missed there. Their names are those who are offline by now.
    pub(crate) fn missed_elsewhere(&mut self, missed: usize, group: &Group) {
        self.offline_count += missed;
        let state = group.state();
        let news = state.offline.iter().filter(|name| !self.offline.contains(name));
        let room = MAX_OFFLINE_NAMES.saturating_sub(self.offline.len());
        let names: Vec<Username> = news.take(missed.min(room)).cloned().collect();
        self.offline.extend(names);
    }
}

impl Group {
    /// Gives a payload of the server to all members who are connected to this node.
    pub(crate) fn announce(&self, text: &Utf8Bytes) {
        for links in self.state().online.values() {
            send_to_all(links, text.clone(), None);
        }
    }
}
