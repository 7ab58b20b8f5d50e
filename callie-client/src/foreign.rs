//! Conversions of the core's values for other languages, with the feature `uniffi`.
//!
//! Events, outcomes, states and counters derive uniffi's traits where they are declared. Names and IDs cross as texts,
//! an instant as the language's date type, and a value with private fields as a record of them. callie-ffi takes and
//! returns these records under their names here.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use callie_core::command::{Conversation, SignalData, SignalKind};
use callie_core::{
    Attachment as CoreAttachment, AttachmentError, AttachmentKind, Fault as CoreFault, GroupId, JsonObject,
    Limits as CoreLimits, MessageId, Notice as CoreNotice, Payload, PayloadId, Recipient, Sender, Timestamp,
    Username,
};

use crate::error::Error;

/// Lets values cross to other languages. None crosses back: callie-ffi takes texts and records, and says which one is wrong.
macro_rules! outgoing {
    ($($name:ident as $builtin:ident: |$value:ident| $lower:expr;)*) => {$(
        uniffi::custom_type!($name, $builtin, {
            remote,
            lower: |$value| $lower,
            try_lift: |_value| Err(uniffi::deps::anyhow::Error::msg(NEVER_TAKEN)),
        });
    )*};
}

const NEVER_TAKEN: &str = "the library does not take such a value";
/// 0001-01-01T00:00:00Z. Date types such as Python's have no earlier instant.
const EARLIEST: Duration = Duration::from_secs(62_135_596_800);

outgoing! {
    Conversation as String: |conversation| conversation.to_string();
    GroupId as String: |id| id.to_string();
    JsonObject as String: |object| object.as_str().to_owned();
    MessageId as String: |id| id.to_string();
    Payload as String: |payload| payload.encode();
    PayloadId as String: |id| id.to_string();
    Recipient as String: |recipient| recipient.to_string();
    Sender as String: |sender| sender.to_string();
    SignalData as String: |data| data.as_str().to_owned();
    SignalKind as String: |kind| kind.to_string();
    // The protocol has a year 0000. An instant in it crosses as the first of the year 0001.
    Timestamp as SystemTime: |timestamp| SystemTime::from(timestamp).max(UNIX_EPOCH - EARLIEST);
    Username as String: |name| name.to_string();
    CoreAttachment as Attachment: |attachment| attachment.into();
    CoreFault as Fault: |fault| fault.into();
    CoreLimits as Limits: |limits| limits.into();
    CoreNotice as Notice: |notice| notice.into();
}

/// The kind of file that an attachment is.
#[uniffi::remote(Enum)]
pub enum AttachmentKind {
    /// An image.
    Image,
    /// A video.
    Video,
    /// Any other file.
    File,
}

/// A file that a message refers to by its URL. Callie servers do not store files.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Attachment {
    /// The kind of file.
    pub kind: AttachmentKind,
    /// Its URL: http or https.
    pub url: String,
    /// Its name.
    #[uniffi(default = None)]
    pub filename: Option<String>,
    /// Its size in bytes, at most 2^53 − 1.
    #[uniffi(default = None)]
    pub size: Option<u64>,
    /// Its MIME type, such as `image/png`.
    #[uniffi(default = None)]
    pub filetype: Option<String>,
    /// All of its metadata, a JSON object. When sending, the three fields above take precedence.
    #[uniffi(default = None)]
    pub metadata: Option<String>,
}

impl From<CoreAttachment> for Attachment {
    fn from(attachment: CoreAttachment) -> Self {
        Self {
            kind: attachment.kind(),
            url: attachment.url().to_owned(),
            filename: attachment.filename(),
            size: attachment.size(),
            filetype: attachment.filetype(),
            metadata: attachment.metadata().map(|metadata| metadata.as_str().to_owned()),
        }
    }
}

impl TryFrom<Attachment> for CoreAttachment {
    type Error = AttachmentError;

