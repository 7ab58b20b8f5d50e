//! All parts together: starting, reloading and stopping a server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::task::{JoinHandle, JoinSet};

use crate::base::config::{Config, LiveConfig};
use crate::base::telemetry::{self, Counters, Metrics, Telemetry};
use crate::base::{Shutdown, Tasks, clock};
use crate::cache::{Checks, Keeper, Unreachable, UserCache};
use crate::cluster::{Cluster, Invitation, JoinError, LocalNode, Streams};
use crate::commands::Services;
use crate::gateway::{self, Gateway, Timing};
use crate::http::{self, Api, Listener, Ops, Passwords, Serving, Upgrade};
use crate::net::{Connections, Tls, TlsError};
use crate::router::{Hub, Moves, RemoteNodes, Requests, payload_keys};
use crate::store::{self, Claim, NotWritable, OpenError, SessionEvent, Store, StoreError};

/// How long connections may take to end when the server stops. Together with the timeouts of the cluster and the
/// database, this is the 10 s after which supervisors kill a process.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(6);
/// How long the database may take to close. A write that waits longer for a lock is abandoned: no client has a reply
/// that it succeeded.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The most events that wait for a slow subscriber. A subscriber that misses some checks all its sessions.
const EVENT_QUEUE: usize = 1_024;
/// How often the last uses of sessions are written, and expired sessions and invitations removed.
const UPKEEP: Duration = Duration::from_secs(5);
/// How often kept messages that are too old are removed, and those that are kept are counted.
const KEPT_SWEEP: Duration = Duration::from_secs(30);
/// How often the validity of the certificate is checked.
const CERTIFICATE_CHECK: Duration = Duration::from_secs(60 * 60);
/// The number of checks after which a warning is logged again: once a day.
const CERTIFICATE_WARNING_EVERY: u32 = 24;

/// Why a server did not start. Each error is one line for people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The server cannot listen on the address.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        /// The address.
        addr: String,
        /// Why.
        source: std::io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The cluster cannot be joined as configured.
    #[error(transparent)]
    Cluster(#[from] JoinError),
    /// The database does not answer.
    #[error("the database does not answer: {0}")]
    Store(#[from] StoreError),
    /// The system provides no random bytes or no thread.
    #[error("cannot start: {reason}")]
    System {
        /// Why.
        reason: String,
    },
}

impl StartError {
    /// Returns `true` if the same configuration fails in the same way until an operator changes something.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Database(error) => error.is_permanent(),
            Self::Cluster(error) => error.is_permanent(),
            _ => false,
        }
    }
}

/// Why a configuration was not reloaded. Each error is one line for people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A running server.
///
/// Dropping it closes all connections without a message, and releases the database. [`Server::shutdown`] lets
/// connections end in order.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    metrics_addr: Option<SocketAddr>,
    gateway: Arc<Gateway>,
    api: Arc<Api>,
    store: Store,
    config: Arc<LiveConfig>,
    telemetry: Arc<Telemetry>,
    events: broadcast::Sender<SessionEvent>,
    tls: Arc<Tls>,
    tasks: Tasks,
    shutdown: Shutdown,
    public: JoinHandle<()>,
    background: JoinSet<()>,
    cluster: Option<Cluster>,
    keeper: Option<Arc<Keeper>>,
    _claim: Claim,
}

