//! The delivery of payloads, and the confirmations of their recipients.

use std::time::Duration;

use super::away::Kept;
use super::request::{ConnectionId, Outgoing, Request, Requester};
use super::{Hub, Peer, Receipt};
use crate::code::SysCode;
use crate::limits::MAX_OFFLINE_NAMES;
use crate::name::Username;
use crate::notice::PriorOutcome;
use crate::party::RecipientRef;
use crate::payload_type::PayloadType;
use crate::server::action::Accepted;
use crate::server::delivery::{Delivery, DeliveryCounts};

/// A delivery whose confirmations are pending.
pub(super) struct Pending {
    pub(super) requester: Requester,
    pub(super) delivery: Delivery,
    /// Whether the sender requested confirmation. Otherwise the delivery waits for members whose connections are all
    /// away, and the sender receives an answer only if it missed somebody.
    asked: bool,
    /// Names of members who were offline from the beginning.
    offline: Vec<Username>,
}

impl Hub {
    /// Delivers a payload to the `members` of its group except its sender, and answers it if the outcome is known.
    pub fn deliver(&mut self, now: Duration, payload: Outgoing, members: &[Username]) {
        let sender = payload.requester.reply.username().clone();
        let others: Vec<_> = members.iter().filter(|name| **name != sender).collect();
        self.hand_out(now, payload, &others, Delivery::to_group(self.confirmation_deadline(now)));
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
                self.hand_out(now, outgoing, &[&name], Delivery::to_user(self.confirmation_deadline(now)));
            }
            RecipientRef::Group(id) => return Some(Request::ToGroup(id, outgoing)),
            RecipientRef::Broadcast => {
                let everyone = self.users.values().flat_map(|user| &user.connections).copied();
                for id in everyone.filter(|id| *id != from).collect::<Vec<_>>() {
                    self.send_text(now, id, &outgoing.text, false);
                }
            }
            // The routing table has no other route to this function.
            RecipientRef::Server | RecipientRef::Unauthenticated => {}
        }
        None
    }

    fn hand_out(&mut self, now: Duration, payload: Outgoing, names: &[&Username], mut delivery: Delivery) {
        let Outgoing { requester, text, asks } = payload;
        let kind = requester.reply.kind();
        let number = self.next_id();
        let (mut offline, mut missed, mut writes, mut returned) = (Vec::new(), 0, Vec::new(), Vec::new());
        let mut is_open = asks.is_some();
        for &name in names {
            let recipients = self.connections_of(name);
            if recipients.is_empty() {
                missed += 1;
                if offline.len() < MAX_OFFLINE_NAMES {
                    offline.push(name.clone());
                }
                continue;
            }
            let all_away = recipients.iter().all(|id| self.is_away(*id));
            // A PING is not kept, and nobody waits for it.
            let waits = asks.is_some() || (all_away && kind == PayloadType::Msg);
            let part = delivery.begin(1, recipients.len());
            if !waits {
                // The part is settled, and the answer is not known before everything is handed out.
                let _ = delivery.confirmed(part);
            }
            is_open |= waits;
            for id in recipients {
                let is_away = self.is_away(id);
                if let (true, Some(Peer::Open(open))) = (waits, self.peers.get_mut(&id)) {
                    if is_away {
                        delivery.went_away(part);
                    } else if let Some(key) = asks {
                        delivery.written(part);
                        returned.extend(open.connection.written(now, key, (number, part)));
                    }
                }
                let receipt = (waits && is_away).then_some((number, part));
                writes.push((id, receipt));
            }
        }
        // The sender's other connections get a copy of a message.
        let username = requester.reply.username();
        if kind == PayloadType::Msg && !names.contains(&username) {
            let own = self.current(&requester);
            let copies = self.connections_of(username).into_iter().filter(|id| Some(*id) != own);
            writes.extend(copies.map(|id| (id, None)));
        }
        if is_open && asks.is_none() {
            self.settle_payload(&requester.reply, PriorOutcome::Pending);
        }
        if asks.is_some() {
            self.deadlines.push_back((self.confirmation_deadline(now), number));
        }
        self.pending.insert(number, Pending { requester, delivery, asked: asks.is_some(), offline });
        for (id, receipt) in writes {
            if receipt.is_some() || kind != PayloadType::Ping || !self.is_away(id) {
                self.keep_or_write(now, id, Kept { text: text.clone(), receipt, asks });
            }
        }
        self.settle(now, number, |delivery| delivery.handed_out(missed));
        self.give_back(now, returned);
    }

    pub(super) fn confirmation_deadline(&self, now: Duration) -> Duration {
        now.saturating_add(self.config.times.confirmation)
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
            && let Some(Pending { requester, asked, offline, .. }) = self.pending.remove(&number)
        {
            let reply = &requester.reply;
            let answer = if asked {
                reply.delivery(&counts, self.envelope_ids())
            } else if counts.confirmed == 0 {
                reply.refuse(SysCode::RecipientOffline, self.envelope_ids())
            } else if counts.missed > 0 {
                reply.partially_delivered(&counts, offline, self.envelope_ids())
            } else {
                return self.settle_payload(reply, PriorOutcome::Sent);
            };
            self.answer(now, &requester, answer);
        }
    }

    pub(super) fn give_back(&mut self, now: Duration, receipts: Vec<Receipt>) {
        for (number, part) in receipts {
            self.settle(now, number, |delivery| delivery.returned(part));
        }
    }
}
