//! Confirmed delivery: the one answer that a sender receives who asked for confirmation (protocol, "Confirmed
//! delivery").
//!
//! A [`Delivery`] records the outcome of one message for each part of its audience. A part is a member who is connected
//! here, or all members who are connected to another node, which has a delivery of its own for them and reports. The
//! answer is sent when every part is settled or the deadline has passed.

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

/// The delivery of one message, and who receives its outcome.
pub(crate) struct Delivery {
    requester: Requester,
    payload_id: PayloadId,
    /// When it ends unconfirmed.
    pub(crate) deadline: Instant,
    progress: Mutex<Progress>,
}

/// Who receives the outcome.
pub(crate) enum Requester {
    /// The sender. The connection receives the answer, and its user keeps the outcome for duplicates.
    Sender {
        /// The sending connection.
        origin: Origin<Receipt>,
        /// The number of the payload on that connection.
        number: u64,
        /// The key of the payload among the user's recent ones.
        key: PayloadKey,
        /// The ID of the message.
        message_id: MessageId,
        /// Whether all connected users were known before the audience was determined.
        was_converged: bool,
    },
    /// The node that the sender is connected to.
    Node {
        /// The node.
        peer: Arc<dyn Peer>,
        /// The ID of the request, for the reply.
        request: RequestId,
        /// The sender.
        sender: Username,
    },
}

/// What a sender asks for.
pub(crate) struct Request {
    /// Who receives the outcome.
    pub(crate) requester: Requester,
    /// The ID of the payload.
    pub(crate) payload_id: PayloadId,
    /// Whether the answer counts members, as that of a group does. Otherwise the first confirmation is the answer.
    pub(crate) counts: bool,
    /// When it ends unconfirmed.
    pub(crate) deadline: Instant,
}

/// The index of a part of the audience in its delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part(usize);

struct Progress {
    /// The parts of the audience; empty once the answer is sent.
    parts: Vec<State>,
    /// The number of parts that are not settled.
    waiting: usize,
    told: Counts,
    counts: bool,
    /// Set while parts are added, so that the answer is not sent before the last one.
    open: bool,
    answered: bool,
}

/// The numbers of members by outcome.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    /// Members who confirmed the message.
    pub(crate) confirmed: usize,
    /// Members who may have received it.
    pub(crate) unconfirmed: usize,
    /// Members who did not receive it.
    pub(crate) missed: usize,
}

struct State {
    /// Members in this part.
    members: usize,
    /// Connections that hold a receipt.
    receipts: usize,
    /// Whether one of them wrote the message.
    written: bool,
    settled: bool,
}

impl Delivery {
    /// Starts a delivery. It can be answered once [`Delivery::handed_out`] was called.
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

    /// Queues the message for the connections of one more member. Returns `true` if one of them took it.
    pub(crate) fn hand_to(self: &Arc<Self>, links: &Links<Receipt>, text: &Utf8Bytes) -> bool {
        let part = self.begin(1, links.len());
        // All receipts are counted before the first one can be dropped.
        let receipts = links.iter().map(|_| Receipt::new(self.clone(), part));
        let receipts: SmallVec<[Receipt; 1]> = receipts.collect();
        let mut taken = false;
        for (link, receipt) in links.iter().zip(receipts) {
            taken |= link.send_with(text, receipt);
        }
        taken
    }

    /// Adds a part of `members` members whom another node reaches.
    pub(crate) fn leave_to_node(&self, members: usize) -> Part {
        self.begin(members, 0)
    }

    fn begin(&self, members: usize, receipts: usize) -> Part {
        let mut progress = self.progress.lock();
        progress.parts.push(State { members, receipts, written: false, settled: false });
        progress.waiting += 1;
        Part(progress.parts.len() - 1)
    }

    /// Notes that all parts were added and that `offline` members could not be reached. From now on the answer may be
    /// sent.
    pub(crate) fn handed_out(&self, offline: usize) {
        self.change(|progress| {
            progress.open = false;
            progress.told.missed += offline;
        });
    }

