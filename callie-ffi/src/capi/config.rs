//! The configuration of a server and its clients.

use std::ffi::c_char;
use std::time::Duration;

use super::ffi_guard::{array, guard, optional_text, put_sized, read_sized, text};
use super::status::{CallieStatus, Failure};
use crate::api::read_pin;
use callie_client::{CONNECT_TIMEOUT, Config, EVENT_QUEUE, MAX_WAITING, REQUEST_TIMEOUT, SEND_TIMEOUT};

/// The maximum number of pins.
const MAX_PINS: usize = 1_024;

/// How to reach a server, which certificates to trust, and how long to wait. Set the defaults with
/// `callie_config_init`, then change what should differ.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct CallieConfig {
    /// The size of the struct: set by `callie_config_init`, so that a later version of the library can add fields.
    pub size: usize,
    /// Limit for name resolution, the proxy, TCP and TLS together, in milliseconds. Default 15,000.
    pub connect_timeout_ms: u32,
    /// Limit for one HTTP call, for the WebSocket upgrade, and for its authentication, in milliseconds. Default 30,000.
    pub request_timeout_ms: u32,
    /// Limit for a message, ping or command, from the call to its outcome, connected or not, in milliseconds. Default
    /// 60,000.
    pub send_timeout_ms: u32,
    /// How many payloads may wait for their outcome, at least 1; more are refused. Default 1,000.
    pub max_waiting: u32,
    /// How many received events may wait to be taken, at least 1. While that many wait, nothing more is read. Default
    /// 1,024.
    pub event_queue: u32,
    /// Whether the root certificates of Mozilla, which the library contains, are trusted. Default true.
    pub bundled_roots: bool,
    /// Whether a proxy that the environment names (`HTTPS_PROXY` and so on) is used. Default true.
    pub use_proxy: bool,
    /// Certificates of authorities to trust in addition to the other roots, a text of PEM blocks, or NULL.
    pub extra_roots: *const c_char,
    /// If any are given, the verified path to the server must contain one of these keys: each the SHA-256 of its
    /// SubjectPublicKeyInfo, as 64 hexadecimal digits. NULL for none.
    pub pins: *const *const c_char,
    /// The number of pins, at most 1,024.
    pub pin_count: usize,
    /// The path of a file in which a client keeps messages without an outcome, and which messages the application took, so
    /// that the next client with the file sends the messages and delivers none again that was taken. It is created if it is
    /// missing, with a file of the same name and `.lock` beside it. It contains texts of messages, and no token. One client
    /// at a time can use it. NULL: nothing is kept.
    pub state_file: *const c_char,
}

/// Sets the defaults. `size` is `sizeof(CallieConfig)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_config_init(config: *mut CallieConfig, size: usize) -> CallieStatus {
    let millis = |limit: Duration| u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let defaults = CallieConfig {
        size,
        connect_timeout_ms: millis(CONNECT_TIMEOUT),
        request_timeout_ms: millis(REQUEST_TIMEOUT),
        send_timeout_ms: millis(SEND_TIMEOUT),
        max_waiting: count(MAX_WAITING),
        event_queue: count(EVENT_QUEUE),
        bundled_roots: true,
        use_proxy: true,
        extra_roots: std::ptr::null(),
        pins: std::ptr::null(),
        pin_count: 0,
        state_file: std::ptr::null(),
    };
    // SAFETY: the caller's promise: the configuration can be written to.
    guard(|| unsafe { put_sized(config, size, "config", defaults) })
}

/// Reads the configuration for the server at `url`; NULL stands for the defaults.
///
/// # Safety
/// `config` is NULL or can be read, its texts are NULL or end in NUL, and there are as many pins as it says.
pub(super) unsafe fn read_config(url: &str, config: *const CallieConfig) -> Result<Config, Failure> {
    let mut read = Config::new(url)?;
    // SAFETY: passed on to the caller.
    let Some(given) = (unsafe { read_sized(config, "config")? }) else { return Ok(read) };
    // SAFETY: passed on to the caller.
    let (roots, pins, state_file) = unsafe {
        let roots = optional_text(given.extra_roots, "extra_roots")?;
        let pins = array(given.pins, given.pin_count, MAX_PINS, "pins")?;
        let pins = pins.iter().map(|&pin| text(pin, "a pin")).collect::<Result<Vec<_>, _>>()?;
        (roots, pins, optional_text(given.state_file, "state_file")?)
    };
    let millis = |limit: u32| Duration::from_millis(limit.into());
    let count = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
    read.connect_timeout = millis(given.connect_timeout_ms);
    read.request_timeout = millis(given.request_timeout_ms);
    read.send_timeout = millis(given.send_timeout_ms);
    read.max_waiting = count(given.max_waiting);
    read.event_queue = count(given.event_queue);
    read.extra_roots.extend(roots.map(str::to_owned));
    read.bundled_roots = given.bundled_roots;
    read.pins = pins.into_iter().map(read_pin).collect::<Result<_, _>>()?;
    read.use_proxy = given.use_proxy;
    read.state_file = state_file.map(Into::into);
    Ok(read)
}
