//! What the server tells its operator: log lines. They never hold a token, a password or a text.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::{Config, ConfigError, LogFormat};

/// Has log lines written to stderr as `config` says. Once per process.
///
/// # Errors
/// [`ConfigError::BadValue`] when `log_level` is no filter.
pub fn init(config: &Config) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&config.log_level).map_err(|e| ConfigError::BadValue {
        key: "log_level".to_owned(),
        place: "the configuration".to_owned(),
        reason: e.to_string(),
    })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second call keeps what the first one set up.
    let _ = match config.log_format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
}
