//! Confirmed delivery: what a sender who asked for it is told, exactly once and truthfully (protocol, "Confirmed delivery").
//!
//! A [`Delivery`] counts what became of one message at each member of its audience. Each connection that gets the
//! message holds a [`Receipt`]; whatever happens to the connection, the receipt is confirmed or dropped, so that no
//! outcome is ever forgotten. The answer goes out when the last member is settled or the time is up.

use std::sync::Arc;
use std::time::Instant;

use callie_core::{MessageId, Notice, Outcome, PayloadId, SysCode};
use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::duplicates::PayloadKey;
use super::hub::Origin;
use super::user::Links;

/// One message on its way, and who wants to know.
pub(crate) struct Delivery {
    /// The sending connection, which gets the answer, and its user, who keeps the outcome for resent payloads.
    origin: Origin,
    key: PayloadKey,
    payload_id: PayloadId,
    message_id: MessageId,
    /// Whether the answer counts members, as a group's does.
    counts: bool,
    /// When it ends unconfirmed.
    pub(crate) deadline: Instant,
    tally: Mutex<Tally>,
}

struct Tally {
    /// What is known of each member who got the message; in the order of [`Receipt::member`].
    members: Vec<Member>,
    /// Members who are neither confirmed nor given up.
    waiting: usize,
    confirmed: usize,
    unconfirmed: usize,
    /// Members whom the message certainly did not reach.
    missed: usize,
    /// Set while the message is still being handed out, so that no answer overtakes the next member.
    open: bool,
    answered: bool,
}

#[derive(Default)]
struct Member {
    /// Connections that hold a receipt.
    receipts: usize,
    /// Whether one of them wrote it.
    written: bool,
    settled: bool,
}

/// What a sender asks to be told about.
pub(crate) struct Request {
    /// The sending connection.
    pub(crate) origin: Origin,
    /// The payload among the user's recent ones.
    pub(crate) key: PayloadKey,
    /// The payload.
    pub(crate) payload_id: PayloadId,
    /// The message in it.
    pub(crate) message_id: MessageId,
    /// Whether the answer counts members.
    pub(crate) counts: bool,
    /// When it ends unconfirmed.
    pub(crate) deadline: Instant,
}

impl Delivery {
    /// Starts a delivery; it can be answered once [`Delivery::handed_out`] was called.
    pub(crate) fn start(request: Request) -> Arc<Self> {
        let Request { origin, key, payload_id, message_id, counts, deadline } = request;
        let tally = Tally {
            members: Vec::new(),
            waiting: 0,
            confirmed: 0,
            unconfirmed: 0,
            missed: 0,
            open: true,
            answered: false,
        };
        Arc::new(Self { origin, key, payload_id, message_id, counts, deadline, tally: Mutex::new(tally) })
    }

    /// Gives the message to the connections of one more member of the audience; true if one of them took it.
    pub(crate) fn hand_to(self: &Arc<Self>, links: &Links, text: &Utf8Bytes) -> bool {
        let member = {
            let mut tally = self.tally.lock();
            tally.members.push(Member { receipts: links.len(), ..Member::default() });
            tally.waiting += 1;
            tally.members.len() - 1
        };
        // All receipts are counted before the first can be dropped again.
        let receipts = links.iter().map(|_| Receipt { delivery: self.clone(), member });
        let receipts: SmallVec<[Receipt; 1]> = receipts.collect();
        let mut taken = false;
        for (link, receipt) in links.iter().zip(receipts) {
            taken |= link.send_with(text, receipt);
        }
        taken
    }

    /// All receipts are out, and `offline` members could not be given one. From now on the answer may come.
    pub(crate) fn handed_out(&self, offline: usize) {
        let answer = {
            let mut tally = self.tally.lock();
            tally.open = false;
            tally.missed += offline;
            tally.answer()
        };
        self.tell(answer);
    }

