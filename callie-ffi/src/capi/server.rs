//! Registering and logging in.

use std::ffi::c_char;
use std::time::Duration;

use callie_core::SessionId;

use super::ffi_guard::{Place, array, guard, optional_text, text};
use super::registry::Registry;
use super::status::{CallieStatus, Failure};
use super::text::give;
use crate::api::read_pin;
use crate::runtime::block_on;
use callie_client::{Config, Credentials, Server};

/// A server to register with and to log in to. Free it with `callie_server_free`.
pub struct CallieServer {
    _private: [u8; 0],
}

/// A user's session on one server: what a client connects with. Free it with `callie_session_free`.
pub struct CallieSession {
    _private: [u8; 0],
}

/// More than any program pins.
const MAX_PINS: usize = 1_024;

static SERVERS: Registry<Server> = Registry::new("the server");
pub(super) static SESSIONS: Registry<Credentials> = Registry::new("the session");

/// How a server is to be reached and trusted. What is 0, NULL or false stands for the default.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct CallieOptions {
    /// The most milliseconds for finding the host, the proxy, TCP and TLS: 15,000.
    pub connect_ms: u32,
    /// The most milliseconds for one HTTP call, for the WebSocket's upgrade, or for its authentication: 30,000.
    pub exchange_ms: u32,
    /// The most milliseconds that a message, a ping or a command takes to its end, connected or not: 60,000.
    pub send_ms: u32,
    /// The most messages, pings and commands that wait for their end: 1,000. More are refused.
    pub max_waiting: u32,
    /// The most messages and notices of the server that wait to be taken: 1,024. While so many wait, nothing more is read.
    pub event_queue: u32,
    /// Certificates of authorities to trust beside the bundled ones, a text of PEM blocks.
    pub extra_roots: *const c_char,
    /// Whether the authorities that Mozilla trusts are not trusted.
    pub no_bundled_roots: bool,
    /// Whether a proxy that the environment names (`HTTPS_PROXY` and so on) is not used.
    pub no_proxy: bool,
    /// Where any are given, the server's certificate or one that vouches for it must have one of these keys: each the SHA-256
    /// of its SubjectPublicKeyInfo, as 64 hexadecimal digits.
    pub pins: *const *const c_char,
    /// How many they are, at most 1,024.
    pub pin_count: usize,
}

/// The server at `url`: `https://` for TLS, `http://` without. Nothing is sent yet.
///
/// `options` may be NULL for the defaults. They go for everything that comes of this server.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_server_new(
    url: *const c_char,
    options: *const CallieOptions,
    server: *mut *mut CallieServer,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the text ends in NUL, the other two are NULL or can be read and written to.
        let (url, options, server) = unsafe {
            let server = Place::at(server, "server", std::ptr::null_mut())?;
            let options = if options.is_null() { None } else { Some(options.read_unaligned()) };
            (text(url, "url")?, options, server)
        };
        let mut config = Config::new(url)?;
        if let Some(options) = options {
            // SAFETY: the caller's promise: its texts end in NUL, and there are as many pins as it says.
            unsafe { apply(&options, &mut config)? };
        }
        server.put(SERVERS.add(Server::with_config(config)?)?);
        Ok(())
    })
}

/// Puts the options that are given into the configuration.
///
/// # Safety
/// Its texts are NULL or end in NUL, and there are as many pins as it says.
unsafe fn apply(options: &CallieOptions, config: &mut Config) -> Result<(), Failure> {
    for (slot, millis) in [
        (&mut config.connect_timeout, options.connect_ms),
        (&mut config.request_timeout, options.exchange_ms),
        (&mut config.send_timeout, options.send_ms),
    ] {
        if millis != 0 {
            *slot = Duration::from_millis(millis.into());
        }
    }
    for (slot, count) in
        [(&mut config.max_waiting, options.max_waiting), (&mut config.event_queue, options.event_queue)]
    {
        if count != 0 {
            *slot = usize::try_from(count).unwrap_or(usize::MAX);
        }
    }
    // SAFETY: passed on to the caller.
    let (roots, pins) = unsafe {
        let roots = optional_text(options.extra_roots, "extra_roots")?;
        let pins = array(options.pins, options.pin_count, MAX_PINS, "pins")?;
        (roots, pins.iter().map(|&pin| text(pin, "a pin")).collect::<Result<Vec<_>, _>>()?)
    };
    config.extra_roots.extend(roots.map(str::to_owned));
    config.bundled_roots = !options.no_bundled_roots;
    config.pins = pins.into_iter().map(read_pin).collect::<Result<_, _>>()?;
    config.use_proxy = !options.no_proxy;
    Ok(())
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
        session.put(SESSIONS.add(made)?);
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
        session.put(SESSIONS.add(made)?);
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

/// Gives the user of a session another password; the user's other sessions end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_server_change_password(
    server: *mut CallieServer,
    session: *mut CallieSession,
    old_password: *const c_char,
    new_password: *const c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: both texts end in NUL.
        let (old, new) =
            unsafe { (text(old_password, "old_password")?, text(new_password, "new_password")?) };
        let (server, session) = (SERVERS.get(server)?, SESSIONS.get(session)?);
        Ok(block_on(server.change_password(&session, old, new))??)
    })
}

/// All sessions of a session's user, the newest first: a JSON array of objects as in the answer of the HTTP call. The caller
/// frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_server_sessions(
    server: *mut CallieServer,
    session: *mut CallieSession,
    sessions: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the text can be written to.
        let sessions = unsafe { Place::at(sessions, "sessions", std::ptr::null_mut())? };
        let (server, session) = (SERVERS.get(server)?, SESSIONS.get(session)?);
        let list = block_on(server.sessions(&session))??;
        let json = serde_json::to_string(&list).map_err(|e| Failure::internal(&e.to_string()))?;
        sessions.put(give(json)?);
        Ok(())
    })
}

/// Ends one of the user's sessions, by its ID.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_server_end_session(
    server: *mut CallieServer,
    session: *mut CallieSession,
    session_id: *const c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the text ends in NUL.
        let session_id = unsafe { text(session_id, "session_id")? };
        let session_id = SessionId::parse(session_id).map_err(|e| malformed("session_id", e))?;
        let (server, session) = (SERVERS.get(server)?, SESSIONS.get(session)?);
        Ok(block_on(server.revoke_session(&session, &session_id))??)
    })
}

/// Frees a server's handle. What came of it lives on. NULL is nothing to free.
#[unsafe(no_mangle)]
pub extern "C" fn callie_server_free(server: *mut CallieServer) -> CallieStatus {
    guard(|| SERVERS.remove(server).map(drop))
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
        session.put(SESSIONS.add(Credentials::new(server.config().clone(), username, token)?)?);
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
    guard(|| SESSIONS.remove(session).map(drop))
}

/// A fault of an argument that has a name in the header.
pub(super) fn malformed(name: &str, expected: impl std::fmt::Display) -> Failure {
    Failure::form(format!("{name} must be {expected}"))
}
