//! The content of a MSG payload: text in Markdown, and attachments as links.

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::convert::words;
use crate::frame::MessageRef;
use crate::json::{Fields, JsonObject, JsonObjectError, Names, Scanner};
use crate::limits::{Limits, MAX_METADATA_BYTES};
use crate::name::MessageId;
use crate::rules::{self, AttachmentMetadata};

/// A chat message.
///
/// ```
/// use callie_core::{Attachment, AttachmentKind, Message, MessageError, MessageId};
///
/// let tea = Attachment::new(AttachmentKind::Image, "https://example.com/tea.png")?.with_size(204_800)?;
/// let message = Message::builder(MessageId::parse("m1")?).text("**Look**").attachment(tea).build()?;
/// assert_eq!(message.attachments()[0].size(), Some(204_800));
///
/// assert_eq!(Message::builder(MessageId::parse("m2")?).build(), Err(MessageError::Empty));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    #[serde(rename = "messageID")]
    message_id: MessageId,
    text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment>,
}

/// Why a message cannot be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Neither text nor attachments.
    #[error("a message needs a text or an attachment")]
    Empty,
    /// The text exceeds the limit.
    #[error("the text must have at most {max_bytes} bytes")]
    TextTooLong {
        /// The limit, in bytes of UTF-8.
        max_bytes: usize,
    },
    /// There are more attachments than the limit.
    #[error("a message must have at most {max} attachments")]
    TooManyAttachments {
        /// The limit.
        max: usize,
    },
}

impl Message {
    /// Creates a builder.
    #[must_use]
    pub fn builder(message_id: MessageId) -> MessageBuilder {
        MessageBuilder { message: Self { message_id, text: String::new(), attachments: Vec::new() } }
    }

    /// Returns the message's ID.
    #[must_use]
    pub fn message_id(&self) -> &MessageId {
        &self.message_id
    }

    /// Returns the text, in Markdown.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the attachments.
    #[must_use]
    pub fn attachments(&self) -> &[Attachment] {
        &self.attachments
    }

    /// Its ID, text and attachments; nothing is copied.
    #[must_use]
    pub fn into_parts(self) -> (MessageId, String, Vec<Attachment>) {
        (self.message_id, self.text, self.attachments)
    }

    pub(crate) fn size_hint(&self) -> usize {
        const ATTACHMENT: usize = 80;
        let attachments = self.attachments.iter().map(|attachment| {
            ATTACHMENT + attachment.url.len() + attachment.metadata.as_ref().map_or(0, |m| m.as_str().len())
        });
        self.text.len() + self.text.len() / 16 + attachments.sum::<usize>()
    }

    pub(crate) fn from_frame(frame: &MessageRef<'_>) -> Option<Self> {
        Some(Self {
            message_id: MessageId::parse(frame.message_id()).ok()?,
            text: frame.text().decode().into_owned(),
            attachments: serde_json::from_str(frame.attachments()).ok()?,
        })
    }
}

/// Builds a message. [`build`](Self::build) checks it.
#[derive(Debug, Clone)]
pub struct MessageBuilder {
    message: Message,
}

impl MessageBuilder {
    /// Sets the text, in Markdown.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.message.text = text.into();
        self
    }

    /// Appends an attachment.
    #[must_use]
    pub fn attachment(mut self, attachment: Attachment) -> Self {
        self.message.attachments.push(attachment);
        self
    }

    /// Builds the message within the protocol's default limits.
    ///
    /// # Errors
    /// [`MessageError`] when the message is empty or exceeds a limit.
    pub fn build(self) -> Result<Message, MessageError> {
        self.build_within(&Limits::default())
    }

    /// Builds the message within the limits that a server announced.
    ///
    /// # Errors
    /// [`MessageError`] when the message is empty or exceeds a limit.
    pub fn build_within(self, limits: &Limits) -> Result<Message, MessageError> {
        let message = self.message;
        if message.text.is_empty() && message.attachments.is_empty() {
            return Err(MessageError::Empty);
        }
        if message.text.len() > limits.max_text_bytes {
            return Err(MessageError::TextTooLong { max_bytes: limits.max_text_bytes });
        }
        if message.attachments.len() > limits.max_attachments {
            return Err(MessageError::TooManyAttachments { max: limits.max_attachments });
        }
        Ok(message)
    }
}

words! {
    /// The kind of file that an attachment is.
    AttachmentKind, "image, video or file" {
        /// An image.
        Image = "image",
        /// A video.
        Video = "video",
        /// Any other file.
        File = "file",
    }
}

/// A file that a message refers to by its URL. Callie servers do not store files.
///
/// ```
/// use callie_core::{Attachment, AttachmentKind};
///
/// let attachment = Attachment::new(AttachmentKind::File, "https://example.com/a.pdf")?
///     .with_filename("a.pdf")?
///     .with_filetype("application/pdf")?;
/// assert_eq!(attachment.filename().as_deref(), Some("a.pdf"));
/// assert!(Attachment::new(AttachmentKind::File, "javascript:alert(1)").is_err());
/// # Ok::<(), callie_core::AttachmentError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attachment {
    #[serde(rename = "type")]
    kind: AttachmentKind,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<JsonObject>,
}

