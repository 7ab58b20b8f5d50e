//! What waits for the reply of another node.

use std::sync::Arc;

use callie_core::server::{DeliveryCounts, Part};
use tokio::sync::oneshot;

use super::delivery::{Delivery, Receipt};
use super::entry::{Entry, Memory};
use super::moved_state::MovedState;
use super::node::{NodeId, RequestId};
use super::remote_delivery::{RemoteDelivery, RemoteOutcome};

/// What waits for the reply to an entry.
pub(crate) enum PendingReply {
    /// A payload whose sender is only notified of failures. It is settled when the other node has acted on it.
    RemoteDelivery {
        /// The payload.
        delivery: Arc<RemoteDelivery>,
        /// Members counted on.
        members: usize,
        /// Whether it waits for connections that are away.
        paused: bool,
    },
    /// A payload whose sender asked for confirmation. It is settled by a report.
    Delivery {
        /// The payload.
        delivery: Arc<Delivery>,
        /// Which of its parts.
        part: Part,
    },
    /// A new connection that waits for what the other node remembers about its user.
    Memory(oneshot::Sender<Memory>),
    /// A connection that waits for the state that the other node has of it.
    Move(oneshot::Sender<Option<Box<MovedState>>>),
    /// A payload whose connection moved to the other node.
    Receipt(Receipt),
}

/// What is known of an entry that no reply came for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReplyStatus {
    /// The other node has acted on it.
    Taken,
    /// It did not arrive.
    NotSent,
    /// It may have arrived.
    Unknown,
}

impl PendingReply {
    /// Returns `true` if the reply is that the other node has acted on the entry.
    pub(crate) fn ends_when_taken(&self) -> bool {
        matches!(self, Self::RemoteDelivery { paused: false, .. })
    }

    /// Creates what waits for the delivery to `members` members.
    pub(crate) fn of_members(delivery: &Arc<RemoteDelivery>, members: usize) -> Self {
        Self::RemoteDelivery { delivery: delivery.clone(), members, paused: false }
    }

    /// Notes that the other node waits for connections that are away. Returns the delivery whose deadline does not count
    /// meanwhile, if there is one.
    pub(crate) fn pause(&mut self) -> Option<(Arc<Delivery>, Part)> {
        if let Self::RemoteDelivery { paused, .. } = self {
            *paused = true;
        }
        self.confirmed()
    }

    /// Returns the delivery whose sender asked for confirmation.
    pub(crate) fn confirmed(&self) -> Option<(Arc<Delivery>, Part)> {
        match self {
            Self::Delivery { delivery, part } => Some((delivery.clone(), *part)),
            Self::RemoteDelivery { .. } | Self::Memory(_) | Self::Move(_) | Self::Receipt(_) => None,
        }
    }

    /// Settles it without a reply.
    pub(crate) fn end(self, status: ReplyStatus) {
        match self {
            Self::RemoteDelivery { delivery, members, .. } => delivery.settle(match status {
                ReplyStatus::Taken => RemoteOutcome { reached: members, ..RemoteOutcome::default() },
                ReplyStatus::NotSent => RemoteOutcome { missed: members, ..RemoteOutcome::default() },
                ReplyStatus::Unknown => RemoteOutcome { unknown: members, ..RemoteOutcome::default() },
            }),
            Self::Delivery { delivery, part } => match status {
                ReplyStatus::NotSent => delivery.give_up(part, false),
                ReplyStatus::Taken | ReplyStatus::Unknown => delivery.give_up(part, true),
            },
            // The connection continues without.
            Self::Memory(_) | Self::Move(_) => {}
            // The client may have received it.
            Self::Receipt(receipt) => receipt.written(),
        }
    }

    /// Settles it: `reached` members received it.
    pub(crate) fn reached(self, reached: usize) {
        match self {
            Self::RemoteDelivery { delivery, members, .. } => {
                let reached = reached.min(members);
                delivery.settle(RemoteOutcome { reached, missed: members - reached, unknown: 0 });
            }
            Self::Receipt(receipt) if reached > 0 => receipt.written(),
            Self::Delivery { .. } | Self::Memory(_) | Self::Move(_) | Self::Receipt(_) => {}
        }
    }

    /// Settles it by the report of a confirmed delivery.
    pub(crate) fn report(self, counts: DeliveryCounts) {
        match self {
            Self::Delivery { delivery, part } => delivery.report(part, counts),
            Self::Receipt(receipt) if counts.confirmed > 0 => receipt.confirm(),
            Self::Receipt(receipt) if counts.unconfirmed > 0 => receipt.written(),
            Self::RemoteDelivery { .. } | Self::Memory(_) | Self::Move(_) | Self::Receipt(_) => {}
        }
    }
}

/// The streams to all other nodes, for entries that are answered.
pub(crate) trait Requests: Send + Sync {
    /// Queues an entry for `node`, with the request ID that it is given. `pending` is settled in every case: by the
    /// reply, or when no reply can come any more.
    fn request<'a>(&self, node: NodeId, pending: PendingReply, entry: &mut dyn FnMut(RequestId) -> Entry<'a>);

    /// Returns a request ID for something in a later entry that is answered. `pending` is settled in every case.
    fn reserve(&self, node: NodeId, pending: PendingReply) -> RequestId;
}
