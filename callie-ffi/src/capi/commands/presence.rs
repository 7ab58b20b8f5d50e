//! Who is online.

use std::ffi::c_char;

use callie_core::MAX_PRESENCE_NAMES;
use callie_core::command::{Command, PresenceMap};

use super::super::client::CallieClient;
use super::super::status::CallieStatus;
use super::{done, told, users};

/// Who of the `count` users, at most 256, is online.
///
/// The result is `{presence: {name: "online"|"offline"}}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_get_presence(
    client: *mut CallieClient,
    usernames: *const *const c_char,
    count: usize,
    result: *mut *mut c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the texts are NULL or end in NUL, the result can be written to.
    unsafe {
        told::<PresenceMap>(client, result, |_| {
            Ok(Command::GetPresence { usernames: users(usernames, count, MAX_PRESENCE_NAMES, "usernames")? })
        })
    }
}

/// Who of the `count` users, at most 256, is online, and to be told of changes.
///
/// The result is `{presence: {name: "online"|"offline"}}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_subscribe_presence(
    client: *mut CallieClient,
    usernames: *const *const c_char,
    count: usize,
    result: *mut *mut c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the texts are NULL or end in NUL, the result can be written to.
    unsafe {
        told::<PresenceMap>(client, result, |_| {
            Ok(Command::SubscribePresence {
                usernames: users(usernames, count, MAX_PRESENCE_NAMES, "usernames")?,
            })
        })
    }
}

/// Not to be told any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_unsubscribe_presence(
    client: *mut CallieClient,
    usernames: *const *const c_char,
    count: usize,
) -> CallieStatus {
    // SAFETY: the caller's promise: the texts are NULL or end in NUL.
    unsafe {
        done(client, |_| {
            Ok(Command::UnsubscribePresence {
                usernames: users(usernames, count, MAX_PRESENCE_NAMES, "usernames")?,
            })
        })
    }
}
