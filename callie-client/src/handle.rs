//! The handle that the application holds.

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use callie_core::account::is_reserved;
use callie_core::session::{Now, SendOptions, SessionConfig};
use callie_core::{
    Attachment, Limits, Message, MessageId, Recipient, SysCode, Token, Username, session as machine,
};
use tokio::runtime::Handle;

use crate::clock;
use crate::config::Config;
use crate::driver::{Driver, Source};
use crate::error::{ConnectError, Fault, ReceiveError, SendError, code, not_taken};
use crate::event::{Closed, Event, State};
use crate::queue::{Batch, Refused, Taker};
use crate::refresh::TokenSource;
use crate::session::Session;
use crate::shared::Shared;
use crate::stats::Stats;
use crate::ticket::{Slot, Ticket};
use crate::tls;

/// One user's conversation with a server, across connections.
///
/// It lives until [`disconnect`](Self::disconnect), or until the server refuses it and no new token could be had; then
/// everything that waits is over, [`Event::Closed`] is told, and a new client is to be made. Every method takes `&self`
/// and may be called from several threads and tasks at once, from callbacks too. It may be dropped on any thread, which
/// says goodbye in the background.
///
/// A client belongs to the process that made it. In a child of `fork` every call fails at once with the code
/// [`FORKED`](code::FORKED), or does nothing, and the parent's client goes on.
pub struct Client {
    pub(crate) shared: Arc<Shared>,
    pub(crate) runtime: Handle,
    source: Source,
    config: Arc<Config>,
    username: Username,
    max_pending: usize,
}

impl Client {
    /// A client that is not connected yet.
    ///
    /// # Errors
    /// [`ConnectError::InvalidArgument`] when the session's [`Config`] cannot be used, [`ConnectError::Internal`] outside
    /// a tokio runtime: the client lives in the one that it is made in, which must have time and I/O enabled.
    pub fn new(session: &Session) -> Result<Self, ConnectError> {
        let config = session.config();
        config.check().and_then(|()| tls::check(config)).map_err(ConnectError::InvalidArgument)?;
        let runtime = Handle::try_current().map_err(|e| ConnectError::Internal(Fault::internal(e)))?;
        let machine = machine::Session::new(settings(session), clock::random());
        let shared = Arc::new(Shared::new(machine, session.token().clone(), config.event_queue));
        let source = Source::default();
        let config = Arc::new(config.clone());
        let driver = Driver::new(Arc::clone(&shared), Arc::clone(&config), Arc::clone(&source));
        runtime.spawn(driver);
        Ok(Self {
            shared,
            runtime,
            source,
            max_pending: config.max_waiting.saturating_add(config.event_queue),
            config,
            username: session.username().clone(),
        })
    }

    /// Makes a client and connects it.
    ///
    /// # Errors
    /// As [`new`](Self::new) and [`connect`](Self::connect).
    pub async fn open(session: &Session) -> Result<Self, ConnectError> {
        let client = Self::new(session)?;
        client.connect().await?;
        Ok(client)
    }

    /// Connects, and keeps connecting after every loss until [`disconnect`](Self::disconnect) or a refusal.
    ///
    /// The first attempt may fail, as every other: events tell. On a client that has ended it does nothing.
    pub fn start(&self) {
        if self.is_here() {
            self.shared.ask(|core, now| core.start(now));
        }
    }

    /// Connects once, and waits for it; from then on as after [`start`](Self::start).
    ///
    /// It returns when the client is online, or with an error within the times of its [`Config`]. After an error the client
    /// is as it was before: one that was started goes on trying, one that was not or was suspended is suspended. A refusal
    /// by the server ends it. Dropping the future changes nothing about the attempt.
    ///
    /// # Errors
    /// [`ConnectError`] says why there is no connection; refused with `AUTH_FAILED` when the session has ended,
    /// [`SUSPENDED`](code::SUSPENDED) when [`suspend`](Self::suspend) was called meanwhile.
    pub async fn connect(&self) -> Result<(), ConnectError> {
        self.here().map_err(ConnectError::Internal)?;
        match self.shared.ask(|core, now| core.attempt(now))? {
            Some(attempt) => attempt.get().await,
            None => Ok(()),
        }
    }

