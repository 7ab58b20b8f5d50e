//! What each payload of an authenticated connection is answered with: token, sender, rate, duplicate, routing.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use callie_core::command::Command;
use callie_core::{
    CodeName, Content, ContentRef, Frame, Notice, Outcome, Payload, PayloadId, PayloadType, Recipient,
    RecipientRef, Route, Sender, SysCode, Timestamp, route,
};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::awaiting::Awaiting;
use super::reply::Reply;
use super::stamp;
use super::strikes::{Flood, Strikes};
use super::tally::outcome_of;
use crate::clock;
use crate::commands;
use crate::router::{Bucket, Farewell, Hub, Last, Origin, Owed, PayloadKey, Place};
use crate::server::App;
use crate::store::Session;
use crate::telemetry::{Discarded, PayloadOutcome};

/// A connection that asks for something: what it takes to do it and to answer.
#[derive(Clone)]
pub(crate) struct Speaker {
    /// The server.
    pub(crate) app: Arc<App>,
    /// The connection and its user.
    pub(crate) origin: Origin,
}

impl Speaker {
    /// Who is connected.
    pub(crate) fn hub(&self) -> &Hub {
        &self.app.gateway.hub
    }

    /// Notes and counts what became of a payload, and answers it.
    pub(crate) fn answer(&self, reply: &Reply, key: Option<PayloadKey>, outcome: Outcome, notice: Notice) {
        self.app.gateway.tally.count(Some(reply.kind()), outcome_of(notice.code()));
        self.settle(key, outcome);
        self.origin.link.answer(reply.number(), &reply.complete(notice));
    }

    /// Until this is dropped, the answer to a payload is to come.
    pub(crate) fn owe(&self) -> Owed {
        Owed::by(&self.origin.link)
    }

    /// What it takes to answer the payload that the connection is at.
    pub(crate) fn reply_to(&self, frame: &Frame<'_>) -> Reply {
        Reply::to(frame, self.origin.link.at())
    }

    /// The same for a payload that is refused with no more words than the code's.
    pub(crate) fn refuse(&self, reply: &Reply, key: Option<PayloadKey>, code: SysCode) {
        self.answer(reply, key, Outcome::Failed, Notice::new(code));
    }

    /// Notes and counts a payload that was acted on and is not answered, or not yet.
    pub(crate) fn took(&self, kind: PayloadType, key: Option<PayloadKey>, outcome: Outcome) {
        self.app.gateway.tally.count(Some(kind), PayloadOutcome::Taken);
        self.settle(key, outcome);
    }

    /// Notes what became of a payload, or that it is not known yet.
    pub(crate) fn settle(&self, key: Option<PayloadKey>, outcome: Outcome) {
        if let Some(key) = key {
            self.origin.user.settle(key, outcome);
        }
    }
}

/// One of so many payloads of a connection is timed from its arrival to its being written.
const TIMED: u64 = 16;

/// Work that has to wait for something; the connection's next payload is taken when it is done.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What follows from a payload.
pub(crate) enum Step {
    /// Nothing more.
    Done,
    /// There is work to do first.
    Later(Work),
    /// The connection ends.
    Close(Farewell),
}

/// One connection's side of the talk.
pub(crate) struct Conversation {
    pub(super) speaker: Speaker,
    /// Given up when the connection's task ends.
    _place: Place,
    token: Box<str>,
    pub(super) session: Box<Session>,
    pub(super) awaiting: Awaiting,
    strikes: Strikes,
    flood: Flood,
    /// When the dropped payloads that are not reported yet are due to be.
    pub(super) report_at: Option<Instant>,
    last: Last,
}

impl Conversation {
    /// The talk of a connection that has just authenticated.
    pub(crate) fn new(app: Arc<App>, place: Place, token: &str, session: Session) -> Self {
        Self {
            speaker: Speaker { app, origin: place.origin().clone() },
            _place: place,
            token: token.into(),
            session: Box::new(session),
            awaiting: Awaiting::new(),
            strikes: Strikes::default(),
            flood: Flood::default(),
            report_at: None,
            last: Last::default(),
        }
    }

    fn app(&self) -> &App {
        &self.speaker.app
    }

    /// Answers the payload that the connection is at.
    fn tell(&self, notice: &Notice) {
        let link = &self.speaker.origin.link;
        link.answer(link.at(), notice);
    }

