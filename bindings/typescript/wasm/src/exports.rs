//! The functions of the module, its imports and its buffers.
//!
//! A function that takes `len` reads that many bytes from [`callie_input`], which must be UTF-8. A function that returns a
//! number of bytes has written them to the buffer at [`callie_output`], which the next such call overwrites. Both buffers
//! move when they or the memory grow.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::time::Duration;

use callie_core::session::{Now, Random, Session};
use callie_core::{Limits, PayloadRef, Timestamp};
use serde::Serialize;

use crate::engine::Engine;
use crate::error::Error;
use crate::events::Event;
use crate::fields::Fields;

#[link(wasm_import_module = "callie")]
unsafe extern "C" {
    /// Returns the milliseconds since a fixed moment, which must not decrease.
    fn elapsed() -> f64;
    /// Returns the milliseconds since 1970.
    fn wall() -> f64;
    /// Fills the bytes with cryptographically secure randomness.
    fn random(start: *mut u64, bytes: usize);
}

thread_local! {
    static ENGINE: RefCell<Option<Engine>> = const { RefCell::new(None) };
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static OUTPUT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// A buffer that is larger than this is released after use.
const KEPT_BYTES: usize = 256 * 1024;

fn now() -> Now {
    // SAFETY: the imports take nothing and return numbers.
    let (elapsed, wall) = unsafe { (elapsed(), wall()) };
    Now {
        elapsed: Duration::try_from_secs_f64(elapsed / 1000.0).unwrap_or_default(),
        // A clock outside of the years 0 to 9999.
        wall: Timestamp::from_unix_millis(wall as i64).unwrap_or(Timestamp::UNIX_EPOCH),
    }
}

/// Randomness in blocks, because a call out of the module costs more than a number.
fn randomness() -> Random {
    let mut block = [0u64; 64];
    let mut left = 0;
    Box::new(move || {
        if left == 0 {
            left = block.len();
            // SAFETY: the import writes within the block.
            unsafe { random(block.as_mut_ptr(), size_of_val(&block)) };
        }
        left -= 1;
        block[left]
    })
}

/// Calls the client with the fields of an argument.
fn with_fields<T>(
    len: usize,
    what: impl FnOnce(&mut Engine, &mut Fields) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut fields = with_input(len, Fields::read)??;
    with_engine(|engine| what(engine, &mut fields))
}

/// Passes the argument of a call on as a text.
fn with_input<T>(len: usize, what: impl FnOnce(&str) -> T) -> Result<T, Error> {
    INPUT.with_borrow_mut(|input| {
        let text = input.get(..len).and_then(|bytes| std::str::from_utf8(bytes).ok());
        let done = text.map(what).ok_or_else(|| Error::internal("an argument of the module is not UTF-8"));
        if input.capacity() > KEPT_BYTES {
            *input = Vec::new();
        }
        done
    })
}

fn with_engine<T>(what: impl FnOnce(&mut Engine) -> Result<T, Error>) -> Result<T, Error> {
    ENGINE.with_borrow_mut(|engine| match engine {
        Some(engine) => what(engine),
        None => Err(Error::internal("the module has no client")),
    })
}

fn output(text: String) -> usize {
    let len = text.len();
    OUTPUT.set(text);
    len
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Reply<T> {
    Ok(T),
    Error(Error),
}

/// Writes an answer as JSON.
fn reply<T: Serialize>(answer: Result<T, Error>) -> usize {
    let answer = match answer {
        Ok(value) => Reply::Ok(value),
        Err(error) => Reply::Error(error),
    };
    // Names, numbers, texts and checked JSON always serialise.
    output(serde_json::to_string(&answer).unwrap_or_default())
}

fn requested(
    what: impl FnOnce(&mut Session, Now) -> Result<(), callie_core::session::SessionClosed>,
) -> usize {
    reply(with_engine(|engine| engine.request(now(), what)))
}

fn reported(what: impl FnOnce(&mut Session, Now)) -> usize {
    with_engine(|engine| {
        engine.report(|session| what(session, now()));
        Ok(engine.count())
    })
    .unwrap_or_default()
}

/// Returns the address of a buffer of `len` bytes for the argument of the next call.
#[unsafe(no_mangle)]
pub extern "C" fn callie_input(len: usize) -> *mut u8 {
    INPUT.with_borrow_mut(|input| {
        if input.len() < len {
            input.resize(len, 0);
        }
        input.as_mut_ptr()
    })
}

/// Returns the address of the last answer.
#[unsafe(no_mangle)]
pub extern "C" fn callie_output() -> *const u8 {
    OUTPUT.with_borrow(|output| output.as_ptr())
}

/// Creates the client: the fields of [`config`](crate::requests::config) → nothing.
#[unsafe(no_mangle)]
pub extern "C" fn callie_create(len: usize) -> usize {
    let fields = with_input(len, Fields::read).and_then(|fields| fields);
    let engine = fields.and_then(|mut fields| Engine::new(&mut fields, randomness()));
    reply(engine.map(|engine| ENGINE.set(Some(engine))))
}

/// Connects, and reconnects after every loss → nothing.
#[unsafe(no_mangle)]
pub extern "C" fn callie_start() -> usize {
    requested(Session::start)
}

/// Makes one attempt to connect → nothing. The output `attempted` settles it.
#[unsafe(no_mangle)]
pub extern "C" fn callie_connect() -> usize {
    requested(|session, now| session.connect(now).map(drop))
}

/// Closes the connection for a while → nothing.
#[unsafe(no_mangle)]
pub extern "C" fn callie_suspend() -> usize {
    requested(Session::suspend)
}

/// Connects again after a suspension → nothing.
#[unsafe(no_mangle)]
pub extern "C" fn callie_resume() -> usize {
    requested(Session::resume)
}

/// Ends the client. Returns the number of outputs, like all reports.
#[unsafe(no_mangle)]
pub extern "C" fn callie_disconnect() -> usize {
    reported(Session::disconnect)
}

/// Reports that the network has changed.
#[unsafe(no_mangle)]
pub extern "C" fn callie_network_changed() -> usize {
    reported(Session::network_changed)
}

/// Reports that the WebSocket is open.
#[unsafe(no_mangle)]
pub extern "C" fn callie_opened() -> usize {
    reported(Session::opened)
}

/// Reports the end of the WebSocket: the fields of [`Engine::link_closed`] → nothing.
#[unsafe(no_mangle)]
pub extern "C" fn callie_closed(len: usize) -> usize {
    reply(with_fields(len, |engine, fields| {
        engine.link_closed(now(), fields);
        Ok(())
    }))
}

/// Reports a text message.
#[unsafe(no_mangle)]
pub extern "C" fn callie_received(len: usize) -> usize {
    let done = with_input(len, |text| {
        with_engine(|engine| {
            engine.received(now(), text);
            Ok(engine.count())
        })
    });
    done.and_then(|count| count).unwrap_or_default()
}

/// Reports that time has passed; `read_paused` is 1 while the driver reads nothing.
#[unsafe(no_mangle)]
pub extern "C" fn callie_wake(read_paused: u32) -> usize {
    reported(|session, now| {
        if read_paused != 0 {
            session.read_paused(now);
        }
        session.wake(now);
    })
}

/// Reports that the application has taken the messages up to this receipt.
#[unsafe(no_mangle)]
pub extern "C" fn callie_taken(receipt: f64) -> usize {
    with_engine(|engine| {
        engine.taken(now(), receipt as u64);
        Ok(engine.count())
    })
    .unwrap_or_default()
}

/// Reports another token.
#[unsafe(no_mangle)]
pub extern "C" fn callie_token_refreshed(len: usize) -> usize {
    let done = with_input(len, |token| {
        with_engine(|engine| {
            engine.token_refreshed(now(), token);
            Ok(engine.count())
        })
    });
    done.and_then(|count| count).unwrap_or_default()
}

/// Reports that there is no other token; the argument is the reason.
#[unsafe(no_mangle)]
pub extern "C" fn callie_token_refresh_failed(len: usize) -> usize {
    with_input(len, |reason| {
        let reason = reason.to_owned();
        reported(|session, now| session.token_refresh_failed(now, reason))
    })
    .unwrap_or_default()
}

/// Sets whether the driver can fetch another token.
#[unsafe(no_mangle)]
pub extern "C" fn callie_set_refreshable(refreshable: u32) -> usize {
    reported(|session, _| session.set_refreshable(refreshable != 0))
}

/// Sends a message: the fields of [`Outgoing::read`](crate::requests::Outgoing::read) →
/// [`Accepted`](crate::engine::Accepted).
#[unsafe(no_mangle)]
pub extern "C" fn callie_send(len: usize) -> usize {
    reply(with_fields(len, |engine, fields| engine.send(now(), fields)))
}

/// Sends a command: the fields of [`command`](crate::requests::command) → [`Accepted`](crate::engine::Accepted).
#[unsafe(no_mangle)]
pub extern "C" fn callie_command(len: usize) -> usize {
    reply(with_fields(len, |engine, fields| engine.command(now(), fields)))
}

/// Sends a PING to a recipient → [`Accepted`](crate::engine::Accepted).
#[unsafe(no_mangle)]
pub extern "C" fn callie_ping(len: usize) -> usize {
    let done = with_input(len, |recipient| with_engine(|engine| engine.ping(now(), recipient)));
    reply(done.and_then(|done| done))
}

/// Returns a [`Summary`](crate::engine::Summary).
#[unsafe(no_mangle)]
pub extern "C" fn callie_summary() -> usize {
    ENGINE.with_borrow(|engine| {
        reply(engine.as_ref().map(Engine::summary).ok_or_else(|| Error::internal("the module has no client")))
    })
}

/// Returns the number of payloads without an outcome.
#[unsafe(no_mangle)]
pub extern "C" fn callie_waiting() -> usize {
    ENGINE.with_borrow(|engine| engine.as_ref().map_or(0, Engine::waiting))
}

/// Returns when [`callie_wake`] must be called at the latest, by the driver's clock; infinite while nothing is due.
#[unsafe(no_mangle)]
pub extern "C" fn callie_deadline() -> f64 {
    ENGINE.with_borrow(|engine| engine.as_ref().map_or(f64::INFINITY, Engine::deadline_ms))
}

/// Returns all outputs, a JSON array of [`Output`](crate::events::Output)s.
#[unsafe(no_mangle)]
pub extern "C" fn callie_poll() -> usize {
    output(with_engine(|engine| Ok(engine.outputs())).unwrap_or_default())
}

/// Checks a payload of a client or, if `from_server` is 1, of a server → its first fault, or null.
#[unsafe(no_mangle)]
pub extern "C" fn callie_check(len: usize, from_server: u32) -> usize {
    let fault = with_input(len, |text| match from_server {
        0 => PayloadRef::from_client(text, &Limits::default()).err(),
        _ => PayloadRef::from_server(text).err(),
    });
    match fault {
        Ok(Some(fault)) => reply(Ok(Event::unreadable(&fault))),
        Ok(None) => reply(Ok(())),
        Err(error) => reply::<()>(Err(error)),
    }
}
