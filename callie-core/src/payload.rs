//! The payload as an owned value that cannot be invalid.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::content::Content;
use crate::json::{JsonObject, JsonObjectError};
use crate::limits::MAX_METADATA_BYTES;
use crate::name::PayloadId;
use crate::party::{Recipient, Sender};
use crate::payload_type::PayloadType;
use crate::timestamp::Timestamp;
use crate::token::Token;

/// The only version of the payload format.
pub const PAYLOAD_VERSION_TEXT: &str = "1.0";

/// The ID and the time of a new payload. The core has neither clock nor randomness, so the caller provides them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopeIds {
    /// An ID that no other payload of the same sender has. Callie uses UUIDv7.
    pub payload_id: PayloadId,
    /// The current time.
    pub timestamp: Timestamp,
}

/// Why a payload cannot be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// Confirmation was requested for a payload other than a message to a user or a group.
    #[error("only a MSG to a user or a group can ask for confirmed delivery")]
    NotConfirmable,
    /// A client's metadata exceeds the protocol's limit.
    #[error("the metadata must have at most {MAX_METADATA_BYTES} bytes")]
    MetadataTooLarge,
    /// `inReplyTo` in the metadata is not a payload ID.
    #[error("the metadata's inReplyTo must be {}", PayloadId::EXPECTED)]
    InReplyTo,
    /// The metadata cannot be extended.
    #[error("the metadata must be {0}")]
    Metadata(#[from] JsonObjectError),
}

/// One payload.
///
/// ```
/// use callie_core::{Content, Message, MessageId, Payload, PayloadId, Recipient, Sender, EnvelopeIds, Timestamp, Token, Username};
///
/// let ids = EnvelopeIds { payload_id: PayloadId::parse("p1")?, timestamp: Timestamp::parse("2026-01-02T03:04:05.678Z")? };
/// let message = Message::builder(MessageId::parse("m1")?).text("Hello, *Bob*").build()?;
/// let payload = Payload::new(ids, Sender::User(Username::parse("ada")?), Recipient::parse("bob")?, Content::Msg(message))
///     .with_token(Token::parse("c2VjcmV0")?)
///     .with_ack()?;
/// assert_eq!(
///     payload.encode(),
///     r#"{"token":"c2VjcmV0","sender":"ada","recipient":"bob","timestamp":"2026-01-02T03:04:05.678Z","type":"MSG","content":{"messageID":"m1","text":"Hello, *Bob*"},"metadata":{"ack":true},"payloadID":"p1","payloadVersion":"1.0"}"#,
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    token: Option<Token>,
    sender: Sender,
    recipient: Recipient,
    ids: EnvelopeIds,
    content: Content,
    metadata: JsonObject,
}

const ACK: &str = "ack";
const IN_REPLY_TO: &str = "inReplyTo";

impl Payload {
    /// Creates a payload without a token and with empty metadata.
    #[must_use]
    pub fn new(ids: EnvelopeIds, sender: Sender, recipient: Recipient, content: Content) -> Self {
        Self { token: None, sender, recipient, ids, content, metadata: JsonObject::default() }
    }

    pub(crate) fn from_parts(
        ids: EnvelopeIds,
        token: Option<Token>,
        sender: Sender,
        recipient: Recipient,
        content: Content,
        metadata: JsonObject,
    ) -> Self {
        Self { token, sender, recipient, ids, content, metadata }
    }

    /// Sets a client's session token.
    #[must_use]
    pub fn with_token(mut self, token: Token) -> Self {
        self.token = Some(token);
        self
    }

    /// Replaces the metadata.
    ///
    /// A member `inReplyTo` names the payload that this one answers. A member `ack` is removed, because
    /// [`with_ack`](Self::with_ack) alone sets it. So received metadata can be sent again.
    ///
    /// # Errors
    /// [`PayloadError::InReplyTo`] when `inReplyTo` is not a payload ID, [`PayloadError::MetadataTooLarge`].
    pub fn with_metadata(mut self, metadata: JsonObject) -> Result<Self, PayloadError> {
        if let Some(text) = metadata.get(IN_REPLY_TO) {
            serde_json::from_str::<PayloadId>(text).map_err(|_| PayloadError::InReplyTo)?;
        }
        let metadata = if metadata.get(ACK).is_some() { metadata.without(ACK)? } else { metadata };
        self.metadata = small(metadata)?;
        Ok(self)
    }

