//! The state machine of an authenticated connection.
//!
//! - `receive`: what it does with a received payload
//! - `resume`: what happens when its WebSocket is lost

mod receive;
mod resume;

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
use super::recent::PayloadKey;
use super::reply::{Answer, Reply};
use super::resumption::Resumption;
use super::strikes::{Flood, Strikes};
use super::user::SharedState;
use super::written::Text;
use crate::code::SysCode;
use crate::command::{Feature, Features};
use crate::content::Content;
use crate::name::Username;
use crate::notice::Notice;
use crate::party::{Recipient, Sender};
use crate::payload::{EnvelopeIds, Payload};
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
