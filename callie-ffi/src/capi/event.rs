//! What arrives, as rows of texts that C can look at in place.

use std::ffi::c_char;
use std::ptr::null;

use super::border::{Place, guard, show};
use super::client::{CALLIE_SIZE_UNKNOWN, CallieAttachmentKind};
use super::registry::Registry;
use super::status::{CallieStatus, Failure};
use crate::api::{self, Event};
use crate::client;

/// A batch of events. Free it with `callie_events_free`; texts that it showed are valid until then.
pub struct CallieEvents {
    _private: [u8; 0],
}

pub(super) static EVENTS: Registry<Batch> = Registry::new("the events");

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum CallieEventKind {
    /// There is no such event.
    None = 0,
    /// A chat message: `SENDER`, `RECIPIENT`, `TEXT`, `MESSAGE_ID`, `PAYLOAD_ID`, `METADATA`, and attachments.
    Message = 1,
    /// A notice of the server: `CODE`, `DESCRIPTION`, `METADATA`, and `IN_REPLY_TO` where it is about a payload.
    Notice = 2,
    /// A command of the server, such as `EDIT_MESSAGE`: `CODE` and `PARAMETERS`.
    Command = 3,
    /// The server sent what is not a valid payload; nothing acted on it: `CODE` and `DESCRIPTION`.
    Unreadable = 4,
    /// The last event, the connection is gone: `DESCRIPTION`, `callie_event_close_code`, `callie_event_comes_back`.
    Closed = 5,
}

/// A text of an event. Which of them an event has, `CallieEventKind` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum CallieField {
    /// Who wrote a message.
    Sender = 0,
    /// Where a message was sent: this user, a group's ID or `BROADCAST`.
    Recipient = 1,
    /// A message's text, in Markdown. It may hold a NUL: ask for its length too.
    Text = 2,
    /// A message's ID: edits and deletions name it.
    MessageId = 3,
    /// A payload's ID.
    PayloadId = 4,
    /// The ID of the payload that a notice is about.
    InReplyTo = 5,
    /// For programs: a notice's code, such as `RECIPIENT_OFFLINE`, or a command's name.
    Code = 6,
    /// For people.
    Description = 7,
    /// A command's parameters, a JSON object.
    Parameters = 8,
    /// Extensions of a message's sender, or the members of a notice, a JSON object.
    Metadata = 9,
}

const FIELDS: usize = 10;

/// A text of an attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum CallieAttachmentField {
    /// Where it stands.
    Url = 0,
    /// Its name.
    Filename = 1,
    /// Its MIME type.
    Filetype = 2,
    /// All of its metadata, a JSON object.
    Metadata = 3,
}

const ATTACHMENT_FIELDS: usize = 4;

/// A text with a NUL behind it.
#[derive(Debug)]
struct Text(Vec<u8>);

impl From<String> for Text {
    fn from(text: String) -> Self {
        let mut bytes = text.into_bytes();
        bytes.push(0);
        Self(bytes)
    }
}

#[derive(Debug)]
struct Item {
    kind: CallieAttachmentKind,
    size: i64,
    texts: [Option<Text>; ATTACHMENT_FIELDS],
}

#[derive(Debug)]
struct Row {
    kind: CallieEventKind,
    texts: [Option<Text>; FIELDS],
    timestamp_ms: i64,
    close_code: u16,
    comes_back: bool,
    attachments: Vec<Item>,
}

/// A batch of events as C sees them.
#[derive(Debug)]
pub(super) struct Batch(Vec<Row>);

impl FromIterator<client::Event> for Batch {
    fn from_iter<I: IntoIterator<Item = client::Event>>(events: I) -> Self {
        Self(events.into_iter().map(|event| Row::from(Event::from(event))).collect())
    }
}

impl Row {
    fn new<const N: usize>(kind: CallieEventKind, fields: [(CallieField, String); N]) -> Self {
        let mut texts = [const { None }; FIELDS];
        for (field, text) in fields {
            texts[field as usize] = Some(Text::from(text));
        }
        Self { kind, texts, timestamp_ms: 0, close_code: 0, comes_back: false, attachments: Vec::new() }
    }

