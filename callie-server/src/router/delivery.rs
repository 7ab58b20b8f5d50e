//! Confirmed delivery: the one answer that a sender receives who asked for confirmation (protocol, "Confirmed
//! delivery").
//!
//! A [`Delivery`] records the outcome of one message for each part of its audience. A part is a member who is connected
//! here, or all members who are connected to another node, which has a delivery of its own for them and reports. The
//! answer is sent when every part is settled or the deadline has passed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use callie_core::server::{self, DeliveryCounts, Part, PayloadKey, Reply};
use callie_core::{PayloadId, SysCode};
use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::entry::Entry;
use super::kept::{KeptItem, KeptReceipt};
use super::node::RequestId;
use super::outbox::Pausable;
use super::peers::Peer;
use super::remote_delivery::{RemoteDelivery, RemoteOutcome};
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
        let receipts = links.iter().map(|_| Receipt::of_delivery(self.clone(), part));
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

    /// Notes that a connection of the part is away; for a part of another node, that connections of its members are.
    pub(crate) fn pause(&self, part: Part) {
        self.change_pause(|progress| progress.went_away(part));
    }

    /// Notes that what was away was resumed. The part ends at `deadline`.
    pub(super) fn resume(&self, part: Part, deadline: Instant) {
        self.change_pause(|progress| progress.came_back(part, clock::elapsed(deadline)));
    }

    /// Makes a change, and tells the node of the sender if the deadline counts from now on or does not count any more.
    fn change_pause(&self, change: impl FnOnce(&mut server::Delivery)) {
        let mut progress = self.progress.lock();
        let was_paused = progress.is_paused();
        change(&mut progress);
        let is_paused = progress.is_paused();
        if let Requester::Node { peer, request } = &self.requester
            && is_paused != was_paused
        {
            let request = *request;
            peer.send(&if is_paused { Entry::Paused { request } } else { Entry::Resumed { request } });
        }
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

/// What a queued payload reports of itself. It is dropped when the payload cannot be written or confirmed any more.
pub(crate) enum Receipt {
    /// Its sender asked for confirmation.
    Asked(AskedReceipt),
    /// It was kept in the store while its recipient was offline.
    Kept(KeptReceipt),
    /// It waits for connections that are away. Its sender is only notified if none of them gets it.
    Waiting(Arc<WaitingMember>),
}

/// A message whose sender asked for confirmation. It is confirmed, or dropped when the connection cannot confirm it any
/// more.
pub(crate) struct AskedReceipt {
    delivery: Arc<Delivery>,
    part: Part,
    /// Whether the connection is away.
    paused: bool,
}

/// One member of the audience whose connections are all away. Settles as missed when it is dropped unwritten.
pub(crate) struct WaitingMember {
    delivery: Arc<RemoteDelivery>,
    is_written: AtomicBool,
}

impl WaitingMember {
    /// Adds a member to the audience of `delivery`.
    pub(super) fn begin(delivery: &Arc<RemoteDelivery>) -> Arc<Self> {
        delivery.begin();
        Arc::new(Self { delivery: delivery.clone(), is_written: AtomicBool::new(false) })
    }

    fn written(&self) {
        if !self.is_written.swap(true, Ordering::Relaxed) {
            self.delivery.settle(RemoteOutcome { reached: 1, ..RemoteOutcome::default() });
        }
    }
}

impl Drop for WaitingMember {
    fn drop(&mut self) {
        if !*self.is_written.get_mut() {
            self.delivery.settle(RemoteOutcome { missed: 1, ..RemoteOutcome::default() });
        }
    }
}

impl Receipt {
    /// Creates the receipt of a payload whose connection has moved here. Its outcome is reported to `peer`. `key` is set if
    /// the client may confirm the payload.
    pub(crate) fn moved(
        peer: Arc<dyn Peer>,
        request: RequestId,
        key: Option<PayloadKey>,
        deadline: Instant,
    ) -> Self {
        let Some(key) = key else {
            let delivery = RemoteDelivery::new(0);
            let member = WaitingMember::begin(&delivery);
            delivery.finally(move |outcome| {
                peer.send(&Entry::Reached { request, reached: outcome.reached as u64 });
            });
            return Self::Waiting(member);
        };
        let requester = Requester::Node { peer, request };
        let delivery = Delivery::start(Request { requester, key, of_group: false, deadline });
        let part = delivery.progress.lock().begin(1, 1);
        delivery.handed_out(0);
        Self::of_delivery(delivery, part)
    }

    /// Returns the delivery, if the sender asked for confirmation.
    pub(super) fn delivery(&self) -> Option<&Arc<Delivery>> {
        match self {
            Self::Asked(asked) => Some(&asked.delivery),
            Self::Kept(_) | Self::Waiting(_) => None,
        }
    }

    /// Creates the receipt of one connection of the member who is `part` of the audience.
    fn of_delivery(delivery: Arc<Delivery>, part: Part) -> Self {
        Self::Asked(AskedReceipt { delivery, part, paused: false })
    }

    /// Notes that the message is about to be written. From now on the member may have received it.
    pub(crate) fn written(&self) {
        match self {
            Self::Asked(asked) => asked.delivery.progress.lock().written(asked.part),
            Self::Kept(_) => {}
            Self::Waiting(member) => member.written(),
        }
    }

    /// Notes that the client confirmed the message.
    pub(crate) fn confirm(self) {
        match self {
            Self::Asked(asked) => asked.delivery.change(|progress| progress.confirmed(asked.part)),
            Self::Kept(kept) => kept.confirm(),
            Self::Waiting(_) => {}
        }
    }

    /// Returns the key of the payload, which its confirmation names; `None` if its client need not confirm it.
    pub(crate) fn key(&self) -> Option<PayloadKey> {
        match self {
            Self::Asked(asked) => Some(asked.delivery.key),
            Self::Kept(kept) => Some(kept.key()),
            Self::Waiting(_) => None,
        }
    }

    /// Returns the message, if it was kept in the store.
    pub(crate) fn kept(&self) -> Option<&KeptItem> {
        match self {
            Self::Kept(kept) => Some(kept.item()),
            Self::Asked(_) | Self::Waiting(_) => None,
        }
    }

    /// Notes that the connection, which was away, was resumed. Returns the delivery if it now ends at `deadline`.
    pub(super) fn resume(&mut self, deadline: Instant) -> Option<Arc<Delivery>> {
        let Self::Asked(asked) = self else { return None };
        if !std::mem::take(&mut asked.paused) {
            return None;
        }
        asked.delivery.resume(asked.part, deadline);
        Some(asked.delivery.clone())
    }
}

impl Pausable for Receipt {
    fn pause(&mut self) {
        if let Self::Asked(asked) = self
            && !std::mem::replace(&mut asked.paused, true)
        {
            asked.delivery.pause(asked.part);
        }
    }
}

impl Drop for AskedReceipt {
    fn drop(&mut self) {
        self.delivery.change(|progress| match self.paused {
            true => progress.gone(self.part),
            false => progress.returned(self.part),
        });
    }
}
