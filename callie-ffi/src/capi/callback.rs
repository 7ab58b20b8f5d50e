//! Callbacks of C: events, tokens, log lines. Each is called through a gate, so that its `user_data` can be freed once
//! the call that removed the callback has returned.

use std::ffi::{CString, c_char, c_void};
use std::sync::Arc;

use callie_core::Token;
use log::LevelFilter;

use super::events::{CallieEvents, EVENTS};
use super::ffi_guard::guard;
use super::held::{CLIENTS, CallieClient};
use super::rows::Batch;
use super::status::{CallieStatus, Failure, malformed};
use crate::gate::Gate;
use crate::listener::listen;
use crate::logging::{self, Line};
use callie_client::{BoxError, TokenSource};

/// Called with the next events, in order, on one thread, which it may block. The batch is freed when it returns. It is
/// not called again after the batch whose last event is of the kind `CALLIE_EVENT_KIND_CLOSED`, nor after
/// `callie_client_free` has returned: then `user_data` can be freed.
///
/// It may call every function on the client. Called in it, `callie_client_free` does not wait: the call in progress is
/// the last.
pub type CallieListener = Option<unsafe extern "C" fn(events: *mut CallieEvents, user_data: *mut c_void)>;

/// The size of the longest token with its NUL.
pub const CALLIE_TOKEN_SIZE: usize = 513;

/// Writes a valid token of the same user, which ends in NUL, to `token`, which has room for `size` bytes, and returns
/// true; or returns false, which ends the client. `reason_code` is the server's code, such as `SESSION_EXPIRED`. Called
/// from a thread that may block, once for each refusal; the client waits for it for at most the `request_timeout_ms` of
/// the configuration.
///
/// After `callie_client_free` or another `callie_client_set_token_source` has returned it is not called again, and no
/// call is in progress: then `user_data` can be freed. In the callback itself these do not wait: the call in progress
/// is the last.
pub type CallieTokenSource = Option<
    unsafe extern "C" fn(
        username: *const c_char,
        reason_code: *const c_char,
        token: *mut c_char,
        size: usize,
        user_data: *mut c_void,
    ) -> bool,
>;

/// Called with one line of the log, always on the same thread; `level` is one of `CallieLogLevel`. A line contains no
/// tokens and no texts of messages.
///
/// After another `callie_set_logger` has returned it is not called again, and no call is in progress: then `user_data`
/// can be freed. In the callback itself `callie_set_logger` does not wait: the call in progress is the last.
pub type CallieLogSink = Option<
    unsafe extern "C" fn(level: u32, target: *const c_char, line: *const c_char, user_data: *mut c_void),
>;

/// The level of a line of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum CallieLogLevel {
    /// No lines.
    Off = 0,
    /// A fault of the application or of this library.
    Error = 1,
    /// A problem that the client can handle.
    Warn = 2,
    /// Connections that open and close.
    Info = 3,
    /// Each step that the client takes.
    Debug = 4,
    /// Also details of the libraries that the client uses. The packaged library leaves them out.
    Trace = 5,
}

/// The caller's pointer, passed to the callback unchanged.
#[derive(Clone, Copy)]
pub(super) struct UserData(pub(super) *mut c_void);

// SAFETY: it is never dereferenced here, and the caller promised that the callback may be called from other threads.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl UserData {
    /// The pointer. A method, so that closures capture this value and not the raw pointer.
    pub(super) fn get(self) -> *mut c_void {
        self.0
    }
}

pub(super) fn c_text(text: String) -> CString {
    // A NUL inside would end the text.
    CString::new(text.replace('\0', "")).unwrap_or_default()
}

/// Delivers all further events to `callback`, in batches, on a thread made for it. A client has one listener at most:
/// setting another, or calling `callie_client_next_events`, returns `CALLIE_STATUS_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_listen(
    client: *mut CallieClient,
    callback: CallieListener,
    user_data: *mut c_void,
) -> CallieStatus {
    guard(|| {
        let callback = callback.ok_or_else(|| Failure::null("callback"))?;
        let user_data = UserData(user_data);
        let held = CLIENTS.get(client)?;
        Ok(listen(&held.client, Arc::clone(&held.listener), None, move |events| {
            let Ok(batch) = EVENTS.add::<CallieEvents>(Batch::from_iter(events)) else { return };
            // SAFETY: the caller's promise: it is a function of this form, and may be called from any thread.
            unsafe { callback(batch, user_data.get()) };
            // The callback may have freed it already.
            let _ = EVENTS.remove(batch);
        })?)
    })
}

/// Sets the source of a new token for when the server has ended the login session, in place of any previous one.
/// Without one (NULL), the client then ends. Returns after the last call of the previous source.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_set_token_source(
    client: *mut CallieClient,
    source: CallieTokenSource,
    user_data: *mut c_void,
) -> CallieStatus {
    guard(|| {
        let user_data = UserData(user_data);
        CLIENTS.get(client)?.set_source(source.map(|callback| -> (_, Arc<dyn TokenSource>) {
            let gate = Arc::new(Gate::new());
            (Arc::clone(&gate), Arc::new(Source { callback, user_data, gate }))
        }))
    })
}

struct Source {
    callback: unsafe extern "C" fn(*const c_char, *const c_char, *mut c_char, usize, *mut c_void) -> bool,
    user_data: UserData,
    gate: Arc<Gate>,
}

impl TokenSource for Source {
    fn token(&self, username: &str, reason: &str) -> Result<Token, BoxError> {
        let (username, reason) = (c_text(username.to_owned()), c_text(reason.to_owned()));
        let mut token = [0_u8; CALLIE_TOKEN_SIZE];
        let _call = self.gate.enter().ok_or("the source was taken away")?;
        // SAFETY: the caller's promise: it is a function of this form, may be called from any thread, and writes no
        // more than it was told there is room for.
        let given = unsafe {
            (self.callback)(
                username.as_ptr(),
                reason.as_ptr(),
                token.as_mut_ptr().cast(),
                token.len(),
                self.user_data.get(),
            )
        };
        if !given {
            return Err("the callback gave none".into());
        }
        let length = token.iter().position(|&byte| byte == 0).unwrap_or(token.len());
        Ok(Token::parse(std::str::from_utf8(&token[..length])?)?)
    }
}

/// Sends the library's log, up to `level` (one of `CallieLogLevel`), to `sink` instead of any previous sink. NULL stops
/// logging. Returns after the last call of the previous sink.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_set_logger(
    level: u32,
    sink: CallieLogSink,
    user_data: *mut c_void,
) -> CallieStatus {
    guard(|| {
        let level = [
            LevelFilter::Off,
            LevelFilter::Error,
            LevelFilter::Warn,
            LevelFilter::Info,
            LevelFilter::Debug,
            LevelFilter::Trace,
        ]
        .get(level as usize)
        .copied()
        .ok_or_else(|| malformed("level", "one of CallieLogLevel"))?;
        let user_data = UserData(user_data);
        let sink = sink.map(|callback| -> logging::Sink {
            Box::new(move |line: Line| {
                let (target, text) = (c_text(line.target), c_text(line.text));
                // SAFETY: the caller's promise: it is a function of this form, and may be called from any thread.
                unsafe { callback(line.level as u32, target.as_ptr(), text.as_ptr(), user_data.get()) };
            })
        });
        Failure::if_forked()?;
        logging::set_logger(level, sink);
        Ok(())
    })
}