    fn at(mut self, timestamp_ms: i64) -> Self {
        self.timestamp_ms = timestamp_ms;
        self
    }
}

impl From<Event> for Row {
    fn from(event: Event) -> Self {
        use CallieField as Field;
        match event {
            Event::Message {
                sender,
                recipient,
                timestamp_ms,
                payload_id,
                message_id,
                text,
                attachments,
                metadata,
            } => {
                let fields = [
                    (Field::Sender, sender),
                    (Field::Recipient, recipient),
                    (Field::Text, text),
                    (Field::MessageId, message_id),
                    (Field::PayloadId, payload_id),
                    (Field::Metadata, metadata),
                ];
                let mut row = Self::new(CallieEventKind::Message, fields).at(timestamp_ms);
                row.attachments = attachments.into_iter().map(Item::from).collect();
                row
            }
            Event::Notice { code, description, in_reply_to, timestamp_ms, metadata } => {
                let fields =
                    [(Field::Code, code), (Field::Description, description), (Field::Metadata, metadata)];
                let mut row = Self::new(CallieEventKind::Notice, fields).at(timestamp_ms);
                row.texts[Field::InReplyTo as usize] = in_reply_to.map(Text::from);
                row
            }
            Event::Command { command, parameters, timestamp_ms } => {
                let fields = [(Field::Code, command), (Field::Parameters, parameters)];
                Self::new(CallieEventKind::Command, fields).at(timestamp_ms)
            }
            Event::Unreadable { code, reason } => {
                Self::new(CallieEventKind::Unreadable, [(Field::Code, code), (Field::Description, reason)])
            }
            Event::Closed { close_code, reason, comes_back } => {
                let row = Self::new(CallieEventKind::Closed, [(Field::Description, reason)]);
                Self { close_code, comes_back, ..row }
            }
        }
    }
}

impl From<api::Attachment> for Item {
    fn from(attachment: api::Attachment) -> Self {
        Self {
            kind: match attachment.kind {
                api::AttachmentKind::Image => CallieAttachmentKind::Image,
                api::AttachmentKind::Video => CallieAttachmentKind::Video,
                api::AttachmentKind::File => CallieAttachmentKind::File,
            },
            size: attachment.size.and_then(|size| size.try_into().ok()).unwrap_or(CALLIE_SIZE_UNKNOWN),
            texts: [
                Some(Text::from(attachment.url)),
                attachment.filename.map(Text::from),
                attachment.filetype.map(Text::from),
                attachment.metadata.map(Text::from),
            ],
        }
    }
}

/// Looks at one row; `otherwise` stands for one that is not there.
fn look<T>(
    events: *const CallieEvents,
    index: usize,
    otherwise: T,
    with: impl FnOnce(&Row) -> Option<T>,
) -> T {
    show(otherwise, || {
        let batch = EVENTS.get(events)?;
        let row = batch.0.get(index).ok_or_else(|| Failure::form(format!("there is no event {index}")))?;
        with(row).ok_or_else(|| Failure::form(format!("event {index} has no such field")))
    })
}

/// Shows a text: its bytes stay where they are until the batch is freed.
fn show_text(text: &Text, length: Option<&Place<usize>>) -> *const c_char {
    if let Some(length) = length {
        length.put(text.0.len() - 1);
    }
    text.0.as_ptr().cast()
}

/// The place of a length that may be left out.
///
/// # Safety
/// `length` is NULL or can be written to.
unsafe fn optional_length(length: *mut usize) -> Option<Place<usize>> {
    // SAFETY: passed on to the caller. NULL is the only failure, and it stands for "not asked".
    unsafe { Place::at(length, "length", 0) }.ok()
}

/// How many events the batch holds; 0 for what is no batch.
#[unsafe(no_mangle)]
pub extern "C" fn callie_events_count(events: *const CallieEvents) -> usize {
    show(0, || Ok(EVENTS.get(events)?.0.len()))
}

