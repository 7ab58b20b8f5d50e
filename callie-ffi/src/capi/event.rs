//! What arrives, as rows of texts that C can look at in place.

use std::ffi::c_char;
use std::ptr::null;

use callie_core::{AttachmentKind, Timestamp};

use super::attachment::{CALLIE_SIZE_UNKNOWN, CallieAttachmentKind};
use super::ending::CallieEnding;
use super::ffi_guard::{Place, guard, show};
use super::registry::Registry;
use super::status::{CallieStatus, Failure};
use callie_client::{Closed, ConnectionState, Event};

/// A batch of events. Free it with `callie_events_free`; texts that it showed are valid until then.
pub struct CallieEvents {
    _private: [u8; 0],
}

pub(super) static EVENTS: Registry<Batch> = Registry::new("the batch of events");

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum CallieEventKind {
    /// There is no such event.
    None = 0,
    /// A chat message: `SENDER`, `RECIPIENT`, `TEXT`, `MESSAGE_ID`, `PAYLOAD_ID`, `METADATA`, and attachments.
    Message = 1,
    /// A message that was sent is over, told once for each: `MESSAGE_ID`, `callie_event_ticket`, `callie_event_ending`.
    Ended = 2,
    /// The connection changed: `callie_event_state`, and while it waits `DESCRIPTION`, `callie_event_retry_in_ms` and
    /// `callie_event_close_code`.
    Connection = 3,
    /// A notice of the server that ends nothing that was sent: `CODE`, `DESCRIPTION`, `METADATA`, and where it is about them
    /// `IN_REPLY_TO`, `USERNAME`, `GROUP_ID`, `MESSAGE_ID`.
    Notice = 4,
    /// A message that somebody sent has another text now: `MESSAGE_ID`, `SENDER`, `RECIPIENT`, `TEXT`.
    Edited = 5,
    /// A message is to be dropped: `MESSAGE_ID`, `SENDER`, `RECIPIENT`, `USERNAME` (who deleted it).
    Deleted = 6,
    /// Somebody says something fleeting: `SENDER`, `RECIPIENT`, `CODE` (what it is about, such as `typing`), `DATA`.
    Signal = 7,
    /// A SYS or CMD of the server that this version does not know: `DATA`, the whole payload.
    Unknown = 8,
    /// The server sent what is not a valid payload; nothing acted on it: `CODE`, `PATH`, `DESCRIPTION`.
    Unreadable = 9,
    /// The last event, the client has ended: `CODE`, `DESCRIPTION`, `callie_event_close_code`.
    Closed = 10,
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
    /// For programs, such as `USER_JOINED`.
    Code = 6,
    /// For people.
    Description = 7,
    /// What goes with a signal, or a whole payload; JSON.
    Data = 8,
    /// Extensions of a message's sender, or the members of a notice, a JSON object.
    Metadata = 9,
    /// The user that it is about.
    Username = 10,
    /// The group that it is about.
    GroupId = 11,
    /// Where a fault is, a JSON Pointer.
    Path = 12,
}

const FIELDS: usize = 13;

/// How a client stands to its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum CallieState {
    /// There is no such client, or the event tells of none.
    None = 0,
    /// Not connected, and not trying: it was not started yet, was suspended, or could not connect when asked to once.
    Suspended = 1,
    /// Opening a connection or authenticating on it.
    Connecting = 2,
    /// Connected and authenticated.
    Online = 3,
    /// Not connected; it tries again by itself.
    Waiting = 4,
    /// The client has ended.
    Closed = 5,
}

impl From<&ConnectionState> for CallieState {
    fn from(state: &ConnectionState) -> Self {
        match state {
            ConnectionState::Suspended => Self::Suspended,
            ConnectionState::Connecting => Self::Connecting,
            ConnectionState::Online { .. } => Self::Online,
            ConnectionState::Waiting { .. } => Self::Waiting,
            // `Closed`, and what a later client may add.
            _ => Self::Closed,
        }
    }
}

/// A text of an attachment. No number is also one of `CallieField`, so one that was taken for the other shows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum CallieAttachmentField {
    /// Where it stands.
    Url = 100,
    /// Its name.
    Filename = 101,
    /// Its MIME type.
    Filetype = 102,
    /// All of its metadata, a JSON object.
    Metadata = 103,
}

const FIRST_ATTACHMENT_FIELD: u32 = CallieAttachmentField::Url as u32;
const ATTACHMENT_FIELDS: usize = 4;
const _: () = assert!(FIELDS <= FIRST_ATTACHMENT_FIELD as usize);

