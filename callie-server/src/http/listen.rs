//! Accepting connections and serving HTTP/1.1 on them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower_service::Service as _;

use super::slots::Slots;
use crate::base::Shutdown;
use crate::base::config::LiveConfig;
use crate::base::telemetry::{Line, Refusal, Telemetry};
use crate::net::{ClientAddress, Stream, ThroughProxy, Tls, is_trusted};

/// How long a client may take for a TLS handshake and for the head of a request, and how long a connection may be idle
/// between requests. A phone on a bad link needs a few seconds.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest head of a request in bytes, and the size of hyper's buffer. Requests of clients need a few hundred.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// The pause after the system refused a connection (no file descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often a warning is logged that connections cannot be accepted.
const REFUSED_EVERY: Duration = Duration::from_secs(60);

/// A bound socket.
#[derive(Debug)]
pub(crate) struct Listener {
    tcp: TcpListener,
    addr: SocketAddr,
}

impl Listener {
    /// Binds to `addr`, an address and a port.
    pub(crate) async fn bind(addr: &str) -> std::io::Result<Self> {
        let tcp = TcpListener::bind(addr).await?;
        Ok(Self { addr: tcp.local_addr()?, tcp })
    }

    /// Returns the address that it listens on.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

/// What connections are served with. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Serving {
    /// The answers to requests.
    pub(crate) router: Router,
    /// The TLS of the connections.
    pub(crate) tls: Arc<Tls>,
    /// The configuration in use.
    pub(crate) config: Arc<LiveConfig>,
    /// Metrics and log limits.
    pub(crate) telemetry: Arc<Telemetry>,
    /// The signal that ends serving.
    pub(crate) shutdown: Shutdown,
}

/// Serves connections of `listener` until the shutdown begins. Then requests that were received are answered and the
/// connections end.
pub(crate) async fn serve(listener: Listener, serving: Serving) {
    let slots = Slots::new(&serving.config.current());
    let shutdown = serving.shutdown.clone();
    let stopped = shutdown.begun();
    tokio::pin!(stopped);
    let mut connections = JoinSet::new();
    let mut refused = Refused::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.tcp.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            () = &mut stopped => break,
        };
        match accepted {
            Ok((tcp, peer)) => {
                refused.end();
                // Closed immediately: a client that receives nothing would wait.
                let Some(slot) = slots.take(peer.ip(), &serving.config.current()) else {
                    turned_away(&serving.telemetry, peer);
                    continue;
                };
                let serving = serving.clone();
                connections.spawn(async move {
                    connection(tcp, peer, serving).await;
                    drop(slot);
                });
            }
            Err(error) => {
                refused.note(&error);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Consecutive failures to accept a connection. Without file descriptors there are 20 a second.
#[derive(Default)]
struct Refused {
    attempts: u64,
    logged: Option<Instant>,
}

impl Refused {
    /// Logs the first failure, and then their number once in a while.
    fn note(&mut self, error: &std::io::Error) {
        self.attempts += 1;
        if self.logged.is_none_or(|logged| logged.elapsed() >= REFUSED_EVERY) {
            self.logged = Some(Instant::now());
            tracing::warn!(%error, attempts = self.attempts, "cannot accept connections");
        }
    }

    /// Handles that a connection was accepted. Logged after a while only: when one connection ends, one more can be
    /// accepted.
    fn end(&mut self) {
        if self.logged.is_some_and(|logged| logged.elapsed() >= REFUSED_EVERY) {
            tracing::info!(attempts = self.attempts, "connections are accepted again");
            *self = Self::default();
        }
    }
}

async fn connection(tcp: TcpStream, peer: SocketAddr, serving: Serving) {
    let Serving { router, tls, config, telemetry, shutdown } = serving;
    // Sends small payloads immediately. If this fails, the connection is already gone.
    if tcp.set_nodelay(true).is_err() {
        return;
    }
    let stream = match tls.acceptor() {
        None => Stream::Plain(tcp),
        Some(acceptor) => match tokio::time::timeout(HEAD_TIMEOUT, acceptor.accept(tcp)).await {
            Ok(Ok(tls)) => Stream::Tls(Box::new(tls)),
            Ok(Err(error)) => return no_tls(&telemetry, peer, &error),
            Err(_) => return no_tls(&telemetry, peer, &"it took too long"),
        },
    };
    let service = service_fn(move |mut request: Request<Incoming>| {
        let config = config.current();
        let client = ClientAddress::find(peer.ip(), request.headers(), &config.trusted_proxies);
        request.extensions_mut().insert(client);
        if is_trusted(peer.ip(), &config.trusted_proxies) {
            request.extensions_mut().insert(ThroughProxy);
        }
        let mut router = router.clone();
        async move { router.call(request).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        // A client may close its side when it has sent everything, and still reads the answer.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.begun() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Counts and logs a connection that is dropped because a limit is reached.
fn turned_away(telemetry: &Telemetry, peer: SocketAddr) {
    telemetry.metrics.refused(Refusal::Dropped);
    if telemetry.lines.admit(Line::Full) {
        tracing::warn!(address = %peer.ip(), "refused a connection: max_connections or max_connections_per_address is reached");
    }
}

/// Counts and logs a failed TLS handshake.
fn no_tls(telemetry: &Telemetry, peer: SocketAddr, error: &dyn std::fmt::Display) {
    telemetry.metrics.refused(Refusal::Tls);
    if telemetry.lines.admit(Line::Tls) {
        tracing::info!(address = %peer.ip(), %error, "a TLS handshake failed");
    }
}