/// What the event at `index` is.
#[unsafe(no_mangle)]
pub extern "C" fn callie_event_kind(events: *const CallieEvents, index: usize) -> CallieEventKind {
    look(events, index, CallieEventKind::None, |row| Some(row.kind))
}

/// A text of the event at `index`, by one of `CallieField`; NULL where it has none. Valid until the batch is freed.
///
/// It ends in NUL. `length` says how many bytes stand before that; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_event_string(
    events: *const CallieEvents,
    index: usize,
    field: u32,
    length: *mut usize,
) -> *const c_char {
    // SAFETY: the caller's promise: the length is NULL or can be written to.
    let length = unsafe { optional_length(length) };
    look(events, index, null(), |row| {
        row.texts.get(field as usize)?.as_ref().map(|text| show_text(text, length.as_ref()))
    })
}

/// When the sender of the event at `index` says it was sent, in milliseconds since 1970 (UTC); 0 where it has no time.
#[unsafe(no_mangle)]
pub extern "C" fn callie_event_timestamp_ms(events: *const CallieEvents, index: usize) -> i64 {
    look(events, index, 0, |row| Some(row.timestamp_ms))
}

/// The WebSocket close code of an event of the kind `CALLIE_EVENT_KIND_CLOSED`: 1000 when the application asked for it, 1006
/// when the link was lost without a close; 0 for other kinds.
#[unsafe(no_mangle)]
pub extern "C" fn callie_event_close_code(events: *const CallieEvents, index: usize) -> u16 {
    look(events, index, 0, |row| Some(row.close_code))
}

/// Whether, after an event of the kind `CALLIE_EVENT_KIND_CLOSED`, it is worth to connect again after a while without asking anybody.
#[unsafe(no_mangle)]
pub extern "C" fn callie_event_comes_back(events: *const CallieEvents, index: usize) -> bool {
    look(events, index, false, |row| Some(row.comes_back))
}

/// How many attachments the event at `index` has.
#[unsafe(no_mangle)]
pub extern "C" fn callie_event_attachment_count(events: *const CallieEvents, index: usize) -> usize {
    look(events, index, 0, |row| Some(row.attachments.len()))
}

/// What kind of file an attachment is; `CALLIE_ATTACHMENT_KIND_FILE` where there is none.
#[unsafe(no_mangle)]
pub extern "C" fn callie_event_attachment_kind(
    events: *const CallieEvents,
    index: usize,
    attachment: usize,
) -> CallieAttachmentKind {
    look(events, index, CallieAttachmentKind::File, |row| Some(row.attachments.get(attachment)?.kind))
}

/// An attachment's size in bytes, as its sender says; `CALLIE_SIZE_UNKNOWN` where it is not told.
#[unsafe(no_mangle)]
pub extern "C" fn callie_event_attachment_size(
    events: *const CallieEvents,
    index: usize,
    attachment: usize,
) -> i64 {
    look(events, index, CALLIE_SIZE_UNKNOWN, |row| Some(row.attachments.get(attachment)?.size))
}

/// A text of an attachment, by one of `CallieAttachmentField`; NULL where it has none. Valid until the batch is freed.
///
/// It ends in NUL. `length` says how many bytes stand before that; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_event_attachment_string(
    events: *const CallieEvents,
    index: usize,
    attachment: usize,
    field: u32,
    length: *mut usize,
) -> *const c_char {
    // SAFETY: the caller's promise: the length is NULL or can be written to.
    let length = unsafe { optional_length(length) };
    look(events, index, null(), |row| {
        let texts = &row.attachments.get(attachment)?.texts;
        texts.get(field as usize)?.as_ref().map(|text| show_text(text, length.as_ref()))
    })
}

/// Frees a batch and every text that it showed. NULL is nothing to free.
#[unsafe(no_mangle)]
pub extern "C" fn callie_events_free(events: *mut CallieEvents) -> CallieStatus {
    guard(|| EVENTS.remove(events))
}
