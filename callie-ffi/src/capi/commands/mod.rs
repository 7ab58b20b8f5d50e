//! The commands. Results are JSON objects, whose members are named as in the protocol ("Commands"). A refusal is
//! `CALLIE_STATUS_REFUSED` with the server's code, such as `FORBIDDEN` or `GROUP_NOT_FOUND`.
//!
//! - `functions`: one function for each command, generated
//! - here: what they have in common

mod functions;

use std::ffi::c_char;

use callie_core::command::{Command, Empty, MessageText, PageLimit};
use callie_core::{MAX_PAGE, NameError, Username};

use serde::de::DeserializeOwned;

use super::ffi_guard::{Place, array, guard, optional_text, text};
use super::held::{CLIENTS, CallieClient, Held};
use super::status::{CallieStatus, Failure, malformed};
use super::text::give;
use crate::runtime::block_on;

pub use functions::*;

/// Reads a text of a form of the protocol.
///
/// # Safety
/// `pointer` is NULL or ends in NUL.
unsafe fn parsed<T>(
    pointer: *const c_char,
    name: &str,
    parse: fn(&str) -> Result<T, NameError>,
) -> Result<T, Failure> {
    // SAFETY: passed on to the caller.
    parse(unsafe { text(pointer, name)? }).map_err(|e| malformed(name, e))
}

/// The same where it may be left out with NULL.
///
/// # Safety
/// As for [`parsed`].
unsafe fn optional<T>(
    pointer: *const c_char,
    name: &str,
    parse: fn(&str) -> Result<T, NameError>,
) -> Result<Option<T>, Failure> {
    // SAFETY: passed on to the caller.
    let given = unsafe { optional_text(pointer, name)? };
    given.map(|given| parse(given).map_err(|e| malformed(name, e))).transpose()
}

/// The same with a default for NULL.
///
/// # Safety
/// As for [`parsed`].
unsafe fn or_default<T: Default>(
    pointer: *const c_char,
    name: &str,
    parse: fn(&str) -> Result<T, NameError>,
) -> Result<T, Failure> {
    // SAFETY: passed on to the caller.
    unsafe { optional(pointer, name, parse).map(Option::unwrap_or_default) }
}

/// Reads `count` usernames, at most `most`.
///
/// # Safety
/// `pointer` is NULL or points to `count` texts, each NULL or ending in NUL.
unsafe fn users(
    pointer: *const *const c_char,
    count: usize,
    most: usize,
    name: &str,
) -> Result<Vec<Username>, Failure> {
    // SAFETY: passed on to the caller.
    unsafe {
        array(pointer, count, most, name)?.iter().map(|&user| parsed(user, name, Username::parse)).collect()
    }
}

/// Reads a text that is not empty and within the server's limit.
///
/// # Safety
/// `pointer` is NULL or ends in NUL.
unsafe fn message_text(client: &Held, pointer: *const c_char, name: &str) -> Result<MessageText, Failure> {
    // SAFETY: passed on to the caller.
    let text = unsafe { text(pointer, name)? };
    MessageText::new(text, &client.client.limits()).map_err(|e| malformed(name, e))
}

fn page(limit: u16) -> Result<PageLimit, Failure> {
    if limit == 0 {
        return Ok(PageLimit::default());
    }
    PageLimit::new(limit).ok_or_else(|| malformed("limit", format_args!("at most {MAX_PAGE}")))
}

/// Sends a command that is not answered.
fn call_unanswered(
    client: *mut CallieClient,
    send: impl FnOnce(&Held) -> Result<(), Failure>,
) -> CallieStatus {
    guard(|| {
        let client = CLIENTS.get(client)?;
        send(&client)
    })
}

/// Sends a command whose result is empty.
fn call_unit(
    client: *mut CallieClient,
    command: impl FnOnce(&Held) -> Result<Command, Failure>,
) -> CallieStatus {
    guard(|| {
        let client = CLIENTS.get(client)?;
        let command = command(&client)?;
        let (Empty {}, _) = block_on(client.client.request(&command))??.read()?;
        Ok(())
    })
}

/// Sends a command whose result is a `T`, and returns the JSON that the result was read from.
///
/// # Safety
/// `result` is NULL or can be written to.
unsafe fn call_value<T: DeserializeOwned>(
    client: *mut CallieClient,
    result: *mut *mut c_char,
    command: impl FnOnce(&Held) -> Result<Command, Failure>,
) -> CallieStatus {
    guard(|| {
        // SAFETY: passed on to the caller.
        let result = unsafe { Place::at(result, "result", std::ptr::null_mut())? };
        let client = CLIENTS.get(client)?;
        let (_, json) = block_on(client.client.request(&command(&client)?))??.read::<T>()?;
        result.put(give(json)?);
        Ok(())
    })
}
