//! All parts put together: what a running server is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{broadcast, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::clock;
use crate::cluster::{Cluster, Invitation, JoinError, Peers};
use crate::config::Config;
use crate::gateway::{self, Gateway, Timing};
use crate::http::{self, Attempts, Listener};
use crate::password::Passwords;
use crate::store::{Claim, NotWritable, OpenError, SessionEvent, Store, StoreError, watch_events};
use crate::tasks::Tasks;
use crate::telemetry::{self, LineLimits, Metrics};
use crate::tls::{Tls, TlsError};

/// How long connections may take to end when the server stops. With the cluster's and the database's time it makes the
/// 10 s that a server may take, after which supervisors kill.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(6);
/// How long the database may take to close. A write that waits longer for a lock is given up: nobody was told it is done.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Ended sessions that may wait for a slow subscriber, which then asks for each of its sessions anew.
const EVENT_QUEUE: usize = 1_024;
/// How often the last uses of sessions are written, and expired sessions removed.
const UPKEEP: Duration = Duration::from_secs(5);
/// How often it is looked how long the certificate still holds.
const CERTIFICATE_CHECK: Duration = Duration::from_secs(60 * 60);
/// Every how many looks a warning is given: once a day.
const CERTIFICATE_WARNING_EVERY: u32 = 24;

/// Why a server did not start. Each is one line for people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address cannot be listened on.
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
    /// The cluster cannot be joined as it is configured.
    #[error(transparent)]
    Cluster(#[from] JoinError),
    /// The database does not answer.
    #[error("the database does not answer: {0}")]
    Store(#[from] StoreError),
    /// The system gives no random bytes or no thread.
    #[error("cannot make ready: {reason}")]
    System {
        /// Why.
        reason: String,
    },
}

impl StartError {
    /// Whether the same configuration fails in the same way until an operator changes something.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Database(error) => error.is_permanent(),
            Self::Cluster(error) => error.is_permanent(),
            _ => false,
        }
    }
}

/// Why a configuration was not reloaded. Each is one line for people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// What every part of a running server can reach.
#[derive(Debug)]
pub struct App {
    /// The database.
    pub store: Store,
    /// Sessions that ended and users who were banned, here or elsewhere: subscribe to close their sockets.
    pub events: broadcast::Sender<SessionEvent>,
    /// All WebSocket connections.
    pub gateway: Gateway,
    /// What is counted.
    pub metrics: Metrics,
    /// Bounds the log lines that clients cause.
    pub(crate) lines: LineLimits,
    pub(crate) passwords: Passwords,
    /// What ends with the server.
    pub(crate) tasks: Tasks,
    attempts: ArcSwap<Attempts>,
    config: ArcSwap<Config>,
    stop: watch::Sender<bool>,
}

impl App {
    /// The configuration as it is now. Keys that are not live keep the value of the start.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    /// The limits on guessing as they are now.
    pub(crate) fn attempts(&self) -> Arc<Attempts> {
        self.attempts.load_full()
    }

    /// Turns true when the server begins to stop.
    #[must_use]
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }
}

/// A running server. Dropping it ends all connections and lets go of the database, without a word to anybody;
/// [`Server::shutdown`] lets connections end well.
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
    addr: SocketAddr,
    metrics_addr: Option<SocketAddr>,
    tls: Arc<Tls>,
    public: JoinHandle<()>,
    background: JoinSet<()>,
    cluster: Option<Cluster>,
    _claim: Claim,
}

