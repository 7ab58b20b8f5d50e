//! What each payload of an authenticated connection is answered with: token, sender, rate, duplicate, routing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use callie_core::command::Command;
use callie_core::{
    CodeName, Content, ContentRef, Frame, Notice, Outcome, Payload, PayloadId, PayloadType, Recipient,
    RecipientRef, Route, Sender, SysCode, Timestamp, route,
};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::action::Action;
use super::delivery::{self, Arrival};
use super::pending_acks::PendingAcks;
use super::reply::Reply;
use super::request_context::RequestContext;
use super::shared::Gateway;
use super::strikes::{Flood, Strikes};
use crate::base::clock;
use crate::base::ids::stamp;
use crate::base::telemetry::{Discarded, PayloadOutcome};
use crate::commands::Answer;
use crate::router::{BucketKind, CloseReason, PayloadKey, Place, RecipientCache};
use crate::store::Session;

/// One of so many payloads of a connection is timed from its arrival to its being written.
const TIMED: u64 = 16;

/// One connection's side of the talk.
pub(crate) struct Handler {
    pub(super) context: RequestContext,
    /// Given up when the connection's task ends.
    _place: Place,
    token: Box<str>,
    pub(super) session: Box<Session>,
    pub(super) pending_acks: PendingAcks,
    strikes: Strikes,
    flood: Flood,
    /// When the dropped payloads that are not reported yet are due to be.
    pub(super) report_at: Option<Instant>,
    recipients: RecipientCache,
}

impl Handler {
    /// The talk of a connection that has just authenticated.
    pub(crate) fn new(gateway: Arc<Gateway>, place: Place, token: &str, session: Session) -> Self {
        Self {
            context: RequestContext { gateway, origin: place.origin().clone() },
            _place: place,
            token: token.into(),
            session: Box::new(session),
            pending_acks: PendingAcks::new(),
            strikes: Strikes::default(),
            flood: Flood::default(),
            report_at: None,
            recipients: RecipientCache::default(),
        }
    }

    fn gateway(&self) -> &Gateway {
        &self.context.gateway
    }

    /// Answers the payload that the connection is at.
    fn tell(&self, notice: &Notice) {
        let link = &self.context.origin.link;
        link.answer(link.at(), notice);
    }

    /// Acts on a text message.
    pub(crate) fn take(&mut self, text: &str, now: Instant) -> Action {
        self.context.origin.link.next_payload();
        if self.gateway().is_draining() {
            return self.take_confirmation(text);
        }
        let limits = self.gateway().limits;
        let frame = match Frame::from_client(text, &limits) {
            Ok(frame) => frame,
            Err(fault) => return self.invalid(None, &fault.notice(Some(&self.token)), now),
        };
        let kind = Some(frame.payload_type());
        if frame.token() != &*self.token {
            return self.invalid(kind, &self.context.reply_to(&frame).notice(SysCode::InvalidToken), now);
        }
        if self.context.origin.user.name != *frame.sender() {
            return self.invalid(kind, &self.context.reply_to(&frame).notice(SysCode::SenderMismatch), now);
        }
        self.take_checked(&frame, now)
    }

    /// The server is stopping: a payload that comes now is as good as unread and gets no answer, so that nobody takes a
    /// later answer for a sign that it was taken. Only confirmations are, for the answers that they bring to others.
    fn take_confirmation(&mut self, text: &str) -> Action {
        let limits = self.gateway().limits;
        if let Ok(frame) = Frame::from_client(text, &limits)
            && frame.token() == &*self.token
            && self.context.origin.user.name == *frame.sender()
            && is_ack(&frame)
        {
            return self.execute(&frame, None);
        }
        Action::Done
    }

    /// Acts on a valid payload of this connection's user.
    pub(super) fn take_checked(&mut self, frame: &Frame<'_>, now: Instant) -> Action {
        if let Err(wait) = self.rate(frame) {
            return self.limited(frame, wait, now);
        }
        let key = remembered(frame).then(|| self.gateway().hub.keys.of(frame.payload_id()));
        if let Some(key) = key
            && let Err(outcome) = self.context.origin.user.note(key, likely(frame), now)
        {
            let notice = Notice::new(SysCode::DuplicatePayload).outcome(outcome);
            self.context.answer(&self.context.reply_to(frame), None, outcome, notice);
            return Action::Done;
        }
        self.route(frame, key, now)
    }

