//! One received text frame, decoded and fully checked without being copied.
//!
//! - [`raw`](self::raw): one pass finds where everything stands
//! - [`check`](self::check): the rules, in the order of the protocol
//! - [`content`](self::content): what a frame says, by type

mod check;
mod content;
mod raw;

use std::borrow::Cow;

pub use content::{CommandRef, ContentRef, MessageRef, SystemRef};

use crate::command::{Command, CommandFault};
use crate::content::{CommandCall, Content, Message, System};
use crate::fault::Fault;
use crate::json::JsonObject;
use crate::limits::Limits;
use crate::name::{GroupId, PayloadId};
use crate::party::{Recipient, RecipientRef, Sender};
use crate::payload::{Payload, Stamp};
use crate::payload_type::PayloadType;
use crate::timestamp::Timestamp;
use crate::token::Token;

/// A received payload: checked by every rule of the protocol that needs nothing but the text itself.
///
/// It borrows from the text and allocates only for values that are written with JSON escapes.
///
/// ```
/// use callie_core::{ContentRef, PayloadRef, Limits, RecipientRef};
///
/// let text = r#"{"token":"c2VjcmV0","sender":"ada","recipient":"bob","timestamp":"2026-01-02T03:04:05.678Z",
///     "type":"MSG","content":{"messageID":"m1","text":"Hello, *Bob*"},"payloadID":"p1","payloadVersion":"1.0"}"#;
/// let frame = PayloadRef::from_client(text, &Limits::default())?;
/// assert_eq!(frame.recipient(), RecipientRef::User("bob"));
/// let ContentRef::Msg(message) = frame.content() else { unreachable!() };
/// assert_eq!(message.text().decode(), "Hello, *Bob*");
/// assert_eq!(frame.pass_on(), text.replace("c2VjcmV0", ""));
/// # Ok::<(), callie_core::Fault>(())
/// ```
#[derive(Debug, Clone)]
pub struct PayloadRef<'a> {
    text: &'a str,
    token: Cow<'a, str>,
    token_at: (u32, u32),
    sender: Cow<'a, str>,
    recipient: Cow<'a, str>,
    recipient_form: RecipientForm,
    timestamp: Timestamp,
    timestamp_at: (u32, u32),
    content: ContentRef<'a>,
    metadata: &'a str,
    ack: Option<bool>,
    in_reply_to: Option<Cow<'a, str>>,
    payload_id: Cow<'a, str>,
}

/// A recipient without its text.
#[derive(Debug, Clone, Copy)]
enum RecipientForm {
    Server,
    Broadcast,
    Group(GroupId),
    User,
    Unauthenticated,
}

impl<'a> PayloadRef<'a> {
    /// Checks what a server received from a client.
    ///
    /// The sender may be any string and the token too: whose they are is for the server to say.
    ///
    /// # Errors
    /// The first [`Fault`], in the order of the protocol.
    pub fn from_client(text: &'a str, limits: &Limits) -> Result<Self, Fault> {
        check::check(text, check::Origin::Client(limits))
    }

    /// Checks what a client received from a server. Limits that only bind clients are not applied.
    ///
    /// ```
    /// use callie_core::{PayloadRef, PayloadType};
    ///
    /// let text = r#"{"token":"","sender":"SERVER","recipient":"ada","timestamp":"2026-01-02T03:04:05.678Z",
    ///     "type":"PONG","content":{},"metadata":{"inReplyTo":"p1"},"payloadID":"s1","payloadVersion":"1.0"}"#;
    /// let frame = PayloadRef::from_server(text)?;
    /// assert_eq!((frame.payload_type(), frame.in_reply_to()), (PayloadType::Pong, Some("p1")));
    /// # Ok::<(), callie_core::Fault>(())
    /// ```
    ///
    /// # Errors
    /// The first [`Fault`], in the order of the protocol.
    pub fn from_server(text: &'a str) -> Result<Self, Fault> {
        check::check(text, check::Origin::Server)
    }

    /// The text that was received.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The token; empty in payloads of a server.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The sender as it was given: `SERVER`, a username or, from a client, any other string.
    #[must_use]
    pub fn sender(&self) -> &str {
        &self.sender
    }

