//! The log for a language whose threads fetch its lines: Python.

use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};

use super::callback::LogLevel;
use crate::logging::{self, Line};

/// Lines that wait to be fetched. More are dropped.
const QUEUE: usize = 1_024;

/// One line of the log. It holds no token and no text of a message.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// The part of the library that wrote it.
    pub target: String,
    /// What it says.
    pub text: String,
}

/// Where a thread of the application fetches what the library logs.
#[derive(Debug, uniffi::Object)]
pub struct LogReader {
    lines: Mutex<Receiver<Line>>,
}

#[uniffi::export]
impl LogReader {
    /// Sends what the library logs, up to `level`, to a new reader, in place of any logger before.
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

    /// Waits for the next line; none when another logger has taken this one's place and all lines were fetched.
    pub fn next(&self) -> Option<LogLine> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let Line { level, target, text } = lines.recv().ok()?;
        Some(LogLine { level: level.into(), target, text })
    }
}

/// Lets nothing be logged any more.
#[uniffi::export]
pub fn stop_logging() {
    logging::set_logger(LogLevel::Error.into(), None);
}
