//! The kinds of events, their texts, and the states of the connection.

use callie_client::ConnectionState;

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum CallieEventKind {
    /// There is no such event.
    None = 0,
    /// A chat message: `SENDER`, `RECIPIENT`, `TEXT`, `MESSAGE_ID`, `PAYLOAD_ID`, `METADATA`, and attachments.
    Message = 1,
    /// The outcome of a message, once for each message: `MESSAGE_ID`, `callie_event_ticket`, `callie_event_outcome`.
    Ended = 2,
    /// The state of the connection changed: `callie_event_state`, while it is online `callie_event_resumed`, and while it
    /// waits `REASON`, `callie_event_retry_in_ms` and `callie_event_close_code`.
    ConnectionChanged = 3,
    /// A notice of the server that is not the outcome of a message: `CODE`, `DESCRIPTION`, `METADATA`, and where it is
    /// about them
    /// `IN_REPLY_TO`, `USERNAME`, `GROUP_ID`, `MESSAGE_ID`.
    Notice = 4,
    /// The author of a message replaced its text: `MESSAGE_ID`, `SENDER`, `RECIPIENT`, `TEXT`.
    Edited = 5,
    /// A message was deleted: `MESSAGE_ID`, `SENDER`, `RECIPIENT`, `DELETED_BY`.
    Deleted = 6,
    /// A short-lived signal, such as a typing indicator: `SENDER`, `RECIPIENT`, `KIND`, `DATA`.
    Signal = 7,
    /// A SYS or CMD payload of the server that this version does not know: `PAYLOAD`.
    Unknown = 8,
    /// The server sent a text that is not a valid payload; it was ignored: `CODE`, `PATH`, `REASON`.
    Unreadable = 9,
    /// The client has ended; the last event: `CODE`, `REASON`, `callie_event_close_code`.
    Closed = 10,
    /// A message that the server had kept was delivered and confirmed: `MESSAGE_ID`, `PAYLOAD_ID`.
    DeliveredLate = 11,
}

/// A text of an event. `CallieEventKind` lists which texts an event has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum CallieField {
    /// The sender of a message.
    Sender = 0,
    /// To whom a message was sent: this user, a group's ID or `BROADCAST`.
    Recipient = 1,
    /// A message's text, in Markdown. It may contain a NUL: use its length.
    Text = 2,
    /// A message's ID, which edits and deletions refer to.
    MessageId = 3,
    /// A payload's ID.
    PayloadId = 4,
    /// The ID of the payload that a notice is about.
    InReplyTo = 5,
    /// The code of a notice or an error, for programs, such as `USER_JOINED`.
    Code = 6,
    /// The description of a notice, for people.
    Description = 7,
    /// The data of a signal, JSON.
    Data = 8,
    /// The metadata of a message or a notice, a JSON object.
    Metadata = 9,
    /// The user that it is about.
    Username = 10,
    /// The group that it is about.
    GroupId = 11,
    /// The faulty place in a payload, a JSON Pointer.
    Path = 12,
    /// The reason, for people.
    Reason = 13,
    /// The kind of a signal, such as `typing`.
    Kind = 14,
    /// Who deleted a message.
    DeletedBy = 15,
    /// A complete payload, JSON.
    Payload = 16,
}

/// The state of a client's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum CallieConnectionState {
    /// There is no such client, or the event is not about a state.
    None = 0,
    /// Not connected and not trying to: the client was not started yet, is suspended, or a single attempt failed.
    Suspended = 1,
    /// Opening a connection or authenticating.
    Connecting = 2,
    /// Connected and authenticated.
    Online = 3,
    /// Not connected. The client connects again after a delay.
    Waiting = 4,
    /// The client has ended.
    Closed = 5,
}

impl From<&ConnectionState> for CallieConnectionState {
    fn from(state: &ConnectionState) -> Self {
        match state {
            ConnectionState::Suspended => Self::Suspended,
            ConnectionState::Connecting => Self::Connecting,
            ConnectionState::Online { .. } => Self::Online,
            ConnectionState::Waiting { .. } => Self::Waiting,
            // `Closed`, and variants that a later version adds.
            _ => Self::Closed,
        }
    }
}

/// A text of an attachment. Its numbers differ from those of `CallieField`, so that one used as the other has no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum CallieAttachmentField {
    /// Its URL.
    Url = 100,
    /// Its name.
    Filename = 101,
    /// Its MIME type.
    Filetype = 102,
    /// All of its metadata, a JSON object.
    Metadata = 103,
}

/// The first of the numbers of `CallieAttachmentField`.
pub(super) const FIRST_ATTACHMENT_FIELD: u32 = CallieAttachmentField::Url as u32;
/// How many texts an event and an attachment have.
pub(super) const FIELDS: usize = CallieField::Payload as usize + 1;
pub(super) const ATTACHMENT_FIELDS: usize =
    (CallieAttachmentField::Metadata as u32 - FIRST_ATTACHMENT_FIELD) as usize + 1;
const _: () = assert!(FIELDS <= FIRST_ATTACHMENT_FIELD as usize);
