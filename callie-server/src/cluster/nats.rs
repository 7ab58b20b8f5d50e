//! The connection to NATS.

use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use tokio::sync::mpsc;

use super::error::JoinError;
use crate::base::config::Config;

/// How long connecting may take. A server in the same network answers in milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The interval of pings to NATS. Two pings without an answer mean that the connection is lost.
const PING_INTERVAL: Duration = Duration::from_secs(1);
/// The most messages that wait between the connection and the task of the cluster. Each may be a frame of 128 KiB, so
/// they are few. Lost ones are detected as gaps.
const SUBSCRIPTION_CAPACITY: usize = 1_024;
/// The most messages that wait to be written to the connection, for the same reason.
const CLIENT_CAPACITY: usize = 64;
/// The largest payload in a cluster. With its envelope it must fit into 1 MiB, the default limit of NATS.
const MOST_PAYLOAD_BYTES: usize = 512 * 1024;

/// The room for what is sent with a payload: names, IDs and the header of a frame.
const PAYLOAD_ROOM: usize = 1_024;

/// The NATS servers, and the settings of this cluster.
pub(super) struct Nats {
    servers: Vec<ServerAddr>,
    /// The first part of all subjects.
    pub(super) name: String,
    /// The largest payload of a client.
    payload: usize,
    options: Options,
}

/// The options of the connection, besides the servers.
#[derive(Clone)]
struct Options {
    /// User and password, from the first URL that has them.
    user: Option<(String, String)>,
    credentials: Option<String>,
    ca: Option<std::path::PathBuf>,
    certificate: Option<(std::path::PathBuf, std::path::PathBuf)>,
}

impl Nats {
    /// Reads the configuration; `None` if it names no cluster.
    pub(super) fn read(config: &Config) -> Result<Option<Self>, JoinError> {
        let Some(urls) = &config.cluster else { return Ok(None) };
        let servers = urls.split(',').map(str::trim).filter(|url| !url.is_empty());
        // The address is not shown, because it may contain a password.
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

    /// Connects once. Events of the connection are sent through the receiver. A lost connection is replaced by a new
    /// one.
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
                // Without a receiver the connection is not used any more.
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

    /// Returns an error if NATS accepts less than one payload needs. Frames are split in any case, but splitting each
    /// payload is not what an operator wants.
    pub(super) fn limit_fault(&self, client: &Client) -> Option<JoinError> {
        let (most, least) = (client.max_payload(), self.payload + PAYLOAD_ROOM);
        (most < least).then_some(JoinError::NatsLimit { most, payload: self.payload, least })
    }
}

/// Decodes a part of a URL.
fn decoded(part: &str) -> String {
    percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
}
