//! The configuration of a server and its clients.

use std::time::Duration;

use callie_client::{self as client, Error};

/// Where the server is, which certificates to trust, and how long to wait. Omitted settings have the library's
/// defaults.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Config {
    /// `https://` (or `wss://`) for TLS, `http://` (or `ws://`) without.
    pub url: String,
    /// Limit for name resolution, the proxy, TCP and TLS together; 15 s unless given.
    #[uniffi(default = None)]
    pub connect_timeout: Option<Duration>,
    /// Limit for one HTTP call, for the WebSocket upgrade, and for its authentication; 30 s unless given.
    #[uniffi(default = None)]
    pub request_timeout: Option<Duration>,
    /// Limit for a message, ping or command, from the call to its outcome, connected or not; 60 s unless given.
    #[uniffi(default = None)]
    pub send_timeout: Option<Duration>,
    /// How many payloads may wait for their outcome; 1,000 unless given. More are refused.
    #[uniffi(default = None)]
    pub max_waiting: Option<u32>,
    /// How many received events may wait to be taken; 1,024 unless given. While that many wait, nothing more is read.
    #[uniffi(default = None)]
    pub event_queue: Option<u32>,
    /// Certificates of authorities to trust in addition to the bundled ones, each a text of PEM blocks.
    #[uniffi(default = [])]
    pub extra_roots: Vec<String>,
    /// Whether the root certificates of Mozilla, which the library contains, are trusted.
    #[uniffi(default = true)]
    pub bundled_roots: bool,
    /// If any are given, the verified path to the server must contain one of these keys: the SHA-256 of
    /// its SubjectPublicKeyInfo, as 64 hexadecimal digits.
    #[uniffi(default = [])]
    pub pins: Vec<String>,
    /// Whether a proxy that the environment names is used (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`).
    #[uniffi(default = true)]
    pub use_proxy: bool,
    /// The path of a file in which a client keeps messages without an outcome, and which messages the application took, so
    /// that the next client with the file continues. It contains texts of messages, and no token. One client at a time can
    /// use it. Nothing is kept unless given.
    #[uniffi(default = None)]
    pub state_file: Option<String>,
}

impl Config {
    pub(crate) fn read(self) -> Result<client::Config, Error> {
        let mut config = client::Config::new(&self.url)?;
        config.connect_timeout = self.connect_timeout.unwrap_or(config.connect_timeout);
        config.request_timeout = self.request_timeout.unwrap_or(config.request_timeout);
        config.send_timeout = self.send_timeout.unwrap_or(config.send_timeout);
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
        config.state_file = self.state_file.map(Into::into);
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
