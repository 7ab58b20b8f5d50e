//! Creates, starts, suspends, ends and frees clients.

use std::ffi::c_char;

use super::event::CallieConnectionState;
use super::ffi_guard::{Place, guard, show};
use super::held::{CLIENTS, CallieClient, Held};
use super::server::{CREDENTIALS, CallieCredentials};
use super::status::CallieStatus;
use super::text::give;
use crate::api::new_client;
use crate::runtime::block_on;
use callie_client::{Client, Error};

/// A client that is not connected yet. With a `state_file`, it continues from the state in the file; if the file cannot be
/// used, the result is `CALLIE_STATUS_STATE`. The handle of the credentials may be freed afterwards.
///
/// It ends when `callie_client_disconnect` is called, or when the server refuses it and no new token is available. Its
/// last event then has the kind `CALLIE_EVENT_KIND_CLOSED`, and a new client is needed to connect again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_new(
    credentials: *mut CallieCredentials,
    client: *mut *mut CallieClient,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the client can be written to.
        let client = unsafe { Place::at(client, "client", std::ptr::null_mut())? };
        let credentials = CREDENTIALS.get(credentials)?;
        let made = new_client(|| Client::new(&credentials))?;
        client.put(CLIENTS.add(Held::new(made))?);
        Ok(())
    })
}

/// Connects, and keeps connecting after every loss until `callie_client_disconnect` or a refusal. It does not wait:
/// events report the progress. On a client that has ended it fails with `CALLIE_STATUS_CLOSED`.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_start(client: *mut CallieClient) -> CallieStatus {
    ask(client, Client::start)
}

/// Makes one attempt to connect and waits for it; from then on as after `callie_client_start`.
///
/// After an error the client is in its previous state, unless the server refused it, as with `AUTH_FAILED`: that ends
/// it.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_connect(client: *mut CallieClient) -> CallieStatus {
    guard(|| Ok(block_on(CLIENTS.get(client)?.client.connect())??))
}

/// Closes the connection until `callie_client_resume`, as for an app that goes to the background. Payloads that wait go
/// on waiting. On a client that has ended it fails with `CALLIE_STATUS_CLOSED`.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_suspend(client: *mut CallieClient) -> CallieStatus {
    ask(client, Client::suspend)
}

/// Connects again after `callie_client_suspend` or a failed `callie_client_connect`. On a client that has ended it
/// fails with `CALLIE_STATUS_CLOSED`.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_resume(client: *mut CallieClient) -> CallieStatus {
    ask(client, Client::resume)
}

/// Tells the client that the network has changed. A client that is waiting to reconnect tries immediately; a connected
/// one checks that its connection is still alive. A client that has ended ignores it.
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

/// The client's user. The caller frees the name.
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

/// Ends the client: writes what was handed to the connection and closes it, in at most a few seconds. Payloads in
/// progress end; messages are pending if the client has a state. Events that have arrived can still be taken. When it
/// returns, another client can use the state file. The handle still has to be freed.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_disconnect(client: *mut CallieClient) -> CallieStatus {
    guard(|| Ok(block_on(CLIENTS.get(client)?.client.disconnect())?))
}

/// Frees a client's handle and ends the client: its connection is closed in the background, and calls that wait for its
/// events return at once, with `CALLIE_STATUS_CLOSED` if no events are left. Events that were not taken are lost, and
/// the messages among them are not confirmed.
///
/// Returns after the last call of its listener and of its token source, unless it is called inside it: then that call
/// is the last. NULL is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_free(client: *mut CallieClient) -> CallieStatus {
    guard(|| {
        if let Some(held) = CLIENTS.remove(client)? {
            held.release();
        }
        Ok(())
    })
}
