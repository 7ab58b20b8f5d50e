//! Payloads that come from other nodes: checked, counted and answered there, handed out here.

use std::sync::Arc;
use std::time::Instant;

use callie_core::{GroupId, PayloadId, Username};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::delivery::{Delivery, Request, Requester};
use super::direct::send_to_all;
use super::entry::Entry;
use super::hub::Hub;
use super::node::{NO_REPLY, RequestId};
use super::peers::Peer;

/// A payload from another node.
pub(crate) struct Arrival<'a> {
    /// The node.
    pub(crate) peer: &'a Arc<dyn Peer>,
    /// What it calls the payload.
    pub(crate) request: RequestId,
    /// The sender.
    pub(crate) from: &'a str,
    /// The payload's ID, where its sender asked for confirmation.
    pub(crate) asked: Option<&'a str>,
    /// The payload.
    pub(crate) text: &'a str,
    /// When a confirmation comes too late.
    pub(crate) deadline: Instant,
}

/// Who gets a payload to a group.
pub(crate) struct Audience<'a> {
    /// How many members the other node counts on.
    pub(crate) members: u64,
    /// Members who get it and are counted elsewhere, sorted.
    pub(crate) uncounted: &'a [&'a str],
}

impl Arrival<'_> {
    /// What waits for confirmations here, if its sender asked for them.
    fn delivery(&self, counts: bool) -> Option<Arc<Delivery>> {
        let payload_id = PayloadId::parse(self.asked?).ok()?;
        let sender = Username::parse(self.from).ok()?;
        let requester = Requester::Node { peer: self.peer.clone(), request: self.request, sender };
        Some(Delivery::start(Request { requester, payload_id, counts, deadline: self.deadline }))
    }

    fn missed(&self, reached: usize) {
        if self.request != NO_REPLY {
            self.peer.send(&Entry::Missed { request: self.request, reached: reached as u64 });
        }
    }
}

impl Hub {
    /// A payload for a user.
    pub(crate) fn arrived_for_user(&self, to: &str, arrival: &Arrival<'_>) {
        let links = self.links_of(to);
        let text = Utf8Bytes::from(arrival.text);
        match arrival.delivery(false) {
            Some(delivery) => {
                if !links.is_empty() {
                    delivery.hand_to(&links, &text);
                }
                delivery.handed_out(usize::from(links.is_empty()));
                self.await_confirmation(&delivery);
            }
            None if send_to_all(&links, text, None) => {}
            None => arrival.missed(0),
        }
    }

    /// A payload for the members of a group.
    pub(crate) fn arrived_for_group(&self, id: GroupId, arrival: &Arrival<'_>, audience: &Audience<'_>) {
        let delivery = arrival.delivery(true);
        let text = Utf8Bytes::from(arrival.text);
        let mut reached = 0;
        if let Some(group) = self.group(id) {
            for (name, links) in group.state().online.iter().filter(|(name, _)| *name != arrival.from) {
                if audience.uncounted.binary_search(&name.as_str()).is_ok() {
                    send_to_all(links, text.clone(), None);
                } else {
                    reached += usize::from(match &delivery {
                        Some(delivery) => delivery.hand_to(links, &text),
                        None => send_to_all(links, text.clone(), None),
                    });
                }
            }
        }
        match delivery {
            Some(delivery) => {
                delivery.handed_out(0);
                self.await_confirmation(&delivery);
            }
            None if (reached as u64) < audience.members => arrival.missed(reached),
            None => {}
        }
    }

    /// A payload for all connections of a user.
    pub(crate) fn arrived_copy(&self, user: &str, text: &str) {
        send_to_all(&self.links_of(user), Utf8Bytes::from(text), None);
    }

    /// A payload for everyone.
    pub(crate) fn arrived_for_everyone(&self, text: &str) {
        self.to_everyone_here(&Utf8Bytes::from(text), None);
    }
}