impl Server {
    /// Starts a server: opens the database, binds the address, begins to serve.
    ///
    /// # Errors
    /// [`StartError`], one line for people.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_with(config, Timing::default()).await
    }

    /// The same with other times than the protocol's: for tests.
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
        let peers = Arc::new(Peers::new(invitation.is_none()));
        let mut figures = Metrics::default();
        figures.watch_database(store.health());
        if let Some(days_left) = tls.days_left() {
            figures.watch_certificate(days_left);
        }
        let (stop, stopping) = watch::channel(false);
        let app = Arc::new(App {
            store: store.clone(),
            events: broadcast::Sender::new(EVENT_QUEUE),
            gateway: Gateway::new(&config, timing, &figures, secret.bytes(), peers),
            metrics: figures,
            lines: LineLimits::default(),
            passwords: Passwords::new().await.map_err(|e| StartError::System { reason: e.to_string() })?,
            tasks: Tasks::default(),
            attempts: ArcSwap::from_pointee(Attempts::new(&config)),
            config: ArcSwap::from_pointee(config),
            stop,
        });
        let mut background = JoinSet::new();
        background.spawn(watch_events(store.clone(), app.events.clone()));
        background.spawn(upkeep(store));
        background.spawn(watch_certificate(Arc::clone(&tls)));
        background.spawn(gateway::run(Arc::clone(&app)));
        let cluster = match invitation {
            Some(invitation) => {
                Some(Cluster::join(Arc::clone(&app), invitation, secret.fingerprint()).await?)
            }
            None => None,
        };
        let (addr, metrics_addr) = (listener.addr(), metrics.as_ref().map(Listener::addr));
        if let Some(metrics) = metrics {
            let (app, none, router) =
                (Arc::clone(&app), Arc::new(Tls::off()), http::ops_routes(Arc::clone(&app)));
            // It answers until the end, also while the server stops.
            let (never, stopped) = watch::channel(false);
            background.spawn(async move {
                http::serve(metrics, app, none, router, stopped).await;
                drop(never);
            });
        }
        let router = http::routes(Arc::clone(&app));
        let public =
            tokio::spawn(http::serve(listener, Arc::clone(&app), Arc::clone(&tls), router, stopping));
        tracing::info!(%addr, tls = tls.is_on(), "listening");
        Ok(Self { app, addr, metrics_addr, tls, public, background, cluster, _claim: claim })
    }

    /// Takes the live keys of `new`, and reads the certificate again. What cannot be done leaves all as it was.
    ///
    /// # Errors
    /// [`ReloadError`], one line for people.
    pub fn reload(&self, new: &Config) -> Result<(), ReloadError> {
        let (merged, left) = self.app.config().with_live_keys_of(new);
        // All that can be refused comes first.
        let tls = self.tls.read(&merged)?;
        self.tls.replace(tls);
        telemetry::set_filter(&merged.log_level);
        let attempts = self.app.attempts().with_limits_of(&merged);
        self.app.attempts.store(Arc::new(attempts));
        self.app.config.store(Arc::new(merged));
        tracing::info!("reloaded the configuration");
        if !left.is_empty() {
            tracing::warn!(keys = left.join(", "), "these keys changed too: they need a restart");
        }
        Ok(())
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where it answers an operator's tools, if it does.
    #[must_use]
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics_addr
    }

    /// The URL to reach it at.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_on() { "https" } else { "http" };
        format!("{scheme}://{}", self.addr)
    }

    /// What every part of it can reach.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Stops: no new connections, those there end within [`DRAIN_TIMEOUT`], the database is closed.
    pub async fn shutdown(mut self) {
        self.app.stop.send_replace(true);
        let ended = async {
            gateway::drain(Arc::clone(&self.app)).await;
            // It has nothing to say but that it has ended.
            let _ = (&mut self.public).await;
        };
        if tokio::time::timeout(DRAIN_TIMEOUT, ended).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        if let Some(cluster) = self.cluster.take() {
            cluster.leave().await;
        }
        self.background.shutdown().await;
        if tokio::time::timeout(CLOSE_TIMEOUT, self.app.store.close()).await.is_err() {
            tracing::warn!("the database did not close in time");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.app.stop.send_replace(true);
        self.public.abort();
        // The rest of what runs ends with its handles.
        self.app.tasks.end();
    }
}

async fn bind(addr: &str) -> Result<Listener, StartError> {
    Listener::bind(addr).await.map_err(|source| StartError::Listen { addr: addr.to_owned(), source })
}

/// Writes down the last uses of sessions and removes expired ones, again and again.
async fn upkeep(store: Store) {
    let mut tick = tokio::time::interval(UPKEEP);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut in_place = true;
    loop {
        tick.tick().await;
        if std::mem::replace(&mut in_place, store.file_is_in_place()) && !in_place {
            tracing::error!("{}: what is written now is lost, restart the server", NotWritable::Replaced);
        }
        if let Err(error) = store.flush_touched().await {
            tracing::warn!(%error, "the last uses of sessions were not written");
        }
        // By a clock that is wrong, all sessions may seem to have run out.
        if clock::is_settled()
            && let Err(error) = store.remove_expired(clock::now()).await
        {
            tracing::warn!(%error, "expired sessions were not removed");
        }
    }
}

/// Keeps the figure of the certificate's days true, and warns each day when few are left.
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
