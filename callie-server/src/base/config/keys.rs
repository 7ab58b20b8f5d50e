//! The keys of the configuration, each with its documentation and default.

use std::path::PathBuf;
use std::time::Duration;

use callie_core::Limits;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::values::{LogFilter, WebOrigin};

/// The default of `database_connections`.
pub(crate) const DATABASE_CONNECTIONS: u32 = 10;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Anyone.
    Open,
    /// Nobody.
    Closed,
    /// Users with an invitation.
    Invite,
}

/// Who may send to `BROADCAST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// Every user.
    Everyone,
    /// Server admins.
    Admins,
}

/// Who is notified of the presence of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PresenceMode {
    /// Users who share a group with them or subscribed to them.
    Groups,
    /// Everyone online.
    Everyone,
    /// Nobody.
    Off,
}

/// What happens to messages to users who are connected nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OfflineMode {
    /// They are discarded, and their senders receive `RECIPIENT_OFFLINE`.
    Off,
    /// They are kept in the database until they are delivered.
    Keep,
}

/// A key's documentation: what `callie-server config` prints.
pub(super) struct KeyDoc {
    /// The key.
    pub(super) name: &'static str,
    /// The lines of its documentation.
    pub(super) doc: &'static [&'static str],
    /// An example value, for keys without a default.
    pub(super) example: Option<&'static str>,
    /// Whether a reload changes it.
    pub(super) live: bool,
}