impl Server {
    /// Starts a server: opens the database, binds the address, and begins to serve.
    ///
    /// # Errors
    /// [`StartError`], one line for people.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_with(config, Timing::default()).await
    }

    /// Checks what a start reads before it listens: the certificate, the configuration of the cluster, and the name of the
    /// database.
    ///
    /// # Errors
    /// [`StartError`], one line for people.
    pub fn check(config: &Config) -> Result<(), StartError> {
        Tls::load(config)?;
        Invitation::read(config)?;
        Ok(store::check_name(&config.database)?)
    }

    /// Starts a server with other times than those of the protocol, for tests.
    ///
    /// # Errors
    /// [`StartError`], one line for people.
    pub async fn start_with(config: Config, timing: Timing) -> Result<Self, StartError> {
        let tls = Arc::new(Tls::load(&config)?);
        let listener = bind(&config.listen).await?;
        let metrics = match &config.metrics_listen {
            Some(addr) => Some(bind(addr).await?),
            None => None,
        };
        let invitation = Invitation::read(&config)?;
        let claim = Claim::take(&config.database, invitation.is_some()).await?;
        let store = Store::open_with(&config.database, config.database_connections).await?;
        let secret = store.secret().await?;
        let passwords = Passwords::new().await.map_err(|e| StartError::System { reason: e.to_string() })?;
        let mut figures = Metrics::default();
        figures.watch_database(store.health.metrics());
        if let Some(days_left) = tls.days_left() {
            figures.watch_certificate(days_left);
        }
        let telemetry = Arc::new(Telemetry { metrics: figures, ..Telemetry::default() });
        let config = Arc::new(LiveConfig::new(config));
        let (tasks, shutdown, events) =
            (Tasks::default(), Shutdown::new(), broadcast::Sender::new(EVENT_QUEUE));

        let streams = invitation.as_ref().map(|_| Arc::new(Streams::default()));
        let remote = Arc::new(match &streams {
            Some(streams) => RemoteNodes::new(streams.clone()),
            None => RemoteNodes::none(),
        });
        let requests = streams.clone().map(|streams| streams as Arc<dyn Requests>);
        let keys = payload_keys(secret.bytes());
        let hub = Arc::new(Hub::new(timing.protocol.reconnection, keys, remote.clone(), requests));
        let checks = Arc::new(Checks::default());
        let keeper = Keeper::new(&config.current(), hub.clone(), &store, telemetry.clone());
        let cache = Arc::new(UserCache::new(hub.clone(), &store, checks.clone(), keeper.clone()));
        let services = Services {
            unreachable: Arc::new(Unreachable::new(hub.clone(), &store)),
            connections: Arc::new(Connections::default()),
            counters: Arc::new(Counters::new(&telemetry.metrics)),
            hub: hub.clone(),
            cache: cache.clone(),
            keeper: keeper.clone(),
            store: store.clone(),
            config: config.clone(),
            telemetry: telemetry.clone(),
        };
        let gateway = Arc::new(Gateway::new(services, timing, tasks.clone(), shutdown.clone()));
        let api = Arc::new(Api::new(&store, passwords, config.clone(), telemetry.clone()));

        let (moves, move_jobs) = Moves::new();
        let mut background = JoinSet::new();
        background.spawn(gateway::run_moves(gateway.clone(), move_jobs));
        background.spawn(gateway::run(gateway.clone(), events.subscribe()));
        background.spawn(async move { cache.run_checks().await });
        background.spawn(store.events.clone().watch(events.clone()));
        background.spawn(upkeep(store.clone()));
        if let Some(keeper) = keeper.clone() {
            let writer = keeper.clone();
            background.spawn(async move { writer.run().await });
            background.spawn(sweep_kept(keeper));
        }
        background.spawn(watch_certificate(tls.clone()));
        let cluster = match invitation.zip(streams) {
            Some((invitation, streams)) => {
                let confirmation = timing.protocol.confirmation;
                let local = LocalNode { hub, checks, config: config.clone(), moves, confirmation };
                Some(Cluster::join(local, streams, invitation, secret.fingerprint()).await?)
            }
            None => None,
        };
        let (addr, metrics_addr) = (listener.addr(), metrics.as_ref().map(Listener::addr));
        if let Some(metrics) = metrics {
            let health = store.health.clone();
            let ops = Ops { health, remote, telemetry: telemetry.clone(), shutdown: shutdown.clone() };
            background.spawn(http::serve(
                metrics,
                Serving {
                    router: http::ops_routes(ops),
                    tls: Arc::new(Tls::off()),
                    config: config.clone(),
                    telemetry: telemetry.clone(),
                    // It answers to the end, also while the server stops.
                    shutdown: Shutdown::new(),
                },
            ));
        }
        let upgrade =
            Upgrade { gateway: gateway.clone(), config: config.clone(), telemetry: telemetry.clone() };
        let public = tokio::spawn(http::serve(
            listener,
            Serving {
                router: http::routes(api.clone(), upgrade),
                tls: tls.clone(),
                config: config.clone(),
                telemetry: telemetry.clone(),
                shutdown: shutdown.clone(),
            },
        ));
        tracing::info!(%addr, tls = tls.is_on(), "listening");
        Ok(Self {
            addr,
            metrics_addr,
            gateway,
            api,
            store,
            config,
            telemetry,
            events,
            tls,
            tasks,
            shutdown,
            public,
            background,
            cluster,
            keeper,
            _claim: claim,
        })
    }

    /// Applies the live keys of `new`, and reads the certificate again. After an error nothing has changed.
    ///
    /// # Errors
    /// [`ReloadError`], one line for people.
    pub fn reload(&self, new: &Config) -> Result<(), ReloadError> {
        let (merged, left) = self.config.current().with_live_keys_of(new);
        // Everything that can fail comes first.
        let tls = self.tls.read(&merged)?;
        self.tls.replace(tls);
        telemetry::set_filter(&merged.log_level);
        self.api.set_limits(&merged);
        self.config.replace(merged);
        tracing::info!("reloaded the configuration");
        if !left.is_empty() {
            tracing::warn!(keys = left.join(", "), "changed keys that need a restart");
        }
        Ok(())
    }

    /// Returns the address that the server listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the address that answers an operator's tools, if there is one.
    #[must_use]
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics_addr
    }

    /// Returns the URL of the server.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_on() { "https" } else { "http" };
        format!("{scheme}://{}", self.addr)
    }

    /// Returns the database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Returns the WebSocket connections.
    #[must_use]
    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// Returns the metrics.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.telemetry.metrics
    }

    /// Returns the configuration as it is now. Keys that are not live keep their value from the start.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        self.config.current()
    }

    /// Subscribes to sessions that end and users who are banned, on this server or elsewhere.
    #[must_use]
    pub fn session_events(&self) -> broadcast::Receiver<SessionEvent> {
        self.events.subscribe()
    }

    /// Stops the server: accepts no new connections, ends existing ones within [`DRAIN_TIMEOUT`], and closes the
    /// database.
    pub async fn shutdown(mut self) {
        self.shutdown.begin();
        let ended = async {
            gateway::drain(&self.gateway).await;
            gateway::hand_over(&self.gateway).await;
            // The result says only that it has ended.
            let _ = (&mut self.public).await;
        };
        if tokio::time::timeout(DRAIN_TIMEOUT, ended).await.is_err() {
            tracing::warn!("some connections were not closed in time");
        }
        if let Some(cluster) = self.cluster.take() {
            cluster.leave().await;
        }
        let closed = async {
            if let Some(keeper) = &self.keeper {
                keeper.flush().await;
            }
            self.background.shutdown().await;
            self.store.close().await;
        };
        if tokio::time::timeout(CLOSE_TIMEOUT, closed).await.is_err() {
            tracing::warn!("the database did not close in time");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.begin();
        self.public.abort();
        // The other tasks end when their handles are dropped.
        self.tasks.end();
    }
}

