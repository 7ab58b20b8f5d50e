//! What all WebSocket connections share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use callie_core::command::{Feature, Features};
use callie_core::server::ServerConfig;
use callie_core::{GroupId, Limits};
use parking_lot::Mutex;

use super::resumption::Resumables;
use super::timing::Timing;
use crate::base::config::{Config, LiveConfig};
use crate::base::telemetry::{Counters, Telemetry};
use crate::base::{Shutdown, Tasks};
use crate::cache::{Keeper, Unreachable, UserCache};
use crate::commands::{Commands, Services};
use crate::net::Connections;
use crate::router::Hub;
use crate::store::{Admins, Sessions};

/// What all WebSocket connections share.
pub struct Gateway {
    /// The connected users.
    pub(super) hub: Arc<Hub>,
    /// The cached data of connected users.
    pub(super) cache: Arc<UserCache>,
    /// Why a payload cannot be delivered.
    pub(super) unreachable: Arc<Unreachable>,
    /// Keeps messages for users who are offline, if the configuration says so.
    pub(super) keeper: Option<Arc<Keeper>>,
    /// The commands.
    pub(super) commands: Commands,
    /// The sessions of users.
    pub(super) sessions: Sessions,
    /// The server admins.
    pub(super) admins: Admins,
    /// The configuration in use.
    pub(super) config: Arc<LiveConfig>,
    /// Metrics and log limits.
    pub(super) telemetry: Arc<Telemetry>,
    /// The limits on connections.
    pub(super) connections: Arc<Connections>,
    /// The counters of payloads.
    pub(super) counters: Arc<Counters>,
    /// The tasks of connections.
    pub(super) tasks: Tasks,
    /// The signal that the server is stopping.
    pub(super) shutdown: Shutdown,
    /// The limits of payloads, which stay as they were at the start.
    pub(super) limits: Limits,
    /// How long the gateway waits.
    pub(super) timing: Timing,
    /// The connections that can be resumed.
    pub(super) resumables: Resumables,
    /// See [`Gateway::server_config`].
    server_config: Mutex<Arc<ServerConfig>>,
    /// See [`Gateway::endings`].
    endings: AtomicU64,
    /// See [`Gateway::is_draining`].
    draining: AtomicBool,
}

impl Gateway {
    /// Creates a gateway without connections.
    pub(crate) fn new(services: Services, timing: Timing, tasks: Tasks, shutdown: Shutdown) -> Self {
        let config = services.config.current();
        let features = match &services.keeper {
            Some(_) => Features::NONE.with(Feature::Offline),
            None => Features::NONE,
        };
        let server_config = ServerConfig::new(services.hub.keys.clone()).with_times(timing.protocol);
        let server_config = Arc::new(with_live_keys(server_config.with_features(features), &config));
        Self {
            hub: services.hub.clone(),
            cache: services.cache.clone(),
            unreachable: services.unreachable.clone(),
            keeper: services.keeper.clone(),
            sessions: services.store.sessions.clone(),
            admins: services.store.admins.clone(),
            config: services.config.clone(),
            telemetry: services.telemetry.clone(),
            connections: services.connections.clone(),
            counters: services.counters.clone(),
            server_config: Mutex::new(server_config.clone()),
            limits: server_config.limits,
            commands: Commands::new(services),
            tasks,
            shutdown,
            timing,
            resumables: Resumables::default(),
            endings: AtomicU64::new(0),
            draining: AtomicBool::new(false),
        }
    }

    /// Returns the number of connections that have authenticated.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.authenticated()
    }

    /// Returns the number of connections that have not authenticated.
    #[must_use]
    pub fn unauthenticated(&self) -> usize {
        self.connections.total().saturating_sub(self.connections.authenticated())
    }

    /// Returns the number of users with at least one connection, to any node of the cluster.
    #[must_use]
    pub fn users_online(&self) -> usize {
        self.hub.users_online()
    }

    /// Returns `true` if the user named `name` is connected, as far as this server knows.
    #[must_use]
    pub fn is_online(&self, name: &str) -> bool {
        self.hub.user(name).is_some_and(|user| user.is_online())
    }

    /// Returns `true` if the user named `name` is in the group and connected to this server, as far as it knows.
    #[must_use]
    pub fn is_member(&self, group: &str, name: &str) -> bool {
        let group = GroupId::parse(group).ok().and_then(|id| self.hub.group(id));
        group.is_some_and(|group| group.state().online.contains_key(name))
    }

    /// Returns the number of lost connections that can be resumed.
    #[must_use]
    pub fn away(&self) -> usize {
        self.resumables.away()
    }

    /// Returns the payloads that were received from clients since the start.
    #[must_use]
    pub fn payloads_received(&self) -> u64 {
        self.counters.total_received()
    }

    /// Returns the payloads that were written to clients since the start.
    #[must_use]
    pub fn payloads_sent(&self) -> u64 {
        self.counters.total_sent()
    }

    /// Returns the bytes that wait in the outboxes of all connections.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.hub.every_link().iter().map(|link| link.outbox.waiting()).sum()
    }

    /// Returns the configuration of new connections. They share it until the server's configuration changes.
    pub(super) fn server_config(&self) -> Arc<ServerConfig> {
        let config = self.config.current();
        let mut current = self.server_config.lock();
        let is_current = current.limits == config.limits()
            && current.max_kept_bytes == config.outbox_bytes
            && current.times.resumption == config.resume_window();
        if !is_current {
            *current = Arc::new(with_live_keys(ServerConfig::clone(&current), &config));
        }
        current.clone()
    }

    /// Returns how long a connection that is lost now can be resumed.
    pub(super) fn resume_window(&self) -> Duration {
        self.config.current().resume_window()
    }

    /// Returns `true` if lost connections are kept: unless the server is stopping and there is no other node for them.
    pub(super) fn keeps_lost_connections(&self) -> bool {
        !self.shutdown.has_begun() || !self.hub.remote.is_empty()
    }

    /// Returns `true` once the server is stopping and handles only confirmations.
    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Has every connection handle only confirmations from now on.
    pub(super) fn begin_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Returns the number of events that ended sessions.
    ///
    /// An event is counted before the connections are searched for its session. A connection that is visible in the hub
    /// while the count is as it was before its session was read has missed no event.
    pub(super) fn endings(&self) -> u64 {
        self.endings.load(Ordering::SeqCst)
    }

    /// Counts an event that ends sessions.
    pub(super) fn count_ending(&self) {
        self.endings.fetch_add(1, Ordering::SeqCst);
    }
}

/// Applies the keys of the configuration that a reload changes.
fn with_live_keys(server_config: ServerConfig, config: &Config) -> ServerConfig {
    let window = config.resume_window();
    let features = server_config.features.without(Feature::Resume);
    let features = if window.is_zero() { features } else { features.with(Feature::Resume) };
    let times = server_config.times.with_resumption(window);
    server_config
        .with_limits(config.limits())
        .with_times(times)
        .with_features(features)
        .with_max_kept_bytes(config.outbox_bytes)
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("connections", &self.connections())
            .field("timing", &self.timing)
            .finish_non_exhaustive()
    }
}
