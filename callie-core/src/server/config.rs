//! The configuration of connections.

use std::time::Duration;

use super::recent::PayloadKeys;
use crate::command::Features;
use crate::limits::Limits;
use crate::setters::with_setters;
use crate::times;

/// The default of [`ServerConfig::max_kept_bytes`].
const MAX_KEPT_BYTES: usize = 4 * 1024 * 1024;

/// What is the same for all connections of a server: its limits, its times and its keys of payloads.
///
/// ```
/// use std::hash::RandomState;
/// use callie_core::Limits;
/// use callie_core::server::{PayloadKeys, ServerConfig};
///
/// let keys = PayloadKeys::new(RandomState::new());
/// let config = ServerConfig::new(keys).with_limits(Limits::default().with_max_attachments(3));
/// assert_eq!(config.limits.max_attachments, 3);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerConfig {
    /// The limits on clients, which `AUTHENTICATED` announces.
    pub limits: Limits,
    /// The times of the server.
    pub times: Times,
    /// The features that the server offers. Default none.
    pub features: Features,
    /// The most bytes of texts that are kept for the resumption of one connection, see
    /// [`WrittenTexts`](super::WrittenTexts). Default 4 MiB.
    pub max_kept_bytes: usize,
    /// What the server remembers payloads by. A later configuration of the same server has a clone of them.
    pub keys: PayloadKeys,
}

impl ServerConfig {
    /// The protocol's limits and times.
    #[must_use]
    pub fn new(keys: PayloadKeys) -> Self {
        Self {
            limits: Limits::default(),
            times: Times::default(),
            features: Features::NONE,
            max_kept_bytes: MAX_KEPT_BYTES,
            keys,
        }
    }
}

with_setters!(ServerConfig {
    with_limits: limits = Limits,
    with_times: times = Times,
    with_features: features = Features,
    with_max_kept_bytes: max_kept_bytes = usize,
});

/// The times of a server. The defaults are those of the protocol; tests shorten them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Times {
    /// From the upgrade to the first payload; default [`times::AUTHENTICATION`].
    pub authentication: Duration,
    /// From the last text message to a PING; default [`times::HEARTBEAT`]. Clients receive it in whole seconds.
    pub heartbeat: Duration,
    /// From that PING to the close; default [`times::HEARTBEAT_GRACE`].
    pub heartbeat_grace: Duration,
    /// From a message to its confirmation; default [`times::CONFIRMATION`].
    pub confirmation: Duration,
    /// From a user's last disconnection to the notice that the user is offline; default [`times::RECONNECTION`].
    pub reconnection: Duration,
    /// From the first payload that was dropped because of the rate to the close, unless there is a pause of
    /// [`times::FLOOD_PAUSE`]; default [`times::FLOOD`].
    pub flood: Duration,
    /// How long a lost connection can be resumed; default [`times::RESUMPTION`]. Clients receive it in whole seconds.
    pub resumption: Duration,
}

with_setters!(Times {
    with_authentication: authentication = Duration,
    with_heartbeat: heartbeat = Duration,
    with_heartbeat_grace: heartbeat_grace = Duration,
    with_confirmation: confirmation = Duration,
    with_reconnection: reconnection = Duration,
    with_flood: flood = Duration,
    with_resumption: resumption = Duration,
});

impl Default for Times {
    fn default() -> Self {
        Self {
            authentication: times::AUTHENTICATION,
            heartbeat: times::HEARTBEAT,
            heartbeat_grace: times::HEARTBEAT_GRACE,
            confirmation: times::CONFIRMATION,
            reconnection: times::RECONNECTION,
            flood: times::FLOOD,
            resumption: times::RESUMPTION,
        }
    }
}
