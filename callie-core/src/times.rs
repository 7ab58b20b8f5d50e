//! The times of the protocol, each in one place.
//!
//! They are the defaults of [`server::Times`](crate::server::Times), which tests can shorten.

use std::time::Duration;

/// How long a client may take from the upgrade to its first payload (protocol, "Authentication").
pub const AUTHENTICATION: Duration = Duration::from_secs(10);
/// How long a connection may be silent before the server sends a PING (protocol, "Routing").
pub const HEARTBEAT: Duration = Duration::from_secs(30);
/// How long the silence may last after that PING before the server closes the connection (protocol, "Routing").
pub const HEARTBEAT_GRACE: Duration = Duration::from_secs(45);
/// How long a server waits for a confirmation before it answers `DELIVERY_UNCONFIRMED` (protocol, "Confirmed
/// delivery").
pub const CONFIRMATION: Duration = Duration::from_secs(15);
/// How long a user may be disconnected before others are notified (protocol, "SYS codes"), and how long after
/// reconnecting a client retries a message whose recipient is offline (protocol, "Confirmed delivery").
pub const RECONNECTION: Duration = Duration::from_secs(5);
/// How long a lost connection can be resumed (protocol, "Resumption").
pub const RESUMPTION: Duration = Duration::from_secs(60);
/// How long a payload ID is remembered (protocol, "Routing").
pub const DUPLICATES: Duration = Duration::from_secs(300);
/// The shortest time between two `RATE_LIMITED` on which no answer depends (protocol, "Routing").
pub const RATE_REPORT: Duration = Duration::from_secs(1);
/// How long payloads may be dropped because of the rate, without a [`FLOOD_PAUSE`], before the server closes the
/// connection (protocol, "Routing").
pub const FLOOD: Duration = Duration::from_secs(10);
/// The time without a dropped payload that ends a flood.
pub const FLOOD_PAUSE: Duration = Duration::from_secs(1);
/// The time within which [`MAX_INVALID`](crate::MAX_INVALID) invalid payloads close a connection (protocol,
/// "Validation").
pub const INVALID_WINDOW: Duration = Duration::from_secs(60);
