//! A connection whose payload is handled: what it takes to answer it.

use std::sync::Arc;

use callie_core::{Frame, Notice, Outcome, PayloadType, SysCode};

use super::reply::Reply;
use super::shared::Gateway;
use crate::base::telemetry::{PayloadOutcome, outcome_of};
use crate::router::{Hub, Origin, Owed, PayloadKey};

/// A connection whose payload is handled. Cloning shares it.
#[derive(Clone)]
pub(crate) struct RequestContext {
    /// What all connections share.
    pub(super) gateway: Arc<Gateway>,
    /// The connection and its user.
    pub(super) origin: Origin,
}

impl RequestContext {
    /// Returns who is connected.
    pub(super) fn hub(&self) -> &Hub {
        &self.gateway.hub
    }

    /// Answers a payload, and records and counts its outcome.
    pub(super) fn answer(&self, reply: &Reply, key: Option<PayloadKey>, outcome: Outcome, notice: Notice) {
        self.gateway.counters.count(Some(reply.kind()), outcome_of(notice.code()));
        self.settle(key, outcome);
        self.origin.link.answer(reply.number(), &reply.complete(notice));
    }

    /// Answers a payload that is refused, with the description of `code`.
    pub(super) fn refuse(&self, reply: &Reply, key: Option<PayloadKey>, code: SysCode) {
        self.answer(reply, key, Outcome::Failed, Notice::new(code));
    }

    /// Records and counts a payload that was acted on and is not answered, or not yet.
    pub(super) fn took(&self, kind: PayloadType, key: Option<PayloadKey>, outcome: Outcome) {
        self.gateway.counters.count(Some(kind), PayloadOutcome::Taken);
        self.settle(key, outcome);
    }

    /// Records the outcome of a payload, or that it is not known yet.
    pub(super) fn settle(&self, key: Option<PayloadKey>, outcome: Outcome) {
        if let Some(key) = key {
            self.origin.user.settle(key, outcome);
        }
    }

    /// Notes that the answer to a payload is still to come, until the result is dropped.
    pub(super) fn owe(&self) -> Owed {
        Owed::by(&self.origin.link)
    }

    /// Returns what it takes to answer the payload that the connection is at.
    pub(super) fn reply_to(&self, frame: &Frame<'_>) -> Reply {
        Reply::to(frame, self.origin.link.at())
    }
}