    /// Where the payload goes.
    #[must_use]
    pub fn recipient(&self) -> RecipientRef<'_> {
        match self.recipient_form {
            RecipientForm::Server => RecipientRef::Server,
            RecipientForm::Broadcast => RecipientRef::Broadcast,
            RecipientForm::Group(id) => RecipientRef::Group(id),
            RecipientForm::User => RecipientRef::User(&self.recipient),
            RecipientForm::Unauthenticated => RecipientRef::Unauthenticated,
        }
    }

    /// When the sender says it sent this.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// Which of the five types it is.
    #[must_use]
    pub fn payload_type(&self) -> PayloadType {
        match self.content {
            ContentRef::Ping => PayloadType::Ping,
            ContentRef::Pong => PayloadType::Pong,
            ContentRef::Msg(_) => PayloadType::Msg,
            ContentRef::Sys(_) => PayloadType::Sys,
            ContentRef::Cmd(_) => PayloadType::Cmd,
        }
    }

    /// What it says.
    #[must_use]
    pub fn content(&self) -> &ContentRef<'a> {
        &self.content
    }

    /// The payload's ID; a text that [`PayloadId`] would take.
    #[must_use]
    pub fn payload_id(&self) -> &str {
        &self.payload_id
    }

    /// For a MSG, the message's ID; a text that [`MessageId`](crate::MessageId) would take.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        match &self.content {
            ContentRef::Msg(message) => Some(message.message_id()),
            _ => None,
        }
    }

    /// Whether the sender asks for confirmed delivery.
    #[must_use]
    pub fn wants_ack(&self) -> bool {
        self.ack == Some(true)
    }

    /// The payload that this one answers; a text that [`PayloadId`] would take.
    #[must_use]
    pub fn in_reply_to(&self) -> Option<&str> {
        self.in_reply_to.as_deref()
    }

    /// The metadata as written; `{}` where it was left out.
    #[must_use]
    pub fn metadata(&self) -> &'a str {
        self.metadata
    }

    /// For a CMD, the command with its parameters checked.
    #[must_use]
    pub fn command(&self, limits: &Limits) -> Option<Result<Command, CommandFault>> {
        match &self.content {
            ContentRef::Cmd(call) => Some(Command::read(call.name(), call.parameters(), limits)),
            _ => None,
        }
    }

    /// The text to pass on: the token emptied and the timestamp in its one written form, all else byte for byte.
    #[must_use]
    pub fn pass_on(&self) -> String {
        let token = (self.token_at, "");
        let timestamp = (self.timestamp_at, self.timestamp.as_str());
        // Exactly as much as is needed: what is passed on is kept and shared, not written to.
        let replaced =
            [token, timestamp].map(|((start, end), value)| ((end - start) as usize, value.len() + 2));
        let kept = self.text.len() - replaced[0].0 - replaced[1].0;
        let mut out = String::with_capacity(kept + replaced[0].1 + replaced[1].1);
        let mut copied = 0;
        for ((start, end), value) in
            if token.0 < timestamp.0 { [token, timestamp] } else { [timestamp, token] }
        {
            out.push_str(&self.text[copied..start as usize]);
            out.push('"');
            out.push_str(value);
            out.push('"');
            copied = end as usize;
        }
        out.push_str(&self.text[copied..]);
        out
    }

    /// The payload as an owned value, or none where the sender is neither `SERVER` nor a username.
    ///
    /// Token and sender are taken as given. A token that is none at all is left out.
    #[must_use]
    pub fn to_payload(&self) -> Option<Payload> {
        let content = match &self.content {
            ContentRef::Ping => Content::Ping,
            ContentRef::Pong => Content::Pong,
            ContentRef::Msg(message) => Content::Msg(Message::from_frame(message)?),
            ContentRef::Sys(system) => Content::Sys(System::from_frame(system)?),
            ContentRef::Cmd(call) => Content::Cmd(CommandCall::from_frame(call)?),
        };
        let stamp = Stamp { payload_id: PayloadId::parse(&self.payload_id).ok()?, timestamp: self.timestamp };
        Some(Payload::from_parts(
            stamp,
            Token::parse(&self.token).ok(),
            Sender::parse(&self.sender).ok()?,
            Recipient::try_from(self.recipient()).ok()?,
            content,
            JsonObject::from_checked(self.metadata).ok()?,
        ))
    }
}
