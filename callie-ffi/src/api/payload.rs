//! The parts of messages.

use callie_client::{Error, code};
use callie_core::{AttachmentError, JsonObject};
use serde::Serialize;

/// What kind of file an attachment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, uniffi::Enum)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentKind {
    /// An image.
    Image,
    /// A video.
    Video,
    /// Any other file.
    File,
}

/// A file that goes with a message, by its URL: servers of Callie neither take nor give files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, uniffi::Record)]
pub struct Attachment {
    /// What kind of file.
    pub kind: AttachmentKind,
    /// Where it stands; http or https.
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
    /// All of its metadata as a JSON object. When sending, the three fields above go on top of it.
    #[uniffi(default = None)]
    pub metadata: Option<String>,
}

impl From<callie_core::AttachmentKind> for AttachmentKind {
    fn from(kind: callie_core::AttachmentKind) -> Self {
        match kind {
            callie_core::AttachmentKind::Image => Self::Image,
            callie_core::AttachmentKind::Video => Self::Video,
            callie_core::AttachmentKind::File => Self::File,
        }
    }
}

impl From<AttachmentKind> for callie_core::AttachmentKind {
    fn from(kind: AttachmentKind) -> Self {
        match kind {
            AttachmentKind::Image => Self::Image,
            AttachmentKind::Video => Self::Video,
            AttachmentKind::File => Self::File,
        }
    }
}

impl From<&callie_core::Attachment> for Attachment {
    fn from(attachment: &callie_core::Attachment) -> Self {
        Self {
            kind: attachment.kind().into(),
            url: attachment.url().to_owned(),
            filename: attachment.filename(),
            size: attachment.size(),
            filetype: attachment.filetype(),
            metadata: attachment.metadata().map(|m| m.as_str().to_owned()),
        }
    }
}

impl Attachment {
    /// Checks the attachment that is number `at` of its message.
    pub(crate) fn check(self, at: usize) -> Result<callie_core::Attachment, Error> {
        self.read().map_err(|e| Error::invalid(code::INVALID_ARGUMENT, format_args!("attachment {at}: {e}")))
    }

    fn read(self) -> Result<callie_core::Attachment, AttachmentError> {
        let mut checked = callie_core::Attachment::new(self.kind.into(), self.url)?;
        if let Some(metadata) = self.metadata {
            checked = checked.with_metadata(JsonObject::parse(&metadata)?)?;
        }
        if let Some(filename) = self.filename {
            checked = checked.with_filename(&filename)?;
        }
        if let Some(size) = self.size {
            checked = checked.with_size(size)?;
        }
        if let Some(filetype) = self.filetype {
            checked = checked.with_filetype(&filetype)?;
        }
        Ok(checked)
    }
}
