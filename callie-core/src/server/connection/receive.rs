//! What a connection does with a received payload, in the order of the protocol's checks.

use std::time::Duration;

use super::Connection;
use crate::code::SysCode;
use crate::command::request::{ACK, AUTHENTICATE};
use crate::command::{AckEntry, Command, CommandFault, TextCount};
use crate::frame::{ContentRef, PayloadRef};
use crate::notice::{Notice, NoticeBuilder, PriorOutcome};
use crate::party::RecipientRef;
use crate::payload_type::PayloadType;
use crate::route::{Route, route};
use crate::server::action::{Accepted, Action};
use crate::server::close::CloseReason;
use crate::server::dropped::DroppedPayloads;
use crate::server::rates::BucketKind;
use crate::server::reply::{Answer, PayloadNames, Reply};
use crate::server::user::{Admission, Denied, SharedState};
use crate::server::written::Text;

impl<R, T: Text> Connection<R, T> {
    /// Handles a text message.
    pub fn receive<'t>(
        &mut self,
        now: Duration,
        text: &'t str,
        user: &mut impl SharedState,
    ) -> Action<'t, R> {
        self.number += 1;
        self.heartbeat.heard(now);
        let checked = PayloadRef::from_client(text, &self.config.limits);
        if self.draining {
            return self.act_on_confirmation(checked.ok());
        }
        let payload = match checked {
            Ok(payload) => payload,
            Err(fault) => {
                let notice = fault.notice(Some(&self.token));
                return self.invalid(now, None, &notice);
            }
        };
        match self.stranger(&payload) {
            None => self.act_on(now, payload, user),
            Some(code) => {
                let notice = PayloadNames::of(&payload).complete(Notice::builder(code));
                self.invalid(now, Some(payload.payload_type()), &notice)
            }
        }
    }

    /// Handles a control frame of the WebSocket, which the server's library answers. It counts as `Upkeep`, and too
    /// many are a flood. Returns the reason to close the connection, if there is one.
    pub fn control(&mut self, now: Duration, user: &mut impl SharedState) -> Option<CloseReason> {
        let admission = Admission { bucket: BucketKind::Upkeep, note: None };
        let Err(Denied::RateLimited { retry_after }) = user.admit(now, admission) else { return None };
        self.dropped().record_unnamed(now, retry_after);
        self.flooded(now, retry_after)
    }

    /// Returns the code for a payload that does not belong to this connection's session.
    fn stranger(&self, payload: &PayloadRef<'_>) -> Option<SysCode> {
        if payload.token() != &*self.token {
            Some(SysCode::InvalidToken)
        } else if self.identity.username != *payload.sender() {
            Some(SysCode::SenderMismatch)
        } else {
            None
        }
    }

    /// Checks rate, duplicate and route of a valid payload of this connection's user.
    pub(super) fn act_on<'t>(
        &mut self,
        now: Duration,
        payload: PayloadRef<'t>,
        user: &mut impl SharedState,
    ) -> Action<'t, R> {
        let kind = payload.payload_type();
        // The recipient of a client's payload is always in the table.
        let Some(recipient) = payload.recipient().kind() else { return Action::Ignored };
        let route = route(kind, recipient);
        let key =
            is_remembered(&payload).then(|| self.config.keys.key(payload.sender(), payload.payload_id()));
        let note = key.map(|key| (key, likely_outcome(&payload, route)));
        match user.admit(now, Admission { bucket: bucket_of(&payload), note }) {
            Ok(()) => {}
            Err(Denied::RateLimited { retry_after }) => return self.drop_payload(now, &payload, retry_after),
            Err(Denied::Duplicate(outcome)) => {
                return self.answer_to(&payload, Notice::builder(SysCode::DuplicatePayload).outcome(outcome));
            }
        }
        let accepted = Accepted { payload, number: self.number, key };
        match route {
            Route::ToUser | Route::ToGroup | Route::ToEveryone => Action::Deliver(accepted),
            Route::Execute => self.execute(accepted, user),
            Route::AnswerPong => {
                let ids = (self.next_ids)();
                Action::Answer(self.reply(&accepted).pong(ids))
            }
            Route::Take => Action::Taken(kind),
            Route::Refuse(code) => self.answer_to(&accepted.payload, Notice::builder(code)),
        }
    }

    fn execute<'t>(&mut self, accepted: Accepted<'t>, user: &mut impl SharedState) -> Action<'t, R> {
        match accepted.payload.command(&self.config.limits) {
            Some(Ok(Command::Ack { payloads, received })) => match self.confirm(payloads, received) {
                Ok(confirmed) => confirmed,
                Err(fault) => self.refuse_command(&accepted, &fault),
            },
            Some(Ok(Command::Authenticate { .. })) => Action::Answer(self.welcome(&self.reply(&accepted))),
            Some(Ok(command)) => Action::Execute(command, accepted),
            Some(Err(fault)) => {
                if let Some(key) = accepted.key {
                    user.settle(key, PriorOutcome::Failed);
                }
                self.refuse_command(&accepted, &fault)
            }
            // Only a CMD has this route.
            None => Action::Ignored,
        }
    }

    fn refuse_command<'t>(&mut self, accepted: &Accepted<'_>, fault: &CommandFault) -> Action<'t, R> {
        let ids = (self.next_ids)();
        Action::Answer(self.reply(accepted).fault(fault, &self.token, ids))
    }

    /// Handles a confirmation, which counts only for payloads that were written to this connection. `received` counts
    /// only if `resume` is in force.
    fn confirm<'t>(
        &mut self,
        payloads: Vec<AckEntry>,
        received: Option<TextCount>,
    ) -> Result<Action<'t, R>, CommandFault> {
        if let (Some(resumption), Some(received)) = (&mut self.resumption, received)
            && !resumption.texts.count(received.get())
        {
            return Err(CommandFault::of_parameter(
                "received",
                "must not exceed the number of written texts",
            ));
        }
        let receipts = payloads.into_iter().filter_map(|entry| {
            self.pending.remove(self.config.keys.key(entry.sender.as_str(), entry.payload_id.as_str()))
        });
        Ok(Action::Confirm(receipts.collect()))
    }

    fn act_on_confirmation<'t>(&mut self, payload: Option<PayloadRef<'t>>) -> Action<'t, R> {
        match payload {
            Some(payload) if is_ack(&payload) && self.stranger(&payload).is_none() => {
                match payload.command(&self.config.limits) {
                    Some(Ok(Command::Ack { payloads, received })) => {
                        self.confirm(payloads, received).unwrap_or(Action::Ignored)
                    }
                    _ => Action::Ignored,
                }
            }
            _ => Action::Ignored,
        }
    }

    /// Answers an invalid payload. The last of too many is answered, too, and closes the connection.
    fn invalid<'t>(&mut self, now: Duration, kind: Option<PayloadType>, notice: &Notice) -> Action<'t, R> {
        let ids = (self.next_ids)();
        let answer = Answer::new(self.number, kind, &self.identity.username, notice, ids);
        if self.strikes.count(now) {
            self.answer(now, answer);
            Action::Close(CloseReason::too_many_invalid())
        } else {
            Action::Answer(answer)
        }
    }

    fn answer_to<'t>(&mut self, payload: &PayloadRef<'_>, notice: NoticeBuilder) -> Action<'t, R> {
        let ids = (self.next_ids)();
        let reply = Reply::new(payload, self.number, None, self.identity.username.clone());
        Action::Answer(reply.answer(notice, ids))
    }

    fn drop_payload<'t>(
        &mut self,
        now: Duration,
        payload: &PayloadRef<'_>,
        retry_after: Duration,
    ) -> Action<'t, R> {
        let PayloadNames { payload_id, command, .. } = PayloadNames::of(payload);
        let number = self.number;
        self.dropped().record(now, number, payload_id, command, retry_after);
        match self.flooded(now, retry_after) {
            Some(reason) => Action::Close(reason),
            None => Action::Dropped(payload.payload_type()),
        }
    }

    /// Records a payload over the rate. Closes the connection if the flood has lasted too long.
    fn flooded(&mut self, now: Duration, retry_after: Duration) -> Option<CloseReason> {
        if !self.flood.dropped(now, self.config.times.flood) {
            return None;
        }
        let last = self.dropped().last_report(now, retry_after);
        Some(CloseReason::flooding(last))
    }

    fn dropped(&mut self) -> &mut DroppedPayloads {
        self.dropped.get_or_insert_default()
    }
}

