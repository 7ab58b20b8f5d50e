//! Interfaces that the application implements.

use std::time::Duration;

use callie_core::Token;

use super::error::CallbackError;
use crate::callbacks::{self, Foreign};
use crate::logging::{self, Line};
use callie_client::{self as client, Event};

/// Receives events.
#[uniffi::export(callback_interface)]
pub trait Listener: Send + Sync {
    /// Called with the next events, in order, on one thread, which it may block. The first call has none. The last event is
    /// `Closed`.
    ///
    /// It may call every method of the client. If it fails, it is called again with the next batch.
    fn on_events(&self, events: Vec<Event>) -> Result<(), CallbackError>;
}

/// Gives a client the token of a new login when the server has ended its session.
#[uniffi::export(callback_interface)]
pub trait TokenSource: Send + Sync {
    /// Returns a valid token of the same user. Called once for each refusal, on a thread that it may block.
    /// `reason_code` is the server's code, such as `SESSION_EXPIRED`. If it fails or takes longer than the request
    /// timeout, the client ends.
    fn token(&self, username: String, reason_code: String) -> Result<String, CallbackError>;
}

/// Receives the library's log.
#[uniffi::export(callback_interface)]
pub trait LogSink: Send + Sync {
    /// Called with one line, always on the same thread. A line contains no tokens and no texts of messages.
    fn log(&self, level: LogLevel, target: String, text: String) -> Result<(), CallbackError>;
}

/// The level of a line of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum LogLevel {
    /// A fault of the application or of this library.
    Error,
    /// A problem that the client can handle.
    Warn,
    /// Connections that open and close.
    Info,
    /// Each step that the client takes.
    Debug,
    /// Also details of the libraries that the client uses. The packaged library leaves them out.
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

/// Sends the library's log, up to `level`, to `sink` instead of any previous sink. Without a sink, logging stops.
///
/// Returns after the last call of the previous sink. A sink may call this function; it is then not called again.
#[uniffi::export]
pub fn set_logger(level: LogLevel, sink: Option<Box<dyn LogSink>>) {
    let sink = sink.map(|sink| -> logging::Sink {
        let sink = Foreign::new(sink);
        Box::new(move |line: Line| {
            // The failure of a sink cannot be logged anywhere.
            let _ = sink.call(|sink| sink.log(line.level.into(), line.target, line.text));
        })
    });
    logging::set_logger(level.into(), sink);
}

/// Stops all callbacks permanently, for programs that are about to end: no listener, token source or log sink is called
/// any more, and no waiting call completes. Waits at most `patience_ms` milliseconds for callbacks in progress, except
/// those that it is called from.
///
/// Returns true if no call is in progress any more. Clients are not ended.
#[uniffi::export]
pub fn stop_callbacks(patience_ms: u64) -> bool {
    callbacks::stop(Duration::from_millis(patience_ms))
}

/// Adapts the application's token source to the client's.
pub(super) struct Source(pub(super) Foreign<dyn TokenSource>);

impl client::TokenSource for Source {
    fn token(&self, username: &str, reason: &str) -> Result<Token, client::BoxError> {
        let asked = self.0.call(|source| source.token(username.to_owned(), reason.to_owned()));
        let token = asked.ok_or("the program ends")??;
        Ok(Token::parse(&token)?)
    }
}
