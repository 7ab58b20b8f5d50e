//! Checks payloads, for programs that test themselves against the conformance vectors.

use std::ffi::c_char;

use super::ffi_guard::{Place, array, guard};
use super::outcome::{CALLIE_CODE_SIZE, CALLIE_PATH_SIZE, CALLIE_REASON_SIZE};
use super::status::{CallieStatus, Failure};
use super::text::fixed;
use callie_client as client;

/// The first fault of a text; texts end in NUL.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct CallieFault {
    /// The code, for programs, such as `MISSING_FIELD`; empty if the text is a valid payload.
    pub code: [c_char; CALLIE_CODE_SIZE],
    /// The reason, for people; a longer reason is truncated.
    pub reason: [c_char; CALLIE_REASON_SIZE],
    /// The faulty place: a JSON Pointer from the payload's root.
    pub path: [c_char; CALLIE_PATH_SIZE],
}

/// Checks a text of `length` bytes as a server with the protocol's default limits checks it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_check_payload(
    payload: *const c_char,
    length: usize,
    fault: *mut CallieFault,
) -> CallieStatus {
    // SAFETY: passed on to the caller.
    unsafe { check(payload, length, fault, client::check_payload) }
}

/// Checks a text of `length` bytes as a client checks what a server sends.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_check_server_payload(
    payload: *const c_char,
    length: usize,
    fault: *mut CallieFault,
) -> CallieStatus {
    // SAFETY: passed on to the caller.
    unsafe { check(payload, length, fault, client::check_server_payload) }
}

/// # Safety
/// `payload` is NULL or points to `length` bytes, `fault` is NULL or can be written to.
unsafe fn check(
    payload: *const c_char,
    length: usize,
    fault: *mut CallieFault,
    validate: fn(&str) -> Option<callie_core::Fault>,
) -> CallieStatus {
    const NONE: CallieFault = CallieFault {
        code: [0; CALLIE_CODE_SIZE],
        reason: [0; CALLIE_REASON_SIZE],
        path: [0; CALLIE_PATH_SIZE],
    };
    guard(|| {
        // SAFETY: passed on to the caller.
        let (place, payload) = unsafe {
            let place = Place::at(fault, "fault", NONE)?;
            if payload.is_null() {
                return Err(Failure::null("payload"));
            }
            (place, array(payload.cast::<u8>(), length, usize::MAX, "payload")?)
        };
        Failure::if_forked()?;
        let payload = std::str::from_utf8(payload).map_err(|_| Failure::utf8("payload"))?;
        if let Some(fault) = validate(payload) {
            place.put(CallieFault {
                code: fixed(fault.code().as_str()),
                reason: fixed(fault.reason()),
                path: fixed(&fault.path()),
            });
        }
        Ok(())
    })
}
