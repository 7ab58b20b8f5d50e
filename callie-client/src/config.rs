//! What a client can be told, with the defaults.

use std::time::Duration;

use crate::address::ServerAddress;
use crate::error::Fault;

/// Finding the host, the proxy, TCP and TLS: longer than a slow mobile network takes, shorter than a person waits.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// One HTTP call, the WebSocket's upgrade or its authentication: a busy server hashes passwords one after the other.
pub const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(30);
/// What is sent is over after so long at the latest: time enough for a tunnel or a lift.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(60);
/// Payloads that wait for their end. More are refused until some have ended.
pub const MAX_WAITING: usize = 1_000;
/// Events that wait for the application. When so many wait, the socket is not read until some are taken, so that
/// the server sees a slow reader and memory stays bounded.
pub const EVENT_QUEUE: usize = 1_024;

/// Whether the way to the server leads through a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Proxy {
    /// As `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say, each in upper or lower case.
    #[default]
    FromEnvironment,
    /// Directly, whatever the environment says.
    None,
}

/// Where the server is, how it is to be trusted, and how long to wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The server.
    pub address: ServerAddress,
    /// The most time for finding the host, the proxy, TCP and TLS.
    pub connect_timeout: Duration,
    /// The most time for one HTTP call, for the WebSocket's upgrade, or for its authentication.
    pub exchange_timeout: Duration,
    /// How long a message, a ping or a command may take to its end, connected or not.
    pub send_timeout: Duration,
    /// The most payloads that wait for their end, at least one.
    pub max_waiting: usize,
    /// The most events that wait for the application, at least one.
    pub event_queue: usize,
    /// Certificates that are trusted beside the bundled ones, each a text of one or more PEM blocks.
    pub extra_roots: Vec<String>,
    /// Whether the roots that Mozilla trusts are. Without them only `extra_roots` are.
    pub bundled_roots: bool,
    /// Where any are given, the server's certificate or one that vouches for it must have one of these keys: the
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub pins: Vec<[u8; 32]>,
    /// Whether to look for a proxy.
    pub proxy: Proxy,
}

impl Config {
    /// The defaults, for the server at `url`.
    ///
    /// # Errors
    /// A [`Fault`] when `url` is not the URL of a server.
    pub fn new(url: &str) -> Result<Self, Fault> {
        Ok(Self {
            address: ServerAddress::parse(url)?,
            connect_timeout: CONNECT_TIMEOUT,
            exchange_timeout: EXCHANGE_TIMEOUT,
            send_timeout: SEND_TIMEOUT,
            max_waiting: MAX_WAITING,
            event_queue: EVENT_QUEUE,
            extra_roots: Vec::new(),
            bundled_roots: true,
            pins: Vec::new(),
            proxy: Proxy::default(),
        })
    }

    /// Checks what no type can say: that the queues have room.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        if self.event_queue == 0 {
            return Err(Fault::argument("the event queue", "at least 1"));
        }
        if self.max_waiting == 0 {
            return Err(Fault::argument("the most payloads that wait", "at least 1"));
        }
        Ok(())
    }
}