    /// Closes the connection for a while, as for an app that goes to the background. What waits goes on waiting; a
    /// [`connect`](Self::connect) that waits fails. On a client that has ended it does nothing.
    pub fn suspend(&self) {
        if self.is_here() {
            self.shared.ask(|core, now| core.suspend(now));
        }
    }

    /// Connects again after [`suspend`](Self::suspend) or a [`connect`](Self::connect) that did not work. On a client that
    /// has ended it does nothing.
    pub fn resume(&self) {
        if self.is_here() {
            self.shared.ask(|core, now| core.resume(now));
        }
    }

    /// Tells the client that the network has changed. One that waits to reconnect tries immediately; a connected one checks
    /// that its connection is alive. On a client that has ended it does nothing.
    pub fn network_changed(&self) {
        if self.is_here() {
            self.shared.ask(|core, now| core.session.network_changed(now));
        }
    }

    /// Sends a message. It is taken at once, connected or not; its [`Ticket`] and an [`Event::Ended`] tell how it ends.
    ///
    /// # Errors
    /// [`SendError`]; the message was not taken then.
    pub fn send(&self, to: Recipient, message: Message, options: &SendOptions) -> Result<Ticket, SendError> {
        is_addressee(&to).map_err(SendError::InvalidArgument)?;
        let message_id = message.message_id().clone();
        let (number, slot) =
            self.submit(Some(&message_id), |session, now| session.send(now, to, message, options))?;
        self.shared.counters.took_message();
        Ok(Ticket { number, message_id, slot, home: self.shared.home })
    }

