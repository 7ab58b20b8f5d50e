//! The handle that the application holds.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use callie_core::session::{Now, Record, Session, SessionClosed, SessionConfig};
use callie_core::{Limits, Username};
use tokio::runtime::Handle;

use crate::clock::{self, Clock};
use crate::config::Config;
use crate::credentials::Credentials;
use crate::driver::Driver;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::event::{ConnectionState, Event};
use crate::queue::{Batch, Refused, Taker};
use crate::refresh::{Source, TokenSource};
use crate::shared::{Core, Shared};
use crate::state::{Place, State, StateStore};
use crate::stats::Stats;

/// Keeps one user connected to a server, across connections.
///
/// Clones are handles to the same client. It ends when [`disconnect`](Self::disconnect) is called, when the last clone is
/// dropped, or when the server refuses it and no new token is available. Then everything in progress ends,
/// [`Event::Closed`] is delivered as the last event, and a new client is needed to connect again. Every method may be called
/// from several threads and tasks at once, from callbacks too. It may be dropped on any thread; the connection is then closed
/// in the background.
///
/// A client belongs to the process that made it. In a child of `fork` every call fails at once with the code
/// [`FORKED`](crate::code::FORKED), or does nothing, and the parent's client goes on.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

/// What all clones of a client share.
struct Inner {
    shared: Arc<Shared>,
    runtime: Handle,
    endpoint: Endpoint,
    username: Username,
    max_pending: usize,
}

impl Client {
    /// A client that is not connected yet. With a [`state_file`](Config::state_file), it continues from the state in the file,
    /// which it reads before this returns.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) outside a tokio runtime: the client lives in the one that it is made in, which
    /// must have time and I/O enabled. [`State`](crate::ErrorKind::State) when the state file cannot be used; the
    /// [codes](crate::code) that begin with `STATE_` say why.
    pub fn new(credentials: &Credentials) -> Result<Self, Error> {
        let file = credentials.config().state_file.clone();
        Self::with_place(credentials, file.map(Place::File))
    }

    /// A client that is not connected yet, and that continues from the state in `store`, which is used instead of a
    /// [`state_file`](Config::state_file). It calls the store once before this returns.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when the configuration has a
    /// `state_file` too.
    pub fn with_store(credentials: &Credentials, store: Box<dyn StateStore>) -> Result<Self, Error> {
        if credentials.config().state_file.is_some() {
            return Err(Error::argument("the state file", "absent if the application gives a store"));
        }
        Self::with_place(credentials, Some(Place::Store(store)))
    }

    fn with_place(credentials: &Credentials, place: Option<Place>) -> Result<Self, Error> {
        let config = credentials.config();
        let runtime = Handle::try_current().map_err(Error::internal)?;
        let (settings, clock) = (settings(credentials), Clock::new());
        let (state, session) = match place {
            Some(place) => {
                let server = config.address.to_string();
                let restore = move |records: &[Record]| {
                    Session::restore(settings, clock::random(), clock.now(), &server, records)
                };
                let (state, session) = State::open(place, restore)?;
                (Some(state), session)
            }
            None => (None, Session::new(settings, clock::random())),
        };
        let shared = Arc::new(Shared::new(session, clock, state, config.event_queue));
        let endpoint = credentials.endpoint().clone();
        let driver = Driver::new(Arc::clone(&shared), endpoint.clone());
        runtime.spawn(driver);
        Ok(Self(Arc::new(Inner {
            shared,
            runtime,
            max_pending: config.max_waiting.saturating_add(config.event_queue),
            endpoint,
            username: credentials.username().clone(),
        })))
    }

    /// Creates a client and connects it.
    ///
    /// # Errors
    /// As [`new`](Self::new) and [`connect`](Self::connect).
    pub async fn open(credentials: &Credentials) -> Result<Self, Error> {
        let client = Self::new(credentials)?;
        client.connect().await?;
        Ok(client)
    }

    /// Connects, and reconnects after every loss until [`disconnect`](Self::disconnect) or a refusal.
    ///
    /// Returns at once; events report the progress.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed) on a client that has ended.
    pub fn start(&self) -> Result<(), Error> {
        self.ask(Session::start)
    }

    /// Makes one attempt to connect and waits for it; from then on as after [`start`](Self::start).
    ///
    /// Returns when the client is online, or with an error within the timeouts of its [`Config`]. After an error the client is
    /// in its previous state: a started one keeps trying, any other is suspended. A refusal by the server ends it. Dropping
    /// the future does not cancel the attempt.
    ///
    /// # Errors
    /// [`Error`] says why there is no connection; refused with `AUTH_FAILED` when the login session has ended, and with the
    /// code [`SUSPENDED`](crate::code::SUSPENDED) when [`suspend`](Self::suspend) was called meanwhile;
    /// [`Closed`](crate::ErrorKind::Closed) on a client that has ended.
    pub async fn connect(&self) -> Result<(), Error> {
        self.here()?;
        let attempt = self.shared().ask(|core, now| core.connect(now))?;
        attempt.get().await
    }

