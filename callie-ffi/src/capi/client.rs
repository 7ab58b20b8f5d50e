//! A client's life: made, started, suspended, ended, freed.

use std::ffi::c_char;

use super::event::CallieConnectionState;
use super::ffi_guard::{Place, guard, show};
use super::held::{CLIENTS, CallieClient, Held};
use super::server::{CREDENTIALS, CallieCredentials};
use super::status::CallieStatus;
use super::text::give;
use crate::runtime::{block_on, inside};
use callie_client::{Client, Error};

/// A client that is not connected yet. The handle of the credentials may be freed afterwards.
///
/// It lives until `callie_client_disconnect`, or until the server refuses it and no new token could be had; then an event of
/// the kind `CALLIE_EVENT_KIND_CLOSED` is told, and a new client is to be made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_new(
    credentials: *mut CallieCredentials,
    client: *mut *mut CallieClient,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the client can be written to.
        let client = unsafe { Place::at(client, "client", std::ptr::null_mut())? };
        let credentials = CREDENTIALS.get(credentials)?;
        let made = inside(|| Client::new(&credentials))??;
        client.put(CLIENTS.add(Held::new(made))?);
        Ok(())
    })
}

/// Connects, and keeps connecting after every loss until `callie_client_disconnect` or a refusal. It does not wait: events
/// tell how it goes. On a client that has ended it fails with `CALLIE_STATUS_CLOSED`.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_start(client: *mut CallieClient) -> CallieStatus {
    ask(client, Client::start)
}

/// Connects once, and waits for it; from then on as after `callie_client_start`.
///
/// If it does not work the client is as it was before, but for a refusal by the server, such as `AUTH_FAILED`, which ends it.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_connect(client: *mut CallieClient) -> CallieStatus {
    guard(|| Ok(block_on(CLIENTS.get(client)?.client.connect())??))
}

/// Closes the connection for a while, as for an app that goes to the background. What waits goes on waiting.
/// On a client that has ended it fails with `CALLIE_STATUS_CLOSED`.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_suspend(client: *mut CallieClient) -> CallieStatus {
    ask(client, Client::suspend)
}

/// Connects again after `callie_client_suspend` or a `callie_client_connect` that did not work. On a client that has ended it
/// fails with `CALLIE_STATUS_CLOSED`.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_resume(client: *mut CallieClient) -> CallieStatus {
    ask(client, Client::resume)
}

/// The network is another: what waits for the next attempt tries at once, what is connected makes sure that it is.
/// A client that has ended ignores it.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_network_changed(client: *mut CallieClient) -> CallieStatus {
    ask(client, |client| {
        client.network_changed();
        Ok(())
    })
}

fn ask(client: *mut CallieClient, what: impl FnOnce(&Client) -> Result<(), Error>) -> CallieStatus {
    guard(|| Ok(what(&CLIENTS.get(client)?.client)?))
}

/// The state of the client's connection.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_state(client: *mut CallieClient) -> CallieConnectionState {
    show(CallieConnectionState::None, || {
        Ok(CallieConnectionState::from(&CLIENTS.get(client)?.client.state()))
    })
}

/// The user whose client it is. The caller frees the name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_username(
    client: *mut CallieClient,
    username: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the name can be written to.
        let username = unsafe { Place::at(username, "username", std::ptr::null_mut())? };
        username.put(give(CLIENTS.get(client)?.client.username().to_string())?);
        Ok(())
    })
}

/// Ends the client: writes what was handed to the connection and says goodbye, in at most a few seconds. What waits is over.
/// What has arrived can still be taken. The handle still has to be freed.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_disconnect(client: *mut CallieClient) -> CallieStatus {
    guard(|| Ok(block_on(CLIENTS.get(client)?.client.disconnect())?))
}

/// Frees a client's handle and ends the client: it says goodbye in the background, and calls that wait for its events return at
/// once, with `CALLIE_STATUS_CLOSED` where there is nothing left to take. Events that were not taken are lost, and the messages among
/// them are not confirmed.
///
/// Returns after the last call of its listener and of its token source, unless it is called inside it: then that call is the last.
/// NULL is nothing to free.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_free(client: *mut CallieClient) -> CallieStatus {
    guard(|| {
        if let Some(held) = CLIENTS.remove(client)? {
            held.release();
        }
        Ok(())
    })
}
