//! The state machine of an authenticated connection.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::action::{Accepted, Action};
use super::close::{CloseReason, Closing};
use super::config::ServerConfig;
use super::dropped::DroppedPayloads;
use super::handshake::{Identity, Verified};
use super::heartbeat::{Due, Heartbeat};
use super::pending_acks::PendingAcks;
use super::rates::BucketKind;
use super::recent::PayloadKey;
use super::reply::{Answer, PayloadNames, Reply};
use super::resumption::{Resuming, Resumption};
use super::strikes::{Flood, Strikes};
use super::user::{Admission, Denied, SharedState};
use super::written::{Text, WrittenTexts};
use crate::code::SysCode;
use crate::command::request::{ACK, AUTHENTICATE};
use crate::command::{AckEntry, Command, CommandFault, Feature, Features, TextCount};
use crate::content::Content;
use crate::frame::{ContentRef, PayloadRef};
use crate::name::{ConnectionId, Username};
use crate::notice::{Notice, NoticeBuilder, PriorOutcome};
use crate::party::{Recipient, RecipientRef, Sender};
use crate::payload::{EnvelopeIds, Payload};
use crate::payload_type::PayloadType;
use crate::route::{Route, route};
use crate::timestamp::Timestamp;

/// Creates the next_ids of a connection's own payloads, from the server's clock and randomness.
pub type EnvelopeIdSource = Box<dyn FnMut() -> EnvelopeIds + Send>;

/// One authenticated connection of a server. The [module](super) documents the contract.
///
/// `R` is the receipt that the server keeps for a written payload until the client confirms it. Dropping the connection
/// drops the remaining receipts; [`input_ended`](Self::input_ended) returns them. `T` is the type of the texts to write.
pub struct Connection<R, T = String> {
    config: Arc<ServerConfig>,
    identity: Box<Identity>,
    token: Box<str>,
    /// The features that are in force; `None` if the client names none at all.
    pub(super) features: Option<Features>,
    next_ids: EnvelopeIdSource,
    /// The number of received payloads.
    pub(super) number: u64,
    /// Whether the server is stopping and accepts confirmations only.
    draining: bool,
    heartbeat: Heartbeat,
    strikes: Strikes,
    flood: Flood,
    /// `None` unless `resume` is in force.
    pub(super) resumption: Option<Box<Resumption<T>>>,
    /// `None` until the first payload is dropped.
    dropped: Option<Box<DroppedPayloads>>,
    pub(super) pending: PendingAcks<R>,
    /// Whether the first text of `out` is the `AUTHENTICATED` that opens or resumes the connection. It is not counted.
    is_welcome_queued: bool,
    /// Whether a PING is due.
    ping_due: bool,
    pub(super) out: VecDeque<String>,
}

