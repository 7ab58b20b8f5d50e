//! The delivery of payloads, and the confirmations of their recipients.

use std::time::Duration;

use super::request::{ConnectionId, Outgoing, Output, Request, Requester};
use super::{Hub, Peer, Receipt};
use crate::code::SysCode;
use crate::limits::MAX_OFFLINE_NAMES;
use crate::name::Username;
use crate::party::RecipientRef;
use crate::payload_type::PayloadType;
use crate::server::action::Accepted;
use crate::server::delivery::{Delivery, DeliveryCounts};

/// A delivery whose confirmations are pending.
pub(super) struct Pending {
    pub(super) requester: Requester,
    pub(super) delivery: Delivery,
    pub(super) until: Duration,
}

impl Hub {
    /// Delivers a payload to the `members` of its group except its sender, and answers it if the outcome is known.
    pub fn deliver(&mut self, now: Duration, payload: Outgoing, members: &[Username]) {
        let sender = payload.requester.reply.username().clone();
        let others: Vec<_> = members.iter().filter(|name| **name != sender).collect();
        self.hand_out(now, payload, &others, Delivery::to_group());
    }

    pub(super) fn pass_on(
        &mut self,
        now: Duration,
        from: ConnectionId,
        accepted: &Accepted<'_>,
    ) -> Option<Request> {
        let payload = accepted.payload();
        let asks = accepted.key().filter(|_| payload.wants_ack());
        let requester = self.requester(from, accepted)?;
        let outgoing = Outgoing { requester, text: payload.pass_on(), asks };
        match payload.recipient() {
            RecipientRef::User(name) => {
                let name = Username::parse(name).ok()?;
                self.hand_out(now, outgoing, &[&name], Delivery::to_user());
            }
            RecipientRef::Group(id) => return Some(Request::ToGroup(id, outgoing)),
            RecipientRef::Broadcast => {
                let others = self.users.values().flat_map(|user| &user.connections).filter(|id| **id != from);
                self.out.extend(others.map(|id| Output::Write(*id, outgoing.text.clone())));
            }
            // The routing table has no other route to this function.
            RecipientRef::Server | RecipientRef::Unauthenticated => {}
        }
        None
    }

    fn hand_out(&mut self, now: Duration, payload: Outgoing, names: &[&Username], mut delivery: Delivery) {
        let Outgoing { requester, text, asks } = payload;
        let number = self.next_id();
        let (mut offline, mut returned) = (Vec::new(), Vec::new());
        for &name in names {
            let recipients = self.connections_of(name);
            if recipients.is_empty() {
                offline.push(name.clone());
                continue;
            }
            let part = delivery.begin(1, recipients.len());
            for id in recipients {
                if let (Some(key), Some(Peer::Open(connection))) = (asks, self.peers.get_mut(&id)) {
                    delivery.written(part);
                    returned.extend(connection.written(now, key, (number, part)));
                }
                self.out.push_back(Output::Write(id, text.clone()));
            }
        }
        // The sender's other connections get a copy of a message.
        let reply = &requester.reply;
        if reply.kind() == PayloadType::Msg && !names.contains(&reply.username()) {
            let others = self.connections_of(reply.username()).into_iter();
            let copies = others.filter(|id| *id != requester.connection);
            self.out.extend(copies.map(|id| Output::Write(id, text.clone())));
        }
        let missed = offline.len();
        if asks.is_some() {
            let until = now.saturating_add(self.config.times.confirmation);
            self.pending.insert(number, Pending { requester, delivery, until });
            self.settle(now, number, |delivery| delivery.handed_out(missed));
            self.give_back(now, returned);
        } else if missed > 0 {
            offline.truncate(MAX_OFFLINE_NAMES);
            let answer = match names.len() - missed {
                0 => reply.refuse(SysCode::RecipientOffline, self.envelope_ids()),
                reached => {
                    reply.partially_delivered(reached as u64, offline, missed as u64, self.envelope_ids())
                }
            };
            self.answer(now, &requester, answer);
        }
    }

    /// Changes a delivery, and answers its sender if that settles it.
    pub(super) fn settle(
        &mut self,
        now: Duration,
        number: u64,
        change: impl FnOnce(&mut Delivery) -> Option<DeliveryCounts>,
    ) {
        let counts = self.pending.get_mut(&number).and_then(|pending| change(&mut pending.delivery));
        if let Some(counts) = counts
            && let Some(Pending { requester, .. }) = self.pending.remove(&number)
        {
            let answer = requester.reply.delivery(&counts, self.envelope_ids());
            self.answer(now, &requester, answer);
        }
    }

    pub(super) fn give_back(&mut self, now: Duration, receipts: Vec<Receipt>) {
        for (number, part) in receipts {
            self.settle(now, number, |delivery| delivery.returned(part));
        }
    }
}