    fn try_from(given: Attachment) -> Result<Self, AttachmentError> {
        let mut attachment = Self::new(given.kind, given.url)?;
        if let Some(metadata) = given.metadata {
            attachment = attachment.with_metadata(JsonObject::parse(&metadata)?)?;
        }
        if let Some(filename) = given.filename {
            attachment = attachment.with_filename(&filename)?;
        }
        if let Some(size) = given.size {
            attachment = attachment.with_size(size)?;
        }
        if let Some(filetype) = given.filetype {
            attachment = attachment.with_filetype(&filetype)?;
        }
        Ok(attachment)
    }
}

/// The limits of a server.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Limits {
    /// The maximum size of a payload, in bytes.
    pub max_payload_bytes: u64,
    /// The maximum length of a message's text, in bytes of UTF-8.
    pub max_text_bytes: u64,
    /// The maximum number of attachments of a message.
    pub max_attachments: u64,
    /// The maximum number of members of a group.
    pub max_group_members: u64,
    /// The number of payloads that a user may send in a second, on average. The client keeps to it.
    pub messages_per_second: u32,
    /// The number of payloads that a user may send at once.
    pub burst: u32,
    /// The number of messages to `BROADCAST` that a user may send in a minute, on average. The client keeps to it.
    pub broadcasts_per_minute: u32,
    /// The number of messages to `BROADCAST` that a user may send at once.
    pub broadcast_burst: u32,
}

impl From<CoreLimits> for Limits {
    fn from(limits: CoreLimits) -> Self {
        Self {
            max_payload_bytes: limits.max_payload_bytes as u64,
            max_text_bytes: limits.max_text_bytes as u64,
            max_attachments: limits.max_attachments as u64,
            max_group_members: limits.max_group_members as u64,
            messages_per_second: limits.messages_per_second,
            burst: limits.burst,
            broadcasts_per_minute: limits.broadcasts_per_minute,
            broadcast_burst: limits.broadcast_burst,
        }
    }
}

/// A notice from the server.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Notice {
    /// For programs, such as `USER_JOINED`.
    pub code: String,
    /// For people.
    pub description: String,
    /// When the server sent it.
    pub sent_at: Timestamp,
    /// The payload that it is about, if any.
    pub in_reply_to: Option<PayloadId>,
    /// The user that it is about, if any.
    pub username: Option<Username>,
    /// The group that it is about, if any.
    pub group_id: Option<GroupId>,
    /// The message that it is about, if any.
    pub message_id: Option<MessageId>,
    /// All metadata, a JSON object. Which members there are depends on the code.
    pub metadata: String,
}

impl From<CoreNotice> for Notice {
    fn from(notice: CoreNotice) -> Self {
        let metadata = notice.metadata();
        Self {
            code: notice.code().to_string(),
            description: notice.description().to_owned(),
            // Every received notice has a time.
            sent_at: notice.timestamp().unwrap_or(Timestamp::UNIX_EPOCH),
            in_reply_to: metadata.in_reply_to.clone(),
            username: metadata.username.clone(),
            group_id: metadata.group_id,
            message_id: metadata.message_id.clone(),
            // A notice holds only names, IDs, numbers and valid JSON, which can always be serialised.
            metadata: serde_json::to_string(metadata).unwrap_or_default(),
        }
    }
}

/// The first fault of a text that is not a valid payload.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Fault {
    /// For programs, such as `MISSING_FIELD`.
    pub code: String,
    /// Its place: a JSON Pointer from the payload's root.
    pub path: String,
    /// For people.
    pub reason: String,
}

impl From<CoreFault> for Fault {
    fn from(fault: CoreFault) -> Self {
        Self { code: fault.code().to_string(), path: fault.path(), reason: fault.reason().to_owned() }
    }
}

/// Checks the attachment at index `at` of its message.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when it breaks a rule of the protocol.
pub fn attachment(at: usize, given: Attachment) -> Result<CoreAttachment, Error> {
    CoreAttachment::try_from(given).map_err(|e| {
        Error::invalid(crate::error::code::INVALID_ARGUMENT, format_args!("attachment {at}: {e}"))
    })
}
