//! A connection whose payload is handled: what it takes to answer it.

use std::sync::Arc;

use callie_core::server::{self, Reply};
use callie_core::{Notice, PayloadType, PriorOutcome, SysCode};

use super::shared::Gateway;
use crate::base::ids::stamp;
use crate::base::telemetry::{PayloadOutcome, outcome_of};
use crate::router::{Hub, Origin, Owed};

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
    pub(super) fn answer(&self, reply: &Reply, notice: Notice) {
        self.queue(reply, reply.answer(notice, stamp()));
    }

    /// Answers a payload that is refused, with the description of `code`.
    pub(super) fn refuse(&self, reply: &Reply, code: SysCode) {
        self.queue(reply, reply.refuse(code, stamp()));
    }

    /// Queues an answer, and records and counts the outcome of its payload.
    pub(super) fn queue(&self, reply: &Reply, answer: server::Answer) {
        if let Some(code) = answer.code() {
            self.gateway.counters.count(Some(reply.kind()), outcome_of(code));
        }
        self.settle(reply, answer.outcome());
        self.origin.link.answer(answer);
    }

    /// Records and counts a payload that was acted on and is not answered.
    pub(super) fn took(&self, reply: &Reply, outcome: PriorOutcome) {
        self.count_taken(reply.kind());
        self.settle(reply, outcome);
    }

    /// Counts a payload that was acted on, and is not answered or not yet. Its outcome is recorded elsewhere.
    pub(super) fn count_taken(&self, kind: PayloadType) {
        self.gateway.counters.count(Some(kind), PayloadOutcome::Taken);
    }

    /// Records the outcome of a payload, or that it is not known yet.
    pub(super) fn settle(&self, reply: &Reply, outcome: PriorOutcome) {
        if let Some(key) = reply.key() {
            self.origin.user.settle(key, outcome);
        }
    }

    /// Notes that the answer to a payload is still to come, until the result is dropped.
    pub(super) fn owe(&self) -> Owed {
        Owed::by(&self.origin.link)
    }
}
