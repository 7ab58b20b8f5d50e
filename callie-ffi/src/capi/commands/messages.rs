//! Messages that are changed or gone, and what is said in passing.

use std::ffi::c_char;

use callie_core::command::{Command, Conversation, SignalData, SignalKind};
use callie_core::{MessageId, Username};

use super::super::border::guard;
use super::super::client::{CLIENTS, CallieClient};
use super::super::status::CallieStatus;
use super::{done, line, optional, parsed};

/// Says something fleeting, `kind` being `typing`, `read` or another name of `a-z` and `_`, with JSON `data` or NULL. It is
/// taken at once; nothing tells that it arrived.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_signal(
    client: *mut CallieClient,
    recipient: *const c_char,
    kind: *const c_char,
    data: *const c_char,
) -> CallieStatus {
    guard(|| {
        let client = CLIENTS.get(client)?;
        // SAFETY: the caller's promise: the texts are NULL or end in NUL.
        let (recipient, kind, data) = unsafe {
            (
                parsed(recipient, "recipient", Conversation::parse)?,
                parsed(kind, "kind", SignalKind::parse)?,
                optional(data, "data", SignalData::parse)?,
            )
        };
        Ok(client.client.signal(recipient, kind, data)?)
    })
}

/// Tells those who have a message to drop it; `sender` is its author, or NULL for this user.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_delete_message(
    client: *mut CallieClient,
    recipient: *const c_char,
    message_id: *const c_char,
    sender: *const c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the texts are NULL or end in NUL.
    unsafe {
        done(client, |_| {
            Ok(Command::DeleteMessage {
                recipient: parsed(recipient, "recipient", Conversation::parse)?,
                message_id: parsed(message_id, "message_id", MessageId::parse)?,
                sender: optional(sender, "sender", Username::parse)?,
            })
        })
    }
}

/// Tells those who have a message of this user its new text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_edit_message(
    client: *mut CallieClient,
    recipient: *const c_char,
    message_id: *const c_char,
    message: *const c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the texts are NULL or end in NUL.
    unsafe {
        done(client, |client| {
            Ok(Command::EditMessage {
                recipient: parsed(recipient, "recipient", Conversation::parse)?,
                message_id: parsed(message_id, "message_id", MessageId::parse)?,
                text: line(client, message, "message")?,
            })
        })
    }
}
