//! The client.

use std::sync::Arc;
use std::time::Duration;

use callie_core::JsonObject;

use super::callback::{Listener, Source, TokenSource};
use super::error::CallError;
use super::server::Credentials;
use crate::callbacks::Foreign;
use crate::gate::Gate;
use crate::listener::listen;
use crate::runtime::{inside, within};
use crate::threads;
use callie_client::foreign::{self, Attachment, Limits};
use callie_client::{self as client, ConnectionState, Event, SendOutcome, Stats};

/// Options of one message.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SendOptions {
    /// Whether the recipient's client confirms the message. Broadcasts are never confirmed.
    #[uniffi(default = true)]
    pub confirm: bool,
    /// Metadata: extensions, a JSON object.
    #[uniffi(default = None)]
    pub metadata: Option<String>,
    /// How long the message may take to its outcome; the configuration's `send_timeout` unless given.
    #[uniffi(default = None)]
    pub timeout: Option<Duration>,
}

/// Makes a client. The thread of its state leaves signals to the program.
pub(crate) fn new_client(
    make: impl FnOnce() -> Result<client::Client, client::Error>,
) -> Result<client::Client, client::Error> {
    inside(|| threads::without_signals(make))?
}

/// Sends a text with attachments.
pub(crate) fn send(
    client: &client::Client,
    recipient: &str,
    text: String,
    attachments: Vec<Attachment>,
    options: Option<SendOptions>,
) -> Result<client::Ticket, client::Error> {
    let mut request = client.send(recipient, text);
    for (at, attachment) in attachments.into_iter().enumerate() {
        request = request.attachment(foreign::attachment(at, attachment)?);
    }
    if let Some(options) = options {
        request = request.confirm(options.confirm).timeout(options.timeout);
        if let Some(json) = options.metadata {
            let metadata = JsonObject::parse(&json);
            request = request.metadata(metadata.map_err(|e| client::Error::argument("the metadata", e))?);
        }
    }
    request.submit()
}

/// A message taken for sending. It may be released: an `Ended` event reports the outcome too.
#[derive(Debug, uniffi::Object)]
pub struct Ticket {
    inner: client::Ticket,
}

#[uniffi::export]
impl Ticket {
    /// The ticket's number. The tickets of a client have ascending numbers.
    pub fn number(&self) -> u64 {
        self.inner.number()
    }

    /// The message's ID, which edits and deletions refer to.
    pub fn message_id(&self) -> String {
        self.inner.message_id().to_string()
    }

    /// Waits for the outcome of the message. It is known by the message's deadline. May be called repeatedly.
    pub async fn outcome(&self) -> SendOutcome {
        // A child of the process that sent the message cannot know its outcome.
        within(self.inner.outcome()).await.unwrap_or(SendOutcome::Unconfirmed)
    }
}

/// Events that were fetched and are not confirmed.
#[derive(Debug, Clone, uniffi::Record)]
pub struct FetchedEvents {
    /// The events, in order.
    pub events: Vec<Event>,
    /// The number of the first event; the others follow. The events of a client are numbered from 1 in the order in
    /// which they are fetched or taken. Meaningless if there are no events.
    pub first: u64,
}

/// Keeps one user connected to a server, across connections.
///
/// It ends when `disconnect` is called, when it is released, or when the server refuses it and no new token is
/// available. `Closed` is then its last event, and a new client is needed to connect again. Every method may be called
/// from several threads at once, from callbacks too. When it is released, the connection is closed in the background.
#[derive(Debug, uniffi::Object)]
pub struct Client {
    pub(super) inner: client::Client,
}

#[uniffi::export]
impl Client {
    /// A client that is not connected yet. With a `state_file`, it continues from the state in the file.
    #[uniffi::constructor]
    pub fn new(credentials: Arc<Credentials>) -> Result<Self, CallError> {
        Ok(Self { inner: new_client(|| client::Client::new(&credentials.inner))? })
    }

    /// Connects, and keeps connecting after every loss until `disconnect` or a refusal. Events report the progress.
    pub fn start(&self) -> Result<(), CallError> {
        Ok(self.inner.start()?)
    }

    /// Makes one attempt to connect and waits for it; from then on as after `start`.
    ///
    /// After an error the client is in its previous state: a started one keeps trying, any other is suspended. A
    /// refusal by the server ends it. If `suspend` is called meanwhile, it fails with the code `SUSPENDED`.
    pub async fn connect(&self) -> Result<(), CallError> {
        Ok(within(self.inner.connect()).await??)
    }

    /// Closes the connection until `resume`, as for an app that goes to the background. Payloads that wait go on
    /// waiting; a `connect` that waits fails.
    pub fn suspend(&self) -> Result<(), CallError> {
        Ok(self.inner.suspend()?)
    }

    /// Connects again after `suspend` or a failed `connect`.
    pub fn resume(&self) -> Result<(), CallError> {
        Ok(self.inner.resume()?)
    }