/// Why an attachment cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttachmentError {
    /// The URL is not one that clients can open.
    #[error("the URL {0}")]
    Url(std::borrow::Cow<'static, str>),
    /// A member of the metadata violates a rule of the protocol.
    #[error("`{name}` {reason}")]
    Metadata {
        /// The member.
        name: &'static str,
        /// What was expected.
        reason: std::borrow::Cow<'static, str>,
    },
    /// The metadata exceeds the limit.
    #[error("the metadata must have at most {MAX_METADATA_BYTES} bytes")]
    MetadataTooLarge,
    /// The metadata is not an object, or is nested too deep.
    #[error("the metadata must be {0}")]
    Object(#[from] JsonObjectError),
}

impl Attachment {
    /// Creates an attachment without metadata.
    ///
    /// # Errors
    /// [`AttachmentError::Url`] unless `url` is an http or https URL by RFC 3986 with a host, without user info.
    pub fn new(kind: AttachmentKind, url: impl Into<String>) -> Result<Self, AttachmentError> {
        let url = url.into();
        rules::check_url(&url).map_err(AttachmentError::Url)?;
        Ok(Self { kind, url, metadata: None })
    }

    /// Replaces the metadata.
    ///
    /// # Errors
    /// [`AttachmentError`] when it is too large or a member violates a rule of the protocol.
    pub fn with_metadata(mut self, metadata: JsonObject) -> Result<Self, AttachmentError> {
        if metadata.as_str().len() > MAX_METADATA_BYTES {
            return Err(AttachmentError::MetadataTooLarge);
        }
        check_metadata(&metadata)?;
        self.metadata = Some(metadata);
        Ok(self)
    }

    /// Sets the file's name, at most 255 bytes.
    ///
    /// # Errors
    /// [`AttachmentError::Metadata`] when it is longer.
    pub fn with_filename(self, filename: &str) -> Result<Self, AttachmentError> {
        self.with_member(AttachmentMetadata::FILENAME, &filename)
    }

    /// Sets the file's size in bytes, at most 2^53 − 1.
    ///
    /// # Errors
    /// [`AttachmentError::Metadata`] when it is larger.
    pub fn with_size(self, bytes: u64) -> Result<Self, AttachmentError> {
        self.with_member(AttachmentMetadata::SIZE, &bytes)
    }

    /// Sets the file's MIME type, such as `image/png`.
    ///
    /// # Errors
    /// [`AttachmentError::Metadata`] unless it is of the form `type/subtype`.
    pub fn with_filetype(self, filetype: &str) -> Result<Self, AttachmentError> {
        self.with_member(AttachmentMetadata::FILETYPE, &filetype)
    }

    fn with_member(self, index: usize, value: &impl Serialize) -> Result<Self, AttachmentError> {
        let metadata =
            self.metadata.clone().unwrap_or_default().with(AttachmentMetadata::NAMES[index], value)?;
        self.with_metadata(metadata)
    }

    /// Returns the kind of the file.
    #[must_use]
    pub fn kind(&self) -> AttachmentKind {
        self.kind
    }

    /// Returns the URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the metadata, if there is any.
    #[must_use]
    pub fn metadata(&self) -> Option<&JsonObject> {
        self.metadata.as_ref()
    }

    /// Returns the file's name, if it is set.
    #[must_use]
    pub fn filename(&self) -> Option<String> {
        self.member(AttachmentMetadata::FILENAME)
    }

    /// Returns the file's size in bytes, if it is set.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.member(AttachmentMetadata::SIZE)
    }

    /// Returns the file's MIME type, if it is set.
    #[must_use]
    pub fn filetype(&self) -> Option<String> {
        self.member(AttachmentMetadata::FILETYPE)
    }

    fn member<T: de::DeserializeOwned>(&self, index: usize) -> Option<T> {
        serde_json::from_str(self.metadata.as_ref()?.get(AttachmentMetadata::NAMES[index])?).ok()
    }
}

fn check_metadata(metadata: &JsonObject) -> Result<(), AttachmentError> {
    let text = metadata.as_str();
    let mut fields = Fields::new();
    // The object was checked, so the scan finds no fault.
    let _ = fields.scan_root(&mut Scanner::new(text));
    rules::check_attachment_metadata(&fields, text)
        .map_err(|(name, reason)| AttachmentError::Metadata { name, reason })
}

impl<'de> Deserialize<'de> for Attachment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Wire {
            #[serde(rename = "type")]
            kind: AttachmentKind,
            url: String,
            metadata: Option<JsonObject>,
        }
        let wire = Wire::deserialize(deserializer)?;
        let attachment = Self::new(wire.kind, wire.url).map_err(de::Error::custom)?;
        match wire.metadata {
            Some(metadata) => {
                check_metadata(&metadata).map_err(de::Error::custom)?;
                Ok(Self { metadata: Some(metadata), ..attachment })
            }
            None => Ok(attachment),
        }
    }
}
