//! What arrives.

use callie_core::Timestamp;
use serde::Serialize;

use super::payload::Attachment;
use callie_client as client;

/// What the server allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, uniffi::Record)]
pub struct Limits {
    /// The largest payload, in bytes.
    pub max_payload_bytes: u64,
    /// The longest text of a message, in bytes of UTF-8.
    pub max_text_bytes: u64,
    /// The most attachments of one message.
    pub max_attachments: u64,
    /// The most members of one group.
    pub max_group_members: u64,
    /// Payloads a user may send in a second, on average. The client keeps to it by itself.
    pub messages_per_second: u32,
    /// Payloads a user may send at once.
    pub burst: u32,
}

impl From<callie_core::Limits> for Limits {
    fn from(limits: callie_core::Limits) -> Self {
        Self {
            max_payload_bytes: limits.max_payload_bytes as u64,
            max_text_bytes: limits.max_text_bytes as u64,
            max_attachments: limits.max_attachments as u64,
            max_group_members: limits.max_group_members as u64,
            messages_per_second: limits.messages_per_second,
            burst: limits.burst,
        }
    }
}

/// How a client stands to its server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, uniffi::Enum)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ConnectionState {
    /// Not connected, and not trying: it was not started yet, was suspended, or could not connect when asked to once.
    Suspended,
    /// Opening a connection or authenticating on it.
    Connecting,
    /// Connected and authenticated.
    Online {
        /// When the session ends if it is not used, in milliseconds since 1970.
        expires_at_ms: Option<i64>,
        /// What the server allows.
        limits: Limits,
    },
    /// Not connected; it tries again by itself.
    Waiting {
        /// After so many milliseconds.
        retry_in_ms: u64,
        /// The close code of the last connection; 1006 where it was lost without one or never open.
        close_code: u16,
        /// Why, for people.
        reason: String,
    },
    /// The client has ended. No event but `Closed` tells of it.
    Closed,
}

impl From<client::ConnectionState> for ConnectionState {
    fn from(state: client::ConnectionState) -> Self {
        match state {
            client::ConnectionState::Suspended => Self::Suspended,
            client::ConnectionState::Connecting => Self::Connecting,
            client::ConnectionState::Online { expires_at, limits } => {
                Self::Online { expires_at_ms: expires_at.map(Timestamp::unix_millis), limits: limits.into() }
            }
            client::ConnectionState::Waiting { retry_in, close_code, reason } => {
                let retry_in_ms = u64::try_from(retry_in.as_millis()).unwrap_or(u64::MAX);
                Self::Waiting { retry_in_ms, close_code, reason }
            }
            // `Closed`, and what a later client may add.
            _ => Self::Closed,
        }
    }
}

/// How a message is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, uniffi::Enum)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Ending {
    /// The recipient's client, or some of the group's, confirmed it.
    Delivered {
        /// How many did; none where the server's answer was lost with a connection.
        confirmed: Option<u64>,
        /// How many were sent it and did not; none as above.
        unconfirmed: Option<u64>,
        /// How many were offline; none as above.
        offline: Option<u64>,
    },
    /// The server took it; no confirmation was asked for.
    Sent,
    /// The recipient is offline, or nobody in the group is online: it did not arrive.
    Offline,
    /// It did not arrive.
    Failed {
        /// For programs: the server's, such as `RECIPIENT_UNKNOWN`, else `EXPIRED` or `DISCONNECTED`.
        code: String,
        /// For people.
        reason: String,
        /// Where in the payload the fault is, a JSON Pointer; empty where it is nowhere in particular.
        path: String,
    },
    /// It was sent and may or may not have arrived.
    Unconfirmed,
}

impl From<client::SendOutcome> for Ending {
    fn from(ending: client::SendOutcome) -> Self {
        match ending {
            client::SendOutcome::Delivered { confirmed, unconfirmed, offline } => {
                Self::Delivered { confirmed, unconfirmed, offline }
            }
            client::SendOutcome::Sent => Self::Sent,
            client::SendOutcome::Offline => Self::Offline,
            client::SendOutcome::Failed(client::Failure { code, reason, path, .. }) => {
                Self::Failed { code, reason, path }
            }
            // `Unconfirmed`, and what a later client may add.
            _ => Self::Unconfirmed,
        }
    }
}