    /// Ends the delivery at its deadline: members who have not confirmed may have received the message.
    pub(crate) fn expire(&self) {
        self.change(|progress| {
            for at in 0..progress.parts.len() {
                let unconfirmed = progress.parts[at].members;
                progress.settle(Part(at), Counts { unconfirmed, ..Counts::default() });
            }
        });
    }

    /// Settles the part of another node by its report. Members whom it does not count were not connected.
    pub(crate) fn report(&self, part: Part, mut counts: Counts) {
        self.change(|progress| {
            let known = counts.confirmed.saturating_add(counts.unconfirmed).saturating_add(counts.missed);
            counts.missed += progress.members(part).saturating_sub(known);
            progress.settle(part, counts);
        });
    }

    /// Settles the part of another node from which no report can come.
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

    /// Notes that a connection is about to write the message. From now on the member may have received it.
    fn written(&self, part: Part) {
        if let Some(state) = self.progress.lock().parts.get_mut(part.0) {
            state.written = true;
        }
    }

    /// Settles the part of a member who confirmed the message.
    fn confirmed(&self, part: Part) {
        self.change(|progress| progress.settle(part, Counts { confirmed: 1, ..Counts::default() }));
    }

    /// Notes that a connection cannot confirm the message any more.
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

    /// Returns `true` once the answer was sent.
    pub(crate) fn is_answered(&self) -> bool {
        self.progress.lock().answered
    }

    /// Returns the sender and the ID of the payload, which a confirmation names.
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
        // Outside of the lock, because the answer goes to an outbox.
        if let Some(answer) = answer {
            self.tell(answer, counts);
        }
    }

    fn tell(&self, told: Counts, counts: bool) {
        match &self.requester {
            Requester::Sender { origin, number, key, message_id, was_converged } => {
                let (code, outcome) = match (told.confirmed, told.unconfirmed) {
                    // Members who were missed may be connected to a node that cannot be asked.
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
                // A sender who is gone receives no answer: it belongs to the sending connection.
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
    /// Settles a part. Later outcomes of the same part are ignored.
    fn settle(&mut self, part: Part, counts: Counts) {
        if let Some(state) = self.parts.get_mut(part.0).filter(|state| !state.settled) {
            state.settled = true;
            self.waiting -= 1;
            self.told.confirmed += counts.confirmed;
            self.told.unconfirmed += counts.unconfirmed;
            self.told.missed += counts.missed;
        }
    }

    /// Returns the number of members in a part.
    fn members(&self, part: Part) -> usize {
        self.parts.get(part.0).map_or(0, |state| state.members)
    }

    /// Returns the answer when it is known, once.
    fn answer(&mut self) -> Option<Counts> {
        let is_known = self.waiting == 0 || (!self.counts && self.told.confirmed > 0);
        if self.open || self.answered || !is_known {
            return None;
        }
        self.answered = true;
        // Receipts may hold the delivery for long after this. What they report is ignored.
        self.parts = Vec::new();
        Some(self.told)
    }
}

/// A message that a connection received. It is confirmed, or dropped when the connection cannot confirm it any more.
pub(crate) struct Receipt {
    delivery: Arc<Delivery>,
    part: Part,
}

impl Receipt {
    /// Creates the receipt of one connection of the member who is `part` of the audience.
    fn new(delivery: Arc<Delivery>, part: Part) -> Self {
        Self { delivery, part }
    }

    /// Notes that the message is about to be written. From now on the member may have received it.
    pub(crate) fn written(&self) {
        self.delivery.written(self.part);
    }

    /// Notes that the client confirmed the message.
    pub(crate) fn confirm(self) {
        self.delivery.confirmed(self.part);
    }

    /// Returns the sender and the ID of the payload, which a confirmation names.
    pub(crate) fn names(&self) -> (&str, &str) {
        self.delivery.names()
    }

    /// Returns `true` if nobody waits for it any more.
    pub(crate) fn is_over(&self) -> bool {
        self.delivery.is_answered()
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        self.delivery.returned(self.part);
    }
}
