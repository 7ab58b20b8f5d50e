//! The keys of the configuration, each with its documentation and default.

use std::path::PathBuf;

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

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Anyone.
    Open,
    /// Nobody.
    Closed,
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

/// Who hears of users coming and going.
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

/// A key's documentation: what `callie-server config` prints.
pub(super) struct KeyDoc {
    /// The key.
    pub(super) name: &'static str,
    /// The lines of its documentation.
    pub(super) doc: &'static [&'static str],
    /// What a value looks like, for keys that have none by default.
    pub(super) example: Option<&'static str>,
    /// Whether it can be changed while the server runs.
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

        /// Every key, in the order they are printed.
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
    /// The address and port to listen on. Port 0 takes a free one.
    fixed listen: String = "127.0.0.1:8080".into();
    /// The database: a file, made when missing, or a URL such as "sqlite:///var/lib/callie/callie.db" or
    /// "postgres://callie@db.example/callie?sslmode=verify-full". Keep a password in PGPASSWORD or in ~/.pgpass.
    fixed database: String = "callie.db".into();
    /// The most connections to a PostgreSQL database at a time.
    fixed database_connections: u32 = DATABASE_CONNECTIONS;
    /// NATS servers, separated by commas, through which this server and others on the same database are one cluster:
    /// "nats://", or "tls://" for TLS, with user and password where NATS asks for them.
    fixed cluster: Option<String> = None, example "\"nats://127.0.0.1:4222\"";
    /// The cluster's name: the first part of all its NATS subjects. Clusters that share a NATS need different ones.
    fixed cluster_name: String = "callie".into();
    /// A NATS credentials file (JWT and NKey).
    fixed cluster_credentials: Option<PathBuf> = None, example "\"/etc/callie/nats.creds\"";
    /// The root certificates (PEM) of the NATS servers, where they are not the system's. TLS is then required.
    fixed cluster_tls_ca: Option<PathBuf> = None, example "\"/etc/callie/nats-ca.pem\"";
    /// This server's certificate (PEM) for NATS. Set both keys or neither.
    fixed cluster_tls_cert: Option<PathBuf> = None, example "\"/etc/callie/nats-cert.pem\"";
    /// The private key (PEM) of that certificate.
    fixed cluster_tls_key: Option<PathBuf> = None, example "\"/etc/callie/nats-key.pem\"";
    /// The certificate chain (PEM) for TLS. Set both keys or neither; SIGHUP reads the files again.
    fixed tls_cert: Option<PathBuf> = None, example "\"/etc/callie/cert.pem\"";
    /// The private key (PEM) of the certificate.
    fixed tls_key: Option<PathBuf> = None, example "\"/etc/callie/key.pem\"";
    /// The address and port of /healthz, /readyz and /metrics. Keep it away from the internet.
    fixed metrics_listen: Option<String> = None, example "\"127.0.0.1:9090\"";
    /// "text" or "json".
    fixed log_format: LogFormat = LogFormat::Text;
    /// What is logged: "error", "warn", "info", "debug", "trace", or a filter such as "info,callie_server=debug".
    live log_level: LogFilter = LogFilter::info();
    /// Whether the chat page is served at "/".
    fixed web_page: bool = true;

    /// "open" or "closed": whether new users may register.
    live registration: Registration = Registration::Open;
    /// Web origins, such as "https://chat.example", whose pages may use this server beside its own.
    live cors_origins: Vec<WebOrigin> = Vec::new(), read "super::values::origins";
    /// Proxies whose X-Forwarded-For is believed: addresses, or networks such as "10.0.0.0/8".
    live trusted_proxies: Vec<IpNet> = Vec::new(), read "super::values::networks";
    /// Logins and password changes that an address may try at once.
    live login_burst_per_address: u32 = 300;
    /// Logins and password changes that an address may try in a minute, after that.
    live logins_per_minute_per_address: u32 = 60;
    /// Failed attempts on one name that an address may make at once.
    live login_burst_per_name: u32 = 10;
    /// Failed attempts on one name that an address may make in a minute, after that.
    live logins_per_minute_per_name: u32 = 5;
    /// Registrations that an address may try at once.
    live registration_burst: u32 = 300;
    /// Registrations that an address may try in a minute, after that.
    live registrations_per_minute: u32 = 10;

    /// Who may send to BROADCAST: "everyone" or "admins".
    live broadcast: Audience = Audience::Everyone;
    /// BROADCASTs a user may send in a minute.
    live broadcasts_per_minute: u32 = 30;
    /// Who hears of users coming and going: "groups" (those who share one, or subscribed), "everyone" or "off".
    live presence: PresenceMode = PresenceMode::Groups;
    /// The largest payload, in bytes.
    fixed max_payload_bytes: usize = Limits::default().max_payload_bytes;
    /// The longest text of a message, in bytes.
    fixed max_text_bytes: usize = Limits::default().max_text_bytes;
    /// The most attachments of a message.
    fixed max_attachments: usize = Limits::default().max_attachments;
    /// The most members of a group.
    fixed max_group_members: usize = Limits::default().max_group_members;
    /// The most groups a user may be in.
    fixed max_groups_per_user: usize = 1_000;
    /// Payloads a user may send in a second, on average. New connections have it.
    live messages_per_second: u32 = Limits::default().messages_per_second;
    /// Payloads a user may send at once. New connections have it.
    live burst: u32 = Limits::default().burst;

    /// The most connections. More are turned away.
    fixed max_connections: usize = 16_000;
    /// The most connections of one address.
    live max_connections_per_address: usize = 8_000;
    /// The most authenticated connections of one user.
    live max_connections_per_user: usize = 100;
    /// The most connections that have not authenticated yet.
    live max_unauthenticated: usize = 5_000;
    /// Bytes that may wait for one connection; a slower reader is closed. New connections have it.
    live outbox_bytes: usize = 4 * 1024 * 1024;
}

impl Config {
    /// The limits of the protocol that this server sets, as its clients are told them.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            max_payload_bytes: self.max_payload_bytes,
            max_text_bytes: self.max_text_bytes,
            max_attachments: self.max_attachments,
            max_group_members: self.max_group_members,
            messages_per_second: self.messages_per_second,
            burst: self.burst,
            broadcasts_per_minute: self.broadcasts_per_minute,
            broadcast_burst: Limits::default().broadcast_burst,
        }
    }
}
