//! The connection to NATS.

use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use tokio::sync::mpsc;

use super::error::JoinError;
use crate::base::config::Config;

/// How long connecting may take: a server in the same network answers in milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How often NATS is asked whether it is there; two questions without an answer are a lost connection.
const PING_INTERVAL: Duration = Duration::from_secs(1);
/// Messages that may wait between the connection and the cluster's task. Each may be a frame of 128 KiB, so they are few; what is lost beyond it
/// shows as a gap.
const SUBSCRIPTION_CAPACITY: usize = 1_024;
/// Messages that may wait to be written to the connection, likewise.
const CLIENT_CAPACITY: usize = 64;
/// The largest payload of a cluster: with its envelope it has to fit what a NATS server takes by default, 1 MiB.
const MOST_PAYLOAD_BYTES: usize = 512 * 1024;

/// What is sent with a payload: its names, its IDs and the head of a frame.
const PAYLOAD_ROOM: usize = 1_024;

/// Where NATS is, and what the nodes of this cluster call themselves there.
pub(super) struct Nats {
    servers: Vec<ServerAddr>,
    /// The first part of all subjects.
    pub(super) name: String,
    /// The largest payload of a client.
    payload: usize,
    options: Options,
}

/// What the connection is made with, besides the servers.
#[derive(Clone)]
struct Options {
    /// User and password, as the first URL that has some gives them.
    user: Option<(String, String)>,
    credentials: Option<String>,
    ca: Option<std::path::PathBuf>,
    certificate: Option<(std::path::PathBuf, std::path::PathBuf)>,
}

impl Nats {
    /// Reads what the configuration says; none if it names no cluster.
    pub(super) fn read(config: &Config) -> Result<Option<Self>, JoinError> {
        let Some(urls) = &config.cluster else { return Ok(None) };
        let servers = urls.split(',').map(str::trim).filter(|url| !url.is_empty());
        // The address is not shown: it may hold a password.
        let servers: Result<Vec<ServerAddr>, _> = servers.map(str::parse).collect();
        let servers = servers.map_err(|_| JoinError::Address)?;
        if servers.is_empty() {
            return Err(JoinError::Address);
        }
        if config.max_payload_bytes > MOST_PAYLOAD_BYTES {
            return Err(JoinError::Payload { most: MOST_PAYLOAD_BYTES });
        }
        let is_token = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if config.cluster_name.is_empty() || !config.cluster_name.chars().all(is_token) {
            return Err(JoinError::Name);
        }
        let credentials = match &config.cluster_credentials {
            Some(path) => Some(
                std::fs::read_to_string(path)
                    .map_err(|source| JoinError::File { path: path.clone(), source })?,
            ),
            None => None,
        };
        let certificate = match (&config.cluster_tls_cert, &config.cluster_tls_key) {
            (Some(cert), Some(key)) => Some((cert.clone(), key.clone())),
            (None, None) => None,
            _ => return Err(JoinError::Pair),
        };
        for path in config.cluster_tls_ca.iter().chain(certificate.iter().flat_map(|(c, k)| [c, k])) {
            std::fs::File::open(path).map_err(|source| JoinError::File { path: path.clone(), source })?;
        }
        let user = servers
            .iter()
            .find_map(|server| Some((server.username()?, server.password().unwrap_or_default())));
        let user = user.map(|(user, password)| (decoded(user), decoded(password)));
        let options = Options { user, credentials, ca: config.cluster_tls_ca.clone(), certificate };
        Ok(Some(Self {
            servers,
            name: config.cluster_name.clone(),
            payload: config.max_payload_bytes,
            options,
        }))
    }

    /// Connects once. What happens to the connection comes through `events`; a lost one is not mended, but made anew.
    pub(super) async fn connect(&self) -> Result<(Client, mpsc::UnboundedReceiver<Event>), String> {
        let (sender, events) = mpsc::unbounded_channel();
        let mut options = ConnectOptions::new()
            .name("callie-server")
            .connection_timeout(CONNECT_TIMEOUT)
            .ping_interval(PING_INTERVAL)
            .subscription_capacity(SUBSCRIPTION_CAPACITY)
            .client_capacity(CLIENT_CAPACITY)
            .max_reconnects(self.servers.len())
            .event_callback(move |event| {
                // Without a receiver the connection has been given up.
                let _ = sender.send(event);
                std::future::ready(())
            });
        if let Some((user, password)) = self.options.user.clone() {
            options = options.user_and_password(user, password);
        }
        if let Some(credentials) = &self.options.credentials {
            options = options.credentials(credentials).map_err(|e| e.to_string())?;
        }
        if let Some(ca) = &self.options.ca {
            options = options.add_root_certificates(ca.clone()).require_tls(true);
        }
        if let Some((cert, key)) = &self.options.certificate {
            options = options.add_client_certificate(cert.clone(), key.clone());
        }
        let client = options.connect(&self.servers[..]).await.map_err(|e| e.to_string())?;
        Ok((client, events))
    }

    /// What is wrong with the connection's `max_payload`, if it is less than one payload needs. Frames are cut to it in any
    /// case; but each payload in pieces is not what anybody wants who runs a cluster.
    pub(super) fn limit_fault(&self, client: &Client) -> Option<JoinError> {
        let (most, least) = (client.max_payload(), self.payload + PAYLOAD_ROOM);
        (most < least).then_some(JoinError::NatsLimit { most, payload: self.payload, least })
    }

    /// Where every node says that it is there.
    pub(super) fn heartbeats(&self) -> String {
        format!("{}.beat", self.name)
    }
}

/// A part of a URL as it was meant.
fn decoded(part: &str) -> String {
    percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
}
