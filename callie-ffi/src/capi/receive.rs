//! Taking events, and waiting for them.

use std::ffi::c_int;
use std::time::Duration;

use super::events::{CallieEvents, EVENTS};
use super::ffi_guard::{Place, guard};
use super::held::{CLIENTS, CallieClient};
use super::rows::Batch;
use super::status::{CallieStatus, Failure};
use crate::runtime::block_on;
use callie_client::Client;

/// Takes up to `max` events, waiting at most `timeout_ms` milliseconds for the first. Free the batch with
/// `callie_events_free`.
///
/// The batch is empty if no event came. The last event has the kind `CALLIE_EVENT_KIND_CLOSED`; after it the call
/// returns `CALLIE_STATUS_CLOSED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_next_events(
    client: *mut CallieClient,
    max: usize,
    timeout_ms: u32,
    events: *mut *mut CallieEvents,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the batch can be written to.
        let events = unsafe { Place::at(events, "events", std::ptr::null_mut())? };
        let held = CLIENTS.get(client)?;
        let batch = block_on(held.next_events(max, Duration::from_millis(timeout_ms.into())))??;
        events.put(EVENTS.add(Batch::from_iter(batch))?);
        Ok(())
    })
}

/// A file descriptor that is readable while events wait, for the program's event loop to poll. It belongs to the
/// client, which closes it when it is freed: do not read from it or close it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_fd(client: *mut CallieClient, fd: *mut c_int) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the number can be written to.
        let fd = unsafe { Place::at(fd, "fd", -1)? };
        fd.put(descriptor(&CLIENTS.get(client)?.client)?);
        Ok(())
    })
}

#[cfg(unix)]
fn descriptor(client: &Client) -> Result<c_int, Failure> {
    Ok(client.descriptor()?)
}

#[cfg(not(unix))]
fn descriptor(_: &Client) -> Result<c_int, Failure> {
    Err(Failure::internal("this system has no file descriptors"))
}