macro_rules! keys {
    ($($(#[doc = $doc:literal])* $mode:ident $key:ident: $type:ty = $default:expr $(, example $example:literal)? $(, read $read:literal)?;)*) => {
        /// The configuration of a server.
        #[allow(rustdoc::bare_urls, reason = "the same lines are comments in a TOML file")]
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Config {
            $($(#[doc = $doc])* $(#[serde(deserialize_with = $read)])? pub $key: $type,)*
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        /// Every key, in the order in which they are printed.
        pub(super) const KEYS: &[KeyDoc] = &[
            $(KeyDoc {
                name: stringify!($key),
                doc: &[$($doc),*],
                example: [$(Some($example),)? None][0],
                live: keys!(@$mode),
            },)*
        ];

        impl Config {
            /// This configuration with the live keys of `new`; and the other keys in which they differ, which a restart
            /// would change.
            #[must_use]
            pub fn with_live_keys_of(&self, new: &Self) -> (Self, Vec<&'static str>) {
                let (mut merged, mut left) = (self.clone(), Vec::new());
                $(
                    if keys!(@$mode) {
                        merged.$key = new.$key.clone();
                    } else if self.$key != new.$key {
                        left.push(stringify!($key));
                    }
                )*
                (merged, left)
            }
        }
    };
    (@live) => { true };
    (@fixed) => { false };
}

keys! {
    /// The address and port to listen on. Port 0 selects a free port.
    fixed listen: String = "127.0.0.1:8080".into();
    /// The database: a file, created if it is missing, or a URL such as "sqlite:///var/lib/callie/callie.db" or
    /// "postgres://callie@db.example/callie?sslmode=verify-full". Put the password in PGPASSWORD or in ~/.pgpass.
    fixed database: String = "callie.db".into();
    /// The maximum number of connections to a PostgreSQL database.
    fixed database_connections: u32 = DATABASE_CONNECTIONS;
    /// The URLs of NATS servers, separated by commas: "nats://", or "tls://" for TLS, with user and password if NATS
    /// requires them. All servers with the same NATS, cluster_name and database are one cluster.
    fixed cluster: Option<String> = None, example "\"nats://127.0.0.1:4222\"";
    /// The name of the cluster, and the first part of its NATS subjects. Clusters that share NATS need different names.
    fixed cluster_name: String = "callie".into();
    /// A NATS credentials file (JWT and NKey).
    fixed cluster_credentials: Option<PathBuf> = None, example "\"/etc/callie/nats.creds\"";
    /// The root certificates (PEM) of the NATS servers, if they are not the system's. If set, TLS is required.
    fixed cluster_tls_ca: Option<PathBuf> = None, example "\"/etc/callie/nats-ca.pem\"";
    /// This server's certificate (PEM) for NATS. Set cluster_tls_cert and cluster_tls_key, or neither.
    fixed cluster_tls_cert: Option<PathBuf> = None, example "\"/etc/callie/nats-cert.pem\"";
    /// The private key (PEM) of cluster_tls_cert.
    fixed cluster_tls_key: Option<PathBuf> = None, example "\"/etc/callie/nats-key.pem\"";
    /// The certificate chain (PEM) for TLS. Set tls_cert and tls_key, or neither. SIGHUP reads the files again.
    fixed tls_cert: Option<PathBuf> = None, example "\"/etc/callie/cert.pem\"";
    /// The private key (PEM) of tls_cert.
    fixed tls_key: Option<PathBuf> = None, example "\"/etc/callie/key.pem\"";
    /// The address and port of /healthz, /readyz and /metrics. They must not be reachable from the internet.
    fixed metrics_listen: Option<String> = None, example "\"127.0.0.1:9090\"";
    /// The format of log lines: "text" or "json".
    fixed log_format: LogFormat = LogFormat::Text;
    /// The log level: "error", "warn", "info", "debug", "trace", or a filter such as "info,callie_server=debug".
    live log_level: LogFilter = LogFilter::info();
    /// Whether the chat page is served at "/".
    fixed web_page: bool = true;

    /// Who may register: "open" for anyone, "closed" for nobody, "invite" for users with an invitation, which
    /// `callie-server user invite` creates.
    live registration: Registration = Registration::Open;
    /// The origins of web pages that may use this server, besides its own: "https://chat.example".
    live cors_origins: Vec<WebOrigin> = Vec::new(), read "super::values::origins";
    /// The proxies whose X-Forwarded-For is trusted: addresses, or networks such as "10.0.0.0/8".
    live trusted_proxies: Vec<IpNet> = Vec::new(), read "super::values::networks";
    /// The number of logins and password changes that an address may attempt at once.
    live login_burst_per_address: u32 = 300;
    /// The number of logins and password changes that an address may attempt in a minute after that.
    live logins_per_minute_per_address: u32 = 60;
    /// The number of failed attempts that an address may make for one username at once.
    live login_burst_per_name: u32 = 10;
    /// The number of failed attempts that an address may make for one username in a minute after that.
    live logins_per_minute_per_name: u32 = 5;
    /// The number of registrations that an address may attempt at once.
    live registration_burst: u32 = 300;
    /// The number of registrations that an address may attempt in a minute after that.
    live registrations_per_minute: u32 = 10;

    /// Who may send to BROADCAST: "everyone" or "admins".
    live broadcast: Audience = Audience::Everyone;
    /// The number of broadcasts that a user may send in a minute.
    live broadcasts_per_minute: u32 = 30;
    /// Who is notified when a user comes online or goes offline: "groups" (members of a common group and subscribers),
    /// "everyone" or "off".
    live presence: PresenceMode = PresenceMode::Groups;
    /// Whether messages to users who are offline are kept in the database until they are delivered: "off" or "keep".
    fixed offline: OfflineMode = OfflineMode::Off;
    /// The maximum number of messages that are kept for one user.
    fixed offline_max_messages: u32 = 1_000;
    /// The maximum size of the messages that are kept for one user, in bytes.
    fixed offline_max_bytes: usize = 4 * 1024 * 1024;
    /// The number of days after which a kept message is removed.
    fixed offline_days: u32 = 30;
    /// The maximum size of a payload, in bytes.
    fixed max_payload_bytes: usize = Limits::default().max_payload_bytes;
    /// The maximum size of a message's text, in bytes.
    fixed max_text_bytes: usize = Limits::default().max_text_bytes;
    /// The maximum number of attachments of a message.
    fixed max_attachments: usize = Limits::default().max_attachments;
    /// The maximum number of members of a group.
    fixed max_group_members: usize = Limits::default().max_group_members;
    /// The maximum number of groups that a user may be in.
    fixed max_groups_per_user: usize = 1_000;
    /// The number of payloads that a user may send in a second on average. A change applies to new connections.
    live messages_per_second: u32 = Limits::default().messages_per_second;
    /// The number of payloads that a user may send at once. A change applies to new connections.
    live burst: u32 = Limits::default().burst;

    /// The maximum number of connections. Further ones are refused.
    fixed max_connections: usize = 16_000;
    /// The maximum number of connections from one address.
    live max_connections_per_address: usize = 8_000;
    /// The maximum number of authenticated connections of one user.
    live max_connections_per_user: usize = 100;
    /// The maximum number of connections that have not authenticated yet.
    live max_unauthenticated: usize = 5_000;
    /// The number of bytes that may be queued for one connection. A connection that exceeds it is closed. A change
    /// applies to new connections.
    live outbox_bytes: usize = 4 * 1024 * 1024;
    /// The number of seconds for which a lost connection can be resumed. Until then, its user counts as connected. With 0,
    /// no connection can be resumed. A change applies to new connections.
    live resume_window: u32 = 60;
}

impl Config {
    /// Returns how long a lost connection can be resumed; zero if never.
    #[must_use]
    pub fn resume_window(&self) -> Duration {
        Duration::from_secs(self.resume_window.into())
    }

    /// Returns the limits of the protocol, which the server announces to clients.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits::default()
            .with_max_payload_bytes(self.max_payload_bytes)
            .with_max_text_bytes(self.max_text_bytes)
            .with_max_attachments(self.max_attachments)
            .with_max_group_members(self.max_group_members)
            .with_messages_per_second(self.messages_per_second)
            .with_burst(self.burst)
            .with_broadcasts_per_minute(self.broadcasts_per_minute)
    }
}