    /// The time is up: whoever has not confirmed may or may not have it.
    pub(crate) fn expire(&self) {
        let answer = {
            let mut tally = self.tally.lock();
            tally.unconfirmed += tally.waiting;
            tally.waiting = 0;
            for member in &mut tally.members {
                member.settled = true;
            }
            tally.answer()
        };
        self.tell(answer);
    }

    /// Whether the answer is out.
    pub(crate) fn is_answered(&self) -> bool {
        self.tally.lock().answered
    }

    fn tell(&self, answer: Option<Answer>) {
        let Some(answer) = answer else { return };
        let (code, outcome) = match answer.verdict {
            Verdict::Delivered => (SysCode::Delivered, Outcome::Delivered),
            Verdict::Unconfirmed => (SysCode::DeliveryUnconfirmed, Outcome::Unconfirmed),
            Verdict::Missed => (SysCode::RecipientOffline, Outcome::Failed),
        };
        self.origin.user.recent.settle(self.key, outcome);
        let mut notice =
            Notice::new(code).in_reply_to(self.payload_id.clone()).message_id(self.message_id.clone());
        if self.counts && !matches!(answer.verdict, Verdict::Missed) {
            notice = notice
                .delivered(answer.confirmed as u64)
                .unconfirmed(answer.unconfirmed as u64)
                .offline_count(answer.missed as u64);
        }
        // A sender who is gone is not told: the answer belongs to the sending connection.
        self.origin.link.notify(&notice);
    }
}

struct Answer {
    verdict: Verdict,
    confirmed: usize,
    unconfirmed: usize,
    missed: usize,
}

enum Verdict {
    Delivered,
    Unconfirmed,
    Missed,
}

impl Tally {
    fn settle(&mut self, member: usize, count: impl FnOnce(&mut Self) -> &mut usize) {
        if !self.members[member].settled {
            self.members[member].settled = true;
            self.waiting -= 1;
            *count(self) += 1;
        }
    }

    /// The answer, when it is time for it; once.
    fn answer(&mut self) -> Option<Answer> {
        if self.open || self.answered || self.waiting > 0 {
            return None;
        }
        self.answered = true;
        let verdict = match (self.confirmed, self.unconfirmed) {
            (0, 0) => Verdict::Missed,
            (0, _) => Verdict::Unconfirmed,
            _ => Verdict::Delivered,
        };
        Some(Answer {
            verdict,
            confirmed: self.confirmed,
            unconfirmed: self.unconfirmed,
            missed: self.missed,
        })
    }
}

/// One connection's part in a delivery: confirmed, or dropped when the connection cannot confirm any more.
pub(crate) struct Receipt {
    delivery: Arc<Delivery>,
    member: usize,
}

impl Receipt {
    /// The payload is about to be written: from here on it may have arrived.
    pub(crate) fn written(&self) {
        self.delivery.tally.lock().members[self.member].written = true;
    }

    /// The client confirmed it.
    pub(crate) fn confirm(self) {
        let answer = {
            let mut tally = self.delivery.tally.lock();
            tally.settle(self.member, |t| &mut t.confirmed);
            tally.answer()
        };
        self.delivery.tell(answer);
    }

    /// Who sent the payload, and its ID: what a confirmation names.
    pub(crate) fn names(&self) -> (&str, &str) {
        (self.delivery.origin.user.name.as_str(), self.delivery.payload_id.as_str())
    }

    /// Whether nobody waits for it any more.
    pub(crate) fn is_over(&self) -> bool {
        self.delivery.is_answered()
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        let answer = {
            let mut tally = self.delivery.tally.lock();
            let member = &mut tally.members[self.member];
            member.receipts -= 1;
            if member.receipts == 0 {
                if member.written {
                    tally.settle(self.member, |t| &mut t.unconfirmed);
                } else {
                    tally.settle(self.member, |t| &mut t.missed);
                }
            }
            tally.answer()
        };
        self.delivery.tell(answer);
    }
}
