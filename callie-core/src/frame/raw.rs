//! The positions of all parts of a received text, found in one pass before the rules are checked.

use smallvec::SmallVec;

use crate::json::{Fields, Scanner, Slot, Syntax, names};
use crate::rules::AttachmentMetadata;

names! {
    /// The members of the envelope.
    Envelope: 9 {
        TOKEN = 0 "token",
        SENDER = 1 "sender",
        RECIPIENT = 2 "recipient",
        TIMESTAMP = 3 "timestamp",
        TYPE = 4 "type",
        CONTENT = 5 "content",
        METADATA = 6 "metadata",
        PAYLOAD_ID = 7 "payloadID",
        PAYLOAD_VERSION = 8 "payloadVersion",
    }
}

names! {
    /// The members of all contents, grouped by type, because the type may follow the content in the text.
    Contents: 7 {
        MESSAGE_ID = 0 "messageID",
        TEXT = 1 "text",
        ATTACHMENTS = 2 "attachments",
        CODE = 3 "code",
        DESCRIPTION = 4 "description",
        COMMAND = 5 "command",
        PARAMETERS = 6 "parameters",
    }
}

names! {
    /// The members of the payload's metadata that the protocol defines.
    BindingMetadata: 2 { ACK = 0 "ack", IN_REPLY_TO = 1 "inReplyTo" }
}

names! {
    /// The members of an attachment.
    AttachmentNames: 3 { TYPE = 0 "type", URL = 1 "url", METADATA = 2 "metadata" }
}

/// The number of attachments that need no allocation: the protocol's default limit.
const INLINE_ATTACHMENTS: usize = 10;

/// One element of `attachments`.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawAttachment {
    pub(super) is_object: bool,
    pub(super) fields: Fields<AttachmentNames, 3>,
    pub(super) metadata: Fields<AttachmentMetadata, 3>,
}

/// The positions of all parts.
pub(super) struct Raw {
    pub(super) envelope: Fields<Envelope, 9>,
    pub(super) content: Fields<Contents, 7>,
    pub(super) metadata: Fields<BindingMetadata, 2>,
    /// The first attachments, at most as many as were requested.
    pub(super) attachments: SmallVec<[RawAttachment; INLINE_ATTACHMENTS]>,
    /// The number of all attachments.
    pub(super) attachment_count: usize,
}

impl Raw {
    pub(super) fn new() -> Self {
        Self {
            envelope: Fields::new(),
            content: Fields::new(),
            metadata: Fields::new(),
            attachments: SmallVec::new(),
            attachment_count: 0,
        }
    }

    /// Scans the whole text, and the members of the first `max_attachments` attachments.
    pub(super) fn scan(&mut self, scanner: &mut Scanner<'_>, max_attachments: usize) -> Result<(), Syntax> {
        let Self { envelope, content, metadata, attachments, attachment_count } = self;
        scanner.root(&mut |scanner, key, depth| {
            envelope.member(scanner, key, |scanner, index| match index {
                Some(Envelope::CONTENT) if scanner.at_object() => {
                    scanner.object(depth, &mut |scanner, key, depth| {
                        content.member(scanner, key, |scanner, index| match index {
                            Some(Contents::ATTACHMENTS) if scanner.at_array() => {
                                scanner.array(depth, &mut |scanner, depth| {
                                    *attachment_count += 1;
                                    if attachments.len() == max_attachments {
                                        return Ok(scanner.value(depth)?.levels());
                                    }
                                    // Scanned in place, because it is large.
                                    attachments.push(RawAttachment::new(scanner.at_object()));
                                    let slot = match attachments.last_mut() {
                                        Some(attachment) if attachment.is_object => {
                                            attachment.scan(scanner, depth)?
                                        }
                                        _ => scanner.value(depth)?,
                                    };
                                    Ok(slot.levels())
                                })
                            }
                            _ => scanner.value(depth),
                        })
                    })
                }
                Some(Envelope::METADATA) if scanner.at_object() => metadata.scan_object(scanner, depth),
                _ => scanner.value(depth),
            })
        })?;
        Ok(())
    }
}

impl RawAttachment {
    fn new(is_object: bool) -> Self {
        Self { is_object, fields: Fields::new(), metadata: Fields::new() }
    }

    fn scan(&mut self, scanner: &mut Scanner<'_>, depth: u8) -> Result<Slot, Syntax> {
        let Self { fields, metadata, .. } = self;
        scanner.object(depth, &mut |scanner, key, depth| {
            fields.member(scanner, key, |scanner, index| match index {
                Some(AttachmentNames::METADATA) if scanner.at_object() => {
                    metadata.scan_object(scanner, depth)
                }
                _ => scanner.value(depth),
            })
        })
    }
}
