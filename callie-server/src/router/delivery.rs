//! Confirmed delivery: what a sender who asked for it is told, exactly once and truthfully (protocol, "Confirmed delivery").
//!
//! A [`Delivery`] counts what became of one message at each part of its audience: a member who is connected here, or all
//! members who are connected to another node, which has a delivery of its own for them and reports. The answer goes out
//! when the last part is settled or the time is up.

use std::sync::Arc;
use std::time::Instant;

use callie_core::{MessageId, Notice, Outcome, PayloadId, SysCode, Username};
use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::duplicates::PayloadKey;
use super::hub::Origin;
use super::receipt::Receipt;
use super::user::Links;
use crate::cluster::{Entry, Peer, Ticket};

/// One message on its way, and who wants to know.
pub(crate) struct Delivery {
    asker: Asker,
    payload_id: PayloadId,
    /// When it ends unconfirmed.
    pub(crate) deadline: Instant,
    tally: Mutex<Tally>,
}

/// Who wants to know.
pub(crate) enum Asker {
    /// The sender: the connection gets the answer, and its user keeps the outcome for resent payloads.
    Sender {
        /// The sending connection.
        origin: Origin,
        /// The payload's number among those of the connection.
        number: u64,
        /// The payload among the user's recent ones.
        key: PayloadKey,
        /// The message in it.
        message_id: MessageId,
        /// Whether all users who are connected anywhere were known before the audience was looked for.
        was_whole: bool,
    },
    /// The node that the sender is connected to.
    Node {
        /// The node.
        peer: Arc<Peer>,
        /// What it calls the payload.
        ticket: Ticket,
        /// The sender.
        sender: Username,
    },
}

/// What a sender asks to be told about.
pub(crate) struct Request {
    /// Who asks.
    pub(crate) asker: Asker,
    /// The payload.
    pub(crate) payload_id: PayloadId,
    /// Whether the answer counts members, as a group's does; else the first confirmation is the answer.
    pub(crate) counts: bool,
    /// When it ends unconfirmed.
    pub(crate) deadline: Instant,
}

/// A part of a message's audience: which of its delivery's it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part(usize);

struct Tally {
    /// What is known of each part of the audience; nothing once the answer is out.
    parts: Vec<State>,
    /// Parts that are not settled.
    waiting: usize,
    told: Counts,
    counts: bool,
    /// Set while the message is still being handed out, so that no answer overtakes the next part.
    open: bool,
    answered: bool,
}

/// Members for whom the message ended in each way.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    /// They confirmed it.
    pub(crate) confirmed: usize,
    /// They may have it.
    pub(crate) unconfirmed: usize,
    /// It certainly did not reach them.
    pub(crate) missed: usize,
}

struct State {
    /// Members in this part.
    members: usize,
    /// Connections that hold a receipt.
    receipts: usize,
    /// Whether one of them wrote it.
    written: bool,
    settled: bool,
}

impl Delivery {
    /// Starts a delivery; it can be answered once [`Delivery::handed_out`] was called.
    pub(crate) fn start(request: Request) -> Arc<Self> {
        let Request { asker, payload_id, counts, deadline } = request;
        if let Asker::Sender { origin, .. } = &asker {
            origin.link.owe();
        }
        let tally = Tally {
            parts: Vec::new(),
            waiting: 0,
            told: Counts::default(),
            counts,
            open: true,
            answered: false,
        };
        Arc::new(Self { asker, payload_id, deadline, tally: Mutex::new(tally) })
    }

    /// Gives the message to the connections of one more member of the audience; true if one of them took it.
    pub(crate) fn hand_to(self: &Arc<Self>, links: &Links, text: &Utf8Bytes) -> bool {
        let part = self.begin(1, links.len());
        // All receipts are counted before the first can be dropped again.
        let receipts = links.iter().map(|_| Receipt::new(self.clone(), part));
        let receipts: SmallVec<[Receipt; 1]> = receipts.collect();
        let mut taken = false;
        for (link, receipt) in links.iter().zip(receipts) {
            taken |= link.send_with(text, receipt);
        }
        taken
    }

    /// So many members of the audience are another node's to reach.
    pub(crate) fn leave_to_node(&self, members: usize) -> Part {
        self.begin(members, 0)
    }

    fn begin(&self, members: usize, receipts: usize) -> Part {
        let mut tally = self.tally.lock();
        tally.parts.push(State { members, receipts, written: false, settled: false });
        tally.waiting += 1;
        Part(tally.parts.len() - 1)
    }

    /// All parts have begun, and `offline` members could not be reached. From now on the answer may come.
    pub(crate) fn handed_out(&self, offline: usize) {
        self.change(|tally| {
            tally.open = false;
            tally.told.missed += offline;
        });
    }

    /// The time is up: whoever has not confirmed may or may not have it.
    pub(crate) fn expire(&self) {
        self.change(|tally| {
            for at in 0..tally.parts.len() {
                let unconfirmed = tally.parts[at].members;
                tally.settle(Part(at), Counts { unconfirmed, ..Counts::default() });
            }
        });
    }

