//! Events as rows of texts that C can read in place.

use std::ffi::c_char;

use callie_core::{AttachmentKind, Timestamp};

use super::attachment::{CALLIE_SIZE_UNKNOWN, CallieAttachmentKind};
use super::event::{ATTACHMENT_FIELDS, CallieConnectionState, CallieEventKind, CallieField, FIELDS};
use super::outcome::CallieSendOutcome;
use callie_client::{Closed, ConnectionState, Event};

/// A text followed by a NUL.
#[derive(Debug)]
pub(super) struct Text(Vec<u8>);

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        let mut bytes = Vec::with_capacity(text.len() + 1);
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        Self(bytes)
    }
}

impl Text {
    /// The bytes before the NUL.
    pub(super) fn len(&self) -> usize {
        self.0.len() - 1
    }

    pub(super) fn as_ptr(&self) -> *const c_char {
        self.0.as_ptr().cast()
    }
}

/// An attachment.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) kind: CallieAttachmentKind,
    pub(super) size: i64,
    pub(super) texts: [Option<Text>; ATTACHMENT_FIELDS],
}

/// An event.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) kind: CallieEventKind,
    pub(super) texts: [Option<Text>; FIELDS],
    pub(super) sent_at_ms: i64,
    pub(super) close_code: u16,
    pub(super) state: CallieConnectionState,
    pub(super) resumed: bool,
    pub(super) retry_in_ms: u64,
    pub(super) ticket: u64,
    pub(super) outcome: Option<Box<CallieSendOutcome>>,
    pub(super) attachments: Vec<Item>,
}

/// A batch of events in the form that C reads.
#[derive(Debug)]
pub(super) struct Batch(Vec<Row>);

impl Batch {
    pub(super) fn rows(&self) -> &[Row] {
        &self.0
    }
}

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
            sent_at_ms: 0,
            close_code: 0,
            state: CallieConnectionState::None,
            resumed: false,
            retry_in_ms: 0,
            ticket: 0,
            outcome: None,
            attachments: Vec::new(),
        }
    }

    fn at(mut self, timestamp: Timestamp) -> Self {
        self.sent_at_ms = timestamp.unix_millis();
        self
    }

    fn with(mut self, field: CallieField, text: Option<&str>) -> Self {
        self.texts[field as usize] = text.map(Text::from);
        self
    }

    fn of_state(state: &ConnectionState) -> Self {
        let row = Self { state: state.into(), ..Self::new(CallieEventKind::ConnectionChanged, []) };
        match state {
            ConnectionState::Online { resumed, .. } => Self { resumed: *resumed, ..row },
            ConnectionState::Waiting { retry_in, close_code, reason } => {
                let retry_in_ms = u64::try_from(retry_in.as_millis()).unwrap_or(u64::MAX);
                Self { retry_in_ms, close_code: *close_code, ..row }.with(CallieField::Reason, Some(reason))
            }
            _ => row,
        }
    }

    fn of_notice(notice: &callie_core::Notice) -> Self {
        use CallieField as Field;
        let metadata = notice.metadata();
        // A notice holds only names, IDs, numbers and valid JSON, which can always be serialised.
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
            Event::Message(message) => {
                let fields = [
                    (Field::Sender, message.sender.as_str()),
                    (Field::Recipient, &message.recipient.to_string()),
                    (Field::Text, &message.text),
                    (Field::MessageId, message.message_id.as_str()),
                    (Field::PayloadId, message.payload_id.as_str()),
                    (Field::Metadata, message.metadata.as_str()),
                ];
                let mut row = Self::new(Kind::Message, fields).at(message.sent_at);
                row.attachments = message.attachments.iter().map(Item::from).collect();
                row
            }
            Event::Ended { ticket, message_id, outcome } => Self {
                ticket,
                outcome: Some(Box::new(outcome.into())),
                ..Self::new(Kind::Ended, [(Field::MessageId, message_id.as_str())])
            },
            Event::ConnectionChanged(state) => Self::of_state(&state),
            Event::DeliveredLate { payload_id, message_id } => {
                let fields =
                    [(Field::PayloadId, payload_id.as_str()), (Field::MessageId, message_id.as_str())];
                Self::new(Kind::DeliveredLate, fields)
            }
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
                    (Field::DeletedBy, deleted_by.as_str()),
                ];
                Self::new(Kind::Deleted, fields)
            }
            Event::Signal { sender, recipient, kind, data } => {
                let fields = [
                    (Field::Sender, sender.as_str()),
                    (Field::Recipient, &recipient.to_string()),
                    (Field::Kind, kind.as_str()),
                ];
                Self::new(Kind::Signal, fields).with(Field::Data, data.as_ref().map(|data| data.as_str()))
            }
            Event::Unknown(payload) => {
                Self::new(Kind::Unknown, [(Field::Payload, &payload.encode())]).at(payload.timestamp())
            }
            Event::Unreadable(fault) => {
                let fields = [
                    (Field::Code, fault.code().as_str()),
                    (Field::Path, &fault.path()),
                    (Field::Reason, fault.reason()),
                ];
                Self::new(Kind::Unreadable, fields)
            }
            Event::Closed(Closed { close_code, code, reason, .. }) => {
                let fields = [(Field::Code, code.as_str()), (Field::Reason, &reason)];
                Self { close_code, state: CallieConnectionState::Closed, ..Self::new(Kind::Closed, fields) }
            }
            // Variants that a later version adds.
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
