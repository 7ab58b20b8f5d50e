//! Reading the configuration: defaults, the file, the environment and the flags. Each overrides the one before.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::error::{Actual, Kind};
use figment::providers::{Env, Serialized};
use serde::Serialize;

use super::keys::{Config, KEYS, LogFormat};

/// The prefix of environment variables.
const PREFIX: &str = "CALLIE_";

/// The least `max_payload_bytes`. The server's own payloads must fit, and the largest is a list of 100 sessions.
const LEAST_PAYLOAD_BYTES: usize = 48 * 1024;
/// The longest `resume_window`, in seconds. What is kept for a lost connection takes memory for that long.
const MOST_RESUME_WINDOW: u32 = 3_600;

/// Returns environment variables that look like keys and are none, because a mistyped one would go unnoticed.
#[must_use]
pub fn unknown_variables() -> Vec<String> {
    let known = |name: &str| name == "CONFIG" || KEYS.iter().any(|key| key.name.eq_ignore_ascii_case(name));
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter(|name| name.strip_prefix(PREFIX).is_some_and(|key| !known(key))).collect()
}

/// Values from the command line, which override all others.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Overrides {
    /// See [`Config::listen`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// See [`Config::database`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// See [`Config::cluster`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// See [`Config::log_format`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_format: Option<LogFormat>,
    /// See [`Config::web_page`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_page: Option<bool>,
}

/// Why the configuration cannot be used. Each error is one line for people.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A key that does not exist.
    #[error("unknown key '{key}' in {place}; 'callie-server config' lists the keys")]
    UnknownKey {
        /// The key.
        key: String,
        /// The file, or the environment.
        place: String,
    },
    /// A value of the wrong type or out of range.
    #[error("bad value for '{key}' in {place}: {reason}")]
    BadValue {
        /// The key.
        key: String,
        /// The file, or the environment.
        place: String,
        /// What was expected.
        reason: String,
    },
    /// The file is not TOML.
    #[error("cannot parse {place}: {reason}")]
    NotToml {
        /// The file.
        place: String,
        /// The line and the error.
        reason: String,
    },
}

/// Reads the configuration from `file` if there is one, the environment and `overrides`.
///
/// Environment variables that are not keys are ignored, because container platforms set `CALLIE_…` variables of their
/// own.
///
/// # Errors
/// [`ConfigError`], one line for people.
pub fn load(file: Option<&Path>, overrides: &Overrides) -> Result<Config, ConfigError> {
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    if let Some(path) = file {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let keys: toml::Table = toml::from_str(&text).map_err(|error| {
            // The error itself contains the whole line, which may contain a password.
            let line = error.span().map_or(1, |at| text[..at.start].matches('\n').count() + 1);
            let reason = format!("line {line}: {}", one_line(error.message()));
            ConfigError::NotToml { place: path.display().to_string(), reason }
        })?;
        figment = figment.merge(Serialized::defaults(keys));
    }
    let place = file.map_or_else(|| "the configuration".to_owned(), |p| p.display().to_string());
    // Compose files set variables to an empty text where no value is meant.
    let keys: Vec<&str> = KEYS.iter().map(|key| key.name).filter(|key| variable(key).is_some()).collect();
    let config: Config = figment
        .merge(Env::prefixed(PREFIX).only(&keys))
        .merge(Serialized::defaults(overrides))
        .extract()
        .map_err(|e| explain(e, &place))?;
    check(&config, &place)?;
    Ok(config)
}

fn explain(error: figment::Error, file: &str) -> ConfigError {
    // Only the first error is reported.
    let Some(first) = error.into_iter().next() else {
        return ConfigError::NotToml { place: file.to_owned(), reason: "it cannot be read".to_owned() };
    };
    let from_environment = first.metadata.as_ref().is_some_and(|m| m.name.contains("environment"));
    let place = if from_environment { "the environment".to_owned() } else { file.to_owned() };
    let key = first.path.join(".");
    match first.kind {
        Kind::UnknownField(field, _) => ConfigError::UnknownKey { key: field, place },
        kind if key.is_empty() => ConfigError::NotToml { place, reason: reason(&kind) },
        kind => ConfigError::BadValue { key, place, reason: reason(&kind) },
    }
}

/// Describes what was expected. The value is not shown: it may be a secret that was meant for another key.
fn reason(kind: &Kind) -> String {
    match kind {
        // A number that no integer type holds arrives as a text or a float.
        Kind::InvalidType(found, expected) if greatest(expected).is_some() && is_number(found) => {
            format!("it must be {}", plain(expected))
        }
        Kind::InvalidType(found, expected) => {
            format!("it must be {}, not {}", plain(expected), kind_of(found))
        }
        Kind::InvalidValue(_, expected) | Kind::InvalidLength(_, expected) => {
            format!("it must be {}", plain(expected))
        }
        Kind::UnknownVariant(_, known) => format!("it must be {}", one_of(known)),
        Kind::ISizeOutOfRange(_) | Kind::USizeOutOfRange(_) => "the number is out of range".to_owned(),
        // A message of the parsers in `values.rs`, which do not show the value either.
        Kind::Message(message) => one_line(message),
        _ => "it cannot be read".to_owned(),
    }
}

/// Returns the description of a type, for people.
fn plain(expected: &str) -> String {
    match (expected, greatest(expected)) {
        (_, Some(greatest)) => format!("a whole number from 0 to {greatest}"),
        ("a boolean", _) => "true or false".to_owned(),
        ("a string" | "path string", _) => "a text".to_owned(),
        (other, _) => other.to_owned(),
    }
}

