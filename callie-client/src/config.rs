//! The configuration of a client, with its defaults.

use std::path::PathBuf;
use std::time::Duration;

use crate::address::ServerAddress;
use crate::error::{Error, code};

/// Default of [`Config::connect_timeout`]: longer than a slow mobile network needs, shorter than a person waits.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Default of [`Config::request_timeout`]: a busy server hashes passwords one after another.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Default of [`Config::send_timeout`]: longer than a short loss of the mobile network, as in a tunnel or a lift.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(60);
/// Default of [`Config::max_waiting`].
pub const MAX_WAITING: usize = 1_000;
/// Default of [`Config::event_queue`].
pub const EVENT_QUEUE: usize = 1_024;

/// Where the server is, which certificates to trust, and how long to wait.
///
/// ```
/// use std::time::Duration;
///
/// let mut config = callie_client::Config::new("https://chat.example.org")?;
/// config.connect_timeout = Duration::from_secs(5);
/// # Ok::<(), callie_client::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The server.
    pub address: ServerAddress,
    /// Limit for name resolution, the proxy, TCP and TLS together. This and the other limits must be above 0. Default
    /// 15 s.
    pub connect_timeout: Duration,
    /// Limit for one HTTP call, for the WebSocket upgrade, and for its authentication. Default 30 s.
    pub request_timeout: Duration,
    /// Limit for a message, ping or command, from the call to its outcome, connected or not. Default 60 s.
    pub send_timeout: Duration,
    /// How many payloads may wait for their outcome, at least 1; more are refused. Default 1,000.
    pub max_waiting: usize,
    /// How many received events may wait to be taken, at least 1. While that many wait, the socket is not read, so the
    /// server sees a slow reader and memory stays bounded. Default 1,024.
    pub event_queue: usize,
    /// Certificates of authorities to trust in addition to the other roots, each a text of one or more PEM blocks.
    pub extra_roots: Vec<String>,
    /// Whether the root certificates of Mozilla, which the library contains, are trusted. Default true.
    pub bundled_roots: bool,
    /// Whether the root certificates of the operating system are trusted, read once in a process. Default false.
    #[cfg(feature = "native-roots")]
    pub native_roots: bool,
    /// If any are given, the verified path to the server must contain one of these keys: the SHA-256 of its
    /// SubjectPublicKeyInfo.
    pub pins: Vec<[u8; 32]>,
    /// Whether the proxy of `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in upper or lower case, is used.
    /// They are read when a [`Server`](crate::Server) or [`Credentials`](crate::Credentials) are made. Default true.
    pub use_proxy: bool,
    /// A file in which a client keeps what it must know when its process ends: messages without an outcome, and which
    /// messages the application took. The next client with the file sends the messages, and delivers none again that was
    /// taken. It is created if it is missing, together with a file of the same name and `.lock`; the directory must exist.
    /// It contains texts of messages, and no token. One client at a time can use it. Default none: nothing is written, and
    /// messages without an outcome end with the client.
    pub state_file: Option<PathBuf>,
}

impl Config {
    /// The defaults, for the server at `url`: `https://` for TLS, `http://` without.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when `url` is not the URL of a server.
    pub fn new(url: &str) -> Result<Self, Error> {
        Ok(Self {
            address: ServerAddress::parse(url)?,
            connect_timeout: CONNECT_TIMEOUT,
            request_timeout: REQUEST_TIMEOUT,
            send_timeout: SEND_TIMEOUT,
            max_waiting: MAX_WAITING,
            event_queue: EVENT_QUEUE,
            extra_roots: Vec::new(),
            bundled_roots: true,
            #[cfg(feature = "native-roots")]
            native_roots: false,
            pins: Vec::new(),
            use_proxy: true,
            state_file: None,
        })
    }

    /// Checks that queue sizes and timeouts are above 0, and that keys are pinned only with TLS.
    pub(crate) fn check(&self) -> Result<(), Error> {
        for (name, time) in [
            ("the timeout for connecting", self.connect_timeout),
            ("the timeout for a request", self.request_timeout),
            ("the timeout for sending", self.send_timeout),
        ] {
            check_time(name, time)?;
        }
        for (name, room) in
            [("the event queue", self.event_queue), ("the most payloads that wait", self.max_waiting)]
        {
            if room == 0 {
                return Err(Error::argument(name, "at least 1"));
            }
        }
        if !self.pins.is_empty() && !self.address.is_secure() {
            let reason = "pins need TLS: write https:// in the server's URL";
            return Err(Error::invalid(code::INVALID_ARGUMENT, reason));
        }
        Ok(())
    }
}

/// Checks that a limit leaves time.
pub(crate) fn check_time(name: &str, time: Duration) -> Result<(), Error> {
    if time.is_zero() { Err(Error::argument(name, "longer than 0")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_without_tls_are_refused() {
        for (url, is_good) in [("https://chat.example", true), ("http://chat.example", false)] {
            let config = Config { pins: vec![[7; 32]], ..Config::new(url).unwrap() };
            assert_eq!(config.check().is_ok(), is_good, "{url}");
        }
    }
}
