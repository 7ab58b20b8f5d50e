//! What an event is: its kind, its texts, and the state of the connection.

use callie_client::ConnectionState;

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum CallieEventKind {
    /// There is no such event.
    None = 0,
    /// A chat message: `SENDER`, `RECIPIENT`, `TEXT`, `MESSAGE_ID`, `PAYLOAD_ID`, `METADATA`, and attachments.
    Message = 1,
    /// The sending of a message ended, once for each message: `MESSAGE_ID`, `callie_event_ticket`, `callie_event_outcome`.
    Ended = 2,
    /// The state of the connection changed: `callie_event_state`, and while it waits `REASON`, `callie_event_retry_in_ms` and
    /// `callie_event_close_code`.
    ConnectionChanged = 3,
    /// A notice of the server that is not the outcome of a send: `CODE`, `DESCRIPTION`, `METADATA`, and where it is about them
    /// `IN_REPLY_TO`, `USERNAME`, `GROUP_ID`, `MESSAGE_ID`.
    Notice = 4,
    /// The author of a message replaced its text: `MESSAGE_ID`, `SENDER`, `RECIPIENT`, `TEXT`.
    Edited = 5,
    /// A message was deleted: `MESSAGE_ID`, `SENDER`, `RECIPIENT`, `DELETED_BY`.
    Deleted = 6,
    /// A short-lived signal, such as a typing indicator: `SENDER`, `RECIPIENT`, `KIND`, `DATA`.
    Signal = 7,
    /// A SYS or CMD of the server that this version does not know: `PAYLOAD`.
    Unknown = 8,
    /// The server sent a text that is not a valid payload; it was ignored: `CODE`, `PATH`, `REASON`.
    Unreadable = 9,
    /// The last event, the client has ended: `CODE`, `REASON`, `callie_event_close_code`.
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
    /// What a notice says, for people.
    Description = 7,
    /// What goes with a signal; JSON.
    Data = 8,
    /// Extensions of a message's sender, or the members of a notice, a JSON object.
    Metadata = 9,
    /// The user that it is about.
    Username = 10,
    /// The group that it is about.
    GroupId = 11,
    /// Where a fault is, a JSON Pointer.
    Path = 12,
    /// Why, for people.
    Reason = 13,
    /// What a signal is about, such as `typing`.
    Kind = 14,
    /// Who deleted a message.
    DeletedBy = 15,
    /// A whole payload; JSON.
    Payload = 16,
}

/// The state of a client's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum CallieConnectionState {
    /// There is no such client, or the event is not about one.
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

impl From<&ConnectionState> for CallieConnectionState {
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

/// The first of the numbers of `CallieAttachmentField`.
pub(super) const FIRST_ATTACHMENT_FIELD: u32 = CallieAttachmentField::Url as u32;
/// How many texts an event and an attachment have.
pub(super) const FIELDS: usize = CallieField::Payload as usize + 1;
pub(super) const ATTACHMENT_FIELDS: usize =
    (CallieAttachmentField::Metadata as u32 - FIRST_ATTACHMENT_FIELD) as usize + 1;
const _: () = assert!(FIELDS <= FIRST_ATTACHMENT_FIELD as usize);
