//! Who is online.

use std::ffi::c_char;

use callie_core::command::{Command, PresenceMap};

use super::super::border::{Place, guard};
use super::super::client::{CLIENTS, CallieClient};
use super::super::status::CallieStatus;
use super::{done, told, users};

/// Who of the `count` users is online.
///
/// The result is `{presence: {name: "online"|"offline"}}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_get_presence(
    client: *mut CallieClient,
    usernames: *const *const c_char,
    count: usize,
    result: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the texts are NULL or end in NUL, the result can be written to.
        let (result, client, command) = unsafe {
            let result = Place::at(result, "result", std::ptr::null_mut())?;
            let client = CLIENTS.get(client)?;
            (result, client, Command::GetPresence { usernames: users(usernames, count, "usernames")? })
        };
        told::<PresenceMap>(&client, command, &result)
    })
}

/// Who of the `count` users is online, and to be told of changes.
///
/// The result is `{presence: {name: "online"|"offline"}}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_subscribe_presence(
    client: *mut CallieClient,
    usernames: *const *const c_char,
    count: usize,
    result: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the texts are NULL or end in NUL, the result can be written to.
        let (result, client, command) = unsafe {
            let result = Place::at(result, "result", std::ptr::null_mut())?;
            let client = CLIENTS.get(client)?;
            (result, client, Command::SubscribePresence { usernames: users(usernames, count, "usernames")? })
        };
        told::<PresenceMap>(&client, command, &result)
    })
}

/// Not to be told any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_unsubscribe_presence(
    client: *mut CallieClient,
    usernames: *const *const c_char,
    count: usize,
) -> CallieStatus {
    guard(|| {
        let client = CLIENTS.get(client)?;
        // SAFETY: the caller's promise: the texts are NULL or end in NUL.
        let command =
            unsafe { Command::UnsubscribePresence { usernames: users(usernames, count, "usernames")? } };
        done(&client, command)
    })
}
