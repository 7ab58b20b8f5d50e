//! One received payload, decoded and fully checked without a copy.
//!
//! - [`raw`](self::raw): finds the position of everything in one pass
//! - [`check`](self::check): the rules, in the order of the protocol
//! - [`content`](self::content): the content, by type

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
use crate::payload::{EnvelopeIds, Payload};
use crate::payload_type::PayloadType;
use crate::timestamp::Timestamp;
use crate::token::Token;

/// A received payload, checked by every rule of the protocol that depends on the text alone.
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

/// The form of a recipient, without its text.
#[derive(Debug, Clone, Copy)]
enum RecipientForm {
    Server,
    Broadcast,
    Group(GroupId),
    User,
    Unauthenticated,
}

impl<'a> PayloadRef<'a> {
    /// Checks a text that a server received from a client.
    ///
    /// Sender and token may be any strings, which the server must check.
    ///
    /// # Errors
    /// The first [`Fault`], in the order of the protocol.
    pub fn from_client(text: &'a str, limits: &Limits) -> Result<Self, Fault> {
        check::check(text, check::Origin::Client(limits))
    }

    /// Checks a text that a client received from a server. Limits that apply only to clients are not checked.
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

    /// Returns the received text.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Returns the token; empty in payloads of a server.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Returns the sender as written: `SERVER`, a username or, from a client, any other string.
    #[must_use]
    pub fn sender(&self) -> &str {
        &self.sender
    }

    /// Returns the recipient.
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

    /// Returns the sender's timestamp.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// Returns the type.
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

    /// Returns the content.
    #[must_use]
    pub fn content(&self) -> &ContentRef<'a> {
        &self.content
    }

    /// Returns the payload's ID, a valid [`PayloadId`].
    #[must_use]
    pub fn payload_id(&self) -> &str {
        &self.payload_id
    }

    /// Returns the message's ID of a MSG, a valid [`MessageId`](crate::MessageId).
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        match &self.content {
            ContentRef::Msg(message) => Some(message.message_id()),
            _ => None,
        }
    }

    /// Returns `true` if the sender requests confirmed delivery.
    #[must_use]
    pub fn wants_ack(&self) -> bool {
        self.ack == Some(true)
    }

    /// Returns the ID of the payload that this one answers, a valid [`PayloadId`].
    #[must_use]
    pub fn in_reply_to(&self) -> Option<&str> {
        self.in_reply_to.as_deref()
    }

    /// Returns the metadata as written; `{}` if it was omitted.
    #[must_use]
    pub fn metadata(&self) -> &'a str {
        self.metadata
    }

    /// Returns the command of a CMD, with its parameters checked.
    #[must_use]
    pub fn command(&self, limits: &Limits) -> Option<Result<Command, CommandFault>> {
        match &self.content {
            ContentRef::Cmd(call) => Some(Command::read(call.name(), call.parameters(), limits)),
            _ => None,
        }
    }

    /// Returns the text for the recipients: without the token and with the timestamp in its canonical form, otherwise
    /// byte for byte.
    #[must_use]
    pub fn pass_on(&self) -> String {
        let token = (self.token_at, "");
        let timestamp = (self.timestamp_at, self.timestamp.as_str());
        // Allocates the exact size: the text is kept and shared, and not modified.
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

    /// Returns the payload as an owned value, or `None` if the sender is neither `SERVER` nor a username.
    ///
    /// Token and sender are not verified. An invalid token is omitted.
    #[must_use]
    pub fn to_payload(&self) -> Option<Payload> {
        let content = match &self.content {
            ContentRef::Ping => Content::Ping,
            ContentRef::Pong => Content::Pong,
            ContentRef::Msg(message) => Content::Msg(Message::from_frame(message)?),
            ContentRef::Sys(system) => Content::Sys(System::from_frame(system)?),
            ContentRef::Cmd(call) => Content::Cmd(CommandCall::from_frame(call)?),
        };
        let ids =
            EnvelopeIds { payload_id: PayloadId::parse(&self.payload_id).ok()?, timestamp: self.timestamp };
        Some(Payload::from_parts(
            ids,
            Token::parse(&self.token).ok(),
            Sender::parse(&self.sender).ok()?,
            Recipient::try_from(self.recipient()).ok()?,
            content,
            JsonObject::from_checked(self.metadata).ok()?,
        ))
    }
}
