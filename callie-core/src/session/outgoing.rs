//! Payloads to be sent: encoded once, and completed for each transmission.

use super::event::Failure;
use super::send_error::SendError;
use crate::code::SysCode;
use crate::content::{Content, MessageError};
use crate::limits::Limits;
use crate::name::{MessageId, PayloadId};
use crate::party::Recipient;
use crate::payload::{PAYLOAD_VERSION_TEXT, Payload};
use crate::token::Token;

/// The position of the token, in a text without one.
const TOKEN_AT: usize = r#"{"token":""#.len();
/// The number of bytes that follow the payload ID.
const AFTER_ID: usize = r#"","payloadVersion":"""#.len() + PAYLOAD_VERSION_TEXT.len() + "}".len();

/// An encoded payload. The token of the connection and a new payload ID are inserted as they are, because neither needs
/// escapes.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// The payload without a token.
    text: String,
    payload_id: PayloadId,
    recipient: Recipient,
    message: Option<MessagePart>,
}

/// The ID of a message, and its size, which has limits of its own.
#[derive(Debug)]
struct MessagePart {
    id: MessageId,
    text_bytes: usize,
    attachments: usize,
}

impl Outgoing {
    /// Encodes a payload that has no token.
    pub(super) fn new(payload: &Payload) -> Self {
        let message = match payload.content() {
            Content::Msg(message) => Some(MessagePart {
                id: message.message_id().clone(),
                text_bytes: message.text().len(),
                attachments: message.attachments().len(),
            }),
            _ => None,
        };
        Self {
            text: payload.encode(),
            payload_id: payload.payload_id().clone(),
            recipient: payload.recipient().clone(),
            message,
        }
    }

    pub(super) fn payload_id(&self) -> &PayloadId {
        &self.payload_id
    }

    pub(super) fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    pub(super) fn is_message(&self) -> bool {
        self.message.is_some()
    }

    pub(super) fn message_id(&self) -> Option<&MessageId> {
        self.message.as_ref().map(|message| &message.id)
    }

    /// Returns the payload without a token.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the text for a connection with this token.
    pub(super) fn with_token(&self, token: &Token) -> String {
        let (before, after) = self.text.split_at(TOKEN_AT);
        [before, token.expose(), after].concat()
    }

    /// Replaces the ID, and returns the old one.
    pub(super) fn replace_id(&mut self, payload_id: PayloadId) -> PayloadId {
        let end = self.text.len() - AFTER_ID;
        let start = end - self.payload_id.as_str().len();
        self.text.replace_range(start..end, payload_id.as_str());
        std::mem::replace(&mut self.payload_id, payload_id)
    }

    /// Checks it against the limits that a server announced, on a connection with this token.
    pub(super) fn check(&self, limits: &Limits, token: &Token) -> Result<(), SendError> {
        if let Some(message) = &self.message {
            if message.text_bytes > limits.max_text_bytes {
                return Err(MessageError::TextTooLong { max_bytes: limits.max_text_bytes }.into());
            }
            if message.attachments > limits.max_attachments {
                return Err(MessageError::TooManyAttachments { max: limits.max_attachments }.into());
            }
        }
        if self.text.len().saturating_add(token.expose().len()) > limits.max_payload_bytes {
            return Err(SendError::TooLarge { max_bytes: limits.max_payload_bytes });
        }
        Ok(())
    }
}

/// Returns the failure of a payload that exceeds the limits, in the words of a server's refusal.
pub(super) fn refusal(error: &SendError) -> Failure {
    let path = match error {
        SendError::Message(MessageError::TextTooLong { .. }) => "/content/text",
        SendError::Message(MessageError::TooManyAttachments { .. }) => "/content/attachments",
        _ => "",
    };
    Failure::Refused {
        code: SysCode::PayloadTooLarge.into(),
        description: error.to_string(),
        path: path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Message;
    use crate::name::Username;
    use crate::party::Sender;
    use crate::payload::EnvelopeIds;
    use crate::timestamp::Timestamp;

    fn payload(id: &str) -> Payload {
        let ids = EnvelopeIds { payload_id: PayloadId::parse(id).unwrap(), timestamp: Timestamp::UNIX_EPOCH };
        let sender = Sender::User(Username::parse("ada").unwrap());
        let text = r#"","payloadID":"p1","payloadVersion":"1.0"}"#;
        let message = Message::builder(MessageId::parse("m").unwrap()).text(text).build().unwrap();
        Payload::new(ids, sender, Recipient::parse("bob").unwrap(), Content::Msg(message))
    }

    #[test]
    fn token_and_new_id_are_put_where_encoding_puts_them() {
        let token = Token::parse("t0k3n").unwrap();
        let mut outgoing = Outgoing::new(&payload("m"));
        assert_eq!(outgoing.with_token(&token), payload("m").with_token(token.clone()).encode());
        let limits = |max_payload_bytes| Limits { max_payload_bytes, ..Limits::default() };
        let bytes = outgoing.with_token(&token).len();
        assert_eq!(outgoing.check(&limits(bytes), &token), Ok(()));
        assert!(outgoing.check(&limits(bytes - 1), &token).is_err());
        for id in ["a-longer-one", "s"] {
            outgoing.replace_id(PayloadId::parse(id).unwrap());
            let renamed = payload(id).with_token(token.clone());
            assert_eq!((outgoing.with_token(&token), outgoing.payload_id().as_str()), (renamed.encode(), id));
        }
    }
}