    /// Tells the client that the network has changed. One that waits to reconnect tries immediately; a connected one
    /// checks that its connection is alive. A client that has ended ignores it.
    pub fn network_changed(&self) {
        self.inner.network_changed();
    }

    /// Sends a text in Markdown, with attachments. The recipient is a username, a group's ID or `BROADCAST`.
    ///
    /// The message is taken at once, connected or not; the ticket and an `Ended` event report its outcome.
    #[uniffi::method(default(attachments = [], options = None))]
    pub fn send(
        &self,
        recipient: String,
        text: String,
        attachments: Vec<Attachment>,
        options: Option<SendOptions>,
    ) -> Result<Arc<Ticket>, CallError> {
        let inner = send(&self.inner, &recipient, text, attachments, options)?;
        Ok(Arc::new(Ticket { inner }))
    }

    /// Returns the messages without an outcome, in the order in which they were accepted; after the start of a client with
    /// a state, those that an earlier client accepted. Their outcomes are events too.
    pub fn pending(&self) -> Result<Vec<Arc<Ticket>>, CallError> {
        let pending = self.inner.pending()?;
        Ok(pending.into_iter().map(|inner| Arc::new(Ticket { inner })).collect())
    }

    /// Pings the server (`SERVER`) or a user, and returns the time until the answer.
    pub async fn ping(&self, recipient: String) -> Result<Duration, CallError> {
        Ok(within(self.inner.ping(recipient.as_str())).await??)
    }

    /// Carries out a command by name; parameters and result are JSON objects.
    pub async fn command(&self, name: String, parameters: String) -> Result<String, CallError> {
        Ok(within(self.inner.command(&name, &parameters)).await??)
    }

    /// Takes up to `max` of the events that are there, without waiting, and confirms nothing: for a wrapper that holds
    /// a batch and hands out one event after the other. `confirm_taken` is to be called for what was handed out.
    pub fn fetch_events(&self, max: u32) -> Result<FetchedEvents, CallError> {
        let fetched = self.inner.fetch_events_now(usize::try_from(max).unwrap_or(usize::MAX))?;
        Ok(FetchedEvents { events: fetched.events, first: fetched.first })
    }

    /// Confirms all fetched events up to the number `through`: messages among them are confirmed to
    /// their senders. Numbers that were confirmed already, or not fetched yet, change nothing.
    pub fn confirm_taken(&self, through: u64) {
        self.inner.confirm_taken(through);
    }

    /// Delivers all further events to `listener`, in batches, on a thread made for it. Messages are confirmed to their
    /// senders when the listener is called with them. Calls such as `fetch_events` then fail. May be called once.
    ///
    /// The first call of the listener has no events: a wrapper passes on the events that it has fetched.
    pub fn listen(&self, listener: Box<dyn Listener>) -> Result<(), CallError> {
        let listener = Foreign::new(listener);
        let callback = move |events: Vec<Event>| {
            if let Some(Err(error)) = listener.call(|listener| listener.on_events(events)) {
                log::error!("a listener failed; it goes on with the next events: {error}");
            }
        };
        Ok(listen(&self.inner, Arc::new(Gate::new()), Some(Vec::new()), callback)?)
    }

    /// Sets the source of a new token for when the server has ended the login session. Without one, the client then
    /// ends.
    pub fn set_token_source(&self, source: Option<Box<dyn TokenSource>>) {
        let source =
            source.map(|source| -> Arc<dyn client::TokenSource> { Arc::new(Source(Foreign::new(source))) });
        self.inner.set_token_source(source);
    }

    /// The user.
    pub fn username(&self) -> String {
        self.inner.username().to_string()
    }

    /// The current credentials, with the latest token that a token source gave.
    pub fn credentials(&self) -> Result<Arc<Credentials>, CallError> {
        Ok(Arc::new(Credentials { inner: self.inner.credentials()? }))
    }

    /// The state of the connection.
    pub fn state(&self) -> ConnectionState {
        self.inner.state()
    }

    /// The server's limits; the protocol's defaults before the first connection.
    pub fn limits(&self) -> Limits {
        self.inner.limits().into()
    }

    /// Traffic counters since the client was created.
    pub fn stats(&self) -> Stats {
        self.inner.stats()
    }

    /// Ends the client: writes what was handed to the connection, closes it, and waits for that, at most a few seconds.
    ///
    /// Payloads in progress end; messages are pending if the client has a state. Events that have arrived can still be
    /// taken. May be called repeatedly. When it returns, another client can use the state file.
    pub async fn disconnect(&self) {
        // Without a runtime there is no connection to end.
        let _ = within(self.inner.disconnect()).await;
    }

    /// Begins to disconnect without waiting for it. Calls that wait for events return those that arrived, then the last
    /// one.
    pub fn begin_disconnect(&self) {
        self.inner.begin_disconnect();
    }
}
