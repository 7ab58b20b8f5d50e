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
use super::strikes::{Flood, Reaction, Strikes};
use super::tally::outcome_of;
use crate::clock;
use crate::commands;
use crate::router::{Bucket, Farewell, Hub, Last, Origin, PayloadKey, Place};
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
        self.origin.link.notify(&reply.complete(notice));
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
const TIMED: u32 = 16;

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
    /// Counts payloads, of which some have their way timed.
    taken: u32,
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
            taken: 0,
            last: Last::default(),
        }
    }

    fn app(&self) -> &App {
        &self.speaker.app
    }

    fn tell(&self, notice: &Notice) {
        self.speaker.origin.link.notify(notice);
    }

    /// Acts on a text message.
    pub(crate) fn take(&mut self, text: &str, now: Instant) -> Step {
        self.taken = self.taken.wrapping_add(1);
        let limits = self.app().gateway.limits;
        let frame = match Frame::from_client(text, &limits) {
            Ok(frame) => frame,
            Err(fault) => return self.invalid(None, &fault.notice(Some(&self.token)), now),
        };
        let kind = Some(frame.payload_type());
        if frame.token() != &*self.token {
            return self.invalid(kind, &Reply::to(&frame).notice(SysCode::InvalidToken), now);
        }
        if self.speaker.origin.user.name != *frame.sender() {
            return self.invalid(kind, &Reply::to(&frame).notice(SysCode::SenderMismatch), now);
        }
        self.take_checked(&frame, now)
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
            self.speaker.answer(&Reply::to(frame), None, outcome, notice);
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
                super::passing::Arrival { at: now, timed: self.taken.is_multiple_of(TIMED) },
            ),
            Route::Refuse(code) => {
                self.speaker.refuse(&Reply::to(frame), key, code);
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
        self.speaker.origin.link.send(&Utf8Bytes::from(pong.encode()));
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
                let work = commands::carry_out(self.speaker.clone(), command, Reply::to(frame), key);
                Step::Later(Box::pin(work))
            }
            Err(fault) => {
                let ContentRef::Cmd(call) = frame.content() else { return Step::Done };
                let Ok(name) = CodeName::parse(call.name()) else { return Step::Done };
                let notice = fault.notice(name, Some(&self.token));
                self.speaker.answer(&Reply::to(frame), key, Outcome::Failed, notice);
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
            Err(wait) => self.dropped(Notice::new(SysCode::RateLimited), wait, now),
        }
    }

    fn limited(&mut self, frame: &Frame<'_>, wait: Duration, now: Instant) -> Step {
        self.app().gateway.tally.count(Some(frame.payload_type()), PayloadOutcome::RateLimited);
        self.app().metrics.discarded(Discarded::RateLimited, 1);
        self.dropped(Reply::to(frame).notice(SysCode::RateLimited), wait, now)
    }

    /// Something was over the rate: says so now and then, and ends what goes on.
    fn dropped(&mut self, notice: Notice, wait: Duration, now: Instant) -> Step {
        let reaction = self.flood.dropped(now, self.app().gateway.timing.flood);
        if reaction == Reaction::Drop {
            return Step::Done;
        }
        // Rounded up: who comes back then is let in.
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        let notice = notice.retry_after_ms(wait);
        if reaction == Reaction::Close {
            return Step::Close(Farewell::flooding(notice));
        }
        self.tell(&notice);
        Step::Done
    }
}

/// What a connection is told when it has authenticated with the payload `frame`.
pub(super) fn welcome(app: &App, session: &Session, frame: &Frame<'_>) -> Notice {
    let expires: Timestamp = clock::timestamp(session.expires);
    let gateway = &app.gateway;
    let heartbeat = u32::try_from(gateway.timing.heartbeat.as_secs()).unwrap_or(u32::MAX).max(1);
    Reply::to(frame)
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
