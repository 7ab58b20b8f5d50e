//! Log lines, for people or as JSON.

use std::io::IsTerminal as _;
use std::sync::OnceLock;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt, reload};

use crate::config::{Config, ConfigError, LogFormat};

/// The filter of this process, to be changed while it runs.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Has log lines written to stderr as `config` says. Once per process; a second call changes the level alone.
///
/// # Errors
/// [`ConfigError::BadValue`] when `log_level` is no filter.
pub fn init(config: &Config) -> Result<(), ConfigError> {
    let (filter, handle) = reload::Layer::new(parse(&config.log_level)?);
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match config.log_format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    match tracing_subscriber::registry().with(filter).with(lines).try_init() {
        Ok(()) => {
            // Nobody else sets it: only one initialisation succeeds.
            let _ = FILTER.set(handle);
            Ok(())
        }
        Err(_) => set_level(&config.log_level),
    }
}

/// Changes what is logged from now on. Without [`init`] it does nothing.
///
/// # Errors
/// [`ConfigError::BadValue`] when `level` is no filter.
pub fn set_level(level: &str) -> Result<(), ConfigError> {
    let filter = parse(level)?;
    if let Some(handle) = FILTER.get()
        && let Err(error) = handle.reload(filter)
    {
        tracing::warn!(%error, "the log level could not be changed");
    }
    Ok(())
}

/// Silences the NATS client: what matters of it we tell ourselves, and it repeats itself at every attempt to connect.
const SILENT: &str = "async_nats=off";

fn parse(level: &str) -> Result<EnvFilter, ConfigError> {
    let filter = EnvFilter::builder().parse(format!("{level},{SILENT}"));
    filter.map_err(|e| ConfigError::BadValue {
        key: "log_level".to_owned(),
        place: "the configuration".to_owned(),
        reason: e.to_string(),
    })
}
