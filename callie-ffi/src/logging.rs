//! What the library logs, handed to one callback of a program that is not written in Rust.
//!
//! Rust programs install a logger of the `log` crate as usual. Nothing that is logged holds a token or a text.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use log::{LevelFilter, Log, Metadata, Record};

/// Lines that wait for the callback. More are dropped: a slow log must not hold up the client.
const QUEUE: usize = 1_024;
/// Only this library's own lines: others' may hold what it would never log.
const OWN: &str = "callie";

/// One line.
pub(crate) struct Line {
    pub(crate) level: log::Level,
    pub(crate) target: String,
    pub(crate) text: String,
}

/// Where lines go.
pub(crate) type Sink = Arc<dyn Fn(Line) + Send + Sync>;

struct Forward {
    queue: SyncSender<Line>,
    sink: Arc<Mutex<Option<Sink>>>,
}

static FORWARD: OnceLock<Forward> = OnceLock::new();

/// Sends lines up to `level` to `sink` from now on, from one thread; without a sink, none. A Rust program that installed a
/// logger of its own keeps it.
pub(crate) fn set_logger(level: LevelFilter, sink: Option<Sink>) {
    let forward = FORWARD.get_or_init(Forward::start);
    let level = if sink.is_some() { level } else { LevelFilter::Off };
    *forward.sink.lock().unwrap_or_else(PoisonError::into_inner) = sink;
    if log::set_logger(forward).is_ok() || std::ptr::addr_eq(log::logger(), forward) {
        log::set_max_level(level);
    }
}

impl Forward {
    fn start() -> Self {
        let (queue, lines) = sync_channel(QUEUE);
        let sink = Arc::default();
        let shown = Arc::clone(&sink);
        // Without a thread the queue has no reader, and lines are dropped.
        let _ = thread::Builder::new().name("callie-log".to_owned()).spawn(move || deliver(&lines, &shown));
        Self { queue, sink }
    }
}

fn deliver(lines: &Receiver<Line>, sink: &Mutex<Option<Sink>>) {
    while let Ok(line) = lines.recv() {
        let sink = sink.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(sink) = sink {
            // A sink that panics has nowhere to say so.
            let _ = catch_unwind(AssertUnwindSafe(|| sink(line)));
        }
    }
}

impl Log for Forward {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with(OWN)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = Line {
                level: record.level(),
                target: record.target().to_owned(),
                text: record.args().to_string(),
            };
            // Full: the line is dropped.
            let _ = self.queue.try_send(line);
        }
    }

    fn flush(&self) {}
}