    /// A node tells what became of its part. Members it does not account for were not there.
    pub(crate) fn report(&self, part: Part, mut counts: Counts) {
        self.change(|tally| {
            let known = counts.confirmed.saturating_add(counts.unconfirmed).saturating_add(counts.missed);
            counts.missed += tally.members(part).saturating_sub(known);
            tally.settle(part, counts);
        });
    }

    /// A node tells nothing of its part any more.
    pub(crate) fn give_up(&self, part: Part, may_have_arrived: bool) {
        self.change(|tally| {
            let members = tally.members(part);
            let counts = if may_have_arrived {
                Counts { unconfirmed: members, ..Counts::default() }
            } else {
                Counts { missed: members, ..Counts::default() }
            };
            tally.settle(part, counts);
        });
    }

    /// A connection is about to write it: from here on it may have arrived.
    pub(super) fn written(&self, part: Part) {
        if let Some(state) = self.tally.lock().parts.get_mut(part.0) {
            state.written = true;
        }
    }

    /// A member confirmed it.
    pub(super) fn confirmed(&self, part: Part) {
        self.change(|tally| tally.settle(part, Counts { confirmed: 1, ..Counts::default() }));
    }

    /// A connection cannot confirm it any more.
    pub(super) fn returned(&self, part: Part) {
        self.change(|tally| {
            let Some(state) = tally.parts.get_mut(part.0) else { return };
            state.receipts -= 1;
            if state.receipts == 0 {
                let written = usize::from(state.written);
                tally.settle(part, Counts { confirmed: 0, unconfirmed: written, missed: 1 - written });
            }
        });
    }

    /// Whether the answer is out.
    pub(crate) fn is_answered(&self) -> bool {
        self.tally.lock().answered
    }

    /// Who sent the payload, and its ID: what a confirmation names.
    pub(super) fn names(&self) -> (&str, &str) {
        let sender = match &self.asker {
            Asker::Sender { origin, .. } => &origin.user.name,
            Asker::Node { sender, .. } => sender,
        };
        (sender.as_str(), self.payload_id.as_str())
    }

    fn change(&self, change: impl FnOnce(&mut Tally)) {
        let (answer, counts) = {
            let mut tally = self.tally.lock();
            change(&mut tally);
            (tally.answer(), tally.counts)
        };
        // Outside of the lock: the answer goes to an outbox.
        if let Some(answer) = answer {
            self.tell(answer, counts);
        }
    }

    fn tell(&self, told: Counts, counts: bool) {
        match &self.asker {
            Asker::Sender { origin, number, key, message_id, was_whole } => {
                let (code, outcome) = match (told.confirmed, told.unconfirmed) {
                    // Whoever did not get it may be connected to a node that cannot be asked.
                    (0, 0) if !(*was_whole && origin.user.knows_all()) => {
                        (SysCode::InternalError, Outcome::Failed)
                    }
                    (0, 0) => (SysCode::RecipientOffline, Outcome::Failed),
                    (0, _) => (SysCode::DeliveryUnconfirmed, Outcome::Unconfirmed),
                    _ => (SysCode::Delivered, Outcome::Delivered),
                };
                origin.user.settle(*key, outcome);
                let mut notice =
                    Notice::new(code).in_reply_to(self.payload_id.clone()).message_id(message_id.clone());
                if counts && outcome != Outcome::Failed {
                    notice = notice
                        .delivered(told.confirmed as u64)
                        .unconfirmed(told.unconfirmed as u64)
                        .offline_count(told.missed as u64);
                }
                // A sender who is gone is not told: the answer belongs to the sending connection.
                origin.link.answer(*number, &notice);
                origin.link.settled();
            }
            Asker::Node { peer, ticket, .. } => peer.tell(&Entry::Report {
                ticket: *ticket,
                confirmed: told.confirmed as u64,
                unconfirmed: told.unconfirmed as u64,
                missed: told.missed as u64,
            }),
        }
    }
}

impl Tally {
    /// Notes what became of a part; what is said later of it counts for nothing.
    fn settle(&mut self, part: Part, counts: Counts) {
        if let Some(state) = self.parts.get_mut(part.0).filter(|state| !state.settled) {
            state.settled = true;
            self.waiting -= 1;
            self.told.confirmed += counts.confirmed;
            self.told.unconfirmed += counts.unconfirmed;
            self.told.missed += counts.missed;
        }
    }

    /// How many members are in a part.
    fn members(&self, part: Part) -> usize {
        self.parts.get(part.0).map_or(0, |state| state.members)
    }

    /// The answer, when it is time for it; once.
    fn answer(&mut self) -> Option<Counts> {
        let is_known = self.waiting == 0 || (!self.counts && self.told.confirmed > 0);
        if self.open || self.answered || !is_known {
            return None;
        }
        self.answered = true;
        // Receipts may hold the delivery for long after this, and what they say counts for nothing.
        self.parts = Vec::new();
        Some(self.told)
    }
}