    /// Sends a text in Markdown, with attachments, under a new message ID. The recipient is a username, a group's ID or
    /// `BROADCAST`.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_text(
        &self,
        to: &str,
        text: &str,
        attachments: Vec<Attachment>,
        options: &SendOptions,
    ) -> Result<Ticket, SendError> {
        let to = Recipient::parse(to)
            .map_err(|e| SendError::InvalidArgument(Fault::argument("the recipient", e)))?;
        self.here().map_err(SendError::Internal)?;
        let (message_id, limits) = {
            let mut core = self.shared.core();
            let now = self.shared.clock().now();
            (core.session.message_id(now), *core.session.limits())
        };
        let builder = Message::builder(message_id).text(text);
        let message = attachments
            .into_iter()
            .fold(builder, |builder, attachment| builder.attachment(attachment))
            .build_within(&limits)
            .map_err(|e| SendError::InvalidArgument(Fault::new(code::INVALID_ARGUMENT, e.to_string())))?;
        self.send(to, message, options)
    }

    /// Hands something to the session, and notes who waits for its end: of a message, the application's events too.
    pub(crate) fn submit(
        &self,
        message_id: Option<&MessageId>,
        what: impl FnOnce(&mut machine::Session, Now) -> Result<machine::Ticket, machine::SendError>,
    ) -> Result<(u64, Arc<Slot<machine::Ending>>), SendError> {
        self.here().map_err(SendError::Internal)?;
        let queued = self.shared.queue.fill();
        self.shared.ask(|core, now| {
            if let Some(closed) = &core.end {
                return Err(SendError::Closed(closed.to_fault()));
            }
            // Every end of a message is an event: who stops taking them must not fill the memory with them. Those of one
            // who has never taken any are not kept.
            let too_many = match queued.taker {
                Taker::Nobody => queued.is_full,
                Taker::Calls | Taker::Listener => core.session.waiting() + queued.events >= self.max_pending,
            };
            if too_many {
                return Err(SendError::QueueFull(Fault::untaken(queued.events)));
            }
            let ticket = what(&mut core.session, now).map_err(|e| not_taken(&e))?;
            Ok((ticket.number(), core.expect(ticket, message_id.cloned())))
        })
    }

    /// Takes up to `max` events, waiting at most `wait` for the first; an empty batch when none came. Messages among them
    /// are confirmed to their senders.
    ///
    /// The last event is [`Event::Closed`]. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`ReceiveError::Closed`] after the last event, [`ReceiveError::InvalidArgument`] where a listener has the events.
    pub async fn next_events(&self, max: usize, wait: Duration) -> Result<Vec<Event>, ReceiveError> {
        self.may_take(max)?;
        let batch = self.shared.queue.next_within(max, wait).await;
        Ok(self.hand_out(batch)?.events)
    }

    /// Takes up to `max` of the events that are there, without waiting; an empty batch when there are none. Messages among
    /// them are confirmed to their senders.
    ///
    /// # Errors
    /// As [`next_events`](Self::next_events).
    pub fn take_events(&self, max: usize) -> Result<Vec<Event>, ReceiveError> {
        self.may_take(max)?;
        Ok(self.hand_out(self.shared.queue.take(max, Taker::Calls))?.events)
    }

    /// As [`next_events`](Self::next_events), but nothing is confirmed: for those who hold a batch and hand out one event
    /// after the other. [`confirm_taken`](Self::confirm_taken) is to be called for what was handed out, and names events by
    /// their numbers: the events of a client are numbered from 1 in the order in which they are fetched or taken.
    ///
    /// # Errors
    /// As [`next_events`](Self::next_events).
    pub async fn fetch_events(&self, max: usize, wait: Duration) -> Result<Fetched, ReceiveError> {
        self.may_take(max)?;
        let batch = self.shared.queue.fetch_within(max, wait).await;
        self.hand_out(batch).map(Fetched::from)
    }

    /// As [`fetch_events`](Self::fetch_events), without waiting.
    ///
    /// # Errors
    /// As [`next_events`](Self::next_events).
    pub fn fetch_events_now(&self, max: usize) -> Result<Fetched, ReceiveError> {
        self.may_take(max)?;
        self.hand_out(self.shared.queue.fetch(max)).map(Fetched::from)
    }

    /// Says that the application has all fetched events up to the number `through`: messages among them are confirmed to
    /// their senders. Numbers that were confirmed already, or not fetched yet, change nothing.
    pub fn confirm_taken(&self, through: u64) {
        if self.is_here()
            && let Some(receipt) = self.shared.queue.confirm(through)
        {
            self.shared.taken(receipt);
        }
    }

    /// Waits at most `wait` until there are events to take, or the last has been taken. It takes none itself.
    ///
    /// # Errors
    /// [`ReceiveError::InvalidArgument`] where a listener has the events.
    pub async fn await_events(&self, wait: Duration) -> Result<(), ReceiveError> {
        self.may_take(1)?;
        self.shared.queue.filled(wait).await.map_err(|refused| self.not_handed_out(refused))
    }

    fn may_take(&self, max: usize) -> Result<(), ReceiveError> {
        self.here().map_err(ReceiveError::Internal)?;
        if max == 0 {
            let reason = Fault::argument("the size of a batch", "at least 1");
            return Err(ReceiveError::InvalidArgument(reason));
        }
        Ok(())
    }

    fn hand_out(&self, batch: Result<Batch, Refused>) -> Result<Batch, ReceiveError> {
        let batch = batch.map_err(|refused| self.not_handed_out(refused))?;
        self.shared.handed_out(&batch);
        Ok(batch)
    }

    fn not_handed_out(&self, refused: Refused) -> ReceiveError {
        match refused {
            Refused::Over => ReceiveError::Closed(self.end_fault()),
            Refused::Listening => ReceiveError::InvalidArgument(Fault::new(
                code::INVALID_ARGUMENT,
                "a listener takes the events of this client, so no call can",
            )),
        }
    }

    /// A file descriptor that can be read from while events wait, for an event loop to poll. It belongs to the client: it
    /// is not to be read from or closed.
    ///
    /// # Errors
    /// [`ReceiveError::Internal`] when the system gives none.
    #[cfg(unix)]
    pub fn descriptor(&self) -> Result<std::os::fd::RawFd, ReceiveError> {
        self.here().map_err(ReceiveError::Internal)?;
        self.shared.queue.descriptor().map_err(|e| ReceiveError::Internal(Fault::internal(e)))
    }

    /// Where a new token comes from when the server has ended the session; none ends the client then.
    pub fn set_token_source(&self, source: Option<Arc<dyn TokenSource>>) {
        if self.is_here() {
            let before =
                std::mem::replace(&mut *self.source.lock().unwrap_or_else(PoisonError::into_inner), source);
            // Not under the lock: it is the application's.
            drop(before);
        }
    }

    /// Who this is.
    #[must_use]
    pub fn username(&self) -> &Username {
        &self.username
    }

    /// The session as it is now: with the token of the last login, where a [`TokenSource`] gave another.
    ///
    /// # Errors
    /// [`ConnectError::Internal`] in a child of the process that made the client.
    pub fn session(&self) -> Result<Session, ConnectError> {
        self.here().map_err(ConnectError::Internal)?;
        let token: Token = self.shared.core().token.clone();
        Ok(Session::new(Config::clone(&self.config), self.username.clone(), token))
    }

    /// The state of the connection.
    #[must_use]
    pub fn state(&self) -> State {
        if self.is_here() { self.shared.core().state.clone() } else { State::Closed }
    }

    /// What the server allows; the protocol's defaults before the first connection.
    #[must_use]
    pub fn limits(&self) -> Limits {
        if self.is_here() { *self.shared.core().session.limits() } else { Limits::default() }
    }

    /// Counters since the client was made.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let (duplicates, waiting) = if self.is_here() {
            let core = self.shared.core();
            (core.session.duplicates(), core.session.waiting())
        } else {
            (0, 0)
        };
        self.shared.counters.with(duplicates, waiting)
    }

    /// Ends the client: writes what was handed to the connection, says goodbye, and waits for that, at most a few seconds.
    ///
    /// What waits is over: what was written is unconfirmed, what was not has failed. Events that have come can still be
    /// taken. It may be called any number of times.
    pub async fn disconnect(&self) {
        if self.is_here() {
            self.begin_disconnect();
            self.shared.over.get().await;
        }
    }

    /// Begins to [`disconnect`](Self::disconnect), and does not wait for it. Dropping the client does the same.
    pub fn begin_disconnect(&self) {
        if self.is_here() {
            self.shared.end(Closed::disconnected());
        }
    }

    /// Why the client has ended.
    pub(crate) fn end_fault(&self) -> Fault {
        let core = self.shared.core();
        core.end.as_ref().map_or_else(|| Fault::closed("it is over"), Closed::to_fault)
    }

    /// Whether this is the process that the client belongs to. In another nothing of it may be touched: its locks may be held
    /// by threads that are not there, and its sockets are the parent's.
    pub(crate) fn is_here(&self) -> bool {
        !self.shared.home.is_left()
    }

    pub(crate) fn here(&self) -> Result<(), Fault> {
        if self.is_here() { Ok(()) } else { Err(Fault::forked()) }
    }
}

