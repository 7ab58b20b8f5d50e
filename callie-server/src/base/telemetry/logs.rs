//! Log lines, as text for people or as JSON.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt, reload};

use super::queue::Queue;
use crate::base::config::{Config, LogFilter, LogFormat};

/// The filter of this process, which can be changed while it runs.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();
/// The queue of lines of this process.
static QUEUE: OnceLock<Queue> = OnceLock::new();
/// The number of lines of this process that were dropped or could not be written.
static LOST: LazyLock<Counter> = LazyLock::new(Counter::default);

/// How long the last lines may take when the program ends.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Starts logging to stderr as `config` says, panics included. A thread of its own writes the lines, so a stderr that
/// nobody reads blocks nothing. Works once per process; a second call only changes the filter.
///
/// Call [`flush`] before the process ends.
pub fn init(config: &Config) {
    let (filter, handle) = reload::Layer::new(filter(&config.log_level));
    // Without a thread, lines are written by the threads that log them.
    let queue = Queue::start(std::io::stderr(), LOST.clone(), report_dropped).ok();
    let writer = match &queue {
        Some(queue) => BoxMakeWriter::new(queue.clone()),
        None => BoxMakeWriter::new(std::io::stderr),
    };
    let lines = fmt::layer().with_writer(writer);
    let lines = match config.log_format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    match tracing_subscriber::registry().with(filter).with(lines).try_init() {
        Ok(()) => {
            // Only one initialisation succeeds, so nobody else sets them.
            let _ = FILTER.set(handle);
            if let Some(queue) = queue {
                let _ = QUEUE.set(queue);
            }
            std::panic::set_hook(Box::new(log_panic));
        }
        Err(_) => set_filter(&config.log_level),
    }
}

/// Changes what is logged from now on. Does nothing before [`init`].
pub fn set_filter(level: &LogFilter) {
    if let Some(handle) = FILTER.get()
        && let Err(error) = handle.reload(filter(level))
    {
        tracing::warn!(%error, "cannot change the log level");
    }
}

/// Waits until the lines logged so far are written, for at most a second: nobody may be reading stderr.
pub fn flush() {
    if let Some(queue) = QUEUE.get() {
        queue.flush(FLUSH_TIMEOUT);
    }
}

/// Writes one line to stderr after the log lines, with the same timeout.
pub(crate) fn say(line: &str) {
    match QUEUE.get() {
        Some(queue) => {
            use fmt::MakeWriter as _;
            // Writing to the queue cannot fail.
            let _ = writeln!(queue.make_writer(), "{line}");
            flush();
        }
        // Nothing can be done about a closed stderr.
        None => drop(writeln!(std::io::stderr(), "{line}")),
    }
}

/// Returns the counter of lines that were dropped or could not be written.
pub(super) fn lost_lines() -> Counter {
    LOST.clone()
}

fn report_dropped(lines: u64) {
    tracing::warn!(lines, "log lines were dropped: stderr was not read");
}

/// Logs a panic. The message of the standard library would wait for the reader of stderr.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("?");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    let trace = std::backtrace::Backtrace::capture();
    let trace = (trace.status() == std::backtrace::BacktraceStatus::Captured).then(|| trace.to_string());
    tracing::error!(reason = message, place, thread = thread.name(), trace, "a panic");
}

/// Silences the NATS client, whose errors the server logs itself and which repeats itself at every attempt to connect,
/// and PostgreSQL's notices, such as that a table exists already.
const SILENT: &str = "async_nats=off,sqlx::postgres::notice=warn";

fn filter(level: &LogFilter) -> EnvFilter {
    // A `LogFilter` is always valid. An invalid part would be left out.
    EnvFilter::builder().parse_lossy(format!("{level},{SILENT}"))
}
