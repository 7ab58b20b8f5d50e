//! The connection.

use std::ffi::c_char;
use std::time::Duration;

use callie_core::command::{GroupName, Visibility};
use callie_core::{GroupId, MAX_ID_BYTES, Username};

use super::border::{Place, array, guard, optional_text, text};
use super::event::{Batch, CallieEvents, EVENTS};
use super::registry::Registry;
use super::server::{CallieSession, SESSIONS, malformed};
use super::status::{CallieStatus, Failure};
use super::text::give;
use crate::api;
use crate::client::Client;
use crate::runtime::block_on;

/// An authenticated connection. Free it with `callie_client_free`. It may be used by several threads at once.
pub struct CallieClient {
    _private: [u8; 0],
}

static CLIENTS: Registry<Client> = Registry::new("the client");

/// The size of an identifier with its NUL.
pub const CALLIE_ID_SIZE: usize = 129;
const _: () = assert!(CALLIE_ID_SIZE == MAX_ID_BYTES + 1);

/// The identifiers of a message that was sent; texts that end in NUL.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct CallieSent {
    /// The payload's: notices about it name it as what they reply to.
    pub payload_id: [c_char; CALLIE_ID_SIZE],
    /// The message's: edits and deletions name it.
    pub message_id: [c_char; CALLIE_ID_SIZE],
}

/// What kind of file an attachment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum CallieAttachmentKind {
    /// An image.
    Image = 0,
    /// A video.
    Video = 1,
    /// Any other file.
    File = 2,
}

/// The `size` of an attachment that tells none.
pub const CALLIE_SIZE_UNKNOWN: i64 = -1;

/// A file to go with a message, by its URL: servers of Callie neither take nor give files.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct CallieAttachment {
    /// One of `CallieAttachmentKind`.
    pub kind: u32,
    /// Where it stands; http or https.
    pub url: *const c_char,
    /// Its name, or NULL.
    pub filename: *const c_char,
    /// Its MIME type, such as `image/png`, or NULL.
    pub filetype: *const c_char,
    /// Its size in bytes, or `CALLIE_SIZE_UNKNOWN`.
    pub size: i64,
    /// More metadata as a JSON object, or NULL. The three fields above go on top of it.
    pub metadata: *const c_char,
}

/// Connects and authenticates. The session's handle may be freed afterwards.
///
/// Refused with `AUTH_FAILED` when the session has ended, among others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_connect(
    session: *mut CallieSession,
    client: *mut *mut CallieClient,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the client can be written to.
        let client = unsafe { Place::at(client, "client", std::ptr::null_mut())? };
        let session = SESSIONS.get(session)?;
        client.put(CLIENTS.add(block_on(Client::connect(&session))??));
        Ok(())
    })
}

/// Sends a text in Markdown, with `attachment_count` attachments. The recipient is a username, a group's ID or `BROADCAST`.
///
/// Returns when the message is in the connection's queue; an event of the kind `CALLIE_EVENT_KIND_NOTICE` tells if it could not be
/// delivered. `attachments` may be NULL where there are none, `sent` where nobody asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_send(
    client: *mut CallieClient,
    recipient: *const c_char,
    message: *const c_char,
    attachments: *const CallieAttachment,
    attachment_count: usize,
    sent: *mut CallieSent,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the texts end in NUL, the array has that many elements whose texts end in NUL,
        // and `sent` is NULL or can be written to.
        let (recipient, message, attachments, sent) = unsafe {
            let sent = if sent.is_null() { None } else { Some(Place::at(sent, "sent", no_ids())?) };
            let attachments = array(attachments, attachment_count, "attachments")?;
            let attachments: Vec<_> = attachments
                .iter()
                .enumerate()
                .map(|(at, a)| {
                    read_attachment(a)?.check().map_err(|e| Failure::form(format!("attachment {at}: {e}")))
                })
                .collect::<Result<_, _>>()?;
            (text(recipient, "recipient")?, text(message, "message")?, attachments, sent)
        };
        let client = CLIENTS.get(client)?;
        let ids = block_on(client.send_text(recipient, message, attachments))??;
        if let Some(sent) = sent {
            sent.put(CallieSent {
                payload_id: id(ids.payload_id.as_str()),
                message_id: id(ids.message_id.as_str()),
            });
        }
        Ok(())
    })
}

/// Reads an attachment.
///
/// # Safety
/// Its texts are NULL or end in NUL.
unsafe fn read_attachment(attachment: &CallieAttachment) -> Result<api::Attachment, Failure> {
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
        CALLIE_SIZE_UNKNOWN => None,
        size => Some(
            u64::try_from(size)
                .map_err(|_| malformed("an attachment's size", "a number of bytes or unknown"))?,
        ),
    };
    Ok(api::Attachment {
        kind: match attachment.kind {
            IMAGE => api::AttachmentKind::Image,
            VIDEO => api::AttachmentKind::Video,
            FILE => api::AttachmentKind::File,
            _ => return Err(malformed("an attachment's kind", "one of CallieAttachmentKind")),
        },
        url: url.to_owned(),
        filename: filename.map(str::to_owned),
        size,
        filetype: filetype.map(str::to_owned),
        metadata: metadata.map(str::to_owned),
    })
}