/// Returns the bucket of a payload.
fn bucket_of(payload: &PayloadRef<'_>) -> BucketKind {
    let kind = payload.payload_type();
    match payload.recipient() {
        _ if kind == PayloadType::Pong => BucketKind::Upkeep,
        RecipientRef::Server if kind == PayloadType::Ping || is_ack(payload) => BucketKind::Upkeep,
        RecipientRef::Broadcast if kind == PayloadType::Msg => BucketKind::Broadcasts,
        _ => BucketKind::Payloads,
    }
}

/// Returns the outcome that is recorded for a new payload. Most messages are sent immediately and need not be settled.
fn likely_outcome(payload: &PayloadRef<'_>, route: Route) -> PriorOutcome {
    match payload.content() {
        _ if matches!(route, Route::Refuse(_)) => PriorOutcome::Failed,
        ContentRef::Msg(_) if !payload.wants_ack() => PriorOutcome::Sent,
        _ => PriorOutcome::Pending,
    }
}

/// Returns `true` if duplicates of a payload are detected: for MSG and CMD, except `ACK` and `AUTHENTICATE`.
fn is_remembered(payload: &PayloadRef<'_>) -> bool {
    match payload.content() {
        ContentRef::Msg(_) => true,
        ContentRef::Cmd(call) => !is_ack(payload) && call.name() != AUTHENTICATE,
        _ => false,
    }
}

fn is_ack(payload: &PayloadRef<'_>) -> bool {
    match payload.content() {
        ContentRef::Cmd(call) => call.name() == ACK,
        _ => false,
    }
}
