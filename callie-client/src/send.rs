//! Sending a message.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use callie_core::session::SendOptions;
use callie_core::{Attachment, JsonObject, Message, MessageId, Recipient};

use crate::config::check_time;
use crate::error::{Error, code};
use crate::handle::Client;
use crate::ticket::{SendOutcome, Ticket};

impl Client {
    /// Begins a message: `text` is Markdown, `recipient` a user, a group or [`Recipient::Broadcast`], as a value or as
    /// text.
    ///
    /// The message is taken by [`submit`](SendRequest::submit), which returns at once, connected or not. Awaiting the
    /// request submits it and waits for its outcome:
    ///
    /// ```no_run
    /// # async fn run(client: callie_client::Client) -> Result<(), callie_client::Error> {
    /// let outcome = client.send("bob", "Hello, **Bob**").await?;
    /// let ticket = client.send("bob", "No hurry").confirm(false).submit()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send<R>(&self, recipient: R, text: impl Into<String>) -> SendRequest<'_>
    where
        R: TryInto<Recipient>,
        R::Error: fmt::Display,
    {
        SendRequest {
            client: self,
            recipient: recipient.try_into().map_err(|_| Error::argument("the recipient", ADDRESSEE)),
            text: text.into(),
            attachments: Vec::new(),
            message_id: None,
            options: SendOptions::default(),
        }
    }
}

/// The form of a message's recipient, as a phrase that follows "must be".
const ADDRESSEE: &str = "a username, a group ID or BROADCAST";

/// A message that was not submitted yet; [`Client::send`] begins one.
#[derive(Debug)]
#[must_use = "a message is sent when its request is submitted or awaited"]
pub struct SendRequest<'a> {
    client: &'a Client,
    recipient: Result<Recipient, Error>,
    text: String,
    attachments: Vec<Attachment>,
    message_id: Option<MessageId>,
    options: SendOptions,
}

impl<'a> SendRequest<'a> {
    /// Appends an attachment.
    pub fn attachment(mut self, attachment: Attachment) -> Self {
        self.attachments.push(attachment);
        self
    }

    /// Sets the message's ID; random unless given. A message that is sent again keeps its ID.
    pub fn message_id(mut self, message_id: MessageId) -> Self {
        self.message_id = Some(message_id);
        self
    }

    /// Sets the metadata: extensions that the protocol passes on. Default none.
    pub fn metadata(mut self, metadata: JsonObject) -> Self {
        self.options.metadata = metadata;
        self
    }

    /// Sets whether the recipient's client confirms the message. Default true; broadcasts are never confirmed.
    pub fn confirm(mut self, confirm: bool) -> Self {
        self.options.confirm = confirm;
        self
    }

    /// Sets how long the message may take to its outcome: longer than 0. Default
    /// [`Config::send_timeout`](crate::Config::send_timeout).
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.options.timeout = timeout.into();
        self
    }

    /// Sends the message. It is taken at once, connected or not; its [`Ticket`] and an
    /// [`Event::Ended`](crate::Event::Ended) tell its outcome.
    ///
    /// # Errors
    /// The message was not taken: [`InvalidArgument`](crate::ErrorKind::InvalidArgument) where the recipient, the text
    /// or an attachment is malformed or too large, [`QueueFull`](crate::ErrorKind::QueueFull) where too many messages
    /// are in progress or too many events wait to be taken, [`Closed`](crate::ErrorKind::Closed),
    /// [`State`](crate::ErrorKind::State) where the client has a state that cannot be written; the client then ends.
    /// With a state, the call returns when the message is stored.
    pub fn submit(self) -> Result<Ticket, Error> {
        let Self { client, recipient, text, attachments, message_id, options } = self;
        let recipient = recipient?;
        if let Some(timeout) = options.timeout {
            check_time("the timeout for sending", timeout)?;
        }
        let shared = client.shared();
        let ticket = client.submit_stored(|core, now| {
            let message_id = message_id.unwrap_or_else(|| core.session.message_id(now));
            let builder = Message::builder(message_id.clone()).text(text);
            let message = attachments
                .into_iter()
                .fold(builder, |builder, attachment| builder.attachment(attachment))
                .build_within(core.session.limits())
                .map_err(|e| Error::invalid(code::INVALID_ARGUMENT, e))?;
            let ticket = core.session.send(now, recipient, message, &options)?;
            let slot = core.expect(ticket, Some(message_id.clone()));
            Ok(Ticket { number: ticket.number(), message_id, slot, home: shared.home })
        })?;
        shared.counters.took_message();
        Ok(ticket)
    }
}

impl<'a> IntoFuture for SendRequest<'a> {
    type Output = Result<SendOutcome, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    /// Submits the message; the future waits for its outcome. Dropping the future does not take the message back.
    fn into_future(self) -> Self::IntoFuture {
        let taken = self.submit();
        Box::pin(async move { Ok(taken?.outcome().await) })
    }
}