/// Asks the server (`SERVER`) or a user for a sign of life. `microseconds` says how long it took; it may be NULL.
///
/// Refused with `RECIPIENT_OFFLINE` or `RECIPIENT_UNKNOWN` when the user is not there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_ping(
    client: *mut CallieClient,
    recipient: *const c_char,
    microseconds: *mut u64,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the text ends in NUL, the number is NULL or can be written to.
        let (recipient, place) = unsafe {
            let place =
                if microseconds.is_null() { None } else { Some(Place::at(microseconds, "microseconds", 0)?) };
            (text(recipient, "recipient")?, place)
        };
        let client = CLIENTS.get(client)?;
        let took = block_on(client.ping(recipient))??;
        if let Some(place) = place {
            place.put(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        }
        Ok(())
    })
}

/// Carries out a command by name, such as `LIST_GROUPS`. Parameters and result are JSON objects; the caller frees the result.
///
/// Refused with the server's code, such as `FORBIDDEN` or `INVALID_PARAMETERS`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_command(
    client: *mut CallieClient,
    name: *const c_char,
    parameters: *const c_char,
    result: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the texts end in NUL, the result can be written to.
        let (name, parameters, result) = unsafe {
            let result = Place::at(result, "result", std::ptr::null_mut())?;
            (text(name, "name")?, text(parameters, "parameters")?, result)
        };
        let client = CLIENTS.get(client)?;
        result.put(give(block_on(client.command(name, parameters))??)?);
        Ok(())
    })
}

/// Makes a group of this user and the `member_count` users in `members` (NULL where there are none). A public one can be
/// joined by anyone. The caller frees the group's ID, which messages to the group are sent to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_create_group(
    client: *mut CallieClient,
    name: *const c_char,
    members: *const *const c_char,
    member_count: usize,
    is_public: bool,
    group_id: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the texts end in NUL, the array has that many of them, the ID can be written to.
        let (name, members, group_id) = unsafe {
            let group_id = Place::at(group_id, "group_id", std::ptr::null_mut())?;
            let members = array(members, member_count, "members")?;
            let members: Vec<&str> =
                members.iter().map(|&m| text(m, "a member")).collect::<Result<_, _>>()?;
            (text(name, "name")?, members, group_id)
        };
        let client = CLIENTS.get(client)?;
        let name = GroupName::parse(name).map_err(|e| malformed("name", e))?;
        let members = members
            .into_iter()
            .map(|m| Username::parse(m).map_err(|e| malformed("a member", e)))
            .collect::<Result<_, _>>()?;
        let visibility = if is_public { Visibility::Public } else { Visibility::Private };
        let group = block_on(client.create_group(name, members, visibility))??;
        group_id.put(give(group.group_id.to_string())?);
        Ok(())
    })
}

/// Leaves a group. The last to leave deletes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_leave_group(
    client: *mut CallieClient,
    group_id: *const c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the text ends in NUL.
        let group_id = unsafe { text(group_id, "group_id")? };
        let client = CLIENTS.get(client)?;
        let group_id = GroupId::parse(group_id).map_err(|e| malformed("group_id", e))?;
        Ok(block_on(client.leave_group(group_id))??)
    })
}

/// Takes up to `max` events, waiting at most `timeout_ms` milliseconds for the first. Free the batch with `callie_events_free`.
///
/// The batch is empty when nothing came. The last event is of the kind `CALLIE_EVENT_KIND_CLOSED`; after it the call returns
/// `CALLIE_STATUS_CLOSED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_next_events(
    client: *mut CallieClient,
    max: usize,
    timeout_ms: u32,
    events: *mut *mut CallieEvents,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the batch can be written to.
        let events = unsafe { Place::at(events, "events", std::ptr::null_mut())? };
        let client = CLIENTS.get(client)?;
        let batch = block_on(client.next_events(max, Duration::from_millis(timeout_ms.into())))??;
        events.put(EVENTS.add(Batch::from_iter(batch)));
        Ok(())
    })
}

/// Writes what was sent, says goodbye and ends the connection, in at most a few seconds. What has arrived can still be
/// taken. The handle still has to be freed.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_disconnect(client: *mut CallieClient) -> CallieStatus {
    guard(|| {
        let client = CLIENTS.get(client)?;
        Ok(block_on(client.disconnect())?)
    })
}

/// Frees a client's handle; a connection that still stands says goodbye in the background. NULL is nothing to free.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_free(client: *mut CallieClient) -> CallieStatus {
    guard(|| CLIENTS.remove(client))
}

fn no_ids() -> CallieSent {
    CallieSent { payload_id: [0; CALLIE_ID_SIZE], message_id: [0; CALLIE_ID_SIZE] }
}

fn id(text: &str) -> [c_char; CALLIE_ID_SIZE] {
    let mut out = [0; CALLIE_ID_SIZE];
    for (slot, byte) in out.iter_mut().zip(text.bytes().take(MAX_ID_BYTES)) {
        *slot = byte.cast_signed();
    }
    out
}
