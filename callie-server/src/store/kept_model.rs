//! The values of kept messages.

use callie_core::command::Conversation;
use callie_core::{MessageId, PayloadId, Timestamp, Username};

use super::error::StoreError;
use crate::base::clock::Millis;

/// The bounds of what is kept for one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxBounds {
    /// The most messages.
    pub messages: u32,
    /// The most bytes of their texts.
    pub bytes: u64,
}

/// A message to keep.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// The author.
    pub sender: Username,
    /// The ID of the payload.
    pub payload_id: PayloadId,
    /// The message's ID.
    pub message_id: MessageId,
    /// The timestamp of the payload, which tells a resent payload from another one with the same IDs.
    pub sent_at: Timestamp,
    /// The recipient that the payload names.
    pub conversation: Conversation,
    /// The text that recipients receive, without a token.
    pub text: String,
    /// The users to keep it for, none of them twice.
    pub recipients: Vec<Username>,
    /// Whether the recipients take no messages from the sender. Then it is answered like any other and not kept.
    pub unwelcome: bool,
}

/// A kept message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptMessage {
    /// Its place in the inbox of its recipient.
    pub place: i64,
    /// The author.
    pub sender: Username,
    /// The ID of the payload.
    pub payload_id: PayloadId,
    /// The message's ID.
    pub message_id: MessageId,
    /// The text.
    pub text: String,
    /// Whether the recipient takes it now: the author is not banned, neither of the two has blocked the other, the
    /// recipient takes direct messages from the author, or is still in the group.
    pub is_welcome: bool,
}

/// A part of an inbox: what is behind a place at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// The number of messages that the recipient takes.
    pub welcome: u64,
    /// When the oldest of those was kept.
    pub oldest: Millis,
    /// The place of the last message, welcome or not.
    pub until: i64,
}

/// A message in an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptPlace {
    /// The owner of the inbox.
    pub recipient: Username,
    /// The place.
    pub place: i64,
}

/// What [`KeptMessages::write`](super::KeptMessages::write) has written.
#[derive(Debug, Default)]
pub struct Written {
    /// The recipients of each message for whom it is kept now. The inboxes of the others are full.
    pub kept: Vec<Vec<Username>>,
    /// The number of messages that were added to inboxes. Those that were there already are not counted.
    pub added: u64,
    /// Whether each removal found its message.
    pub removed: Vec<bool>,
}

/// Why [`KeptMessages::write`](super::KeptMessages::write) failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Nothing was written.
    #[error(transparent)]
    NotWritten(StoreError),
    /// The database was lost while it committed. Everything was written, or nothing.
    #[error(transparent)]
    Unknown(StoreError),
}

/// What became of an edited message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// It is not kept for anybody.
    NotKept,
    /// Its text is replaced.
    Edited,
    /// An inbox has no room for the new text. Nothing has changed.
    NoRoom,
}

/// Returns a conversation as it is stored.
pub(super) fn conversation_text(conversation: &Conversation) -> String {
    match conversation {
        Conversation::User(name) => name.to_string(),
        Conversation::Group(id) => id.to_string(),
    }
}
