//! What the application implements.

use std::sync::Arc;
use std::time::Duration;

use callie_core::Token;

use super::error::CallbackError;
use crate::callbacks::{self, Foreign};
use crate::logging::{self, Line};
use callie_client::{self as client, Event};

/// Takes events as they come.
#[uniffi::export(rust, foreign)]
pub trait Listener: Send + Sync {
    /// The next events, in order; called from one thread that may block, never twice at once. The last is `Closed`.
    ///
    /// It may call every method of the client. If it fails, the next batch comes all the same.
    fn on_events(&self, events: Vec<Event>) -> Result<(), CallbackError>;
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
    /// Also the details of libraries below the client. The packaged library leaves them out.
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
///
/// Returns after the last call of the sink before. A sink may call it, and is not called again then.
#[uniffi::export]
pub fn set_logger(level: LogLevel, sink: Option<Arc<dyn LogSink>>) {
    let sink = sink.map(|sink| -> logging::Sink {
        let sink = Foreign::new(sink);
        Box::new(move |line: Line| {
            // A sink that fails has nowhere to say so.
            let _ = sink.call(|sink| sink.log(line.level.into(), line.target, line.text));
        })
    });
    logging::set_logger(level.into(), sink);
}

/// Stops all calls into the program, for good, for programs that are about to end: after it no listener, no source of tokens
/// and no log sink is called, and no waiting call is told that it can go on. It waits at most `patience_ms` milliseconds for
/// those that are under way, but for those that it is itself called from.
///
/// True if none is under way any more. Clients are not ended.
#[uniffi::export]
pub fn stop_callbacks(patience_ms: u64) -> bool {
    callbacks::stop(Duration::from_millis(patience_ms))
}

/// A source of the application's as the client asks it.
pub(super) struct Source(pub(super) Foreign<dyn TokenSource>);

impl client::TokenSource for Source {
    fn token(&self, username: &str, reason: &str) -> Result<Token, client::BoxError> {
        let asked = self.0.call(|source| source.token(username.to_owned(), reason.to_owned()));
        let token = asked.ok_or("the program ends")??;
        Ok(Token::parse(&token)?)
    }
}
