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
use callie_client::foreign::{self, Attachment, Limits};
use callie_client::{self as client, ConnectionState, Event, SendOutcome, Stats};

/// How one message is sent.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SendOptions {
    /// Whether the recipient's client shall confirm it. Broadcasts cannot be confirmed, and are not whatever stands here.
    #[uniffi(default = true)]
    pub confirm: bool,
    /// Extensions, a JSON object.
    #[uniffi(default = None)]
    pub metadata: Option<String>,
    /// Limit from the call to its outcome; as the configuration says unless given.
    #[uniffi(default = None)]
    pub timeout: Option<Duration>,
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

/// A message that was taken for sending. It can be let go of: an `Ended` event comes anyway.
#[derive(Debug, uniffi::Object)]
pub struct Ticket {
    inner: client::Ticket,
}

#[uniffi::export]
impl Ticket {
    /// Its number: tickets of one client count up.
    pub fn number(&self) -> u64 {
        self.inner.number()
    }

    /// The message's ID: edits and deletions name it.
    pub fn message_id(&self) -> String {
        self.inner.message_id().to_string()
    }

    /// Waits for the outcome of the message, at its deadline at the latest. It may be asked for any number of times.
    pub async fn outcome(&self) -> SendOutcome {
        // In a child of the process that sent it, nothing is known of it.
        within(self.inner.outcome()).await.unwrap_or(SendOutcome::Unconfirmed)
    }
}

/// Events that were fetched and are not confirmed.
#[derive(Debug, Clone, uniffi::Record)]
pub struct FetchedEvents {
    /// The events, in order.
    pub events: Vec<Event>,
    /// The number of the first, from which the others count on: the events of a client are numbered from 1 in the order in
    /// which they are fetched or taken. Meaningless where there are none.
    pub first: u64,
}

/// One user's conversation with a server, across connections.
///
/// It lives until `disconnect`, or until the server refuses it and no new token could be had; then `Closed` is told, and a
/// new client is to be made. Every method may be called from several threads at once, from callbacks too. Letting go of it
/// says goodbye in the background.
#[derive(Debug, uniffi::Object)]
pub struct Client {
    pub(super) inner: client::Client,
}

#[uniffi::export]
impl Client {
    /// A client that is not connected yet.
    #[uniffi::constructor]
    pub fn new(credentials: Arc<Credentials>) -> Result<Self, CallError> {
        Ok(Self { inner: inside(|| client::Client::new(&credentials.inner))?? })
    }

    /// Connects, and keeps connecting after every loss until `disconnect` or a refusal. Events tell how it goes.
    pub fn start(&self) -> Result<(), CallError> {
        Ok(self.inner.start()?)
    }

    /// Connects once, and waits for it; from then on as after `start`.
    ///
    /// After an error the client is as it was before: one that was started goes on trying, one that was not or was suspended
    /// is suspended. A refusal by the server ends it; `suspend` meanwhile is an error with the code `SUSPENDED`.
    pub async fn connect(&self) -> Result<(), CallError> {
        Ok(within(self.inner.connect()).await??)
    }

    /// Closes the connection for a while, as for an app that goes to the background. What waits goes on waiting; a `connect`
    /// that waits fails.
    pub fn suspend(&self) -> Result<(), CallError> {
        Ok(self.inner.suspend()?)
    }

    /// Connects again after `suspend` or a `connect` that did not work.
    pub fn resume(&self) -> Result<(), CallError> {
        Ok(self.inner.resume()?)
    }

    /// Tells the client that the network has changed. One that waits to reconnect tries immediately; a connected one checks
    /// that its connection is alive. A client that has ended ignores it.
    pub fn network_changed(&self) {
        self.inner.network_changed();
    }

    /// Sends a text in Markdown, with attachments. The recipient is a username, a group's ID or `BROADCAST`.
    ///
    /// It is taken at once, connected or not; the ticket and an `Ended` event tell how it ends.
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

    /// Pings the server (`SERVER`) or a user, and returns the time until the answer.
    pub async fn ping(&self, recipient: String) -> Result<Duration, CallError> {
        Ok(within(self.inner.ping(recipient.as_str())).await??)
    }

    /// Carries out a command by name; parameters and result are JSON objects.
    pub async fn command(&self, name: String, parameters: String) -> Result<String, CallError> {
        Ok(within(self.inner.command(&name, &parameters)).await??)
    }

    /// Takes up to `max` of the events that are there, without waiting, and confirms nothing: for a wrapper that holds a batch and
    /// hands out one event after the other. `confirm_taken` is to be called for what was handed out.
    pub fn fetch_events(&self, max: u32) -> Result<FetchedEvents, CallError> {
        let fetched = self.inner.fetch_events_now(usize::try_from(max).unwrap_or(usize::MAX))?;
        Ok(FetchedEvents { events: fetched.events, first: fetched.first })
    }

    /// Says that the application has all fetched events up to the number `through`: messages among them are confirmed to
    /// their senders. Numbers that were confirmed already, or not fetched yet, change nothing.
    pub fn confirm_taken(&self, through: u64) {
        self.inner.confirm_taken(through);
    }

    /// Hands all events to `listener` from now on, in batches, from a thread made for it. Messages are confirmed to their
    /// senders when the listener is called with them. Calls such as `fetch_events` fail from now on. It can be asked for once.
    pub fn listen(&self, listener: Arc<dyn Listener>) -> Result<(), CallError> {
        let listener = Foreign::new(listener);
        let callback = move |events: Vec<Event>| {
            if let Some(Err(error)) = listener.call(|listener| listener.on_events(events)) {
                log::error!("a listener failed; it goes on with the next events: {error}");
            }
        };
        Ok(listen(&self.inner, Arc::new(Gate::new()), callback)?)
    }

    /// Where a new token comes from when the server has ended the session; none ends the client then.
    pub fn set_token_source(&self, source: Option<Arc<dyn TokenSource>>) {
        let source =
            source.map(|source| -> Arc<dyn client::TokenSource> { Arc::new(Source(Foreign::new(source))) });
        self.inner.set_token_source(source);
    }

    /// Who this is.
    pub fn username(&self) -> String {
        self.inner.username().to_string()
    }

    /// The credentials as they are now: with the token of the last login, where a token source gave another.
    pub fn credentials(&self) -> Result<Arc<Credentials>, CallError> {
        Ok(Arc::new(Credentials { inner: self.inner.credentials()? }))
    }

    /// The state of the connection.
    pub fn state(&self) -> ConnectionState {
        self.inner.state()
    }

    /// What the server allows; the protocol's defaults before the first connection.
    pub fn limits(&self) -> Limits {
        self.inner.limits().into()
    }

    /// Traffic counters since the client was created.
    pub fn stats(&self) -> Stats {
        self.inner.stats()
    }

    /// Ends the client: writes what was handed to the connection, says goodbye, and waits for that, at most a few seconds.
    ///
    /// What waits is over. Events that have come can still be taken. It may be called any number of times.
    pub async fn disconnect(&self) {
        // Without a runtime there is no connection to end.
        let _ = within(self.inner.disconnect()).await;
    }

    /// Begins to disconnect, and does not wait for it: calls that wait for events get what has come and then the last one.
    pub fn begin_disconnect(&self) {
        self.inner.begin_disconnect();
    }
}
