//! The records in which a session outlives its process: their keys and values.
//!
//! | key | value |
//! | --- | --- |
//! | `header` | the version of these records, the user and the server, as text |
//! | `message/TICKET` | a message without an outcome: its options and its payload without the token |
//! | `sent/TICKET` | how often the server may have received it, and until when it may be sent again |
//! | `received/SENDER/PAYLOAD-ID` | when the memory of this received payload ends |
//!
//! Numbers in values are little-endian. Times are milliseconds since 1970 by the clock of the system.

use crate::command::AckEntry;
use crate::frame::PayloadRef;
use crate::name::{PayloadId, Username};
use crate::payload::Payload;

use super::ticket::Ticket;

/// The version of the records that this library writes, and the newest that it reads.
const VERSION: u32 = 1;

const HEADER: &str = "header";
const MESSAGE: &str = "message";
const SENT: &str = "sent";
const RECEIVED: &str = "received";

/// A part of what a session remembers, for a driver to store. Only the session reads its value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// Identifies the record: at most 256 visible ASCII characters.
    pub key: String,
    /// Up to about the size of one payload. It contains texts of messages, and never a token.
    pub value: Vec<u8>,
}

impl Record {
    /// Creates a record that was stored before.
    #[must_use]
    pub fn new(key: String, value: Vec<u8>) -> Self {
        Self { key, value }
    }
}

/// A change of the stored records.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Store this record in place of any other with its key.
    Put(Record),
    /// Remove the record with this key, which need not exist.
    Delete(String),
}

/// Why a session cannot continue from its records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// They are those of another user.
    #[error("the state is that of the user {user}")]
    OtherUser {
        /// The user.
        user: String,
    },
    /// They are those of a user of another server.
    #[error("the state is that of a user of {server}")]
    OtherServer {
        /// The server.
        server: String,
    },
    /// A later version wrote them.
    #[error("the state has version {version}, and this library reads versions up to {VERSION}")]
    NewerVersion {
        /// Their version.
        version: u32,
    },
    /// One of them is missing or not as it was written.
    #[error("the state is damaged")]
    Damaged,
}

/// A message without an outcome.
#[derive(Debug)]
pub(super) struct MessageRecord<'a> {
    /// Whether its recipient is asked to confirm it.
    pub(super) confirm: bool,
    /// Whether the server may have accepted it under an earlier ID.
    pub(super) perhaps_taken_before: bool,
    /// The number of retries under another ID.
    pub(super) retries: u32,
    pub(super) timeout_ms: u64,
    /// The payload without the token.
    pub(super) text: &'a str,
}

/// The transmissions of a message under its current ID.
#[derive(Debug, Clone, Copy)]
pub(super) struct SentRecord {
    /// How many of them the server may have accepted.
    pub(super) times: u32,
    /// Until when it may be sent again.
    pub(super) resend_until_ms: i64,
}

/// What a record contains.
#[derive(Debug)]
pub(super) enum Stored<'a> {
    Header { user: &'a str, server: &'a str },
    Message(Ticket, MessageRecord<'a>),
    Sent(Ticket, SentRecord),
    Received(AckEntry, i64),
}

pub(super) fn header(user: &Username, server: &str) -> Change {
    put(HEADER.to_owned(), format!("{VERSION} {user} {server}").into_bytes())
}

pub(super) fn put_message(ticket: Ticket, message: &MessageRecord<'_>) -> Change {
    let flags = u8::from(message.confirm) | u8::from(message.perhaps_taken_before) << 1;
    let mut value = Vec::with_capacity(13 + message.text.len());
    value.push(flags);
    value.extend(message.retries.to_le_bytes());
    value.extend(message.timeout_ms.to_le_bytes());
    value.extend(message.text.as_bytes());
    put(ticket_key(MESSAGE, ticket), value)
}

