//! What a connection needs to know of its server.

use std::time::Duration;

use crate::limits::Limits;
use crate::times;

/// The limits and times of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerConfig {
    /// What clients may send; they are told in `AUTHENTICATED`.
    pub limits: Limits,
    /// How long the server waits.
    pub times: Times,
}

/// How long a server waits. The defaults are the protocol's; tests shorten them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// From the upgrade to the first payload; default [`times::AUTHENTICATION`].
    pub authentication: Duration,
    /// From the last text message to a PING; default [`times::HEARTBEAT`]. Clients are told in whole seconds.
    pub heartbeat: Duration,
    /// From that PING to the close; default [`times::HEARTBEAT_GRACE`].
    pub heartbeat_grace: Duration,
    /// From a message to its confirmation; default [`times::CONFIRMATION`].
    pub confirmation: Duration,
    /// From a user's last disconnection to the notice that the user is offline; default [`times::RECONNECTION`].
    pub reconnection: Duration,
    /// From the first payload that was dropped for its rate to the close, where there was no pause of
    /// [`times::FLOOD_PAUSE`]; default [`times::FLOOD`].
    pub flood: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            authentication: times::AUTHENTICATION,
            heartbeat: times::HEARTBEAT,
            heartbeat_grace: times::HEARTBEAT_GRACE,
            confirmation: times::CONFIRMATION,
            reconnection: times::RECONNECTION,
            flood: times::FLOOD,
        }
    }
}
