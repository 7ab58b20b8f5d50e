//! Functions that read a batch of events.

use std::ffi::c_char;
use std::ptr::null;

use super::attachment::{CALLIE_SIZE_UNKNOWN, CallieAttachmentKind};
use super::event::{CallieConnectionState, CallieEventKind, FIRST_ATTACHMENT_FIELD};
use super::ffi_guard::{Place, guard, show};
use super::outcome::CallieSendOutcome;
use super::registry::Registry;
use super::rows::{Batch, Row, Text};
use super::status::{CallieStatus, Failure};

/// A batch of events. Free it with `callie_events_free`; its texts are valid until then.
pub struct CallieEvents {
    _private: [u8; 0],
}

pub(super) static EVENTS: Registry<Batch> = Registry::new("the batch of events");

/// Looks at one row; `otherwise` stands for one that is not there.
fn look<T>(
    events: *const CallieEvents,
    index: usize,
    otherwise: T,
    with: impl FnOnce(&Row) -> Option<T>,
) -> T {
    show(otherwise, || {
        let batch = EVENTS.get(events)?;
        let row =
            batch.rows().get(index).ok_or_else(|| Failure::form(format!("there is no event {index}")))?;
        with(row).ok_or_else(|| Failure::form(format!("event {index} has no such field")))
    })
}

/// Shows a text: its bytes stay where they are until the batch is freed.
fn show_text(text: &Text, length: Option<&Place<usize>>) -> *const c_char {
    if let Some(length) = length {
        length.put(text.len());
    }
    text.as_ptr()
}

/// The place of a length that may be left out.
///
/// # Safety
/// `length` is NULL or can be written to.
unsafe fn optional_length(length: *mut usize) -> Option<Place<usize>> {
    // SAFETY: passed on to the caller. NULL is the only failure, and it stands for "not asked".
    unsafe { Place::at(length, "length", 0) }.ok()
}

/// How many events the batch holds; 0 for what is no batch.
#[unsafe(no_mangle)]
pub extern "C" fn callie_events_count(events: *const CallieEvents) -> usize {
    show(0, || Ok(EVENTS.get(events)?.rows().len()))
}

/// What the event at `index` is.
#[unsafe(no_mangle)]
pub extern "C" fn callie_event_kind(events: *const CallieEvents, index: usize) -> CallieEventKind {
    look(events, index, CallieEventKind::None, |row| Some(row.kind))
}

/// A text of the event at `index`, by one of `CallieField`; NULL if it has none. Valid until the batch is freed.
///
/// It ends in NUL. `length` receives the number of bytes before the NUL; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_event_string(
    events: *const CallieEvents,
    index: usize,
    field: u32,
    length: *mut usize,
) -> *const c_char {
    // SAFETY: the caller's promise: the length is NULL or can be written to.
    let length = unsafe { optional_length(length) };
    look(events, index, null(), |row| {
        row.texts.get(field as usize)?.as_ref().map(|text| show_text(text, length.as_ref()))
    })
}

/// When the event at `index` was sent, by the sender's clock, in milliseconds since 1970 (UTC); 0 if it has no time.
#[unsafe(no_mangle)]
pub extern "C" fn callie_event_sent_at_ms(events: *const CallieEvents, index: usize) -> i64 {
    look(events, index, 0, |row| Some(row.sent_at_ms))
}

/// The ticket's number of an event of the kind `CALLIE_EVENT_KIND_ENDED`, as returned by `callie_client_send`; 0 for
/// other kinds.
#[unsafe(no_mangle)]
pub extern "C" fn callie_event_ticket(events: *const CallieEvents, index: usize) -> u64 {
    look(events, index, 0, |row| Some(row.ticket))
}

