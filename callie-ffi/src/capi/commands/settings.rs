//! A user's settings, profile and blocks.

use std::ffi::c_char;

use callie_core::Username;
use callie_core::command::{
    BlockedList, Command, Cursor, DirectMessages, DisplayName, PresenceAudience, Profile, Settings,
};

use super::super::client::CallieClient;
use super::super::status::CallieStatus;
use super::{done, optional, page, parsed, told};

/// What a user tells of themselves.
///
/// The result is `{username, displayName}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_get_profile(
    client: *mut CallieClient,
    username: *const c_char,
    result: *mut *mut c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the texts are NULL or end in NUL, the result can be written to.
    unsafe {
        told::<Profile>(client, result, |_| {
            Ok(Command::GetProfile { username: parsed(username, "username", Username::parse)? })
        })
    }
}

/// This user's settings.
///
/// The result is `{displayName, presence, directMessages}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_get_settings(
    client: *mut CallieClient,
    result: *mut *mut c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the result can be written to.
    unsafe { told::<Settings>(client, result, |_| Ok(Command::GetSettings {})) }
}

/// Changes this user's settings, those that are not NULL: `presence` is `everyone`, `groups` or `nobody`, `direct_messages` is
/// `everyone` or `groups`.
///
/// The result is `{displayName, presence, directMessages}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_update_settings(
    client: *mut CallieClient,
    display_name: *const c_char,
    presence: *const c_char,
    direct_messages: *const c_char,
    result: *mut *mut c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the texts are NULL or end in NUL, the result can be written to.
    unsafe {
        told::<Settings>(client, result, |_| {
            Ok(Command::UpdateSettings {
                display_name: optional(display_name, "display_name", DisplayName::parse)?,
                presence: optional(presence, "presence", PresenceAudience::parse)?,
                direct_messages: optional(direct_messages, "direct_messages", DirectMessages::parse)?,
            })
        })
    }
}

/// Stops all direct traffic with a user, both ways.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_block_user(
    client: *mut CallieClient,
    username: *const c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the texts are NULL or end in NUL.
    unsafe {
        done(client, |_| Ok(Command::BlockUser { username: parsed(username, "username", Username::parse)? }))
    }
}

/// Allows it again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_unblock_user(
    client: *mut CallieClient,
    username: *const c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the texts are NULL or end in NUL.
    unsafe {
        done(client, |_| {
            Ok(Command::UnblockUser { username: parsed(username, "username", Username::parse)? })
        })
    }
}

/// One page of those whom this user blocked; `limit` and `after` as for `callie_client_list_groups`.
///
/// The result is `{blocked: [name], next?}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_list_blocked(
    client: *mut CallieClient,
    limit: u16,
    after: *const c_char,
    result: *mut *mut c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the texts are NULL or end in NUL, the result can be written to.
    unsafe {
        told::<BlockedList>(client, result, |_| {
            Ok(Command::ListBlocked { limit: page(limit)?, after: optional(after, "after", Cursor::parse)? })
        })
    }
}
