//! Payloads that arrive from other nodes. The sender's node has checked and counted them, and answers the sender; this
//! node delivers them.

use std::sync::Arc;
use std::time::Instant;

use callie_core::GroupId;
use callie_core::server::PayloadKeys;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::delivery::{Delivery, Request, Requester};
use super::direct::{Handed, keep_for, send_to_all};
use super::entry::{Entry, Keep};
use super::hub::Hub;
use super::node::{NO_REPLY, RequestId};
use super::peers::Peer;
use super::remote_delivery::RemoteDelivery;

/// A payload from another node.
pub(crate) struct Arrival<'a> {
    /// The node that sent it.
    pub(crate) peer: &'a Arc<dyn Peer>,
    /// The ID of the request, for the reply.
    pub(crate) request: RequestId,
    /// The sender.
    pub(crate) from: &'a str,
    /// The payload's ID, if its sender asked for confirmation.
    pub(crate) asked: Option<&'a str>,
    /// What happens if the recipient's connections are all away.
    pub(crate) keep: Keep,
    /// The payload.
    pub(crate) text: &'a str,
    /// The deadline of confirmations.
    pub(crate) deadline: Instant,
}

/// The recipients of a payload to a group.
pub(crate) struct Audience<'a> {
    /// The number of members that the other node counts on.
    pub(crate) members: u64,
    /// Members who receive it and are counted by another node, sorted.
    pub(crate) uncounted: &'a [&'a str],
}

impl Arrival<'_> {
    /// Starts the delivery that waits for confirmations here, if the sender asked for them.
    fn delivery(&self, keys: &PayloadKeys, of_group: bool) -> Option<Arc<Delivery>> {
        let key = keys.key(self.from, self.asked?);
        let requester = Requester::Node { peer: self.peer.clone(), request: self.request };
        Some(Delivery::start(Request { requester, key, of_group, deadline: self.deadline }))
    }

    fn reached(&self, reached: usize) {
        if self.request != NO_REPLY {
            self.peer.send(&Entry::Reached { request: self.request, reached: reached as u64 });
        }
    }

    /// Reports how many members the payload reached once that is known of those who are away.
    fn report_later(&self, delivery: &RemoteDelivery) {
        let (peer, request) = (self.peer.clone(), self.request);
        if request != NO_REPLY {
            peer.send(&Entry::Paused { request });
            delivery.finally(move |outcome| {
                peer.send(&Entry::Reached { request, reached: outcome.reached as u64 });
            });
        }
    }
}

impl Hub {
    /// Delivers a payload to a user.
    pub(crate) fn arrived_for_user(&self, to: &str, arrival: &Arrival<'_>) {
        let links = self.links_of(to);
        let text = Utf8Bytes::from(arrival.text);
        match arrival.delivery(&self.keys, false) {
            Some(delivery) => {
                if !links.is_empty() {
                    delivery.hand_to(&links, &text);
                }
                delivery.handed_out(usize::from(links.is_empty()));
                self.await_confirmation(&delivery);
            }
            None => match send_to_all(&links, text, None, arrival.keep) {
                Handed::Sent => {}
                Handed::Missed => arrival.reached(0),
                Handed::Away(text) => {
                    let delivery = RemoteDelivery::new(0);
                    keep_for(&links, &text, &delivery);
                    arrival.report_later(&delivery);
                }
            },
        }
    }

    /// Delivers a payload to the members of a group.
    pub(crate) fn arrived_for_group(&self, id: GroupId, arrival: &Arrival<'_>, audience: &Audience<'_>) {
        let delivery = arrival.delivery(&self.keys, true);
        let text = Utf8Bytes::from(arrival.text);
        let mut reached = 0;
        let mut away = None;
        if let Some(group) = self.group(id) {
            for (name, links) in group.state().online.iter().filter(|(name, _)| *name != arrival.from) {
                if audience.uncounted.binary_search(&name.as_str()).is_ok() {
                    send_to_all(links, text.clone(), None, arrival.keep.uncounted());
                } else if let Some(delivery) = &delivery {
                    delivery.hand_to(links, &text);
                } else {
                    match send_to_all(links, text.clone(), None, arrival.keep) {
                        Handed::Sent => reached += 1,
                        Handed::Missed => {}
                        Handed::Away(text) => {
                            keep_for(links, &text, away.get_or_insert_with(|| RemoteDelivery::new(0)));
                        }
                    }
                }
            }
        }
        match delivery {
            Some(delivery) => {
                delivery.handed_out(0);
                self.await_confirmation(&delivery);
            }
            None if let Some(away) = away => {
                away.add_reached(reached);
                arrival.report_later(&away);
            }
            None if (reached as u64) < audience.members => arrival.reached(reached),
            None => {}
        }
    }

    /// Delivers a payload to all connections of a user.
    pub(crate) fn arrived_copy(&self, user: &str, text: &str) {
        send_to_all(&self.links_of(user), Utf8Bytes::from(text), None, Keep::Quietly);
    }

    /// Delivers a payload to every connection.
    pub(crate) fn arrived_for_everyone(&self, text: &str) {
        self.to_everyone_here(&Utf8Bytes::from(text), None);
    }
}