    /// Closes the connection for a while, as for an app that goes to the background. Payloads that wait go on waiting; a
    /// [`connect`](Self::connect) that waits fails.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed) on a client that has ended.
    pub fn suspend(&self) -> Result<(), Error> {
        self.ask(Session::suspend)
    }

    /// Connects again after [`suspend`](Self::suspend) or a failed [`connect`](Self::connect). Any other client stays as it
    /// is.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed) on a client that has ended.
    pub fn resume(&self) -> Result<(), Error> {
        self.ask(Session::resume)
    }

    fn ask(&self, what: impl FnOnce(&mut Session, Now) -> Result<(), SessionClosed>) -> Result<(), Error> {
        self.here()?;
        self.shared().ask(|core, now| what(&mut core.session, now).map_err(|_| core.closed_error()))
    }

    /// Tells the client that the network has changed. A client that is waiting to reconnect tries immediately; a connected one
    /// checks that its connection is still alive. It is a report and asks for nothing, so a client that has ended ignores it.
    pub fn network_changed(&self) {
        if self.is_here() {
            self.shared().ask(|core, now| core.session.network_changed(now));
        }
    }

    /// Hands something to the session, unless the client has ended or too much waits.
    pub(crate) fn submit<T>(
        &self,
        what: impl FnOnce(&mut Core, Now) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.here()?;
        let queued = self.shared().queue.fill();
        self.shared().ask(|core, now| {
            if core.session.is_closed() {
                return Err(core.closed_error());
            }
            // Every outcome of a message is an event: who stops taking them must not fill the memory with them. Those of one
            // who has never taken any are not kept.
            let too_many = match queued.taker {
                Taker::Nobody => queued.is_full,
                Taker::Calls | Taker::Listener => {
                    core.session.waiting() + queued.events >= self.0.max_pending
                }
            };
            if too_many { Err(Error::untaken(queued.events)) } else { what(core, now) }
        })
    }

    /// Takes up to `max` events, waiting at most `wait` for the first; an empty batch when none came. Messages among them are
    /// confirmed to their senders.
    ///
    /// The last event is [`Event::Closed`]. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed) after the last event, [`InvalidArgument`](crate::ErrorKind::InvalidArgument) where
    /// `max` is 0 or an [`EventReader`](crate::EventReader) has the events.
    pub async fn next_events(&self, max: usize, wait: Duration) -> Result<Vec<Event>, Error> {
        self.may_take(max)?;
        let batch = self.shared().queue.next_within(max, wait).await;
        Ok(self.hand_out(batch)?.events)
    }

    /// Takes up to `max` of the events that are there, without waiting; an empty batch when there are none. Messages among
    /// them are confirmed to their senders.
    ///
    /// # Errors
    /// As [`next_events`](Self::next_events).
    pub fn take_events(&self, max: usize) -> Result<Vec<Event>, Error> {
        self.may_take(max)?;
        Ok(self.hand_out(self.shared().queue.take(max, Taker::Calls))?.events)
    }

    /// As [`next_events`](Self::next_events), but confirms nothing: for callers that hold a batch and hand out one event after
    /// the other. [`confirm_taken`](Self::confirm_taken) confirms what was handed out, by the numbers of the events: the
    /// events of a client are numbered from 1 in the order in which they are fetched or taken.
    ///
    /// # Errors
    /// As [`next_events`](Self::next_events).
    pub async fn fetch_events(&self, max: usize, wait: Duration) -> Result<Fetched, Error> {
        self.may_take(max)?;
        let batch = self.shared().queue.fetch_within(max, wait).await;
        self.hand_out(batch).map(Fetched::from)
    }

    /// As [`fetch_events`](Self::fetch_events), without waiting.
    ///
    /// # Errors
    /// As [`next_events`](Self::next_events).
    pub fn fetch_events_now(&self, max: usize) -> Result<Fetched, Error> {
        self.may_take(max)?;
        self.hand_out(self.shared().queue.fetch(max)).map(Fetched::from)
    }

    /// Confirms the messages among all fetched events up to the number `through` to their senders. Numbers that were confirmed
    /// already, or not fetched yet, change nothing.
    pub fn confirm_taken(&self, through: u64) {
        if self.is_here()
            && let Some(receipt) = self.shared().queue.confirm(through)
        {
            self.shared().taken(receipt);
        }
    }

    /// Waits at most `wait` until there are events to take, or the last has been taken. It takes none itself.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) where an [`EventReader`](crate::EventReader) has the events.
    pub async fn await_events(&self, wait: Duration) -> Result<(), Error> {
        self.may_take(1)?;
        self.shared().queue.filled_within(wait).await.map_err(|refused| self.not_handed_out(refused))
    }