/// Something for the application. Times are milliseconds since 1970 (UTC); metadata and data are JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, uniffi::Enum)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The connection changed.
    Connection {
        /// What it is now.
        state: ConnectionState,
    },
    /// A message that was sent is over: told once for each, whether or not its ticket is still held.
    Ended {
        /// The ticket's number.
        ticket: u64,
        /// The message's ID.
        message_id: String,
        /// How.
        ending: Ending,
    },
    /// A chat message: from another user, or from this one on another connection.
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
    /// A notice of the server that ends nothing that was sent: who came and went, that a group changed.
    Notice {
        /// For programs, such as `USER_JOINED`.
        code: String,
        /// For people.
        description: String,
        /// The ID of the payload that it is about, where it is about one.
        in_reply_to: Option<String>,
        /// The user that it is about, where it is about one.
        username: Option<String>,
        /// The group that it is about, where it is about one.
        group_id: Option<String>,
        /// The message that it is about, where it is about one.
        message_id: Option<String>,
        /// All members that go with the code.
        metadata: String,
        /// When the server sent it.
        timestamp_ms: i64,
    },
    /// A message that somebody sent has another text now.
    Edited {
        /// The message's ID.
        message_id: String,
        /// Its author.
        sender: String,
        /// Where it went.
        recipient: String,
        /// Its new text.
        text: String,
    },
    /// A message is to be dropped.
    Deleted {
        /// The message's ID.
        message_id: String,
        /// Its author.
        sender: String,
        /// Where it went.
        recipient: String,
        /// Who deleted it.
        deleted_by: String,
    },
    /// Somebody says something fleeting, such as that they are typing.
    Signal {
        /// Who.
        sender: String,
        /// To whom.
        recipient: String,
        /// What it is about, such as `typing` or `read`.
        kind: String,
        /// What goes with it.
        data: Option<String>,
    },
    /// A SYS or CMD of the server that this version does not know.
    Unknown {
        /// The whole payload, JSON.
        payload: String,
    },
    /// The server sent a text that is not a valid payload; nothing acted on it.
    Unreadable {
        /// What was wrong, for programs.
        code: String,
        /// Where, a JSON Pointer.
        path: String,
        /// What was wrong, for people.
        reason: String,
    },
    /// The last event: the client has ended.
    Closed {
        /// The WebSocket close code; 1000 when the application asked for the end.
        close_code: u16,
        /// Why, for programs: what the server said, such as `SESSION_REVOKED`, else `DISCONNECTED` or `CLOSED`.
        code: String,
        /// Why, for people.
        reason: String,
    },
}

impl From<client::Event> for Event {
    fn from(event: client::Event) -> Self {
        match event {
            client::Event::ConnectionChanged(state) => Self::Connection { state: state.into() },
            client::Event::Ended { ticket, message_id, outcome } => {
                Self::Ended { ticket, message_id: message_id.to_string(), ending: outcome.into() }
            }
            client::Event::Message { envelope, message } => Self::Message {
                sender: envelope.sender.to_string(),
                recipient: envelope.recipient.to_string(),
                timestamp_ms: envelope.sent_at.unix_millis(),
                payload_id: envelope.payload_id.to_string(),
                message_id: message.message_id().to_string(),
                text: message.text().to_owned(),
                attachments: message.attachments().iter().map(Attachment::from).collect(),
                metadata: envelope.metadata.as_str().to_owned(),
            },
            client::Event::Notice(notice) => Self::from_notice(&notice),
            client::Event::Edited { message_id, sender, recipient, text } => Self::Edited {
                message_id: message_id.to_string(),
                sender: sender.to_string(),
                recipient: recipient.to_string(),
                text,
            },
            client::Event::Deleted { message_id, sender, recipient, deleted_by } => Self::Deleted {
                message_id: message_id.to_string(),
                sender: sender.to_string(),
                recipient: recipient.to_string(),
                deleted_by: deleted_by.to_string(),
            },
            client::Event::Signal { sender, recipient, kind, data } => Self::Signal {
                sender: sender.to_string(),
                recipient: recipient.to_string(),
                kind: kind.to_string(),
                data: data.map(|data| data.as_str().to_owned()),
            },
            client::Event::Unknown(payload) => Self::Unknown { payload: payload.encode() },
            client::Event::Unreadable(fault) => Self::Unreadable {
                code: fault.code().as_str().to_owned(),
                path: fault.path(),
                reason: fault.reason().to_owned(),
            },
            client::Event::Closed(client::Closed { close_code, code, reason, .. }) => {
                Self::Closed { close_code, code, reason }
            }
            // What a later client may add.
            _ => Self::Unknown { payload: String::new() },
        }
    }
}

impl Event {
    fn from_notice(notice: &callie_core::Notice) -> Self {
        let metadata = notice.metadata();
        Self::Notice {
            code: notice.code().as_str().to_owned(),
            description: notice.description().to_owned(),
            in_reply_to: metadata.in_reply_to.as_ref().map(ToString::to_string),
            username: metadata.username.as_ref().map(ToString::to_string),
            group_id: metadata.group_id.as_ref().map(ToString::to_string),
            message_id: metadata.message_id.as_ref().map(ToString::to_string),
            // Names, IDs, numbers and JSON that was read: it can always be written.
            metadata: serde_json::to_string(metadata).unwrap_or_default(),
            timestamp_ms: notice.timestamp().map(Timestamp::unix_millis).unwrap_or_default(),
        }
    }
}
