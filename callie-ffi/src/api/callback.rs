//! What the application implements.

use std::sync::Arc;

use callie_core::Token;

use super::error::CallbackError;
use super::event::Event;
use crate::client;
use crate::logging::{self, Line};

/// Takes events as they come.
#[uniffi::export(rust, foreign)]
pub trait Listener: Send + Sync {
    /// The next events, in order; called from one thread that may block, never twice at once. The last is `Closed`.
    ///
    /// It may call every method of the client. If it fails, the next batch comes all the same.
    fn on_events(&self, events: Vec<Event>) -> Result<(), CallbackError>;
}

/// Takes events as they come, a batch as one text: a JSON array of objects.
#[uniffi::export(rust, foreign)]
pub trait BatchListener: Send + Sync {
    /// The next events, as for `Listener`.
    fn on_batch(&self, batch: String) -> Result<(), CallbackError>;
}

/// Gives a client the token of a new login when the server has ended its session.
#[uniffi::export(rust, foreign)]
pub trait TokenSource: Send + Sync {
    /// A live token of the same user; called from a thread that may block, once for each refusal. `reason_code` is the
    /// server's, such as `SESSION_EXPIRED`. If it fails, or takes longer than the time for one exchange, the client ends.
    fn token(&self, username: String, reason_code: String) -> Result<String, CallbackError>;
}

/// Takes what the library logs.
#[uniffi::export(rust, foreign)]
pub trait LogSink: Send + Sync {
    /// One line. It holds no token and no text of a message. Called from one thread.
    fn log(&self, level: LogLevel, target: String, text: String) -> Result<(), CallbackError>;
}

/// How much a line of the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum LogLevel {
    /// A fault of the application or of this library.
    Error,
    /// Something that should not be, and that the client copes with.
    Warn,
    /// Connections that come and go.
    Info,
    /// What the client tries.
    Debug,
    /// Everything.
    Trace,
}

impl From<LogLevel> for log::LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::Error,
            LogLevel::Warn => Self::Warn,
            LogLevel::Info => Self::Info,
            LogLevel::Debug => Self::Debug,
            LogLevel::Trace => Self::Trace,
        }
    }
}

impl From<log::Level> for LogLevel {
    fn from(level: log::Level) -> Self {
        match level {
            log::Level::Error => Self::Error,
            log::Level::Warn => Self::Warn,
            log::Level::Info => Self::Info,
            log::Level::Debug => Self::Debug,
            log::Level::Trace => Self::Trace,
        }
    }
}

/// Hands what the library logs, up to `level`, to `sink` from now on, in place of any before; without a sink to nobody.
#[uniffi::export]
pub fn set_logger(level: LogLevel, sink: Option<Arc<dyn LogSink>>) {
    let sink = sink.map(|sink| -> logging::Sink {
        Arc::new(move |line: Line| {
            // A sink that fails has nowhere to say so.
            let _ = sink.log(line.level.into(), line.target, line.text);
        })
    });
    logging::set_logger(level.into(), sink);
}

/// A source of the application's as the client asks it.
pub(super) struct Source(pub(super) Arc<dyn TokenSource>);

impl client::TokenSource for Source {
    fn token(&self, username: &str, reason: &str) -> Result<Token, client::BoxError> {
        let token = self.0.token(username.to_owned(), reason.to_owned())?;
        Ok(Token::parse(&token)?)
    }
}
