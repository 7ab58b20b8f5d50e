//! The log for a language whose threads fetch its lines: Python.

use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};

use super::callback::LogLevel;
use crate::logging::{self, Line};

/// The maximum number of lines that wait to be fetched. More are dropped.
const QUEUE: usize = 1_024;

/// One line of the log. It contains no tokens and no texts of messages.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct LogLine {
    /// The level.
    pub level: LogLevel,
    /// The part of the library that wrote it.
    pub target: String,
    /// The text.
    pub text: String,
}

/// Reads the library's log, for a thread of the application.
#[derive(Debug, uniffi::Object)]
pub struct LogReader {
    lines: Mutex<Receiver<Line>>,
}

#[uniffi::export]
impl LogReader {
    /// Sends the library's log, up to `level`, to a new reader instead of any previous sink.
    #[uniffi::constructor]
    pub fn new(level: LogLevel) -> Self {
        let (queue, lines) = sync_channel(QUEUE);
        let sink = move |line: Line| {
            // Full: the line is dropped.
            let _ = queue.try_send(line);
        };
        logging::set_logger(level.into(), Some(Box::new(sink)));
        Self { lines: Mutex::new(lines) }
    }

    /// Waits for the next line; none when this reader was replaced and all its lines were fetched.
    pub fn next(&self) -> Option<LogLine> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let Line { level, target, text } = lines.recv().ok()?;
        Some(LogLine { level: level.into(), target, text })
    }
}

/// Stops logging.
#[uniffi::export]
pub fn stop_logging() {
    logging::set_logger(LogLevel::Error.into(), None);
}
