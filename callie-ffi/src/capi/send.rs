//! Sending messages, pings and commands, and waiting for their outcomes.

use std::ffi::c_char;
use std::time::Duration;

use callie_core::MAX_ID_BYTES;

use super::attachment::{CallieAttachment, read_attachment};
use super::ffi_guard::{Place, array, guard, optional_text, put_sized, read_sized, text};
use super::held::{CLIENTS, CallieClient};
use super::outcome::CallieSendOutcome;
use super::status::{CallieStatus, Failure};
use super::text::{fixed, give};
use crate::api;
use crate::runtime::block_on;
use callie_client::Ticket;

/// The size of an identifier with its NUL.
pub const CALLIE_ID_SIZE: usize = 129;
const _: () = assert!(CALLIE_ID_SIZE == MAX_ID_BYTES + 1);

/// A message that was accepted for sending.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct CallieSent {
    /// Identifies it in `callie_client_wait` and in the event with its outcome.
    pub ticket: u64,
    /// The message's ID, which edits and deletions refer to; it ends in NUL.
    pub message_id: [c_char; CALLIE_ID_SIZE],
}

impl CallieSent {
    const NONE: Self = Self { ticket: 0, message_id: [0; CALLIE_ID_SIZE] };
}

impl From<&Ticket> for CallieSent {
    fn from(ticket: &Ticket) -> Self {
        Self { ticket: ticket.number(), message_id: fixed(ticket.message_id().as_str()) }
    }
}

/// Options of one message. Set the defaults with `callie_send_options_init`, then change what should differ.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct CallieSendOptions {
    /// The size of the struct: set by `callie_send_options_init`, so that a later version of the library can add
    /// fields.
    pub size: usize,
    /// Whether the recipient's client confirms the message. Broadcasts are never confirmed. Default true.
    pub confirm: bool,
    /// Metadata: extensions, a JSON object, or NULL.
    pub metadata: *const c_char,
    /// How long the message may take to its outcome, in milliseconds; 0 for the `send_timeout_ms` of the configuration.
    pub timeout_ms: u32,
}

/// Sets the defaults. `size` is `sizeof(CallieSendOptions)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_send_options_init(
    options: *mut CallieSendOptions,
    size: usize,
) -> CallieStatus {
    // SAFETY: the caller's promise: the options can be written to.
    guard(|| unsafe {
        let defaults = CallieSendOptions { size, confirm: true, metadata: std::ptr::null(), timeout_ms: 0 };
        put_sized(options, size, "send_options", defaults)
    })
}

/// Sends a text in Markdown, with `attachment_count` attachments. The recipient is a username, a group's ID or
/// `BROADCAST`.
///
/// The message is taken at once, connected or not; `callie_client_wait` and an event of the kind
/// `CALLIE_EVENT_KIND_ENDED` report its outcome. `attachments` may be NULL if there are none, `options` for the
/// defaults, `sent` if it is not needed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_send(
    client: *mut CallieClient,
    recipient: *const c_char,
    message: *const c_char,
    attachments: *const CallieAttachment,
    attachment_count: usize,
    options: *const CallieSendOptions,
    sent: *mut CallieSent,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: `sent` is NULL or can be written to.
        let sent =
            if sent.is_null() { None } else { Some(unsafe { Place::at(sent, "sent", CallieSent::NONE)? }) };
        let held = CLIENTS.get(client)?;
        let most = held.client.limits().max_attachments;
        // SAFETY: the caller's promise: the texts end in NUL, the array has that many elements whose texts end in NUL,
        // the options are NULL or can be read.
        let (recipient, message, attachments, options) = unsafe {
            let attachments = array(attachments, attachment_count, most, "attachments")?;
            let attachments = attachments.iter().map(|a| read_attachment(a)).collect::<Result<_, _>>()?;
            (text(recipient, "recipient")?, text(message, "message")?, attachments, read_options(options)?)
        };
        let ticket = api::send(&held.client, recipient, message.to_owned(), attachments, options)?;
        if let Some(sent) = sent {
            sent.put(CallieSent::from(&ticket));
            held.tickets.keep(ticket);
        }
        Ok(())
    })
}