/// A text with a NUL behind it.
#[derive(Debug)]
struct Text(Vec<u8>);

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        let mut bytes = Vec::with_capacity(text.len() + 1);
        bytes.extend_from_slice(text.as_bytes());
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
    state: CallieState,
    retry_in_ms: u64,
    ticket: u64,
    ending: Option<Box<CallieEnding>>,
    attachments: Vec<Item>,
}

/// A batch of events as C sees them.
#[derive(Debug)]
pub(super) struct Batch(Vec<Row>);

impl FromIterator<Event> for Batch {
    fn from_iter<I: IntoIterator<Item = Event>>(events: I) -> Self {
        Self(events.into_iter().map(Row::from).collect())
    }
}

impl Row {
    fn new<const N: usize>(kind: CallieEventKind, fields: [(CallieField, &str); N]) -> Self {
        let mut texts = [const { None }; FIELDS];
        for (field, text) in fields {
            texts[field as usize] = Some(Text::from(text));
        }
        Self {
            kind,
            texts,
            timestamp_ms: 0,
            close_code: 0,
            state: CallieState::None,
            retry_in_ms: 0,
            ticket: 0,
            ending: None,
            attachments: Vec::new(),
        }
    }

    fn at(mut self, timestamp: Timestamp) -> Self {
        self.timestamp_ms = timestamp.unix_millis();
        self
    }

    fn with(mut self, field: CallieField, text: Option<&str>) -> Self {
        self.texts[field as usize] = text.map(Text::from);
        self
    }

    fn of_state(state: &ConnectionState) -> Self {
        let row = Self { state: state.into(), ..Self::new(CallieEventKind::Connection, []) };
        let ConnectionState::Waiting { retry_in, close_code, reason } = state else { return row };
        let retry_in_ms = u64::try_from(retry_in.as_millis()).unwrap_or(u64::MAX);
        Self { retry_in_ms, close_code: *close_code, ..row }.with(CallieField::Description, Some(reason))
    }

    fn of_notice(notice: &callie_core::Notice) -> Self {
        use CallieField as Field;
        let metadata = notice.metadata();
        // Names, IDs, numbers and JSON that was read: it can always be written.
        let json = serde_json::to_string(metadata).unwrap_or_default();
        let fields = [
            (Field::Code, notice.code().as_str()),
            (Field::Description, notice.description()),
            (Field::Metadata, &json),
        ];
        let row = Self::new(CallieEventKind::Notice, fields)
            .with(Field::InReplyTo, metadata.in_reply_to.as_ref().map(|id| id.as_str()))
            .with(Field::Username, metadata.username.as_ref().map(|name| name.as_str()))
            .with(Field::GroupId, metadata.group_id.as_ref().map(ToString::to_string).as_deref())
            .with(Field::MessageId, metadata.message_id.as_ref().map(|id| id.as_str()));
        match notice.timestamp() {
            Some(timestamp) => row.at(timestamp),
            None => row,
        }
    }
}

impl From<Event> for Row {
    fn from(event: Event) -> Self {
        use CallieEventKind as Kind;
        use CallieField as Field;
        match event {
            Event::Message { envelope, message } => {
                let recipient = envelope.recipient.to_string();
                let fields = [
                    (Field::Sender, envelope.sender.as_str()),
                    (Field::Recipient, &recipient),
                    (Field::Text, message.text()),
                    (Field::MessageId, message.message_id().as_str()),
                    (Field::PayloadId, envelope.payload_id.as_str()),
                    (Field::Metadata, envelope.metadata.as_str()),
                ];
                let mut row = Self::new(Kind::Message, fields).at(envelope.sent_at);
                row.attachments = message.attachments().iter().map(Item::from).collect();
                row
            }
            Event::Ended { ticket, message_id, outcome } => Self {
                ticket,
                ending: Some(Box::new(outcome.into())),
                ..Self::new(Kind::Ended, [(Field::MessageId, message_id.as_str())])
            },
            Event::ConnectionChanged(state) => Self::of_state(&state),
            Event::Notice(notice) => Self::of_notice(&notice),
            Event::Edited { message_id, sender, recipient, text } => {
                let fields = [
                    (Field::MessageId, message_id.as_str()),
                    (Field::Sender, sender.as_str()),
                    (Field::Recipient, &recipient.to_string()),
                    (Field::Text, &text),
                ];
                Self::new(Kind::Edited, fields)
            }
            Event::Deleted { message_id, sender, recipient, deleted_by } => {
                let fields = [
                    (Field::MessageId, message_id.as_str()),
                    (Field::Sender, sender.as_str()),
                    (Field::Recipient, &recipient.to_string()),
                    (Field::Username, deleted_by.as_str()),
                ];
                Self::new(Kind::Deleted, fields)
            }
            Event::Signal { sender, recipient, kind, data } => {
                let fields = [
                    (Field::Sender, sender.as_str()),
                    (Field::Recipient, &recipient.to_string()),
                    (Field::Code, kind.as_str()),
                ];
                Self::new(Kind::Signal, fields).with(Field::Data, data.as_ref().map(|data| data.as_str()))
            }
            Event::Unknown(payload) => {
                Self::new(Kind::Unknown, [(Field::Data, &payload.encode())]).at(payload.timestamp())
            }
            Event::Unreadable(fault) => {
                let fields = [
                    (Field::Code, fault.code().as_str()),
                    (Field::Path, &fault.path()),
                    (Field::Description, fault.reason()),
                ];
                Self::new(Kind::Unreadable, fields)
            }
            Event::Closed(Closed { close_code, code, reason, .. }) => {
                let fields = [(Field::Code, code.as_str()), (Field::Description, &reason)];
                Self { close_code, state: CallieState::Closed, ..Self::new(Kind::Closed, fields) }
            }
            // What a later client may add.
            _ => Self::new(Kind::Unknown, []),
        }
    }
}