/// The outcome of an event of the kind `CALLIE_EVENT_KIND_ENDED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_event_outcome(
    events: *const CallieEvents,
    index: usize,
    outcome: *mut CallieSendOutcome,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the outcome can be written to.
        let place = unsafe { Place::at(outcome, "outcome", CallieSendOutcome::NONE)? };
        let batch = EVENTS.get(events)?;
        let outcome = batch.rows().get(index).and_then(|row| row.outcome.as_ref());
        place.put(**outcome.ok_or_else(|| Failure::form(format!("event {index} has no outcome")))?);
        Ok(())
    })
}

/// The state of the connection since an event of the kind `CALLIE_EVENT_KIND_CONNECTION_CHANGED` or
/// `CALLIE_EVENT_KIND_CLOSED`.
#[unsafe(no_mangle)]
pub extern "C" fn callie_event_state(events: *const CallieEvents, index: usize) -> CallieConnectionState {
    look(events, index, CallieConnectionState::None, |row| Some(row.state))
}

/// Whether the connection continues the one before, so that nothing is missing, for an event that reports that the client is
/// online. False for a connection before which payloads to this user may be missing, and for other events.
#[unsafe(no_mangle)]
pub extern "C" fn callie_event_resumed(events: *const CallieEvents, index: usize) -> bool {
    look(events, index, false, |row| Some(row.resumed))
}

/// The delay in milliseconds before the client connects again, for an event with the state in which it waits; 0 for
/// others.
#[unsafe(no_mangle)]
pub extern "C" fn callie_event_retry_in_ms(events: *const CallieEvents, index: usize) -> u64 {
    look(events, index, 0, |row| Some(row.retry_in_ms))
}

/// The WebSocket close code, for an event that reports that the client waits or has ended: 1000 if the application
/// ended it, 1006 if the connection was lost without one or was never open; 0 for other events.
#[unsafe(no_mangle)]
pub extern "C" fn callie_event_close_code(events: *const CallieEvents, index: usize) -> u16 {
    look(events, index, 0, |row| Some(row.close_code))
}

/// The number of attachments of the event at `index`.
#[unsafe(no_mangle)]
pub extern "C" fn callie_event_attachment_count(events: *const CallieEvents, index: usize) -> usize {
    look(events, index, 0, |row| Some(row.attachments.len()))
}

/// The kind of an attachment's file; `CALLIE_ATTACHMENT_KIND_FILE` if there is no such attachment.
#[unsafe(no_mangle)]
pub extern "C" fn callie_event_attachment_kind(
    events: *const CallieEvents,
    index: usize,
    attachment: usize,
) -> CallieAttachmentKind {
    look(events, index, CallieAttachmentKind::File, |row| Some(row.attachments.get(attachment)?.kind))
}

/// An attachment's size in bytes, as stated by its sender; `CALLIE_SIZE_UNKNOWN` if it is not stated.
#[unsafe(no_mangle)]
pub extern "C" fn callie_event_attachment_size(
    events: *const CallieEvents,
    index: usize,
    attachment: usize,
) -> i64 {
    look(events, index, CALLIE_SIZE_UNKNOWN, |row| Some(row.attachments.get(attachment)?.size))
}

/// A text of an attachment, by one of `CallieAttachmentField`; NULL if it has none. Valid until the batch is freed.
///
/// It ends in NUL. `length` receives the number of bytes before the NUL; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_event_attachment_string(
    events: *const CallieEvents,
    index: usize,
    attachment: usize,
    field: u32,
    length: *mut usize,
) -> *const c_char {
    // SAFETY: the caller's promise: the length is NULL or can be written to.
    let length = unsafe { optional_length(length) };
    look(events, index, null(), |row| {
        let texts = &row.attachments.get(attachment)?.texts;
        let field = field.checked_sub(FIRST_ATTACHMENT_FIELD)?;
        texts.get(field as usize)?.as_ref().map(|text| show_text(text, length.as_ref()))
    })
}

/// Frees a batch and all its texts. NULL is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn callie_events_free(events: *mut CallieEvents) -> CallieStatus {
    guard(|| EVENTS.remove(events).map(drop))
}