/// Events that were fetched and are not confirmed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Fetched {
    /// The events, in order.
    pub events: Vec<Event>,
    /// The number of the first, which counts on from there; meaningless where there are none.
    pub first: u64,
}

impl From<Batch> for Fetched {
    fn from(batch: Batch) -> Self {
        Self { events: batch.events, first: batch.first }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.begin_disconnect();
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("username", &self.username)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

/// Whether a message can go there.
fn is_addressee(to: &Recipient) -> Result<(), Fault> {
    match to {
        Recipient::Server => Err(Fault::new(
            SysCode::InvalidRecipient.as_str(),
            "a message goes to a user, a group or BROADCAST; SERVER takes commands and pings",
        )),
        Recipient::User(name) => is_no_reserved_name(name),
        _ => Ok(()),
    }
}

/// Whether there can be a user of that name.
pub(crate) fn is_no_reserved_name(name: &Username) -> Result<(), Fault> {
    if !is_reserved(name) {
        return Ok(());
    }
    let upper = name.as_str().to_ascii_uppercase();
    let meant = match Recipient::parse(&upper) {
        Ok(Recipient::Server | Recipient::Broadcast) => format!("; {upper} is written in capitals"),
        _ => String::new(),
    };
    let reason = format!("no user can have the reserved name {name}{meant}");
    Err(Fault::new(SysCode::InvalidRecipient.as_str(), reason))
}

/// What the session machine is told of the configuration.
fn settings(session: &Session) -> SessionConfig {
    let config: &Config = session.config();
    SessionConfig {
        max_waiting: config.max_waiting,
        send_timeout: config.send_timeout,
        // Its parts have times of their own, each with its own reason: this one is for none of them.
        open_timeout: config.connect_timeout.saturating_add(config.exchange_timeout).saturating_mul(2),
        authentication_timeout: config.exchange_timeout,
        ..SessionConfig::new(session.username().clone(), session.token().clone())
    }
}
