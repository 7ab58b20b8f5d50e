//! What a client can be told, with the defaults.

use std::time::Duration;

use super::address::ServerAddress;
use super::error::Fault;

/// Finding the host, TCP and TLS: longer than a slow mobile network takes, shorter than a person waits.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// One HTTP call or the WebSocket's upgrade and authentication: a busy server hashes passwords one after the other.
pub const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(30);
/// The answer to a ping or a command: the time the protocol gives a confirmation.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// Events that wait for the application. When so many wait, the socket is not read until some are taken, so that
/// the server sees a slow reader and memory stays bounded.
pub const EVENT_QUEUE: usize = 1_024;

/// Where the server is and how long to wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The server.
    pub address: ServerAddress,
    /// The most time for finding the host, TCP and TLS.
    pub connect_timeout: Duration,
    /// The most time for one HTTP call, or for the WebSocket's upgrade and authentication.
    pub exchange_timeout: Duration,
    /// The most time for the answer to a ping or a command.
    pub answer_timeout: Duration,
    /// The most events that wait for the application, at least one.
    pub event_queue: usize,
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
            answer_timeout: ANSWER_TIMEOUT,
            event_queue: EVENT_QUEUE,
        })
    }
}