    /// Acts on a text message.
    pub(crate) fn take(&mut self, text: &str, now: Instant) -> Step {
        self.speaker.origin.link.next_payload();
        if self.app().gateway.is_draining() {
            return self.take_confirmation(text);
        }
        let limits = self.app().gateway.limits;
        let frame = match Frame::from_client(text, &limits) {
            Ok(frame) => frame,
            Err(fault) => return self.invalid(None, &fault.notice(Some(&self.token)), now),
        };
        let kind = Some(frame.payload_type());
        if frame.token() != &*self.token {
            return self.invalid(kind, &self.speaker.reply_to(&frame).notice(SysCode::InvalidToken), now);
        }
        if self.speaker.origin.user.name != *frame.sender() {
            return self.invalid(kind, &self.speaker.reply_to(&frame).notice(SysCode::SenderMismatch), now);
        }
        self.take_checked(&frame, now)
    }

    /// The server is stopping: a payload that comes now is as good as unread and gets no answer, so that nobody takes a
    /// later answer for a sign that it was taken. Only confirmations are, for the answers that they bring to others.
    fn take_confirmation(&mut self, text: &str) -> Step {
        let limits = self.app().gateway.limits;
        if let Ok(frame) = Frame::from_client(text, &limits)
            && frame.token() == &*self.token
            && self.speaker.origin.user.name == *frame.sender()
            && is_ack(&frame)
        {
            return self.execute(&frame, None);
        }
        Step::Done
    }

    /// Acts on a valid payload of this connection's user.
    pub(super) fn take_checked(&mut self, frame: &Frame<'_>, now: Instant) -> Step {
        if let Err(wait) = self.rate(frame) {
            return self.limited(frame, wait, now);
        }
        let key = remembered(frame).then(|| self.app().gateway.hub.keys.of(frame.payload_id()));
        if let Some(key) = key
            && let Err(outcome) = self.speaker.origin.user.note(key, likely(frame), now)
        {
            let notice = Notice::new(SysCode::DuplicatePayload).outcome(outcome);
            self.speaker.answer(&self.speaker.reply_to(frame), None, outcome, notice);
            return Step::Done;
        }
        self.route(frame, key, now)
    }

    fn route(&mut self, frame: &Frame<'_>, key: Option<PayloadKey>, now: Instant) -> Step {
        let Some(kind) = frame.recipient().kind() else { return Step::Done };
        match route(frame.payload_type(), kind) {
            Route::AnswerPong => self.pong(frame),
            Route::Take => {
                self.speaker.took(PayloadType::Pong, None, Outcome::Sent);
                Step::Done
            }
            Route::Execute => self.execute(frame, key),
            Route::ToUser | Route::ToGroup | Route::ToEveryone => super::passing::pass_on(
                &self.speaker,
                &mut self.last,
                frame,
                key,
                super::passing::Arrival {
                    at: now,
                    timed: self.speaker.origin.link.at().is_multiple_of(TIMED),
                },
            ),
            Route::Refuse(code) => {
                self.speaker.refuse(&self.speaker.reply_to(frame), key, code);
                Step::Done
            }
        }
    }

    fn pong(&self, frame: &Frame<'_>) -> Step {
        self.speaker.took(PayloadType::Ping, None, Outcome::Sent);
        let to = Recipient::User(self.speaker.origin.user.name.clone());
        let pong = Payload::new(stamp(), Sender::Server, to, Content::Pong);
        // An ID fits the metadata of any payload, so the answer is always there.
        let answered =
            PayloadId::parse(frame.payload_id()).ok().and_then(|id| pong.with_in_reply_to(&id).ok());
        let Some(pong) = answered else { return Step::Done };
        let link = &self.speaker.origin.link;
        link.answer_encoded(link.at(), &Utf8Bytes::from(pong.encode()));
        Step::Done
    }

    fn execute(&mut self, frame: &Frame<'_>, key: Option<PayloadKey>) -> Step {
        let Some(command) = frame.command(&self.app().gateway.limits) else { return Step::Done };
        match command {
            Ok(Command::Ack { payloads }) => {
                let gateway = &self.speaker.app.gateway;
                for entry in &payloads {
                    let key = gateway.hub.keys.of_both(entry.sender.as_str(), entry.payload_id.as_str());
                    self.awaiting.confirm(key);
                }
                self.speaker.took(PayloadType::Cmd, None, Outcome::Sent);
                Step::Done
            }
            Ok(Command::Authenticate {}) => {
                self.speaker.took(PayloadType::Cmd, None, Outcome::Sent);
                self.tell(&welcome(self.app(), &self.session, frame));
                Step::Done
            }
            Ok(command) => {
                let work =
                    commands::carry_out(self.speaker.clone(), command, self.speaker.reply_to(frame), key);
                Step::Later(Box::pin(work))
            }
            Err(fault) => {
                let ContentRef::Cmd(call) = frame.content() else { return Step::Done };
                let Ok(name) = CodeName::parse(call.name()) else { return Step::Done };
                let notice = fault.notice(name, Some(&self.token));
                self.speaker.answer(&self.speaker.reply_to(frame), key, Outcome::Failed, notice);
                Step::Done
            }
        }
    }