    fn route(&mut self, frame: &Frame<'_>, key: Option<PayloadKey>, now: Instant) -> Action {
        let Some(kind) = frame.recipient().kind() else { return Action::Done };
        match route(frame.payload_type(), kind) {
            Route::AnswerPong => self.pong(frame),
            Route::Take => {
                self.context.took(PayloadType::Pong, None, Outcome::Sent);
                Action::Done
            }
            Route::Execute => self.execute(frame, key),
            Route::ToUser | Route::ToGroup | Route::ToEveryone => {
                let timed = self.context.origin.link.at().is_multiple_of(TIMED);
                let arrival = Arrival { at: now, timed };
                delivery::pass_on(&self.context, &mut self.recipients, frame, key, arrival)
            }
            Route::Refuse(code) => {
                self.context.refuse(&self.context.reply_to(frame), key, code);
                Action::Done
            }
        }
    }

    fn pong(&self, frame: &Frame<'_>) -> Action {
        self.context.took(PayloadType::Ping, None, Outcome::Sent);
        let to = Recipient::User(self.context.origin.user.name.clone());
        let pong = Payload::new(stamp(), Sender::Server, to, Content::Pong);
        // An ID fits the metadata of any payload, so the answer is always there.
        let answered =
            PayloadId::parse(frame.payload_id()).ok().and_then(|id| pong.with_in_reply_to(&id).ok());
        let Some(pong) = answered else { return Action::Done };
        let link = &self.context.origin.link;
        link.answer_encoded(link.at(), &Utf8Bytes::from(pong.encode()));
        Action::Done
    }

    fn execute(&mut self, frame: &Frame<'_>, key: Option<PayloadKey>) -> Action {
        let Some(command) = frame.command(&self.gateway().limits) else { return Action::Done };
        match command {
            Ok(Command::Ack { payloads }) => {
                let gateway = &self.context.gateway;
                for entry in &payloads {
                    let key = gateway.hub.keys.of_both(entry.sender.as_str(), entry.payload_id.as_str());
                    self.pending_acks.confirm(key);
                }
                self.context.took(PayloadType::Cmd, None, Outcome::Sent);
                Action::Done
            }
            Ok(Command::Authenticate {}) => {
                self.context.took(PayloadType::Cmd, None, Outcome::Sent);
                self.tell(&welcome(self.gateway(), &self.session, frame));
                Action::Done
            }
            Ok(command) => {
                let reply = self.context.reply_to(frame);
                Action::Later(Box::pin(carry_out(self.context.clone(), command, reply, key)))
            }
            Err(fault) => {
                let ContentRef::Cmd(call) = frame.content() else { return Action::Done };
                let Ok(name) = CodeName::parse(call.name()) else { return Action::Done };
                let notice = fault.notice(name, Some(&self.token));
                self.context.answer(&self.context.reply_to(frame), key, Outcome::Failed, notice);
                Action::Done
            }
        }
    }

    fn invalid(&mut self, kind: Option<PayloadType>, notice: &Notice, now: Instant) -> Action {
        self.gateway().counters.count(kind, PayloadOutcome::Invalid);
        self.tell(notice);
        if self.strikes.count(now) {
            Action::Close(CloseReason::new(SysCode::TooManyInvalid))
        } else {
            Action::Done
        }
    }

    fn rate(&self, frame: &Frame<'_>) -> Result<(), Duration> {
        let rates = &self.context.origin.user;
        let kind = frame.payload_type();
        match frame.recipient() {
            RecipientRef::Server
                if matches!(kind, PayloadType::Ping | PayloadType::Pong) || is_ack(frame) =>
            {
                rates.take(BucketKind::Upkeep)
            }
            _ if kind == PayloadType::Pong => rates.take(BucketKind::Upkeep),
            RecipientRef::Broadcast if kind == PayloadType::Msg => {
                rates.take(BucketKind::Payloads).and_then(|()| rates.take(BucketKind::Broadcasts))
            }
            _ => rates.take(BucketKind::Payloads),
        }
    }

