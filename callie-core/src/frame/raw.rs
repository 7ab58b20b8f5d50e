//! Where everything in a received text stands, found in one pass and without regard to the rules.

use smallvec::SmallVec;

use crate::json::{Fields, Scanner, Slot, Syntax};
use crate::rules::ATTACHMENT_METADATA;

/// The members of the envelope, in the protocol's order.
pub(super) const ENVELOPE: [&str; 9] = [
    "token",
    "sender",
    "recipient",
    "timestamp",
    "type",
    "content",
    "metadata",
    "payloadID",
    "payloadVersion",
];
pub(super) const TOKEN: usize = 0;
pub(super) const SENDER: usize = 1;
pub(super) const RECIPIENT: usize = 2;
pub(super) const TIMESTAMP: usize = 3;
pub(super) const TYPE: usize = 4;
pub(super) const CONTENT: usize = 5;
pub(super) const METADATA: usize = 6;
pub(super) const PAYLOAD_ID: usize = 7;
pub(super) const PAYLOAD_VERSION: usize = 8;

/// The members of every content, those of one type side by side and in the protocol's order: the type may be written
/// behind the content.
pub(super) const CONTENTS: [&str; 7] =
    ["messageID", "text", "attachments", "code", "description", "command", "parameters"];
pub(super) const MESSAGE_ID: usize = 0;
pub(super) const TEXT: usize = 1;
pub(super) const ATTACHMENTS: usize = 2;
pub(super) const CODE: usize = 3;
pub(super) const DESCRIPTION: usize = 4;
pub(super) const COMMAND: usize = 5;
pub(super) const PARAMETERS: usize = 6;

/// The members of the payload's metadata that bind.
pub(super) const BINDING_METADATA: [&str; 2] = ["ack", "inReplyTo"];
pub(super) const ACK: usize = 0;
pub(super) const IN_REPLY_TO: usize = 1;

/// The members of an attachment.
pub(super) const ATTACHMENT: [&str; 3] = ["type", "url", "metadata"];
pub(super) const ATTACHMENT_TYPE: usize = 0;
pub(super) const ATTACHMENT_URL: usize = 1;
pub(super) const ATTACHMENT_META: usize = 2;

/// So many attachments are held without allocating: the protocol's default limit.
const INLINE_ATTACHMENTS: usize = 10;

/// One element of `attachments`.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawAttachment {
    pub(super) is_object: bool,
    pub(super) fields: Fields<3>,
    pub(super) metadata: Fields<3>,
}

/// Where everything stands.
pub(super) struct Raw {
    pub(super) envelope: Fields<9>,
    pub(super) content: Fields<7>,
    pub(super) metadata: Fields<2>,
    /// The first of the attachments, no more than were asked for.
    pub(super) attachments: SmallVec<[RawAttachment; INLINE_ATTACHMENTS]>,
    /// How many there are in all.
    pub(super) attachment_count: usize,
}

impl Raw {
    pub(super) fn new() -> Self {
        Self {
            envelope: Fields::new(&ENVELOPE),
            content: Fields::new(&CONTENTS),
            metadata: Fields::new(&BINDING_METADATA),
            attachments: SmallVec::new(),
            attachment_count: 0,
        }
    }

    /// Scans the whole text; of the attachments, the first `max_attachments` are looked into.
    pub(super) fn scan(&mut self, scanner: &mut Scanner<'_>, max_attachments: usize) -> Result<(), Syntax> {
        let Self { envelope, content, metadata, attachments, attachment_count } = self;
        scanner.root(&mut |scanner, key, depth| {
            envelope.member(scanner, key, |scanner, index| match index {
                Some(CONTENT) if scanner.at_object() => scanner.object(depth, &mut |scanner, key, depth| {
                    content.member(scanner, key, |scanner, index| match index {
                        Some(ATTACHMENTS) if scanner.at_array() => {
                            scanner.array(depth, &mut |scanner, depth| {
                                *attachment_count += 1;
                                if attachments.len() == max_attachments {
                                    return Ok(scanner.value(depth)?.levels);
                                }
                                let (attachment, slot) = scan_attachment(scanner, depth)?;
                                attachments.push(attachment);
                                Ok(slot.levels)
                            })
                        }
                        _ => scanner.value(depth),
                    })
                }),
                Some(METADATA) if scanner.at_object() => metadata.scan_object(scanner, depth),
                _ => scanner.value(depth),
            })
        })?;
        Ok(())
    }
}

fn scan_attachment(scanner: &mut Scanner<'_>, depth: u8) -> Result<(RawAttachment, Slot), Syntax> {
    let mut attachment = RawAttachment {
        is_object: scanner.at_object(),
        fields: Fields::new(&ATTACHMENT),
        metadata: Fields::new(&ATTACHMENT_METADATA),
    };
    if !attachment.is_object {
        let slot = scanner.value(depth)?;
        return Ok((attachment, slot));
    }
    let RawAttachment { fields, metadata, .. } = &mut attachment;
    let slot = scanner.object(depth, &mut |scanner, key, depth| {
        fields.member(scanner, key, |scanner, index| match index {
            Some(ATTACHMENT_META) if scanner.at_object() => metadata.scan_object(scanner, depth),
            _ => scanner.value(depth),
        })
    })?;
    Ok((attachment, slot))
}
