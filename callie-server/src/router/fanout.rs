//! The way of a payload to many: the bytes are shared by all who get them.

use callie_core::{MAX_OFFLINE_NAMES, Username};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::direct::{Parcel, is_same, send_to_all};
use super::group::Group;
use super::hub::Hub;
use super::link::Link;
use super::receipt::Delivery;

/// How far a payload to a group came.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    /// Other members who got it.
    pub(crate) delivered: usize,
    /// Some of those who did not.
    pub(crate) offline: Vec<Username>,
    /// How many did not.
    pub(crate) offline_count: usize,
}

impl Hub {
    /// Passes a payload on to all other members of a group and, if it reached one, to the sender's other connections.
    ///
    /// If its sender asked, the answer comes by itself.
    pub(crate) fn to_group(&self, group: &Group, parcel: Parcel<'_>) -> Reach {
        let Parcel { from, text, ask, timed } = parcel;
        let delivery = ask.map(Delivery::start);
        let mut reach = Reach::default();
        let state = group.state();
        for (name, links) in state.online.iter().filter(|(name, _)| **name != from.user.name) {
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
        for name in state.offline.iter().take(MAX_OFFLINE_NAMES.saturating_sub(reach.offline.len())) {
            reach.offline.push(name.clone());
        }
        let never_handed = state.offline.len();
        drop(state);
        reach.offline_count += never_handed;
        if reach.delivered > 0 {
            self.to_own_others(from, &text);
        }
        if let Some(delivery) = delivery {
            delivery.handed_out(never_handed);
            self.await_confirmation(&delivery);
        }
        reach
    }

    /// Gives a payload to every connection but one.
    pub(crate) fn to_everyone(&self, text: &Utf8Bytes, but: Option<&Link>) {
        for link in self.every_link() {
            if but.is_none_or(|but| !is_same(&link, but)) {
                link.send(text);
            }
        }
    }
}

impl Reach {
    fn miss(&mut self, name: &Username) {
        self.offline_count += 1;
        if self.offline.len() < MAX_OFFLINE_NAMES {
            self.offline.push(name.clone());
        }
    }
}

impl Group {
    /// Gives a payload of the server to all members but one connection; tells how many other members than `but`'s user
    /// got it.
    pub(crate) fn announce(&self, text: &Utf8Bytes, but: Option<&Link>) -> usize {
        let mut reached = 0;
        for (name, links) in &self.state().online {
            let mut taken = false;
            for link in links.iter().filter(|link| but.is_none_or(|but| !is_same(link, but))) {
                taken |= link.send(text);
            }
            if taken && but.is_none_or(|but| but.user != *name) {
                reached += 1;
            }
        }
        reached
    }

    /// Gives a payload of the server to all members but one; tells how many got it.
    pub(crate) fn announce_to_others(&self, text: &Utf8Bytes, but: &Username) -> usize {
        let state = self.state();
        let others = state.online.iter().filter(|(name, _)| *name != but);
        others.filter(|(_, links)| send_to_all(links, text.clone(), None)).count()
    }
}
