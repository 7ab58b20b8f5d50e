//! Registering and logging in.

use std::ffi::c_char;
use std::time::Duration;

use super::border::{Place, guard, optional_text, text};
use super::registry::Registry;
use super::status::{CallieStatus, Failure};
use super::text::give;
use crate::client::{AccountError, Config, Server, Session};
use crate::runtime::block_on;

/// A server to register with and to log in to. Free it with `callie_server_free`.
pub struct CallieServer {
    _private: [u8; 0],
}

/// A user's session on one server: what a client connects with. Free it with `callie_session_free`.
pub struct CallieSession {
    _private: [u8; 0],
}

static SERVERS: Registry<Server> = Registry::new("the server");
pub(super) static SESSIONS: Registry<Session> = Registry::new("the session");

/// How long to wait for a server, in milliseconds; 0 stands for the default.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct CallieTimeouts {
    /// Finding the host, TCP and TLS: 15,000.
    pub connect_ms: u32,
    /// One HTTP call, or the WebSocket's upgrade and authentication: 30,000.
    pub exchange_ms: u32,
    /// The answer to a ping or a command: 15,000.
    pub answer_ms: u32,
}

/// The server at `url`: `https://` for TLS, `http://` without. Nothing is sent yet.
///
/// `timeouts` may be NULL for the defaults. They go for everything that comes of this server.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_server_new(
    url: *const c_char,
    timeouts: *const CallieTimeouts,
    server: *mut *mut CallieServer,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the text ends in NUL, the other two are NULL or can be read and written to.
        let (url, timeouts, server) = unsafe {
            let server = Place::at(server, "server", std::ptr::null_mut())?;
            let timeouts = if timeouts.is_null() { None } else { Some(timeouts.read_unaligned()) };
            (text(url, "url")?, timeouts, server)
        };
        let mut config = Config::new(url).map_err(AccountError::InvalidArgument)?;
        if let Some(given) = timeouts {
            for (slot, millis) in [
                (&mut config.connect_timeout, given.connect_ms),
                (&mut config.exchange_timeout, given.exchange_ms),
                (&mut config.answer_timeout, given.answer_ms),
            ] {
                if millis != 0 {
                    *slot = Duration::from_millis(millis.into());
                }
            }
        }
        server.put(SERVERS.add(Server::with_config(config)));
        Ok(())
    })
}

/// Makes a new user. Refused with `USERNAME_TAKEN`, `INVALID_USERNAME`, `WEAK_PASSWORD` or `REGISTRATION_CLOSED`, among others.
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

/// Logs a user in. `device` is what the list of the user's sessions calls this one; it may be NULL.
///
/// Refused with `INVALID_CREDENTIALS`, `BANNED` or `RATE_LIMITED`, among others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_server_login(
    server: *mut CallieServer,
    username: *const c_char,
    password: *const c_char,
    device: *const c_char,
    session: *mut *mut CallieSession,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the texts end in NUL, the session can be written to.
        let (username, password, device, session) = unsafe {
            let session = Place::at(session, "session", std::ptr::null_mut())?;
            let device = optional_text(device, "device")?;
            (text(username, "username")?, text(password, "password")?, device, session)
        };
        let server = SERVERS.get(server)?;
        let made = block_on(server.login(username, password, device))??;
        session.put(SESSIONS.add(made));
        Ok(())
    })
}

/// Makes a new user unless the name is taken, then logs in: for programs that must not care whether they ran before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_server_register_and_login(
    server: *mut CallieServer,
    username: *const c_char,
    password: *const c_char,
    device: *const c_char,
    session: *mut *mut CallieSession,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the texts end in NUL, the session can be written to.
        let (username, password, device, session) = unsafe {
            let session = Place::at(session, "session", std::ptr::null_mut())?;
            let device = optional_text(device, "device")?;
            (text(username, "username")?, text(password, "password")?, device, session)
        };
        let server = SERVERS.get(server)?;
        let made = block_on(server.register_and_login(username, password, device))??;
        session.put(SESSIONS.add(made));
        Ok(())
    })
}

/// Ends a session on the server: its connections close and its token is dead. The handle still has to be freed.
#[unsafe(no_mangle)]
pub extern "C" fn callie_server_logout(
    server: *mut CallieServer,
    session: *mut CallieSession,
) -> CallieStatus {
    guard(|| {
        let (server, session) = (SERVERS.get(server)?, SESSIONS.get(session)?);
        Ok(block_on(server.logout(&session))??)
    })
}

/// Frees a server's handle. What came of it lives on. NULL is nothing to free.
#[unsafe(no_mangle)]
pub extern "C" fn callie_server_free(server: *mut CallieServer) -> CallieStatus {
    guard(|| SERVERS.remove(server))
}

/// The session of an earlier login, by the token that `callie_session_token` gave. Whether it is alive shows when connecting.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_session_resume(
    server: *mut CallieServer,
    username: *const c_char,
    token: *const c_char,
    session: *mut *mut CallieSession,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the texts end in NUL, the session can be written to.
        let (username, token, session) = unsafe {
            let session = Place::at(session, "session", std::ptr::null_mut())?;
            (text(username, "username")?, text(token, "token")?, session)
        };
        let server = SERVERS.get(server)?;
        session.put(SESSIONS.add(Session::resume(server.config().clone(), username, token)?));
        Ok(())
    })
}

/// The session's token, to keep in a safe place: who has it is the user. The caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_session_token(
    session: *mut CallieSession,
    token: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the token can be written to.
        let token = unsafe { Place::at(token, "token", std::ptr::null_mut())? };
        let session = SESSIONS.get(session)?;
        token.put(give(session.token().expose().to_owned())?);
        Ok(())
    })
}

/// Frees a session's handle; the session itself goes on. NULL is nothing to free.
#[unsafe(no_mangle)]
pub extern "C" fn callie_session_free(session: *mut CallieSession) -> CallieStatus {
    guard(|| SESSIONS.remove(session))
}

/// A fault of an argument that has a name in the header.
pub(super) fn malformed(name: &str, expected: impl std::fmt::Display) -> Failure {
    Failure::form(format!("{name} must be {expected}"))
}