impl<R, T: Text> Connection<R, T> {
    /// Opens a connection with its first payload, and handles that. The first text of [`poll`](Self::poll) is
    /// `AUTHENTICATED`.
    pub fn open<'t>(
        now: Duration,
        verified: Verified<'t>,
        next_ids: EnvelopeIdSource,
        user: &mut impl SharedState,
    ) -> (Self, Action<'t, R>) {
        let mut features = verified.features();
        let Verified { config, payload, greeting, identity, connection_id } = verified;
        let is_resumable = features.is_some_and(|features| features.contains(Feature::Resume));
        let resumption = connection_id.filter(|_| is_resumable);
        let resumption = resumption.map(|id| Box::new(Resumption::new(id, config.max_kept_bytes)));
        if resumption.is_none() {
            features = features.map(|features| features.without(Feature::Resume));
        }
        let mut connection = Self::new(now, config, identity, payload.token().into(), next_ids);
        connection.features = features;
        connection.resumption = resumption;
        connection.number = 1;
        connection.queue_welcome(&Reply::new(&payload, 1, None, connection.identity.username.clone()));
        let action = if greeting.is_some() {
            Action::Taken(payload.payload_type())
        } else {
            connection.act_on(now, payload, user)
        };
        (connection, action)
    }

    /// A connection on which nothing was received.
    pub(super) fn new(
        now: Duration,
        config: Arc<ServerConfig>,
        identity: Identity,
        token: Box<str>,
        next_ids: EnvelopeIdSource,
    ) -> Self {
        Self {
            config,
            identity: Box::new(identity),
            token,
            features: None,
            next_ids,
            number: 0,
            draining: false,
            heartbeat: Heartbeat::new(now),
            strikes: Strikes::default(),
            flood: Flood::default(),
            resumption: None,
            dropped: None,
            pending: PendingAcks::new(),
            is_welcome_queued: false,
            ping_due: false,
            out: VecDeque::new(),
        }
    }

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

    /// Returns the [`Reply`] to an accepted payload.
    #[must_use]
    pub fn reply(&self, accepted: &Accepted<'_>) -> Reply {
        Reply::new(&accepted.payload, accepted.number, accepted.key, self.identity.username.clone())
    }

    /// Queues an answer, after the report of the payloads that were dropped before the answered one.
    pub fn answer(&mut self, now: Duration, answer: Answer) {
        if let Some(report) = self.report_due_before(now, answer.number()) {
            self.out.push_back(report);
        }
        self.out.push_back(answer.into_text());
    }

    /// Returns the text that must be written before the answer to the payload with this number, if there is one. For
    /// servers that queue [`Answer`]s themselves: must be called when the answer is written, not when it is queued.
    pub fn report_before(&mut self, now: Duration, number: u64) -> Option<T> {
        let report = self.report_due_before(now, number)?;
        Some(self.counted(report))
    }

    fn report_due_before(&mut self, now: Duration, number: u64) -> Option<String> {
        let dropped = self.dropped.as_mut()?;
        if dropped.first()? >= number {
            return None;
        }
        let notice = dropped.report(now)?;
        Some(self.encode(&notice))
    }

    /// Returns the next text to write.
    pub fn poll(&mut self, now: Duration) -> Option<T> {
        if std::mem::take(&mut self.is_welcome_queued) {
            return self.out.pop_front().map(T::from);
        }
        if let Some(text) = self.resumption.as_mut().and_then(|resumption| resumption.next_again()) {
            return Some(text);
        }
        let text = self.out.pop_front().or_else(|| self.ping()).or_else(|| self.report_due(now))?;
        Some(self.counted(text))
    }

    fn ping(&mut self) -> Option<String> {
        if !std::mem::take(&mut self.ping_due) {
            return None;
        }
        let to = Recipient::User(self.identity.username.clone());
        Some(Payload::new((self.next_ids)(), Sender::Server, to, Content::Ping).encode())
    }

    fn report_due(&mut self, now: Duration) -> Option<String> {
        let dropped = self.dropped.as_mut()?;
        if dropped.report_at()? > now {
            return None;
        }
        let notice = dropped.report(now)?;
        Some(self.encode(&notice))
    }

    /// Counts a text that is about to be written.
    fn counted(&mut self, text: String) -> T {
        let text = T::from(text);
        self.count_written(&text);
        text
    }

    /// Must be called for each text that the server writes on the connection, except for those that the connection
    /// itself returns. Keeps a clone of the text for a resumption.
    pub fn count_written(&mut self, text: &T) {
        if let Some(resumption) = &mut self.resumption {
            resumption.texts.push(text.clone());
        }
    }

    /// Must be called before a payload with a request for confirmation is written. Keeps the receipt for
    /// [`Times::confirmation`](super::Times::confirmation). Returns a receipt that is not kept and will not be
    /// confirmed: this one if too many are kept, or an earlier one of the same payload.
    pub fn written(&mut self, now: Duration, key: PayloadKey, receipt: R) -> Option<R> {
        self.pending.insert(now, self.config.times.confirmation, key, receipt)
    }

    /// Returns the receipts of the payloads that the client has not confirmed.
    pub fn receipts_mut(&mut self) -> impl Iterator<Item = &mut R> {
        self.pending.receipts_mut()
    }

    /// Must be called before a payload is written that is kept until the client confirms it, whether its sender requested
    /// that or not. Keeps the receipt as long as the connection. Returns an earlier receipt of the same payload. The server
    /// bounds the number of payloads that it keeps for a user.
    pub fn written_kept(&mut self, key: PayloadKey, receipt: R) -> Option<R> {
        self.pending.insert_lasting(key, receipt)
    }

    /// Returns the latest time of the next call of [`wake`](Self::wake) or [`poll`](Self::poll). `receive` can make it
    /// earlier.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        let heartbeat = self.heartbeat.deadline(&self.config.times);
        let report = self.dropped.as_ref().and_then(|dropped| dropped.report_at());
        report.map_or(heartbeat, |report| report.min(heartbeat))
    }

    /// Handles the passing of time. Returns the reason to close the connection, if there is one.
    pub fn wake(&mut self, now: Duration) -> Option<CloseReason> {
        self.pending.sweep(now);
        match self.heartbeat.due(now, &self.config.times) {
            Due::Nothing => None,
            Due::Ping => {
                self.ping_due = true;
                None
            }
            Due::Missed => Some(CloseReason::heartbeat_missed()),
        }
    }

    /// Records that the server does not read the connection at the moment, so that its silence is not counted. Must be
    /// called before [`wake`](Self::wake) as long as that lasts.
    pub fn read_paused(&mut self, now: Duration) {
        self.heartbeat.heard(now);
    }

    /// Must be called when the server is stopping. From now on only confirmations are accepted, and all other payloads
    /// are ignored like unread ones, so that no client concludes from the answer to a later payload that an earlier one
    /// was accepted.
    pub fn drain(&mut self) {
        self.draining = true;
    }

    /// Handles that the client has half-closed the connection: nothing more is received, and dropped payloads are
    /// reported immediately. Returns the receipts of the payloads that the client can no longer confirm.
    pub fn input_ended(&mut self, now: Duration) -> Vec<R> {
        let report = self.take_report(now);
        self.out.extend(report);
        self.pending.take_all()
    }

    /// Handles that the WebSocket is closed or lost, while the connection waits to be resumed. Until
    /// [`resume`](Self::resume) has succeeded, only [`answer`](Self::answer) may be called.
    ///
    /// If the server closes the WebSocket itself, `reason` is why, and the result is what to write before the close
    /// frame.
    pub fn go_away(&mut self, reason: Option<&CloseReason>) -> Option<Closing> {
        if std::mem::take(&mut self.is_welcome_queued) {
            self.out.pop_front();
        }
        self.ping_due = false;
        let user = Recipient::User(self.identity.username.clone());
        let closing = reason.map(|reason| Closing {
            first: Vec::new(),
            write_queued: false,
            last: reason.encode(user, (self.next_ids)()),
            code: reason.code(),
        });
        if let Some(resumption) = &mut self.resumption {
            resumption.go_away(closing.as_ref().is_some_and(|closing| closing.last.is_some()));
        }
        closing
    }

    /// Returns `true` if the connection is the one that the client asks to resume, and what the client has not received
    /// is kept.
    #[must_use]
    pub fn can_resume(&self, resuming: &Resuming) -> bool {
        self.resumption.as_ref().is_some_and(|resumption| {
            resumption.id == resuming.request.connection_id
                && self.identity.session_id == resuming.identity.session_id
                && resumption.can_resume(resuming.request.received.get())
        })
    }

    /// Returns `true` if the connection can be resumed by a client that has received `received` texts.
    #[must_use]
    pub fn can_resume_after(&self, received: u64) -> bool {
        self.resumption.as_ref().is_some_and(|resumption| resumption.can_resume(received))
    }

    /// Continues the connection on another WebSocket, if it [can be](Self::can_resume) resumed; returns whether it was.
    /// [`go_away`](Self::go_away) must have been called before.
    ///
    /// The next texts of [`poll`](Self::poll) are `AUTHENTICATED` and those that the client has not received. The features
    /// in force are those of the beginning. The heartbeat and the times of all receipts begin anew, and recent violations are forgotten.
    pub fn resume(&mut self, now: Duration, resuming: Resuming) -> bool {
        if !self.can_resume(&resuming) {
            return false;
        }
        let Resuming { config, request, identity, token, reply } = resuming;
        if let Some(resumption) = &mut self.resumption {
            resumption.resume(request.received.get());
        }
        self.config = config;
        *self.identity = identity;
        self.token = token;
        self.number += 1;
        self.draining = false;
        self.heartbeat = Heartbeat::new(now);
        self.strikes = Strikes::default();
        self.flood = Flood::default();
        self.pending.renew(now, self.config.times.confirmation);
        self.queue_welcome(&reply);
        true
    }

    /// Returns the ID under which the connection can be resumed; `None` if `resume` is not in force.
    #[must_use]
    pub fn connection_id(&self) -> Option<&ConnectionId> {
        self.resumption.as_ref().map(|resumption| &resumption.id)
    }

    /// Returns the texts that are kept for a resumption; `None` if `resume` is not in force.
    #[must_use]
    pub fn written_texts(&self) -> Option<&WrittenTexts<T>> {
        self.resumption.as_ref().map(|resumption| &resumption.texts)
    }

    /// Ends the connection. Returns what must be written before the close frame. `poll` must not be called afterwards.
    pub fn close(&mut self, now: Duration, reason: CloseReason) -> Closing {
        let mut first = Vec::from(std::mem::take(&mut self.out));
        first.extend(self.take_report(now));
        if !reason.writes_queued() {
            first.clear();
        }
        let user = Recipient::User(self.identity.username.clone());
        let last = reason.encode(user, (self.next_ids)());
        Closing { first, write_queued: reason.writes_queued(), last, code: reason.code() }
    }

    /// Returns the user.
    #[must_use]
    pub fn username(&self) -> &Username {
        &self.identity.username
    }

    /// Returns the session.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns whether a feature is in force on the connection.
    #[must_use]
    pub fn has_feature(&self, feature: Feature) -> bool {
        self.features.is_some_and(|features| features.contains(feature))
    }

    /// Sets when the session ends.
    pub fn set_expires_at(&mut self, expires_at: Timestamp) {
        self.identity.expires_at = expires_at;
    }

    /// Returns the number of received text messages.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.number
    }

    /// Returns when the last text message was received.
    #[must_use]
    pub fn heard_at(&self) -> Duration {
        self.heartbeat.heard_at()
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
    fn act_on<'t>(
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

    pub(super) fn take_report(&mut self, now: Duration) -> Option<String> {
        let notice = self.dropped.as_mut()?.report(now)?;
        Some(self.encode(&notice))
    }

    fn encode(&mut self, notice: &Notice) -> String {
        notice.to_payload(Recipient::User(self.identity.username.clone()), (self.next_ids)()).encode()
    }

    /// Queues the `AUTHENTICATED` that opens or resumes the connection, before everything else.
    fn queue_welcome(&mut self, reply: &Reply) {
        let welcome = self.welcome(reply);
        self.out.push_front(welcome.into_text());
        self.is_welcome_queued = true;
    }

    fn welcome(&mut self, reply: &Reply) -> Answer {
        let Identity { username, session_id, expires_at } = &*self.identity;
        let notice = Notice::builder(SysCode::Authenticated)
            .username(username.clone())
            .session_id(session_id.clone())
            .expires_at(*expires_at)
            .heartbeat_seconds(whole_seconds(self.config.times.heartbeat))
            .limits(self.config.limits);
        let notice = match self.features {
            Some(features) => notice.features(features.names()),
            None => notice,
        };
        let notice = match &self.resumption {
            Some(resumption) => notice
                .connection_id(resumption.id.clone())
                .resume_seconds(whole_seconds(self.config.times.resumption))
                .resumed(resumption.resumed),
            None => notice,
        };
        reply.answer(notice, (self.next_ids)())
    }
}

impl<R, T> fmt::Debug for Connection<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("username", &self.identity.username)
            .field("received", &self.number)
            .field("draining", &self.draining)
            .finish_non_exhaustive()
    }
}

/// Returns a time as clients receive it: at least a second.
fn whole_seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX).max(1)
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
