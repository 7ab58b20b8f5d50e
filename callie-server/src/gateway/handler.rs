//! Carries out the actions of the core's connection: delivers payloads, executes commands and answers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use callie_core::command::Command;
use callie_core::server::{self, Connection, Reply, Verified};
use callie_core::{PayloadType, PriorOutcome, SysCode};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::action::Action;
use super::delivery::{self, Arrival, Incoming};
use super::request_context::RequestContext;
use super::shared::Gateway;
use crate::base::clock;
use crate::base::ids::envelope_ids;
use crate::base::telemetry::{Discarded, PayloadOutcome, outcome_of};
use crate::commands::Answer;
use crate::router::{Item, Receipt, RecipientCache, Registration};
use crate::store::Session;

/// The latency of one in this many payloads of a connection is measured, from its arrival until it is written.
const TIMED: u64 = 16;

/// The state of one authenticated connection, and its side of the protocol.
pub(crate) struct Handler {
    pub(super) context: RequestContext,
    /// Dropped with the task of the connection, which removes the connection from the hub.
    registration: Registration,
    pub(super) session: Box<Session>,
    pub(super) connection: Connection<Receipt, Utf8Bytes>,
    recipients: RecipientCache,
}

impl Handler {
    /// Opens a connection that has just authenticated, and handles its first payload.
    pub(super) fn open(
        gateway: Arc<Gateway>,
        registration: Registration,
        verified: Verified<'_>,
        session: Session,
    ) -> (Self, Action) {
        let now = Instant::now();
        let mut user = &*registration.origin().user;
        let (connection, action) =
            Connection::open(clock::elapsed(now), verified, Box::new(envelope_ids), &mut user);
        let mut handler = Self::new(gateway, registration, connection, session);
        let action = handler.act(action, now);
        (handler, action)
    }

    /// Continues a connection.
    pub(super) fn new(
        gateway: Arc<Gateway>,
        registration: Registration,
        connection: Connection<Receipt, Utf8Bytes>,
        session: Session,
    ) -> Self {
        Self {
            context: RequestContext { gateway, origin: registration.origin().clone() },
            registration,
            session: Box::new(session),
            connection,
            recipients: RecipientCache::default(),
        }
    }

    /// Handles a text message.
    pub(super) fn receive(&mut self, text: &str, now: Instant) -> Action {
        if self.context.gateway.is_draining() {
            self.connection.drain();
        }
        let mut user = &*self.context.origin.user;
        let action = self.connection.receive(clock::elapsed(now), text, &mut user);
        self.act(action, now)
    }

    /// Handles a control frame of the WebSocket, which the WebSocket has answered.
    pub(super) fn control(&mut self, now: Instant) -> Action {
        let mut user = &*self.context.origin.user;
        match self.connection.control(clock::elapsed(now), &mut user) {
            Some(reason) => Action::Close(reason),
            None => Action::Done,
        }
    }

    /// Leaves payloads that were taken from the outbox and not written. They are dropped with the connection.
    pub(super) fn leave_unwritten(&mut self, items: VecDeque<Item>) {
        self.registration.leave_unwritten(items);
    }

    fn act(&mut self, action: server::Action<'_, Receipt>, now: Instant) -> Action {
        let counters = &self.context.gateway.counters;
        match action {
            server::Action::Deliver(accepted) => {
                let arrival = Arrival { at: now, timed: accepted.number().is_multiple_of(TIMED) };
                let incoming = Incoming {
                    context: &self.context,
                    connection: &self.connection,
                    accepted: &accepted,
                    arrival,
                };
                return delivery::pass_on(&incoming, &mut self.recipients);
            }
            server::Action::Execute(command, accepted) => {
                let reply = self.connection.reply(&accepted);
                return Action::Later(Box::pin(execute(self.context.clone(), command, reply)));
            }
            server::Action::Confirm(receipts) => {
                receipts.into_iter().for_each(Receipt::confirm);
                counters.count(Some(PayloadType::Cmd), PayloadOutcome::Taken);
            }
            server::Action::Answer(answer) => {
                let outcome = answer.code().map_or(PayloadOutcome::Taken, outcome_of);
                counters.count(answer.kind(), outcome);
                self.context.origin.link.answer(answer);
            }
            server::Action::Taken(kind) => counters.count(Some(kind), PayloadOutcome::Taken),
            server::Action::Dropped(kind) => self.note_dropped(Some(kind)),
            server::Action::Ignored => {}
            server::Action::Close(reason) => {
                match reason.sys_code() {
                    Some(SysCode::TooManyInvalid) => counters.count(None, PayloadOutcome::Invalid),
                    Some(SysCode::RateLimited) => self.note_dropped(None),
                    _ => {}
                }
                return Action::Close(reason);
            }
        }
        Action::Done
    }

    /// Counts a payload that was dropped because of the rate.
    fn note_dropped(&self, kind: Option<PayloadType>) {
        let gateway = &self.context.gateway;
        gateway.counters.count(kind, PayloadOutcome::RateLimited);
        gateway.telemetry.metrics.discarded(Discarded::RateLimited, 1);
    }
}

/// Executes a command and answers it.
async fn execute(context: RequestContext, command: Command, reply: Reply) {
    match context.gateway.commands.execute(&context.origin, command).await {
        Ok(Answer::Result(notice)) => context.answer(&reply, *notice),
        Ok(Answer::Silence) => context.record_taken(&reply, PriorOutcome::Sent),
        Err(refusal) => {
            refusal.log();
            context.answer(&reply, refusal.into_notice());
        }
    }
}
