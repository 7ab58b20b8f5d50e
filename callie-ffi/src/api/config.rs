//! What a client can be told.

use std::time::Duration;

use callie_client::{self as client, Error};

/// Where the server is, how it is to be trusted, and how long to wait for it. What is left out has the library's default.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Config {
    /// `https://` (or `wss://`) for TLS, `http://` (or `ws://`) without.
    pub url: String,
    /// The most milliseconds for finding the host, the proxy, TCP and TLS; 15,000 unless given.
    #[uniffi(default = None)]
    pub connect_timeout_ms: Option<u64>,
    /// The most milliseconds for one HTTP call, for the WebSocket's upgrade, or for its authentication; 30,000 unless given.
    #[uniffi(default = None)]
    pub exchange_timeout_ms: Option<u64>,
    /// The most milliseconds that a message, a ping or a command takes to its end, connected or not; 60,000 unless given.
    #[uniffi(default = None)]
    pub send_timeout_ms: Option<u64>,
    /// The most messages, pings and commands that wait for their end; 1,000 unless given. More are refused.
    #[uniffi(default = None)]
    pub max_waiting: Option<u32>,
    /// The most events that wait for the application; 1,024 unless given. While so many wait, nothing more is read.
    #[uniffi(default = None)]
    pub event_queue: Option<u32>,
    /// Certificates of authorities to trust beside the bundled ones, each a text of PEM blocks.
    #[uniffi(default = [])]
    pub extra_roots: Vec<String>,
    /// Whether the authorities that Mozilla trusts are trusted.
    #[uniffi(default = true)]
    pub bundled_roots: bool,
    /// Where any are given, the server's certificate or one that vouches for it must have one of these keys: the SHA-256 of
    /// its SubjectPublicKeyInfo, as 64 hexadecimal digits.
    #[uniffi(default = [])]
    pub pins: Vec<String>,
    /// Whether a proxy that the environment names is used (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`).
    #[uniffi(default = true)]
    pub use_proxy: bool,
}

impl Config {
    pub(crate) fn read(self) -> Result<client::Config, Error> {
        let mut config = client::Config::new(&self.url)?;
        let set = |slot: &mut Duration, millis: Option<u64>| {
            if let Some(millis) = millis {
                *slot = Duration::from_millis(millis);
            }
        };
        set(&mut config.connect_timeout, self.connect_timeout_ms);
        set(&mut config.request_timeout, self.exchange_timeout_ms);
        set(&mut config.send_timeout, self.send_timeout_ms);
        let set = |slot: &mut usize, count: Option<u32>| {
            if let Some(count) = count {
                *slot = usize::try_from(count).unwrap_or(usize::MAX);
            }
        };
        set(&mut config.max_waiting, self.max_waiting);
        set(&mut config.event_queue, self.event_queue);
        config.extra_roots = self.extra_roots;
        config.bundled_roots = self.bundled_roots;
        config.pins = self.pins.iter().map(|pin| read_pin(pin)).collect::<Result<_, _>>()?;
        config.use_proxy = self.use_proxy;
        Ok(config)
    }
}

/// Reads 64 hexadecimal digits.
pub(crate) fn read_pin(digits: &str) -> Result<[u8; 32], Error> {
    let wrong = || Error::argument("a pin", "64 hexadecimal digits: the SHA-256 of a SubjectPublicKeyInfo");
    let digits = digits.as_bytes();
    let mut pin = [0; 32];
    if digits.len() != 2 * pin.len() {
        return Err(wrong());
    }
    let value =
        |digit: u8| char::from(digit).to_digit(16).and_then(|v| u8::try_from(v).ok()).ok_or_else(wrong);
    for (byte, pair) in pin.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Ok(pin)
}
