//! What server admins may do.

use std::ffi::c_char;

use callie_core::command::{Command, RemovalReason, ServerStats};
use callie_core::{Timestamp, Username};

use super::super::client::CallieClient;
use super::super::status::CallieStatus;
use super::{done, line, optional, parsed, told};

/// Ends a user's connections, as an admin of the server. `reason` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_kick_user(
    client: *mut CallieClient,
    username: *const c_char,
    reason: *const c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the texts are NULL or end in NUL.
    unsafe {
        done(client, |_| {
            Ok(Command::KickUser {
                username: parsed(username, "username", Username::parse)?,
                reason: optional(reason, "reason", RemovalReason::parse)?,
            })
        })
    }
}

/// Ends a user's sessions and takes no new ones, as an admin of the server, until a time such as `2030-01-02T03:04:05.678Z` or
/// for ever where that is NULL. `reason` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_ban_user(
    client: *mut CallieClient,
    username: *const c_char,
    reason: *const c_char,
    until: *const c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the texts are NULL or end in NUL.
    unsafe {
        done(client, |_| {
            Ok(Command::BanUser {
                username: parsed(username, "username", Username::parse)?,
                reason: optional(reason, "reason", RemovalReason::parse)?,
                until: optional(until, "until", Timestamp::parse)?,
            })
        })
    }
}

/// Takes a ban back, as an admin of the server.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_unban_user(
    client: *mut CallieClient,
    username: *const c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the texts are NULL or end in NUL.
    unsafe {
        done(client, |_| Ok(Command::UnbanUser { username: parsed(username, "username", Username::parse)? }))
    }
}

/// Speaks to everyone online, as an admin of the server.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_announce(
    client: *mut CallieClient,
    message: *const c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the texts are NULL or end in NUL.
    unsafe { done(client, |client| Ok(Command::Announce { text: line(client, message, "message")? })) }
}

/// The server's figures, for an admin of it.
///
/// The result is `{uptimeSeconds, connections, usersOnline, payloadsReceived, payloadsSent}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_server_stats(
    client: *mut CallieClient,
    result: *mut *mut c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the result can be written to.
    unsafe { told::<ServerStats>(client, result, |_| Ok(Command::ServerStats {})) }
}