    fn invalid(&mut self, kind: Option<PayloadType>, notice: &Notice, now: Instant) -> Step {
        self.app().gateway.tally.count(kind, PayloadOutcome::Invalid);
        self.tell(notice);
        if self.strikes.count(now) { Step::Close(Farewell::new(SysCode::TooManyInvalid)) } else { Step::Done }
    }

    fn rate(&self, frame: &Frame<'_>) -> Result<(), Duration> {
        let rates = &self.speaker.origin.user;
        let kind = frame.payload_type();
        match frame.recipient() {
            RecipientRef::Server
                if matches!(kind, PayloadType::Ping | PayloadType::Pong) || is_ack(frame) =>
            {
                rates.take(Bucket::Upkeep)
            }
            _ if kind == PayloadType::Pong => rates.take(Bucket::Upkeep),
            RecipientRef::Broadcast if kind == PayloadType::Msg => {
                rates.take(Bucket::Payloads).and_then(|()| rates.take(Bucket::Broadcasts))
            }
            _ => rates.take(Bucket::Payloads),
        }
    }

    /// Takes a sign of life of the WebSocket itself, which is answered already: too many are a flood like any other.
    pub(super) fn control(&mut self, now: Instant) -> Step {
        match self.speaker.origin.user.take(Bucket::Upkeep) {
            Ok(()) => Step::Done,
            Err(wait) => {
                let step = self.flooded(wait, now);
                if matches!(step, Step::Done) {
                    self.speaker.origin.link.drop_unnamed(wait);
                }
                step
            }
        }
    }

    /// A payload was over the rate: it is dropped, and named in the next `RATE_LIMITED`.
    fn limited(&mut self, frame: &Frame<'_>, wait: Duration, now: Instant) -> Step {
        self.app().gateway.tally.count(Some(frame.payload_type()), PayloadOutcome::RateLimited);
        self.app().metrics.discarded(Discarded::RateLimited, 1);
        let (id, command) = self.speaker.reply_to(frame).names();
        // A checked payload's ID keeps its form, so it is always there.
        if let Some(id) = id {
            self.speaker.origin.link.drop_payload(id, command, wait);
        }
        let step = self.flooded(wait, now);
        if matches!(step, Step::Done) {
            self.report_at = self.speaker.origin.link.report_if_due();
        }
        step
    }

    /// Something was over the rate: ends what goes on for too long.
    fn flooded(&mut self, wait: Duration, now: Instant) -> Step {
        if !self.flood.dropped(now, self.app().gateway.timing.flood) {
            return Step::Done;
        }
        let last = self.speaker.origin.link.last_report();
        Step::Close(Farewell::flooding(last.unwrap_or_else(|| {
            let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
            Notice::new(SysCode::RateLimited).retry_after_ms(wait)
        })))
    }

    /// Reports the payloads that were dropped, if that is due.
    pub(super) fn report_dropped(&mut self, now: Instant) {
        if self.report_at.is_some_and(|at| at <= now) {
            self.report_at = None;
            self.speaker.origin.link.report_dropped();
        }
    }
}

/// What a connection is told when it has authenticated with the payload `frame`.
pub(super) fn welcome(app: &App, session: &Session, frame: &Frame<'_>) -> Notice {
    let expires: Timestamp = clock::timestamp(session.expires);
    let gateway = &app.gateway;
    let heartbeat = u32::try_from(gateway.timing.heartbeat.as_secs()).unwrap_or(u32::MAX).max(1);
    // The conversation may be at no payload yet: what it is welcomed with names no number.
    Reply::to(frame, 0)
        .notice(SysCode::Authenticated)
        .username(session.user.clone())
        .session_id(session.id.clone())
        .expires_at(expires)
        .heartbeat_seconds(heartbeat)
        .limits(app.config().limits())
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