pub(super) fn put_sent(ticket: Ticket, sent: SentRecord) -> Change {
    let mut value = sent.times.to_le_bytes().to_vec();
    value.extend(sent.resend_until_ms.to_le_bytes());
    put(ticket_key(SENT, ticket), value)
}

pub(super) fn put_received(payload: &AckEntry, forget_at_ms: i64) -> Change {
    put(received_key(payload), forget_at_ms.to_le_bytes().to_vec())
}

pub(super) fn delete_message(ticket: Ticket) -> Change {
    Change::Delete(ticket_key(MESSAGE, ticket))
}

pub(super) fn delete_sent(ticket: Ticket) -> Change {
    Change::Delete(ticket_key(SENT, ticket))
}

pub(super) fn delete_received(payload: &AckEntry) -> Change {
    Change::Delete(received_key(payload))
}

fn put(key: String, value: Vec<u8>) -> Change {
    Change::Put(Record { key, value })
}

fn ticket_key(kind: &str, ticket: Ticket) -> String {
    // Of equal length, so that the order of keys is the order of tickets.
    format!("{kind}/{:020}", ticket.0)
}

fn received_key(payload: &AckEntry) -> String {
    format!("{RECEIVED}/{}/{}", payload.sender, payload.payload_id)
}

/// Reads a record.
///
/// # Errors
/// [`RestoreError::Damaged`], and [`RestoreError::NewerVersion`] for a header.
pub(super) fn read(record: &Record) -> Result<Stored<'_>, RestoreError> {
    if record.key == HEADER {
        return read_header(&record.value);
    }
    read_other(record).ok_or(RestoreError::Damaged)
}

fn read_header(value: &[u8]) -> Result<Stored<'_>, RestoreError> {
    let (version, rest) = std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.split_once(' '))
        .and_then(|(version, rest)| Some((version.parse::<u32>().ok()?, rest)))
        .ok_or(RestoreError::Damaged)?;
    if version > VERSION {
        return Err(RestoreError::NewerVersion { version });
    }
    let (user, server) = rest.split_once(' ').ok_or(RestoreError::Damaged)?;
    Ok(Stored::Header { user, server })
}

fn read_other(record: &Record) -> Option<Stored<'_>> {
    let (kind, name) = record.key.split_once('/')?;
    let mut value = record.value.as_slice();
    Some(match kind {
        MESSAGE => {
            let [flags] = *value.split_off(..1)?.first_chunk()?;
            let message = MessageRecord {
                confirm: flags & 1 != 0,
                perhaps_taken_before: flags & 2 != 0,
                retries: u32::from_le_bytes(*value.split_off(..4)?.first_chunk()?),
                timeout_ms: u64::from_le_bytes(*value.split_off(..8)?.first_chunk()?),
                text: std::str::from_utf8(value).ok()?,
            };
            Stored::Message(read_ticket(name)?, message)
        }
        SENT => {
            let sent = SentRecord {
                times: u32::from_le_bytes(*value.split_off(..4)?.first_chunk()?),
                resend_until_ms: i64::from_le_bytes(value.try_into().ok()?),
            };
            Stored::Sent(read_ticket(name)?, sent)
        }
        RECEIVED => {
            let (sender, payload_id) = name.split_once('/')?;
            let sender = Username::parse(sender).ok()?;
            let payload_id = PayloadId::parse(payload_id).ok()?;
            let forget_at_ms = i64::from_le_bytes(value.try_into().ok()?);
            Stored::Received(AckEntry { sender, payload_id }, forget_at_ms)
        }
        _ => return None,
    })
}

fn read_ticket(name: &str) -> Option<Ticket> {
    // Numbers that a counter cannot exceed in practice, so that later tickets can count on.
    name.parse().ok().filter(|number| (1..u64::MAX / 2).contains(number)).map(Ticket)
}

/// Returns the payload of a message record.
pub(super) fn payload(text: &str) -> Option<Payload> {
    PayloadRef::from_server(text).ok()?.to_payload()
}
