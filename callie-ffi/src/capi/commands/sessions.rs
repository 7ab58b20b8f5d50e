//! The user's sessions.

use std::ffi::c_char;

use callie_core::SessionId;
use callie_core::account::SessionList;
use callie_core::command::Command;

use super::super::client::CallieClient;
use super::super::status::CallieStatus;
use super::{done, parsed, told};

/// This user's sessions.
///
/// The result is `{sessions: [{sessionID, device, createdAt, lastSeenAt, expiresAt, current}]}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_list_sessions(
    client: *mut CallieClient,
    result: *mut *mut c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the result can be written to.
    unsafe { told::<SessionList>(client, result, |_| Ok(Command::ListSessions {})) }
}

/// Ends one of this user's sessions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_revoke_session(
    client: *mut CallieClient,
    session_id: *const c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the texts are NULL or end in NUL.
    unsafe {
        done(client, |_| {
            Ok(Command::RevokeSession { session_id: parsed(session_id, "session_id", SessionId::parse)? })
        })
    }
}
