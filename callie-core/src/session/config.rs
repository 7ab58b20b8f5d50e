//! The configuration of a session.

use std::time::Duration;

use crate::command::{ClientInfo, Feature, Features};
use crate::json::JsonObject;
use crate::name::Username;
use crate::setters::with_setters;
use crate::token::Token;

/// The time before a reconnection: random between 0 and `first` · 2ⁿ, at most `most` ("full jitter"), so that clients
/// that lost the server at the same time do not reconnect at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backoff {
    /// The upper bound of the first wait.
    pub first: Duration,
    /// The upper bound of all waits.
    pub most: Duration,
}

impl Backoff {
    /// Waits below `first`, which doubles up to `most`.
    #[must_use]
    pub fn new(first: Duration, most: Duration) -> Self {
        Self { first, most }
    }
}

impl Default for Backoff {
    /// Half a second, doubling up to 30 s.
    fn default() -> Self {
        Self { first: Duration::from_millis(500), most: Duration::from_secs(30) }
    }
}

/// The features that the session supports.
pub(super) const SUPPORTED: Features = Features::NONE.with(Feature::Resume).with(Feature::Offline);

/// The configuration of a session, with defaults for everything except the login.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SessionConfig {
    /// The user.
    pub username: Username,
    /// The token of the login session.
    pub token: Token,
    /// The program, for logs and statistics of the server. Default none.
    pub client: Option<ClientInfo>,
    /// The features to agree on, of those that the session supports. Default all.
    pub features: Features,
    /// The most payloads without an outcome. More are refused with [`SendError::QueueFull`](super::SendError).
    /// Default 1,000.
    pub max_waiting: usize,
    /// How long a payload may take until its outcome, connected or not. Default 60 s.
    pub send_timeout: Duration,
    /// How long opening a connection may take. Default 15 s.
    pub open_timeout: Duration,
    /// How long the server may take to answer the authentication. Default 10 s.
    pub authentication_timeout: Duration,
    /// How long the server may take to answer a heartbeat before the connection counts as lost. Default 10 s.
    pub heartbeat_timeout: Duration,
    /// How long the driver may take to fetch another token. Default 10 s.
    pub refresh_timeout: Duration,
    /// How long confirmations are collected before they are sent. Default 20 ms.
    pub ack_delay: Duration,
    /// The time before a reconnection.
    pub backoff: Backoff,
}

impl SessionConfig {
    /// Creates a configuration with the defaults.
    #[must_use]
    pub fn new(username: Username, token: Token) -> Self {
        Self {
            username,
            token,
            client: None,
            features: SUPPORTED,
            max_waiting: 1_000,
            send_timeout: Duration::from_secs(60),
            open_timeout: Duration::from_secs(15),
            authentication_timeout: Duration::from_secs(10),
            heartbeat_timeout: Duration::from_secs(10),
            refresh_timeout: Duration::from_secs(10),
            ack_delay: Duration::from_millis(20),
            backoff: Backoff::default(),
        }
    }
}

with_setters!(SessionConfig {
    with_client: client = Option<ClientInfo>,
    with_features: features = Features,
    with_max_waiting: max_waiting = usize,
    with_send_timeout: send_timeout = Duration,
    with_open_timeout: open_timeout = Duration,
    with_authentication_timeout: authentication_timeout = Duration,
    with_refresh_timeout: refresh_timeout = Duration,
    with_heartbeat_timeout: heartbeat_timeout = Duration,
    with_ack_delay: ack_delay = Duration,
    with_backoff: backoff = Backoff,
});

/// The options of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SendOptions {
    /// Whether the recipient's client is asked to confirm the message. Default true. Ignored for broadcasts, which
    /// cannot be confirmed.
    pub confirm: bool,
    /// Free-form metadata, besides what the session sets itself. Default none.
    pub metadata: JsonObject,
    /// How long the message may take until its outcome. Default: the session's `send_timeout`.
    pub timeout: Option<Duration>,
}

with_setters!(SendOptions {
    with_confirm: confirm = bool,
    with_metadata: metadata = JsonObject,
    with_timeout: timeout = Option<Duration>,
});

impl Default for SendOptions {
    fn default() -> Self {
        Self { confirm: true, metadata: JsonObject::default(), timeout: None }
    }
}
