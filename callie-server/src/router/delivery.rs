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
use super::entry::Entry;
use super::node::RequestId;
use super::peers::Peer;
use super::user::{Links, Origin};

/// One message on its way, and who wants to know.
pub(crate) struct Delivery {
    requester: Requester,
    payload_id: PayloadId,
    /// When it ends unconfirmed.
    pub(crate) deadline: Instant,
    progress: Mutex<Progress>,
}

/// Who wants to know.
pub(crate) enum Requester {
    /// The sender: the connection gets the answer, and its user keeps the outcome for resent payloads.
    Sender {
        /// The sending connection.
        origin: Origin<Receipt>,
        /// The payload's number among those of the connection.
        number: u64,
        /// The payload among the user's recent ones.
        key: PayloadKey,
        /// The message in it.
        message_id: MessageId,
        /// Whether all users who are connected anywhere were known before the audience was looked for.
        was_converged: bool,
    },
    /// The node that the sender is connected to.
    Node {
        /// The node.
        peer: Arc<dyn Peer>,
        /// What it calls the payload.
        request: RequestId,
        /// The sender.
        sender: Username,
    },
}

/// What a sender asks to be told about.
pub(crate) struct Request {
    /// Who asks.
    pub(crate) requester: Requester,
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

struct Progress {
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
        let Request { requester, payload_id, counts, deadline } = request;
        if let Requester::Sender { origin, .. } = &requester {
            origin.link.owe();
        }
        let progress = Progress {
            parts: Vec::new(),
            waiting: 0,
            told: Counts::default(),
            counts,
            open: true,
            answered: false,
        };
        Arc::new(Self { requester, payload_id, deadline, progress: Mutex::new(progress) })
    }

    /// Gives the message to the connections of one more member of the audience; true if one of them took it.
    pub(crate) fn hand_to(self: &Arc<Self>, links: &Links<Receipt>, text: &Utf8Bytes) -> bool {
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
        let mut progress = self.progress.lock();
        progress.parts.push(State { members, receipts, written: false, settled: false });
        progress.waiting += 1;
        Part(progress.parts.len() - 1)
    }

    /// All parts have begun, and `offline` members could not be reached. From now on the answer may come.
    pub(crate) fn handed_out(&self, offline: usize) {
        self.change(|progress| {
            progress.open = false;
            progress.told.missed += offline;
        });
    }

    /// The time is up: whoever has not confirmed may or may not have it.
    pub(crate) fn expire(&self) {
        self.change(|progress| {
            for at in 0..progress.parts.len() {
                let unconfirmed = progress.parts[at].members;
                progress.settle(Part(at), Counts { unconfirmed, ..Counts::default() });
            }
        });
    }

    /// A node tells what became of its part. Members it does not account for were not there.
    pub(crate) fn report(&self, part: Part, mut counts: Counts) {
        self.change(|progress| {
            let known = counts.confirmed.saturating_add(counts.unconfirmed).saturating_add(counts.missed);
            counts.missed += progress.members(part).saturating_sub(known);
            progress.settle(part, counts);
        });
    }

    /// A node tells nothing of its part any more.
    pub(crate) fn give_up(&self, part: Part, may_have_arrived: bool) {
        self.change(|progress| {
            let members = progress.members(part);
            let counts = if may_have_arrived {
                Counts { unconfirmed: members, ..Counts::default() }
            } else {
                Counts { missed: members, ..Counts::default() }
            };
            progress.settle(part, counts);
        });
    }

    /// A connection is about to write it: from here on it may have arrived.
    fn written(&self, part: Part) {
        if let Some(state) = self.progress.lock().parts.get_mut(part.0) {
            state.written = true;
        }
    }

    /// A member confirmed it.
    fn confirmed(&self, part: Part) {
        self.change(|progress| progress.settle(part, Counts { confirmed: 1, ..Counts::default() }));
    }

    /// A connection cannot confirm it any more.
    fn returned(&self, part: Part) {
        self.change(|progress| {
            let Some(state) = progress.parts.get_mut(part.0) else { return };
            state.receipts -= 1;
            if state.receipts == 0 {
                let written = usize::from(state.written);
                progress.settle(part, Counts { confirmed: 0, unconfirmed: written, missed: 1 - written });
            }
        });
    }

    /// Whether the answer is out.
    pub(crate) fn is_answered(&self) -> bool {
        self.progress.lock().answered
    }

    /// Who sent the payload, and its ID: what a confirmation names.
    fn names(&self) -> (&str, &str) {
        let sender = match &self.requester {
            Requester::Sender { origin, .. } => &origin.user.name,
            Requester::Node { sender, .. } => sender,
        };
        (sender.as_str(), self.payload_id.as_str())
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        let (answer, counts) = {
            let mut progress = self.progress.lock();
            change(&mut progress);
            (progress.answer(), progress.counts)
        };
        // Outside of the lock: the answer goes to an outbox.
        if let Some(answer) = answer {
            self.tell(answer, counts);
        }
    }

    fn tell(&self, told: Counts, counts: bool) {
        match &self.requester {
            Requester::Sender { origin, number, key, message_id, was_converged } => {
                let (code, outcome) = match (told.confirmed, told.unconfirmed) {
                    // Whoever did not get it may be connected to a node that cannot be asked.
                    (0, 0) if !(*was_converged && origin.user.is_converged()) => {
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
            Requester::Node { peer, request, .. } => peer.send(&Entry::Report {
                request: *request,
                confirmed: told.confirmed as u64,
                unconfirmed: told.unconfirmed as u64,
                missed: told.missed as u64,
            }),
        }
    }
}

impl Progress {
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

/// A message that a connection got: confirmed, or dropped when the connection cannot confirm any more.
pub(crate) struct Receipt {
    delivery: Arc<Delivery>,
    part: Part,
}

impl Receipt {
    /// A receipt for one connection of the member who is `part` of the audience.
    fn new(delivery: Arc<Delivery>, part: Part) -> Self {
        Self { delivery, part }
    }

    /// The payload is about to be written: from here on it may have arrived.
    pub(crate) fn written(&self) {
        self.delivery.written(self.part);
    }

    /// The client confirmed it.
    pub(crate) fn confirm(self) {
        self.delivery.confirmed(self.part);
    }

    /// Who sent the payload, and its ID: what a confirmation names.
    pub(crate) fn names(&self) -> (&str, &str) {
        self.delivery.names()
    }

    /// Whether nobody waits for it any more.
    pub(crate) fn is_over(&self) -> bool {
        self.delivery.is_answered()
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        self.delivery.returned(self.part);
    }
}