    /// Requests confirmed delivery.
    ///
    /// # Errors
    /// [`PayloadError::NotConfirmable`] unless it is a MSG to a user or a group.
    pub fn with_ack(mut self) -> Result<Self, PayloadError> {
        if self.content.payload_type() != PayloadType::Msg
            || !matches!(self.recipient, Recipient::User(_) | Recipient::Group(_))
        {
            return Err(PayloadError::NotConfirmable);
        }
        self.metadata = small(self.metadata.with(ACK, &true)?)?;
        Ok(self)
    }

    /// Makes the payload an answer to another one.
    ///
    /// # Errors
    /// [`PayloadError::MetadataTooLarge`] when the metadata has no room for it.
    pub fn with_in_reply_to(mut self, payload_id: &PayloadId) -> Result<Self, PayloadError> {
        self.metadata = small(self.metadata.with(IN_REPLY_TO, payload_id)?)?;
        Ok(self)
    }

    /// Sets metadata of the server, for which no limit of clients applies.
    pub(crate) fn with_server_metadata(mut self, metadata: JsonObject) -> Self {
        self.metadata = metadata;
        self
    }

    /// Returns the parts of the payload, without a copy: sender, recipient, ID, time, content and metadata.
    #[must_use]
    pub fn into_parts(self) -> (Sender, Recipient, EnvelopeIds, Content, JsonObject) {
        (self.sender, self.recipient, self.ids, self.content, self.metadata)
    }

    /// Returns the session token; `None` in payloads of a server.
    #[must_use]
    pub fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// Returns the sender.
    #[must_use]
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// Returns the recipient.
    #[must_use]
    pub fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    /// Returns the sender's timestamp.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        self.ids.timestamp
    }

    /// Returns the content.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Returns the metadata, including the two keys that the protocol defines.
    #[must_use]
    pub fn metadata(&self) -> &JsonObject {
        &self.metadata
    }

    /// Returns `true` if the sender requests confirmed delivery.
    #[must_use]
    pub fn wants_ack(&self) -> bool {
        self.metadata.get(ACK) == Some("true")
    }

    /// Returns the ID of the payload that this one answers.
    #[must_use]
    pub fn in_reply_to(&self) -> Option<PayloadId> {
        serde_json::from_str(self.metadata.get(IN_REPLY_TO)?).ok()
    }

    /// Returns the ID.
    #[must_use]
    pub fn payload_id(&self) -> &PayloadId {
        &self.ids.payload_id
    }

    /// Returns the payload as text.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut out = Vec::with_capacity(self.size_hint());
        // Writing to memory cannot fail, and every part is a string, a number or checked JSON.
        let _ = serde_json::to_writer(&mut out, self);
        String::from_utf8(out).unwrap_or_default()
    }

    /// Returns the approximate length of the encoded text, so that it rarely has to be reallocated.
    fn size_hint(&self) -> usize {
        const ENVELOPE: usize = 320;
        let token = self.token.as_ref().map_or(0, |token| token.expose().len());
        ENVELOPE + token + self.metadata.as_str().len() + self.content.size_hint()
    }
}

fn small(metadata: JsonObject) -> Result<JsonObject, PayloadError> {
    if metadata.as_str().len() > MAX_METADATA_BYTES {
        return Err(PayloadError::MetadataTooLarge);
    }
    Ok(metadata)
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Payload", 9)?;
        out.serialize_field("token", self.token.as_ref().map_or("", Token::expose))?;
        out.serialize_field("sender", &self.sender)?;
        out.serialize_field("recipient", &self.recipient)?;
        out.serialize_field("timestamp", &self.ids.timestamp)?;
        out.serialize_field("type", self.content.payload_type().as_str())?;
        out.serialize_field("content", &self.content)?;
        out.serialize_field("metadata", &self.metadata)?;
        out.serialize_field("payloadID", &self.ids.payload_id)?;
        out.serialize_field("payloadVersion", PAYLOAD_VERSION_TEXT)?;
        out.end()
    }
}