    /// Takes a sign of life of the WebSocket itself, which is answered already: too many are a flood like any other.
    pub(super) fn control(&mut self, now: Instant) -> Action {
        match self.context.origin.user.take(BucketKind::Upkeep) {
            Ok(()) => Action::Done,
            Err(wait) => {
                let action = self.flooded(wait, now);
                if matches!(action, Action::Done) {
                    self.context.origin.link.drop_unnamed(wait);
                }
                action
            }
        }
    }

    /// A payload was over the rate: it is dropped, and named in the next `RATE_LIMITED`.
    fn limited(&mut self, frame: &Frame<'_>, wait: Duration, now: Instant) -> Action {
        self.gateway().counters.count(Some(frame.payload_type()), PayloadOutcome::RateLimited);
        self.gateway().telemetry.metrics.discarded(Discarded::RateLimited, 1);
        let (id, command) = self.context.reply_to(frame).names();
        // A checked payload's ID keeps its form, so it is always there.
        if let Some(id) = id {
            self.context.origin.link.drop_payload(id, command, wait);
        }
        let action = self.flooded(wait, now);
        if matches!(action, Action::Done) {
            self.report_at = self.context.origin.link.report_if_due();
        }
        action
    }

    /// Something was over the rate: ends what goes on for too long.
    fn flooded(&mut self, wait: Duration, now: Instant) -> Action {
        if !self.flood.dropped(now, self.gateway().timing.flood) {
            return Action::Done;
        }
        let last = self.context.origin.link.last_report();
        Action::Close(CloseReason::flooding(last.unwrap_or_else(|| {
            let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
            Notice::new(SysCode::RateLimited).retry_after_ms(wait)
        })))
    }

    /// Reports the payloads that were dropped, if that is due.
    pub(super) fn report_dropped(&mut self, now: Instant) {
        if self.report_at.is_some_and(|at| at <= now) {
            self.report_at = None;
            self.context.origin.link.report_dropped();
        }
    }
}

/// Carries out a command, and answers it.
async fn carry_out(context: RequestContext, command: Command, reply: Reply, key: Option<PayloadKey>) {
    match context.gateway.commands.execute(&context.origin, command).await {
        Ok(Answer::Result(notice)) => context.answer(&reply, key, Outcome::Sent, *notice),
        Ok(Answer::Silence) => context.took(reply.kind(), key, Outcome::Sent),
        Err(refusal) => {
            refusal.log();
            let outcome = refusal.outcome();
            context.answer(&reply, key, outcome, refusal.into_notice());
        }
    }
}

/// What a connection is told when it has authenticated with the payload `frame`.
pub(super) fn welcome(gateway: &Gateway, session: &Session, frame: &Frame<'_>) -> Notice {
    let expires: Timestamp = clock::timestamp(session.expires);
    let heartbeat = u32::try_from(gateway.timing.heartbeat.as_secs()).unwrap_or(u32::MAX).max(1);
    // The conversation may be at no payload yet: what it is welcomed with names no number.
    Reply::to(frame, 0)
        .notice(SysCode::Authenticated)
        .username(session.user.clone())
        .session_id(session.id.clone())
        .expires_at(expires)
        .heartbeat_seconds(heartbeat)
        .limits(gateway.config.current().limits())
}

/// What is likely to become of a payload: most messages are sent at once, and need not be noted twice.
fn likely(frame: &Frame<'_>) -> Outcome {
    match frame.content() {
        ContentRef::Msg(_) if !frame.wants_ack() => Outcome::Sent,
        _ => Outcome::Pending,
    }
}

/// Whether a payload sent again is found out: MSG and CMD, but not `ACK` and `AUTHENTICATE`.
fn remembered(frame: &Frame<'_>) -> bool {
    match frame.content() {
        ContentRef::Msg(_) => true,
        ContentRef::Cmd(call) => !is_ack(frame) && call.name() != Command::Authenticate {}.name(),
        _ => false,
    }
}

fn is_ack(frame: &Frame<'_>) -> bool {
    match frame.content() {
        ContentRef::Cmd(call) => call.name() == Command::Ack { payloads: Vec::new() }.name(),
        _ => false,
    }
}
