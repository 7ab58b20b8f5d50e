//! The events of a client: what was received, outcomes and changes of the connection's state.

use std::time::Duration;

use callie_core::command::{Conversation, Push, SignalData, SignalKind};
use callie_core::session;
use callie_core::{
    Attachment, Content, EnvelopeIds, Fault, JsonObject, Limits, MessageId, Notice, Payload, PayloadId,
    Recipient, Sender, Timestamp, Username,
};
use serde::Serialize;

use crate::ticket::SendOutcome;

/// A chat message, sent by another user or by this user on another connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[non_exhaustive]
pub struct Message {
    /// The user who sent it.
    pub sender: Sender,
    /// To whom it was sent: this user, a group or everyone.
    pub recipient: Recipient,
    /// When it was sent, by the sender's clock. The protocol does not rely on it.
    pub sent_at: Timestamp,
    /// The payload's ID.
    pub payload_id: PayloadId,
    /// The message's ID, which edits and deletions refer to.
    pub message_id: MessageId,
    /// The text, in Markdown.
    pub text: String,
    /// The attachments.
    pub attachments: Vec<Attachment>,
    /// Metadata added by the sender.
    pub metadata: JsonObject,
}

/// An event for the application.
///
/// Serialises as an object: its member `event` is the variant's name in snake case, the others are those of its value.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The state of the connection changed.
    ConnectionChanged(ConnectionState),
    /// The outcome of a message sent by this client. Each message has exactly one, even if its
    /// [`Ticket`](crate::Ticket) was dropped.
    Ended {
        /// The ticket's number.
        ticket: u64,
        /// The message's ID.
        message_id: MessageId,
        /// The outcome.
        outcome: SendOutcome,
    },
    /// A chat message was received. A payload that is received twice is reported once.
    Message(Message),
    /// A message whose outcome was [`SendOutcome::Stored`] was delivered, and confirmed by its recipient. For a message to
    /// a group, each member for whom it was kept confirms it.
    DeliveredLate {
        /// The payload's ID.
        payload_id: PayloadId,
        /// The message's ID.
        message_id: MessageId,
    },
    /// The server sent a notice, such as that a user came online or that a group changed.
    Notice(Box<Notice>),
    /// A message was edited.
    Edited {
        /// The message's ID.
        message_id: MessageId,
        /// Its author.
        sender: Username,
        /// To whom it was sent.
        recipient: Conversation,
        /// Its new text.
        text: String,
    },
    /// A message was deleted; the application removes it.
    Deleted {
        /// The message's ID.
        message_id: MessageId,
        /// Its author.
        sender: Username,
        /// To whom it was sent.
        recipient: Conversation,
        /// Who deleted it.
        deleted_by: Username,
    },
    /// A user sent a signal, such as that they are typing.
    Signal {
        /// The user.
        sender: Username,
        /// To whom it was sent.
        recipient: Conversation,
        /// The kind of signal.
        kind: SignalKind,
        /// Its data.
        data: Option<SignalData>,
    },
    /// The server sent a SYS or CMD payload that this version does not know.
    Unknown(Box<Payload>),
    /// The server sent a text that is not a valid payload. The client ignored it.
    Unreadable(Fault),
    /// The last event: the client has ended.
    Closed(Closed),
}

/// The state of a client's connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConnectionState {
    /// Not connected and not trying to: the client was not started yet, is suspended, or a single attempt failed.
    Suspended,
    /// Opening a connection or authenticating.
    Connecting,
    /// Connected and authenticated.
    Online {
        /// When the login session ends unless it is used again.
        expires_at: Option<Timestamp>,
        /// The server's limits.
        limits: Limits,
        /// Whether the connection continues the one before, so that nothing is missing. Otherwise payloads may be missing
        /// that were sent to the user since the last connection was lost.
        resumed: bool,
    },
    /// Not connected. The client connects again after a delay.
    Waiting {
        /// The delay.
        retry_in: Duration,
        /// The close code of the last connection; 1006 if it was lost without one or was never open.
        close_code: u16,
        /// The reason, for people.
        reason: String,
    },
    /// The client has ended. Reported as [`Event::Closed`], not as a change of the state.
    Closed,
}

/// Why a client has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[non_exhaustive]
pub struct Closed {
    /// The WebSocket close code; 1000 if the application ended the client.
    pub close_code: u16,
    /// The reason, for programs: the code that the server sent before it closed, such as `SESSION_REVOKED` or `KICKED`,
    /// else
    /// [`DISCONNECTED`](crate::code::DISCONNECTED) or [`CLOSED`](crate::code::CLOSED).
    pub code: String,
    /// Why, for people.
    pub reason: String,
}

impl Event {
    /// The event for a received MSG payload; `None` for other payloads.
    pub(crate) fn from_message(payload: Payload) -> Option<Self> {
        let (sender, recipient, ids, content, metadata) = payload.into_parts();
        let Content::Msg(message) = content else { return None };
        let EnvelopeIds { payload_id, timestamp } = ids;
        let (message_id, text, attachments) = message.into_parts();
        Some(Self::Message(Message {
            sender,
            recipient,
            sent_at: timestamp,
            payload_id,
            message_id,
            text,
            attachments,
            metadata,
        }))
    }

    /// The event for an event of the session that is neither a state, an outcome nor a message.
    pub(crate) fn from_core(event: session::Event) -> Option<Self> {
        Some(match event {
            session::Event::Notice(notice) => Self::Notice(notice),
            session::Event::Push(push) => match push {
                Push::EditMessage { message_id, sender, recipient, text } => {
                    Self::Edited { message_id, sender, recipient, text: text.as_str().to_owned() }
                }
                Push::DeleteMessage { message_id, sender, recipient, deleted_by } => {
                    Self::Deleted { message_id, sender, recipient, deleted_by }
                }
                Push::Signal { from, recipient, kind, data } => {
                    Self::Signal { sender: from, recipient, kind, data }
                }
                _ => return None,
            },
            session::Event::DeliveredLate { payload_id, message_id } => {
                Self::DeliveredLate { payload_id, message_id }
            }
            session::Event::Unknown(payload) => Self::Unknown(Box::new(payload)),
            session::Event::Unreadable(fault) => Self::Unreadable(fault),
            _ => return None,
        })
    }
}
