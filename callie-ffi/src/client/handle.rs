//! The handle that the application holds.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use callie_core::session::{Now, SendOptions, SessionConfig};
use callie_core::{Attachment, Limits, Message, MessageId, Recipient, Username, session as machine};
use tokio::runtime::Handle;

use super::clock;
use super::config::Config;
use super::driver::{Driver, Source};
use super::error::{ConnectError, Fault, ReceiveError, SendError, code, not_taken};
use super::event::{Closed, Event, State};
use super::queue::{Over, Taken};
use super::refresh::TokenSource;
use super::session::Session;
use super::shared::{Core, Shared};
use super::stats::Stats;
use super::ticket::{Slot, Ticket};

/// One user's conversation with a server, across connections.
///
/// It lives until [`disconnect`](Self::disconnect), or until the server refuses it and no new token could be had; then
/// everything that waits is over, [`Event::Closed`] is told, and a new client is to be made. Every method takes `&self`
/// and may be called from several threads and tasks at once, from callbacks too. It may be dropped on any thread, which
/// says goodbye in the background.
pub struct Client {
    pub(super) shared: Arc<Shared>,
    pub(super) runtime: Handle,
    source: Source,
    pub(super) listens: Mutex<bool>,
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
        config.check().map_err(ConnectError::InvalidArgument)?;
        let runtime = Handle::try_current().map_err(|e| ConnectError::Internal(Fault::internal(e)))?;
        let machine = machine::Session::new(settings(session), clock::random());
        let shared = Arc::new(Shared::new(machine, config.event_queue));
        let source = Source::default();
        let driver = Driver::new(Arc::clone(&shared), Arc::new(config.clone()), Arc::clone(&source));
        runtime.spawn(driver);
        Ok(Self {
            shared,
            runtime,
            source,
            listens: Mutex::new(false),
            username: session.username().clone(),
            max_pending: config.max_waiting.saturating_add(config.event_queue),
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
        self.shared.ask(Core::connect);
    }

    /// Connects once, and waits for it; from then on as after [`start`](Self::start).
    ///
    /// If it does not work the client is as it was before, but for a refusal by the server, which ends it. Dropping the
    /// future changes nothing about the attempt.
    ///
    /// # Errors
    /// [`ConnectError`] says why there is no connection; refused with `AUTH_FAILED` when the session has ended.
    pub async fn connect(&self) -> Result<(), ConnectError> {
        let attempt = self.shared.ask(|core, now| {
            if let Some(closed) = &core.end {
                return Err(ConnectError::Closed(closed.to_fault()));
            }
            if matches!(core.state, State::Online { .. }) {
                return Ok(None);
            }
            let attempt = Arc::clone(core.attempt.get_or_insert_with(Slot::new));
            core.connect(now);
            Ok(Some(attempt))
        })?;
        match attempt {
            Some(attempt) => attempt.get().await,
            None => Ok(()),
        }
    }

    /// Closes the connection for a while, as for an app that goes to the background. What waits goes on waiting.
    pub fn suspend(&self) {
        self.shared.ask(|core, now| {
            core.suspended = core.refreshing;
            core.session.suspend(now);
        });
    }

    /// Connects again after [`suspend`](Self::suspend) or a [`connect`](Self::connect) that did not work.
    pub fn resume(&self) {
        self.shared.ask(|core, now| {
            core.suspended = false;
            core.session.resume(now);
        });
    }

    /// The network is another: what waits for the next attempt tries at once, what is connected makes sure that it is.
    pub fn network_changed(&self) {
        self.shared.ask(|core, now| core.session.network_changed(now));
    }

    /// Sends a message. It is taken at once, connected or not; its [`Ticket`] and an [`Event::Ended`] tell how it ends.
    ///
    /// # Errors
    /// [`SendError`]; the message was not taken then.
    pub fn send(&self, to: Recipient, message: Message, options: &SendOptions) -> Result<Ticket, SendError> {
        let message_id = message.message_id().clone();
        let (number, slot) =
            self.submit(Some(&message_id), |session, now| session.send(now, to, message, options))?;
        self.shared.counters.took_message();
        Ok(Ticket { number, message_id, slot })
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
    pub(super) fn submit(
        &self,
        message_id: Option<&MessageId>,
        what: impl FnOnce(&mut machine::Session, Now) -> Result<machine::Ticket, machine::SendError>,
    ) -> Result<(u64, Arc<Slot<machine::Ending>>), SendError> {
        let queued = self.shared.queue.len();
        self.shared.ask(|core, now| {
            if let Some(closed) = &core.end {
                return Err(SendError::Closed(closed.to_fault()));
            }
            // Every end of a message is an event: who never takes any must not fill the memory with them.
            if core.session.waiting() + queued >= self.max_pending {
                let reason = "too many events wait: take them first";
                return Err(SendError::QueueFull(Fault::new(code::QUEUE_FULL, reason)));
            }
            let ticket = what(&mut core.session, now).map_err(|e| not_taken(&e))?;
            Ok((ticket.number(), core.expect(ticket, message_id.cloned())))
        })
    }

    /// Takes up to `max` events, waiting at most `wait` for the first; an empty batch when none came.
    ///
    /// The last event is [`Event::Closed`]. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`ReceiveError::Closed`] after the last event.
    pub async fn next_events(&self, max: usize, wait: Duration) -> Result<Vec<Event>, ReceiveError> {
        if max == 0 {
            return Err(no_batch());
        }
        self.hand_out(self.shared.queue.next_within(max, wait).await)
    }

    /// Takes up to `max` of the events that are there, without waiting; an empty batch when there are none.
    ///
    /// # Errors
    /// [`ReceiveError::Closed`] after the last event.
    pub fn take_events(&self, max: usize) -> Result<Vec<Event>, ReceiveError> {
        if max == 0 {
            return Err(no_batch());
        }
        self.hand_out(self.shared.queue.take(max))
    }

    /// Waits at most `wait` until there are events to take, or the last has been taken. It takes none itself.
    pub async fn await_events(&self, wait: Duration) {
        self.shared.queue.filled(wait).await;
    }

    fn hand_out(&self, taken: Result<Taken, Over>) -> Result<Vec<Event>, ReceiveError> {
        match taken {
            Ok(taken) => {
                if taken.made_room {
                    self.shared.driver.wake();
                }
                Ok(taken.events)
            }
            Err(Over) => Err(ReceiveError::Closed(self.end_fault())),
        }
    }

    /// A file descriptor that can be read from while events wait, for an event loop to poll. It belongs to the client: it
    /// is not to be read from or closed.
    ///
    /// # Errors
    /// [`ReceiveError::Internal`] when the system gives none.
    #[cfg(unix)]
    pub fn descriptor(&self) -> Result<std::os::fd::RawFd, ReceiveError> {
        self.shared.queue.descriptor().map_err(|e| ReceiveError::Internal(Fault::internal(e)))
    }

    /// Where a new token comes from when the server has ended the session; none ends the client then.
    pub fn set_token_source(&self, source: Option<Arc<dyn TokenSource>>) {
        *self.source.lock().unwrap_or_else(PoisonError::into_inner) = source;
    }

    /// Who this is.
    #[must_use]
    pub fn username(&self) -> &Username {
        &self.username
    }

    /// How it stands to its server.
    #[must_use]
    pub fn state(&self) -> State {
        self.shared.core().state.clone()
    }

    /// What the server allows; the protocol's defaults before the first connection.
    #[must_use]
    pub fn limits(&self) -> Limits {
        *self.shared.core().session.limits()
    }

    /// What it did so far, in numbers.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let core = self.shared.core();
        self.shared.counters.with(core.session.duplicates(), core.session.waiting())
    }

    /// Ends the client: writes what was handed to the connection, says goodbye, and waits for that, at most a few seconds.
    ///
    /// What waits is over: what was written is unconfirmed, what was not has failed. Events that have come can still be
    /// taken. It may be called any number of times.
    pub async fn disconnect(&self) {
        self.shared.end(Closed::disconnected());
        self.shared.over.get().await;
    }

    /// Why the client has ended.
    pub(super) fn end_fault(&self) -> Fault {
        let core = self.shared.core();
        core.end.as_ref().map_or_else(|| Fault::closed("it is over"), Closed::to_fault)
    }
}

impl Core {
    /// Connects, unless there is nothing to connect with yet or any more.
    fn connect(&mut self, now: Now) {
        self.suspended = false;
        if self.end.is_none() && !self.refreshing {
            self.session.connect(now);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.shared.end(Closed::disconnected());
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

fn no_batch() -> ReceiveError {
    ReceiveError::InvalidArgument(Fault::argument("the size of a batch", "at least 1"))
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
