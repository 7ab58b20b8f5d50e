//! Attachments of messages.

use std::ffi::c_char;

use super::ffi_guard::{optional_text, text};
use super::status::{Failure, malformed};
use callie_client::AttachmentKind;
use callie_client::foreign::Attachment;

/// The kind of an attachment's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum CallieAttachmentKind {
    /// Any file.
    File = 0,
    /// An image.
    Image = 1,
    /// A video.
    Video = 2,
}

/// The `size` of an attachment whose size is unknown. The header defines it by hand: a negative number needs
/// parentheses in C.
pub const CALLIE_SIZE_UNKNOWN: i64 = -1;

/// A file that a message refers to by its URL: Callie servers do not store files. 0 or NULL stands for the
/// default; only `url` is required.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct CallieAttachment {
    /// One of `CallieAttachmentKind`: `CALLIE_ATTACHMENT_KIND_FILE`.
    pub kind: u32,
    /// Its URL: http or https.
    pub url: *const c_char,
    /// Its name, or NULL.
    pub filename: *const c_char,
    /// Its MIME type, such as `image/png`, or NULL.
    pub filetype: *const c_char,
    /// Its size in bytes; 0 and `CALLIE_SIZE_UNKNOWN` for an unknown size. For a file of 0 bytes, set `metadata` to
    /// `{"size":0}`.
    pub size: i64,
    /// More metadata as a JSON object, or NULL. The three fields above replace its members of the same names.
    pub metadata: *const c_char,
}

/// Reads an attachment.
///
/// # Safety
/// Its texts are NULL or end in NUL.
pub(super) unsafe fn read_attachment(attachment: &CallieAttachment) -> Result<Attachment, Failure> {
    const IMAGE: u32 = CallieAttachmentKind::Image as u32;
    const VIDEO: u32 = CallieAttachmentKind::Video as u32;
    const FILE: u32 = CallieAttachmentKind::File as u32;
    // SAFETY: passed on to the caller.
    let (url, filename, filetype, metadata) = unsafe {
        (
            text(attachment.url, "an attachment's url")?,
            optional_text(attachment.filename, "an attachment's filename")?,
            optional_text(attachment.filetype, "an attachment's filetype")?,
            optional_text(attachment.metadata, "an attachment's metadata")?,
        )
    };
    let size = match attachment.size {
        0 | CALLIE_SIZE_UNKNOWN => None,
        size => Some(
            u64::try_from(size)
                .map_err(|_| malformed("an attachment's size", "a number of bytes or CALLIE_SIZE_UNKNOWN"))?,
        ),
    };
    Ok(Attachment {
        kind: match attachment.kind {
            IMAGE => AttachmentKind::Image,
            VIDEO => AttachmentKind::Video,
            FILE => AttachmentKind::File,
            _ => return Err(malformed("an attachment's kind", "one of CallieAttachmentKind")),
        },
        url: url.to_owned(),
        filename: filename.map(str::to_owned),
        size,
        filetype: filetype.map(str::to_owned),
        metadata: metadata.map(str::to_owned),
    })
}
