//! What the application can choose about its session.

use std::time::Duration;

use crate::json::JsonObject;
use crate::name::Username;
use crate::token::Token;

/// How long a session waits before it connects again: between nothing and `first` · 2ⁿ, at most `most`, drawn evenly
/// ("full jitter"), so that clients which lost the server together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The bound of the first wait.
    pub first: Duration,
    /// The bound of all waits.
    pub most: Duration,
}

impl Default for Backoff {
    /// Half a second, doubling up to 30 s.
    fn default() -> Self {
        Self { first: Duration::from_millis(500), most: Duration::from_secs(30) }
    }
}

/// What a session needs to know, with defaults for all but the login.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Who is logged in.
    pub username: Username,
    /// The login's token.
    pub token: Token,
    /// The most payloads that wait for their end; more are refused with [`SendError::QueueFull`](super::SendError).
    /// Default 1,000.
    pub max_waiting: usize,
    /// How long a payload may take to its end, connected or not. Default 60 s.
    pub send_timeout: Duration,
    /// How long opening a connection may take. Default 15 s.
    pub open_timeout: Duration,
    /// How long the server may take to answer the authentication. Default 10 s.
    pub authentication_timeout: Duration,
    /// How long the server may take to answer a heartbeat before the link counts as lost. Default 10 s.
    pub heartbeat_timeout: Duration,
    /// How long confirmations are collected before they are sent. Default 20 ms.
    pub ack_delay: Duration,
    /// How long to wait before connecting again.
    pub backoff: Backoff,
}

impl SessionConfig {
    /// The defaults for a login.
    #[must_use]
    pub fn new(username: Username, token: Token) -> Self {
        Self {
            username,
            token,
            max_waiting: 1_000,
            send_timeout: Duration::from_secs(60),
            open_timeout: Duration::from_secs(15),
            authentication_timeout: Duration::from_secs(10),
            heartbeat_timeout: Duration::from_secs(10),
            ack_delay: Duration::from_millis(20),
            backoff: Backoff::default(),
        }
    }
}

/// How one message is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendOptions {
    /// Whether the recipient's client shall confirm it. Default true; a message to everyone cannot be confirmed, and
    /// is not whatever stands here.
    pub confirm: bool,
    /// Free-form metadata beside what the session sets itself. Default none.
    pub metadata: JsonObject,
    /// How long the message may take to its end. Default: the session's `send_timeout`.
    pub timeout: Option<Duration>,
}

impl Default for SendOptions {
    fn default() -> Self {
        Self { confirm: true, metadata: JsonObject::default(), timeout: None }
    }
}
