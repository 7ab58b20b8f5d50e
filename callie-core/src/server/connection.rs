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
use super::strikes::{Flood, Strikes};
use super::user::{Admission, Denied, SharedState};
use crate::code::SysCode;
use crate::command::request::{ACK, AUTHENTICATE};
use crate::command::{AckEntry, Command, Feature, Features};
use crate::content::Content;
use crate::frame::{ContentRef, PayloadRef};
use crate::name::Username;
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
/// drops the remaining receipts; [`input_ended`](Self::input_ended) returns them.
pub struct Connection<R> {
    config: Arc<ServerConfig>,
    identity: Box<Identity>,
    token: Box<str>,
    /// The features that are in force; `None` if the client names none at all.
    features: Option<Features>,
    next_ids: EnvelopeIdSource,
    /// The number of received payloads.
    number: u64,
    /// Whether the server is stopping and accepts confirmations only.
    draining: bool,
    heartbeat: Heartbeat,
    strikes: Strikes,
    flood: Flood,
    /// `None` until the first payload is dropped.
    dropped: Option<Box<DroppedPayloads>>,
    pending: PendingAcks<R>,
    out: VecDeque<String>,
}

impl<R> Connection<R> {
    /// Opens a connection with its first payload, and handles that. The first text of [`poll`](Self::poll) is
    /// `AUTHENTICATED`.
    pub fn open<'t>(
        now: Duration,
        verified: Verified<'t>,
        next_ids: EnvelopeIdSource,
        user: &mut impl SharedState,
    ) -> (Self, Action<'t, R>) {
        let Verified { config, payload, greeting, identity } = verified;
        let named = greeting.as_ref().and_then(|greeting| greeting.features);
        let mut connection = Self {
            identity: Box::new(identity),
            token: payload.token().into(),
            features: named.map(|named| named.and(config.features)),
            config,
            next_ids,
            number: 1,
            draining: false,
            heartbeat: Heartbeat::new(now),
            strikes: Strikes::default(),
            flood: Flood::default(),
            dropped: None,
            pending: PendingAcks::new(),
            out: VecDeque::new(),
        };
        let welcome = connection.welcome(&payload);
        connection.out.push_back(welcome.into_text());
        let action = if greeting.is_some() {
            Action::Taken(payload.payload_type())
        } else {
            connection.act_on(now, payload, user)
        };
        (connection, action)
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
        if let Some(report) = self.report_before(now, answer.number()) {
            self.out.push_back(report);
        }
        self.out.push_back(answer.into_text());
    }

    /// Returns the text that must be written before the answer to the payload with this number, if there is one. For
    /// servers that queue [`Answer`]s themselves: must be called when the answer is written, not when it is queued.
    pub fn report_before(&mut self, now: Duration, number: u64) -> Option<String> {
        let dropped = self.dropped.as_mut()?;
        if dropped.first()? >= number {
            return None;
        }
        let notice = dropped.report(now)?;
        Some(self.encode(&notice))
    }

    /// Returns the next text to write.
    pub fn poll(&mut self, now: Duration) -> Option<String> {
        if let Some(text) = self.out.pop_front() {
            return Some(text);
        }
        let dropped = self.dropped.as_mut()?;
        if dropped.report_at()? > now {
            return None;
        }
        let notice = dropped.report(now)?;
        Some(self.encode(&notice))
    }

    /// Must be called before a payload with a request for confirmation is written. Keeps the receipt for
    /// [`Times::confirmation`](super::Times::confirmation). Returns a receipt that is not kept and will not be
    /// confirmed: this one if too many are kept, or an earlier one of the same payload.
    pub fn written(&mut self, now: Duration, key: PayloadKey, receipt: R) -> Option<R> {
        self.pending.insert(now, self.config.times.confirmation, key, receipt)
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
                let to = Recipient::User(self.identity.username.clone());
                let ping = Payload::new((self.next_ids)(), Sender::Server, to, Content::Ping);
                self.out.push_back(ping.encode());
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
            Some(Ok(Command::Ack { payloads, .. })) => self.confirm(payloads),
            Some(Ok(Command::Authenticate { .. })) => Action::Answer(self.welcome(&accepted.payload)),
            Some(Ok(command)) => Action::Execute(command, accepted),
            Some(Err(fault)) => {
                if let Some(key) = accepted.key {
                    user.settle(key, PriorOutcome::Failed);
                }
                let ids = (self.next_ids)();
                Action::Answer(self.reply(&accepted).fault(&fault, &self.token, ids))
            }
            // Only a CMD has this route.
            None => Action::Ignored,
        }
    }

    /// Handles a confirmation, which counts only for payloads that were written to this connection.
    fn confirm<'t>(&mut self, payloads: Vec<AckEntry>) -> Action<'t, R> {
        let receipts = payloads.into_iter().filter_map(|entry| {
            self.pending.remove(self.config.keys.key(entry.sender.as_str(), entry.payload_id.as_str()))
        });
        Action::Confirm(receipts.collect())
    }

    fn act_on_confirmation<'t>(&mut self, payload: Option<PayloadRef<'t>>) -> Action<'t, R> {
        match payload {
            Some(payload) if is_ack(&payload) && self.stranger(&payload).is_none() => {
                match payload.command(&self.config.limits) {
                    Some(Ok(Command::Ack { payloads, .. })) => self.confirm(payloads),
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

    fn take_report(&mut self, now: Duration) -> Option<String> {
        let notice = self.dropped.as_mut()?.report(now)?;
        Some(self.encode(&notice))
    }

    fn encode(&mut self, notice: &Notice) -> String {
        notice.to_payload(Recipient::User(self.identity.username.clone()), (self.next_ids)()).encode()
    }

    fn welcome(&mut self, payload: &PayloadRef<'_>) -> Answer {
        let Identity { username, session_id, expires_at } = &*self.identity;
        let heartbeat = u32::try_from(self.config.times.heartbeat.as_secs()).unwrap_or(u32::MAX).max(1);
        let notice = Notice::builder(SysCode::Authenticated)
            .username(username.clone())
            .session_id(session_id.clone())
            .expires_at(*expires_at)
            .heartbeat_seconds(heartbeat)
            .limits(self.config.limits);
        let notice = match self.features {
            Some(features) => notice.features(features.names()),
            None => notice,
        };
        Reply::new(payload, self.number, None, username.clone()).answer(notice, (self.next_ids)())
    }
}

impl<R> fmt::Debug for Connection<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("username", &self.identity.username)
            .field("received", &self.number)
            .field("draining", &self.draining)
            .finish_non_exhaustive()
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
