//! The connection whose payload is being handled, for answers to it.

use std::sync::Arc;

use callie_core::server::{self, Reply};
use callie_core::{NoticeBuilder, PayloadType, PriorOutcome, SysCode};

use super::shared::Gateway;
use crate::base::ids::envelope_ids;
use crate::base::telemetry::{PayloadOutcome, outcome_of};
use crate::router::{Hub, Origin, PendingAnswer};

/// The connection whose payload is being handled. Cloning shares it.
#[derive(Clone)]
pub(crate) struct RequestContext {
    /// The gateway.
    pub(super) gateway: Arc<Gateway>,
    /// The connection and its user.
    pub(super) origin: Origin,
}

impl RequestContext {
    /// Returns the hub.
    pub(super) fn hub(&self) -> &Hub {
        &self.gateway.hub
    }

    /// Answers a payload, and records and counts its outcome.
    pub(super) fn answer(&self, reply: &Reply, notice: NoticeBuilder) {
        self.queue(reply, reply.answer(notice, envelope_ids()));
    }

    /// Refuses a payload with `code` and its standard description.
    pub(super) fn refuse(&self, reply: &Reply, code: SysCode) {
        self.queue(reply, reply.refuse(code, envelope_ids()));
    }

    /// Queues an answer, and records and counts the outcome of its payload.
    pub(super) fn queue(&self, reply: &Reply, answer: server::Answer) {
        if let Some(code) = answer.code() {
            self.gateway.counters.count(Some(reply.kind()), outcome_of(code));
        }
        self.settle(reply, answer.outcome());
        self.origin.link.answer(answer);
    }

    /// Records and counts a payload that was handled and is not answered.
    pub(super) fn record_taken(&self, reply: &Reply, outcome: PriorOutcome) {
        self.count_taken(reply.kind());
        self.settle(reply, outcome);
    }

    /// Counts a payload that was handled, and is not answered or not yet. The caller records its outcome.
    pub(super) fn count_taken(&self, kind: PayloadType) {
        self.gateway.counters.count(Some(kind), PayloadOutcome::Taken);
    }

    /// Records the outcome of a payload, which may be pending.
    pub(super) fn settle(&self, reply: &Reply, outcome: PriorOutcome) {
        if let Some(key) = reply.key() {
            self.origin.user.settle(key, outcome);
        }
    }

    /// Counts an answer as pending until the result is dropped.
    pub(super) fn pending_answer(&self) -> PendingAnswer {
        PendingAnswer::on(&self.origin.link)
    }
}