    fn may_take(&self, max: usize) -> Result<(), Error> {
        self.here()?;
        if max == 0 {
            return Err(Error::argument("the size of a batch", "at least 1"));
        }
        Ok(())
    }

    fn hand_out(&self, batch: Result<Batch, Refused>) -> Result<Batch, Error> {
        let batch = batch.map_err(|refused| self.not_handed_out(refused))?;
        self.shared().handed_out(&batch);
        Ok(batch)
    }

    fn not_handed_out(&self, refused: Refused) -> Error {
        match refused {
            Refused::Closed => self.end_error(),
            Refused::Listening => Error::invalid(
                crate::code::INVALID_ARGUMENT,
                "a listener takes the events of this client, so no call can",
            ),
        }
    }

    /// A file descriptor that is readable while events wait, for an event loop to poll. It belongs to the client: do not read
    /// from it or close it.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) when the system gives none.
    #[cfg(unix)]
    pub fn descriptor(&self) -> Result<std::os::fd::RawFd, Error> {
        self.here()?;
        self.shared().queue.descriptor().map_err(Error::internal)
    }

    /// Sets where a new token comes from when the server has ended the login session; without one, the client ends then.
    pub fn set_token_source(&self, source: Option<Arc<dyn TokenSource>>) {
        if self.is_here() {
            let before = self.shared().ask(|core, _| core.set_source(source.map(Source)));
            // Not under the lock: it is the application's.
            drop(before);
        }
    }

    /// The user.
    #[must_use]
    pub fn username(&self) -> &Username {
        &self.0.username
    }

    /// The credentials as they are now: with the token of the last login, where a [`TokenSource`] gave another.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) in a child of the process that made the client.
    pub fn credentials(&self) -> Result<Credentials, Error> {
        self.here()?;
        let token = self.shared().core().session.token().clone();
        Ok(Credentials::of(self.0.endpoint.clone(), self.0.username.clone(), token))
    }

    /// The state of the connection.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        if self.is_here() { self.shared().core().state() } else { ConnectionState::Closed }
    }

    /// The server's limits; the protocol's defaults before the first connection.
    #[must_use]
    pub fn limits(&self) -> Limits {
        if self.is_here() { *self.shared().core().session.limits() } else { Limits::default() }
    }

    /// Counters since the client was created.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let (duplicates, waiting) = if self.is_here() {
            let core = self.shared().core();
            (core.session.duplicates(), core.session.waiting())
        } else {
            (0, 0)
        };
        self.shared().counters.with(duplicates, waiting)
    }

    /// Ends the client: writes what was handed to the connection, closes it, and waits for that, at most a few seconds.
    ///
    /// Payloads in progress end: messages are pending if the client has a state, which keeps them for the next client; others
    /// are unconfirmed if they were written, and have failed if they were not. Events that have arrived can still be taken.
    /// It may be called any number of times. When it returns, another client can use the state file.
    pub async fn disconnect(&self) {
        if self.is_here() {
            self.begin_disconnect();
            self.shared().over.get().await;
        }
    }

    /// Begins to [`disconnect`](Self::disconnect), and does not wait for it. Dropping the last clone does the same.
    pub fn begin_disconnect(&self) {
        self.0.begin_disconnect();
    }

    /// Why the client has ended.
    pub(crate) fn end_error(&self) -> Error {
        self.shared().core().closed_error()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.0.runtime
    }

    /// Whether this is the process that the client belongs to. In another nothing of it may be touched: its locks may be held
    /// by threads that are not there, and its sockets are the parent's.
    fn is_here(&self) -> bool {
        !self.0.shared.home.is_left()
    }

    pub(crate) fn here(&self) -> Result<(), Error> {
        if self.is_here() { Ok(()) } else { Err(Error::forked()) }
    }
}

/// Events that were fetched and are not confirmed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Fetched {
    /// The events, in order.
    pub events: Vec<Event>,
    /// The number of the first, from which the others count on; meaningless where there are none.
    pub first: u64,
}

impl From<Batch> for Fetched {
    fn from(batch: Batch) -> Self {
        Self { events: batch.events, first: batch.first }
    }
}

impl Inner {
    fn begin_disconnect(&self) {
        if !self.shared.home.is_left() {
            self.shared.disconnect();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.begin_disconnect();
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("username", self.username())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

/// The configuration of the core's session.
fn settings(credentials: &Credentials) -> SessionConfig {
    let config: &Config = credentials.config();
    // Its parts have timeouts of their own, each with its own error: this one is for none of them.
    let open_timeout = config.connect_timeout.saturating_add(config.request_timeout).saturating_mul(2);
    SessionConfig::new(credentials.username().clone(), credentials.token().clone())
        .with_max_waiting(config.max_waiting)
        .with_send_timeout(config.send_timeout)
        .with_open_timeout(open_timeout)
        .with_authentication_timeout(config.request_timeout)
        .with_refresh_timeout(config.request_timeout)
}
