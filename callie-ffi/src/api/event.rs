//! What arrives.

use super::payload::Attachment;
use crate::client;

/// Something for the application. Times are milliseconds since 1970 (UTC); metadata, parameters and results are JSON.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Event {
    /// A chat message.
    Message {
        /// Who wrote it.
        sender: String,
        /// Where it was sent: this user, a group's ID or `BROADCAST`.
        recipient: String,
        /// When the sender says it was sent.
        timestamp_ms: i64,
        /// The payload's ID.
        payload_id: String,
        /// The message's ID: edits and deletions name it.
        message_id: String,
        /// The text, in Markdown.
        text: String,
        /// Files that go with it.
        attachments: Vec<Attachment>,
        /// Extensions of the sender.
        metadata: String,
    },
    /// A notice of the server: what became of a message, who came and went, and codes of later versions.
    Notice {
        /// For programs, such as `RECIPIENT_OFFLINE`.
        code: String,
        /// For people.
        description: String,
        /// The ID of the payload that it is about, where it is about one.
        in_reply_to: Option<String>,
        /// When the server sent it.
        timestamp_ms: i64,
        /// The members that go with the code.
        metadata: String,
    },
    /// A command of the server: a message was edited or deleted, somebody is typing.
    Command {
        /// Its name, such as `EDIT_MESSAGE`.
        command: String,
        /// Its parameters.
        parameters: String,
        /// When the server sent it.
        timestamp_ms: i64,
    },
    /// The server sent a text that is not a valid payload; nothing acted on it.
    Unreadable {
        /// What was wrong, for programs.
        code: String,
        /// What was wrong, for people.
        reason: String,
    },
    /// The last event: the connection is gone.
    Closed {
        /// The WebSocket close code; 1000 when the application asked for it, 1006 when the link was lost without a close.
        close_code: u16,
        /// In words.
        reason: String,
        /// Whether it is worth to connect again, after a while, without asking anybody.
        comes_back: bool,
    },
}

impl From<client::Event> for Event {
    fn from(event: client::Event) -> Self {
        match event {
            client::Event::Message { envelope, message } => Self::Message {
                sender: envelope.sender.to_string(),
                recipient: envelope.recipient.to_string(),
                timestamp_ms: envelope.timestamp.unix_millis(),
                payload_id: envelope.payload_id.to_string(),
                message_id: message.message_id().to_string(),
                text: message.text().to_owned(),
                attachments: message.attachments().iter().map(Attachment::from).collect(),
                metadata: envelope.metadata.as_str().to_owned(),
            },
            client::Event::Notice { envelope, system, in_reply_to } => Self::Notice {
                code: system.code().to_string(),
                description: system.description().to_owned(),
                in_reply_to: in_reply_to.map(|id| id.to_string()),
                timestamp_ms: envelope.timestamp.unix_millis(),
                metadata: envelope.metadata.as_str().to_owned(),
            },
            client::Event::Command { envelope, call } => Self::Command {
                command: call.command().to_string(),
                parameters: call.parameters().as_str().to_owned(),
                timestamp_ms: envelope.timestamp.unix_millis(),
            },
            client::Event::Unreadable(fault) => Self::Unreadable {
                code: fault.code().as_str().to_owned(),
                reason: format!("{} (at {:?})", fault.reason(), fault.path()),
            },
            client::Event::Closed(closed) => {
                Self::Closed { close_code: closed.code, reason: closed.reason, comes_back: closed.comes_back }
            }
        }
    }
}