/// Returns the greatest value of an integer type.
fn greatest(integer: &str) -> Option<u64> {
    match integer {
        "u16" => Some(u16::MAX.into()),
        "u32" => Some(u32::MAX.into()),
        // The greatest value that TOML and environment variables can express.
        "u64" | "usize" => Some(i64::MAX.unsigned_abs()),
        _ => None,
    }
}

fn is_number(found: &Actual) -> bool {
    match found {
        Actual::Unsigned(_) | Actual::Signed(_) | Actual::Float(_) => true,
        Actual::Str(text) => text.parse::<f64>().is_ok(),
        _ => false,
    }
}

fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

fn kind_of(found: &Actual) -> &'static str {
    match found {
        Actual::Bool(_) => "true or false",
        Actual::Unsigned(_) | Actual::Signed(_) | Actual::Float(_) => "a number",
        Actual::Char(_) | Actual::Str(_) => "a text",
        Actual::Seq => "a list",
        Actual::Map => "a table",
        _ => "something else",
    }
}

/// Returns the environment variable of a key, unless it is missing or empty.
pub(crate) fn variable(key: &str) -> Option<OsString> {
    let value = std::env::var_os(format!("{PREFIX}{}", key.to_ascii_uppercase()))?;
    (!value.to_string_lossy().trim().is_empty()).then_some(value)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns `true` if `text` is a host or an IP address, a colon and a port.
fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && !host.contains(['@', '/', ':', '[', ']']),
    };
    is_host && port.parse::<u16>().is_ok()
}

/// Checks what the types do not express.
fn check(config: &Config, place: &str) -> Result<(), ConfigError> {
    let bad = |key: &str, reason: &str| {
        let place = if variable(key).is_some() { "the environment" } else { place };
        Err(ConfigError::BadValue { key: key.to_owned(), place: place.to_owned(), reason: reason.to_owned() })
    };
    let positive = [
        ("database_connections", config.database_connections as usize),
        ("max_payload_bytes", config.max_payload_bytes),
        ("max_text_bytes", config.max_text_bytes),
        ("offline_max_messages", config.offline_max_messages as usize),
        ("offline_max_bytes", config.offline_max_bytes),
        ("offline_days", config.offline_days as usize),
        ("max_group_members", config.max_group_members),
        ("max_groups_per_user", config.max_groups_per_user),
        ("max_connections", config.max_connections),
        ("max_connections_per_address", config.max_connections_per_address),
        ("max_connections_per_user", config.max_connections_per_user),
        ("max_unauthenticated", config.max_unauthenticated),
        ("outbox_bytes", config.outbox_bytes),
        ("messages_per_second", config.messages_per_second as usize),
        ("burst", config.burst as usize),
        ("broadcasts_per_minute", config.broadcasts_per_minute as usize),
        ("login_burst_per_address", config.login_burst_per_address as usize),
        ("logins_per_minute_per_address", config.logins_per_minute_per_address as usize),
        ("login_burst_per_name", config.login_burst_per_name as usize),
        ("logins_per_minute_per_name", config.logins_per_minute_per_name as usize),
        ("registration_burst", config.registration_burst as usize),
        ("registrations_per_minute", config.registrations_per_minute as usize),
    ];
    if let Some((key, _)) = positive.iter().find(|(_, value)| *value == 0) {
        return bad(key, "it must be at least 1");
    }
    let addresses = [("listen", Some(&config.listen)), ("metrics_listen", config.metrics_listen.as_ref())];
    if let Some((key, _)) = addresses.iter().find(|(_, at)| at.is_some_and(|at| !is_address(at))) {
        return bad(key, "it must be an address and a port, such as 127.0.0.1:8080");
    }
    let files = [
        ("tls_cert", &config.tls_cert),
        ("tls_key", &config.tls_key),
        ("cluster_credentials", &config.cluster_credentials),
        ("cluster_tls_ca", &config.cluster_tls_ca),
        ("cluster_tls_cert", &config.cluster_tls_cert),
        ("cluster_tls_key", &config.cluster_tls_key),
    ];
    let is_path =
        |file: &PathBuf| !["-----", "\n", "://"].iter().any(|part| file.to_string_lossy().contains(part));
    if let Some((key, _)) = files.iter().find(|(_, file)| file.as_ref().is_some_and(|file| !is_path(file))) {
        return bad(key, "it must be the path of a file, not what the file holds");
    }
    if config.tls_cert.is_some() != config.tls_key.is_some() {
        let set = if config.tls_cert.is_some() { "tls_cert" } else { "tls_key" };
        return bad(set, "tls_cert and tls_key are set together or not at all");
    }
    if config.max_payload_bytes < LEAST_PAYLOAD_BYTES {
        return bad("max_payload_bytes", "it must be at least 49152: a page of a list must fit");
    }
    if config.max_text_bytes > config.max_payload_bytes {
        return bad("max_text_bytes", "it must be at most max_payload_bytes");
    }
    if config.outbox_bytes < config.max_payload_bytes {
        return bad("outbox_bytes", "it must be at least max_payload_bytes");
    }
    if config.resume_window > MOST_RESUME_WINDOW {
        return bad("resume_window", "it must be at most 3600: an hour");
    }
    Ok(())
}