async fn bind(addr: &str) -> Result<Listener, StartError> {
    Listener::bind(addr).await.map_err(|source| StartError::Listen { addr: addr.to_owned(), source })
}

/// Writes the last uses of sessions, and removes expired sessions and invitations, periodically.
async fn upkeep(store: Store) {
    let mut tick = tokio::time::interval(UPKEEP);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut in_place = true;
    loop {
        tick.tick().await;
        if std::mem::replace(&mut in_place, store.health.file_is_in_place()) && !in_place {
            tracing::error!(
                "{}: changes are lost when the server stops; restart it with the right file",
                NotWritable::Replaced
            );
        }
        if let Err(error) = store.sessions.flush_uses().await {
            tracing::warn!(%error, "cannot write the last uses of sessions");
        }
        // With a wrong clock, all sessions and invitations may seem to have expired.
        if !clock::is_settled() {
            continue;
        }
        if let Err(error) = store.sessions.remove_expired(clock::now()).await {
            tracing::warn!(%error, "cannot remove expired sessions");
        }
        if let Err(error) = store.invitations.remove_old(clock::now()).await {
            tracing::warn!(%error, "cannot remove old invitations");
        }
    }
}

/// Removes kept messages that are too old, periodically.
async fn sweep_kept(keeper: Arc<Keeper>) {
    let mut tick = tokio::time::interval(KEPT_SWEEP);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Err(error) = keeper.sweep().await {
            tracing::warn!(%error, "cannot remove kept messages that are too old");
        }
    }
}

/// Updates the metric of the certificate's validity, and logs a warning each day when it expires soon.
async fn watch_certificate(tls: Arc<Tls>) {
    let mut tick = tokio::time::interval(CERTIFICATE_CHECK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut checks = 0_u32;
    loop {
        tick.tick().await;
        tls.note_days_left();
        if checks.is_multiple_of(CERTIFICATE_WARNING_EVERY) {
            tls.warn();
        }
        checks = checks.wrapping_add(1);
    }
}
