//! Confirmed delivery: the one answer that a sender receives who asked for confirmation (protocol, "Confirmed
//! delivery").
//!
//! A [`Delivery`] records the outcome of one message for each part of its audience. A part is a member who is connected
//! here, or all members who are connected to another node, which has a delivery of its own for them and reports. The
//! answer is sent when every part is settled or the deadline has passed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use callie_core::server::{self, DeliveryCounts, Part, PayloadKey, Reply};
use callie_core::{PayloadId, SysCode};
use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::entry::Entry;
use super::kept::{KeptItem, KeptReceipt};
use super::node::RequestId;
use super::peers::Peer;
use super::user::{Links, Origin};
use crate::base::clock;
use crate::base::ids::envelope_ids;

/// The delivery of one message, and who receives its outcome.
pub(crate) struct Delivery {
    requester: Requester,
    key: PayloadKey,
    /// When it ends unconfirmed.
    pub(crate) deadline: Instant,
    progress: Mutex<server::Delivery>,
}

/// Who receives the outcome.
pub(crate) enum Requester {
    /// The sender. The connection receives the answer, and its user keeps the outcome for duplicates.
    Sender {
        /// The sending connection.
        origin: Origin<Receipt>,
        /// The payload.
        reply: Reply,
        /// Whether all connected users were known before the audience was determined.
        was_converged: bool,
        /// Answers in place of the delivery, for a message that is kept for those who did not receive it.
        finish: Mutex<Option<Finish>>,
    },
    /// The node that the sender is connected to.
    Node {
        /// The node.
        peer: Arc<dyn Peer>,
        /// The ID of the request, for the reply.
        request: RequestId,
    },
}

/// Answers a sender, and records the outcome.
pub(crate) type Finish = Box<dyn FnOnce(DeliveryCounts) + Send>;

/// What a sender asks for.
pub(crate) struct Request {
    /// Who receives the outcome.
    pub(crate) requester: Requester,
    /// The key of the payload, which its confirmation names.
    pub(crate) key: PayloadKey,
    /// Whether the message goes to a group. Then the answer counts members.
    pub(crate) of_group: bool,
    /// When it ends unconfirmed.
    pub(crate) deadline: Instant,
}

impl Request {
    /// Returns the payload's ID, for a payload that was sent by a connection to this node.
    pub(super) fn payload_id(&self) -> Option<PayloadId> {
        match &self.requester {
            Requester::Sender { reply, .. } => Some(reply.payload_id().clone()),
            Requester::Node { .. } => None,
        }
    }
}

impl Delivery {
    /// Starts a delivery. It can be answered once [`Delivery::handed_out`] was called.
    pub(crate) fn start(request: Request) -> Arc<Self> {
        let Request { requester, key, of_group, deadline } = request;
        if let Requester::Sender { origin, .. } = &requester {
            origin.link.add_pending();
        }
        let until = clock::elapsed(deadline);
        let progress =
            if of_group { server::Delivery::to_group(until) } else { server::Delivery::to_user(until) };
        Arc::new(Self { requester, key, deadline, progress: Mutex::new(progress) })
    }

    /// Queues the message for the connections of one more member. Returns `true` if one of them took it.
    pub(crate) fn hand_to(self: &Arc<Self>, links: &Links<Receipt>, text: &Utf8Bytes) -> bool {
        let part = self.progress.lock().begin(1, links.len());
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
        self.progress.lock().begin(members, 0)
    }

    /// Notes that all parts were added and that `offline` members could not be reached. From now on the answer may be
    /// sent.
    pub(crate) fn handed_out(&self, offline: usize) {
        self.change(|progress| progress.handed_out(offline));
    }

    /// Handles the deadlines up to `now`: members who have not confirmed may have received the message.
    pub(crate) fn expire(&self, now: Duration) {
        self.change(|progress| progress.expire(now));
    }

    /// Settles the part of another node by its report. Members whom it does not count were not connected.
    pub(crate) fn report(&self, part: Part, counts: DeliveryCounts) {
        self.change(|progress| progress.report(part, counts));
    }

    /// Settles the part of another node from which no report can come.
    pub(crate) fn give_up(&self, part: Part, may_have_arrived: bool) {
        self.change(|progress| progress.give_up(part, may_have_arrived));
    }

    fn change(&self, change: impl FnOnce(&mut server::Delivery) -> Option<DeliveryCounts>) {
        let counts = change(&mut self.progress.lock());
        // Outside of the lock, because the answer goes to an outbox.
        if let Some(counts) = counts {
            self.tell(&counts);
        }
    }

    fn tell(&self, counts: &DeliveryCounts) {
        match &self.requester {
            Requester::Sender { origin, reply, was_converged, finish } => {
                if let Some(finish) = finish.lock().take() {
                    finish(*counts);
                    return origin.link.remove_pending();
                }
                let is_missed = counts.confirmed == 0 && counts.unconfirmed == 0;
                // Members who were missed may be connected to a node that cannot be asked.
                let answer = if is_missed && !(*was_converged && origin.user.is_converged()) {
                    reply.refuse(SysCode::InternalError, envelope_ids())
                } else {
                    reply.delivery(counts, envelope_ids())
                };
                origin.user.settle(self.key, answer.outcome());
                // A sender who is gone receives no answer: it belongs to the sending connection.
                origin.link.answer(answer);
                origin.link.remove_pending();
            }
            Requester::Node { peer, request, .. } => peer.send(&Entry::Report {
                request: *request,
                confirmed: counts.confirmed as u64,
                unconfirmed: counts.unconfirmed as u64,
                missed: counts.missed as u64,
            }),
        }
    }
}

/// A message that a connection received, and which its client may confirm.
pub(crate) enum Receipt {
    /// Its sender asked for confirmation.
    Asked(AskedReceipt),
    /// It was kept while its recipient was offline.
    Kept(KeptReceipt),
}

/// A message whose sender asked for confirmation. It is confirmed, or dropped when the connection cannot confirm it any
/// more.
pub(crate) struct AskedReceipt {
    delivery: Arc<Delivery>,
    part: Part,
}

impl Receipt {
    /// Creates the receipt of one connection of the member who is `part` of the audience.
    fn new(delivery: Arc<Delivery>, part: Part) -> Self {
        Self::Asked(AskedReceipt { delivery, part })
    }

    /// Notes that the message is about to be written. From now on the member may have received it.
    pub(crate) fn written(&self) {
        match self {
            Self::Asked(asked) => asked.delivery.progress.lock().written(asked.part),
            Self::Kept(_) => {}
        }
    }

    /// Notes that the client confirmed the message.
    pub(crate) fn confirm(self) {
        match self {
            Self::Asked(asked) => asked.delivery.change(|progress| progress.confirmed(asked.part)),
            Self::Kept(kept) => kept.confirm(),
        }
    }

    /// Returns the key of the payload, which its confirmation names.
    pub(crate) fn key(&self) -> PayloadKey {
        match self {
            Self::Asked(asked) => asked.delivery.key,
            Self::Kept(kept) => kept.key(),
        }
    }

    /// Returns the message, if it was kept.
    pub(crate) fn kept(&self) -> Option<&KeptItem> {
        match self {
            Self::Asked(_) => None,
            Self::Kept(kept) => Some(kept.item()),
        }
    }
}

impl Drop for AskedReceipt {
    fn drop(&mut self) {
        self.delivery.change(|progress| progress.returned(self.part));
    }
}