impl From<&callie_core::Attachment> for Item {
    fn from(attachment: &callie_core::Attachment) -> Self {
        let text = |text: Option<String>| text.as_deref().map(Text::from);
        Self {
            kind: match attachment.kind() {
                AttachmentKind::Image => CallieAttachmentKind::Image,
                AttachmentKind::Video => CallieAttachmentKind::Video,
                AttachmentKind::File => CallieAttachmentKind::File,
            },
            size: attachment.size().and_then(|size| size.try_into().ok()).unwrap_or(CALLIE_SIZE_UNKNOWN),
            texts: [
                Some(Text::from(attachment.url())),
                text(attachment.filename()),
                text(attachment.filetype()),
                attachment.metadata().map(|metadata| Text::from(metadata.as_str())),
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

/// The ticket's number of an event of the kind `CALLIE_EVENT_KIND_ENDED`, as `callie_client_send` gave it; 0 for other kinds.
#[unsafe(no_mangle)]
pub extern "C" fn callie_event_ticket(events: *const CallieEvents, index: usize) -> u64 {
    look(events, index, 0, |row| Some(row.ticket))
}

/// How the message of an event of the kind `CALLIE_EVENT_KIND_ENDED` ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_event_ending(
    events: *const CallieEvents,
    index: usize,
    ending: *mut CallieEnding,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the ending can be written to.
        let ending = unsafe { Place::at(ending, "ending", CallieEnding::NONE)? };
        let batch = EVENTS.get(events)?;
        let told = batch.0.get(index).and_then(|row| row.ending.as_ref());
        ending.put(**told.ok_or_else(|| Failure::form(format!("event {index} tells of no ending")))?);
        Ok(())
    })
}

/// What the connection is since an event of the kind `CALLIE_EVENT_KIND_CONNECTION` or `CALLIE_EVENT_KIND_CLOSED`.
#[unsafe(no_mangle)]
pub extern "C" fn callie_event_state(events: *const CallieEvents, index: usize) -> CallieState {
    look(events, index, CallieState::None, |row| Some(row.state))
}

/// After how many milliseconds the client tries again, in an event that tells that it waits; 0 for others.
#[unsafe(no_mangle)]
pub extern "C" fn callie_event_retry_in_ms(events: *const CallieEvents, index: usize) -> u64 {
    look(events, index, 0, |row| Some(row.retry_in_ms))
}

/// The WebSocket close code of an event that tells that the client waits or has ended: 1000 when the application asked for it,
/// 1006 when the link was lost without a close or never open; 0 for other kinds.
#[unsafe(no_mangle)]
pub extern "C" fn callie_event_close_code(events: *const CallieEvents, index: usize) -> u16 {
    look(events, index, 0, |row| Some(row.close_code))
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
        let field = field.checked_sub(FIRST_ATTACHMENT_FIELD)?;
        texts.get(field as usize)?.as_ref().map(|text| show_text(text, length.as_ref()))
    })
}

/// Frees a batch and every text that it showed. NULL is nothing to free.
#[unsafe(no_mangle)]
pub extern "C" fn callie_events_free(events: *mut CallieEvents) -> CallieStatus {
    guard(|| EVENTS.remove(events).map(drop))
}
