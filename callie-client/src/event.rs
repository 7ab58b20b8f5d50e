//! What arrives.

use std::time::Duration;

use callie_core::command::{Conversation, Push, SignalData, SignalKind};
use callie_core::session;
use callie_core::{
    Attachment, Content, Fault, JsonObject, Limits, MessageId, Notice, Payload, PayloadId, Recipient, Sender,
    Stamp, Timestamp, Username,
};
use serde::Serialize;

use crate::ticket::SendOutcome;

/// A chat message, from another user or from this one on another connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[non_exhaustive]
pub struct Message {
    /// The user who sent it.
    pub sender: Sender,
    /// This user, a group or everyone.
    pub recipient: Recipient,
    /// When it was sent, as the sender claims; nothing in the protocol depends on it.
    pub sent_at: Timestamp,
    /// The payload's ID.
    pub payload_id: PayloadId,
    /// What edits and deletions refer to.
    pub message_id: MessageId,
    /// The text, in Markdown.
    pub text: String,
    /// The attachments.
    pub attachments: Vec<Attachment>,
    /// Added by the sender.
    pub metadata: JsonObject,
}

/// Something for the application.
///
/// Serialises as an object whose member `event` is the variant in snake case, beside the members of its value.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The state of the connection changed.
    ConnectionChanged(ConnectionState),
    /// A message that was sent has its outcome: once for each message, whether or not its ticket is still held.
    Ended {
        /// The ticket's number.
        ticket: u64,
        /// The message's ID.
        message_id: MessageId,
        /// How it ended.
        outcome: SendOutcome,
    },
    /// A chat message. Each payload has one such event.
    Message(Message),
    /// A notice of the server that ends nothing that was sent: who came and went, that a group changed.
    Notice(Box<Notice>),
    /// A message that somebody sent has another text now.
    Edited {
        /// The message.
        message_id: MessageId,
        /// Its author.
        sender: Username,
        /// Where it went.
        recipient: Conversation,
        /// Its new text.
        text: String,
    },
    /// A message is to be dropped.
    Deleted {
        /// The message.
        message_id: MessageId,
        /// Its author.
        sender: Username,
        /// Where it went.
        recipient: Conversation,
        /// Who deleted it.
        deleted_by: Username,
    },
    /// A user sent something fleeting, such as that they are typing.
    Signal {
        /// The user.
        sender: Username,
        /// Where it went.
        recipient: Conversation,
        /// What it is about.
        kind: SignalKind,
        /// What goes with it.
        data: Option<SignalData>,
    },
    /// A SYS or CMD of the server that this version does not know.
    Unknown(Box<Payload>),
    /// The server sent a text that is not a valid payload; nothing acted on it.
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
    /// Not connected, and not trying: it was not started yet, was suspended, or could not connect when asked to once.
    Suspended,
    /// Opening a connection or authenticating on it.
    Connecting,
    /// Connected and authenticated.
    Online {
        /// When the session ends if it is not used.
        expires_at: Option<Timestamp>,
        /// What the server allows.
        limits: Limits,
    },
    /// Not connected; it tries again by itself.
    Waiting {
        /// After this time.
        retry_in: Duration,
        /// The close code of the last connection; 1006 where it was lost without one or never open.
        close_code: u16,
        /// Why, for people.
        reason: String,
    },
    /// The client has ended. Of this only [`Event::Closed`] tells.
    Closed,
}

/// Why a client has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[non_exhaustive]
pub struct Closed {
    /// The WebSocket close code; 1000 when the application asked for the end.
    pub close_code: u16,
    /// Why, for programs: what the server said before it closed, such as `SESSION_REVOKED` or `KICKED`, else
    /// [`DISCONNECTED`](crate::code::DISCONNECTED) or [`CLOSED`](crate::code::CLOSED).
    pub code: String,
    /// Why, for people.
    pub reason: String,
}

impl Event {
    /// A message that was received; none of a payload that is none.
    pub(crate) fn from_message(payload: Payload) -> Option<Self> {
        let (sender, recipient, stamp, content, metadata) = payload.into_parts();
        let Content::Msg(message) = content else { return None };
        let Stamp { payload_id, timestamp } = stamp;
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

    /// What the application is told of what the session tells, where it is neither a state, an ending nor a message.
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
            session::Event::Unknown(payload) => Self::Unknown(Box::new(payload)),
            session::Event::Unreadable(fault) => Self::Unreadable(fault),
            _ => return None,
        })
    }
}
