//! Registering and logging in.

use std::ffi::c_char;

use callie_core::SessionId;

use super::config::{CallieConfig, read_config};
use super::ffi_guard::{Place, guard, optional_text, text};
use super::registry::Registry;
use super::status::{CallieStatus, Failure, malformed};
use super::text::give;
use crate::runtime::block_on;
use callie_client::{Credentials, Server};

/// A server to register with and to log in to. Free it with `callie_server_free`.
pub struct CallieServer {
    _private: [u8; 0],
}

/// A username and the token of a login on one server: what a client connects with. Free it with
/// `callie_credentials_free`.
pub struct CallieCredentials {
    _private: [u8; 0],
}

static SERVERS: Registry<Server> = Registry::new("the server");
pub(super) static CREDENTIALS: Registry<Credentials> = Registry::new("the credentials");

/// The server at `url`: `https://` for TLS, `http://` without. Nothing is sent yet.
///
/// `config` may be NULL for the defaults. It also applies to the credentials and clients made from this server.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_server_new(
    url: *const c_char,
    config: *const CallieConfig,
    server: *mut *mut CallieServer,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the text ends in NUL, the other two are NULL or can be read and written to.
        let (config, server) = unsafe {
            let server = Place::at(server, "server", std::ptr::null_mut())?;
            (read_config(text(url, "url")?, config)?, server)
        };
        server.put(SERVERS.add(Server::with_config(config)?)?);
        Ok(())
    })
}

/// Registers a new user. Refused with `USERNAME_TAKEN`, `INVALID_USERNAME`, `WEAK_PASSWORD` or `REGISTRATION_CLOSED`,
/// among others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_server_register(
    server: *mut CallieServer,
    username: *const c_char,
    password: *const c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: both texts end in NUL.
        let (username, password) = unsafe { (text(username, "username")?, text(password, "password")?) };
        let server = SERVERS.get(server)?;
        Ok(block_on(server.register(username, password))??)
    })
}

/// Logs a user in. `device` is the name of the login session in the user's list of sessions; it may be NULL.
///
/// Refused with `INVALID_CREDENTIALS`, `BANNED` or `RATE_LIMITED`, among others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_server_login(
    server: *mut CallieServer,
    username: *const c_char,
    password: *const c_char,
    device: *const c_char,
    credentials: *mut *mut CallieCredentials,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the texts end in NUL, the credentials can be written to.
        let (username, password, device, credentials) = unsafe {
            let credentials = Place::at(credentials, "credentials", std::ptr::null_mut())?;
            let device = optional_text(device, "device")?;
            (text(username, "username")?, text(password, "password")?, device, credentials)
        };
        let server = SERVERS.get(server)?;
        let made = block_on(server.login(username, password, device))??;
        credentials.put(CREDENTIALS.add(made)?);
        Ok(())
    })
}

/// Logs a user in, and registers the user first if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_server_register_and_login(
    server: *mut CallieServer,
    username: *const c_char,
    password: *const c_char,
    device: *const c_char,
    credentials: *mut *mut CallieCredentials,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the texts end in NUL, the credentials can be written to.
        let (username, password, device, credentials) = unsafe {
            let credentials = Place::at(credentials, "credentials", std::ptr::null_mut())?;
            let device = optional_text(device, "device")?;
            (text(username, "username")?, text(password, "password")?, device, credentials)
        };
        let server = SERVERS.get(server)?;
        let made = block_on(server.register_and_login(username, password, device))??;
        credentials.put(CREDENTIALS.add(made)?);
        Ok(())
    })
}

/// Ends the login session: its connections close and its token becomes invalid. The handle still has to be freed.
#[unsafe(no_mangle)]
pub extern "C" fn callie_server_logout(
    server: *mut CallieServer,
    credentials: *mut CallieCredentials,
) -> CallieStatus {
    guard(|| {
        let (server, credentials) = (SERVERS.get(server)?, CREDENTIALS.get(credentials)?);
        Ok(block_on(server.logout(&credentials))??)
    })
}

/// Changes the user's password and ends the user's other login sessions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_server_change_password(
    server: *mut CallieServer,
    credentials: *mut CallieCredentials,
    old_password: *const c_char,
    new_password: *const c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: both texts end in NUL.
        let (old, new) =
            unsafe { (text(old_password, "old_password")?, text(new_password, "new_password")?) };
        let (server, credentials) = (SERVERS.get(server)?, CREDENTIALS.get(credentials)?);
        Ok(block_on(server.change_password(&credentials, old, new))??)
    })
}

/// All login sessions of the user, the newest first: a JSON array of objects as in the answer of the HTTP call. The
/// caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_server_sessions(
    server: *mut CallieServer,
    credentials: *mut CallieCredentials,
    sessions: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the text can be written to.
        let sessions = unsafe { Place::at(sessions, "sessions", std::ptr::null_mut())? };
        let (server, credentials) = (SERVERS.get(server)?, CREDENTIALS.get(credentials)?);
        let list = block_on(server.sessions(&credentials))??;
        let json = serde_json::to_string(&list).map_err(|e| Failure::internal(&e.to_string()))?;
        sessions.put(give(json)?);
        Ok(())
    })
}

/// Ends one of the user's login sessions, by its ID.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_server_revoke_session(
    server: *mut CallieServer,
    credentials: *mut CallieCredentials,
    session_id: *const c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the text ends in NUL.
        let session_id = unsafe { text(session_id, "session_id")? };
        let session_id = SessionId::parse(session_id).map_err(|e| malformed("session_id", e))?;
        let (server, credentials) = (SERVERS.get(server)?, CREDENTIALS.get(credentials)?);
        Ok(block_on(server.revoke_session(&credentials, &session_id))??)
    })
}

/// Frees a server's handle. Credentials and clients made from it stay valid. NULL is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn callie_server_free(server: *mut CallieServer) -> CallieStatus {
    guard(|| SERVERS.remove(server).map(drop))
}

/// The credentials of an earlier login, by the token that `callie_credentials_token` returned. Whether the token is
/// still valid is checked when connecting.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_credentials_new(
    server: *mut CallieServer,
    username: *const c_char,
    token: *const c_char,
    credentials: *mut *mut CallieCredentials,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the texts end in NUL, the credentials can be written to.
        let (username, token, credentials) = unsafe {
            let credentials = Place::at(credentials, "credentials", std::ptr::null_mut())?;
            (text(username, "username")?, text(token, "token")?, credentials)
        };
        let server = SERVERS.get(server)?;
        credentials.put(CREDENTIALS.add(Credentials::new(server.config().clone(), username, token)?)?);
        Ok(())
    })
}

/// The token. Keep it secret: it gives access to the user's account. The caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_credentials_token(
    credentials: *mut CallieCredentials,
    token: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the token can be written to.
        let token = unsafe { Place::at(token, "token", std::ptr::null_mut())? };
        let credentials = CREDENTIALS.get(credentials)?;
        token.put(give(credentials.token().expose().to_owned())?);
        Ok(())
    })
}

/// Frees the handle of credentials; the login session continues. NULL is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn callie_credentials_free(credentials: *mut CallieCredentials) -> CallieStatus {
    guard(|| CREDENTIALS.remove(credentials).map(drop))
}