/// Reads the options of a message.
///
/// # Safety
/// `options` is NULL or can be read, and its text is NULL or ends in NUL.
unsafe fn read_options(options: *const CallieSendOptions) -> Result<Option<api::SendOptions>, Failure> {
    // SAFETY: passed on to the caller.
    let Some(options) = (unsafe { read_sized(options, "send_options")? }) else { return Ok(None) };
    // SAFETY: passed on to the caller.
    let metadata = unsafe { optional_text(options.metadata, "metadata")? };
    Ok(Some(api::SendOptions {
        confirm: options.confirm,
        metadata: metadata.map(str::to_owned),
        timeout: (options.timeout_ms != 0).then(|| Duration::from_millis(options.timeout_ms.into())),
    }))
}

/// Waits at most `timeout_ms` milliseconds for the outcome of a message, by the ticket in its `CallieSent`.
///
/// `CALLIE_STATUS_TIMED_OUT`: it has none yet. An outcome can be read again until 4,096 later messages were
/// sent; after that, and for an unknown ticket, the result is `CALLIE_STATUS_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_wait(
    client: *mut CallieClient,
    ticket: u64,
    timeout_ms: u32,
    outcome: *mut CallieSendOutcome,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the outcome can be written to.
        let place = unsafe { Place::at(outcome, "outcome", CallieSendOutcome::NONE)? };
        let held = CLIENTS.get(client)?;
        let ticket = held.tickets.find(ticket)?;
        let patience = Duration::from_millis(timeout_ms.into());
        let outcome = block_on(async { tokio::time::timeout(patience, ticket.outcome()).await })?;
        place.put(outcome.map_err(|_| Failure::timed_out("the message has no outcome yet"))?.into());
        Ok(())
    })
}

/// Lists the messages without an outcome, in the order in which they were accepted; after the start of a client with a state,
/// those that an earlier client accepted. `callie_client_wait` waits for their outcomes.
///
/// Writes at most `room` of them to `sent`, which may be NULL if `room` is 0. `count` receives the number of all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_pending(
    client: *mut CallieClient,
    sent: *mut CallieSent,
    room: usize,
    count: *mut usize,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the count can be written to.
        let count = unsafe { Place::at(count, "count", 0)? };
        let held = CLIENTS.get(client)?;
        let pending = held.client.pending()?;
        count.put(pending.len());
        for (at, ticket) in pending.into_iter().take(room).enumerate() {
            // SAFETY: the caller's promise: there is room for that many. The address is in the array if there is one.
            let place = unsafe { Place::at(sent.wrapping_add(at), "sent", CallieSent::NONE)? };
            place.put(CallieSent::from(&ticket));
            held.tickets.keep(ticket);
        }
        Ok(())
    })
}

/// Pings the server (`SERVER`) or a user. `round_trip_us` receives the time until the answer, in microseconds; it may
/// be NULL.
///
/// Refused with `RECIPIENT_OFFLINE` or `RECIPIENT_UNKNOWN` if the user is offline or does not exist.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_ping(
    client: *mut CallieClient,
    recipient: *const c_char,
    round_trip_us: *mut u64,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the text ends in NUL, the number is NULL or can be written to.
        let (recipient, place) = unsafe {
            let place = if round_trip_us.is_null() {
                None
            } else {
                Some(Place::at(round_trip_us, "round_trip_us", 0)?)
            };
            (text(recipient, "recipient")?, place)
        };
        let took = block_on(CLIENTS.get(client)?.client.ping(recipient))??;
        if let Some(place) = place {
            place.put(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        }
        Ok(())
    })
}

/// Carries out a command by name, such as `LIST_GROUPS`. Parameters and result are JSON objects; the caller frees the
/// result.
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
        result.put(give(block_on(CLIENTS.get(client)?.client.command(name, parameters))??)?);
        Ok(())
    })
}
