//! Passes the library's log to a callback of a program that is not written in Rust.
//!
//! Rust programs install a logger of the `log` crate as usual. The log contains no tokens and no texts of messages.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use log::{LevelFilter, Log, Metadata, Record};

use crate::gate::{Gate, Retired};
use crate::{owner, threads};

/// The maximum number of lines that wait for the callback. More are dropped: a slow sink must not delay the client.
const QUEUE: usize = 1_024;
/// The prefix of this library's own targets. Lines of other libraries may contain secrets and are left out.
const OWN: &str = "callie";

/// One line.
pub(crate) struct Line {
    pub(crate) level: log::Level,
    pub(crate) target: String,
    pub(crate) text: String,
}

/// The destination of lines.
pub(crate) type Sink = Box<dyn Fn(Line) + Send + Sync>;

/// An installed sink.
struct Installed {
    level: LevelFilter,
    sink: Sink,
    gate: Arc<Gate>,
}

type Place = Mutex<Option<Arc<Installed>>>;

struct Forward {
    queue: SyncSender<Line>,
    installed: Arc<Place>,
    retired: Retired,
}

static FORWARD: OnceLock<Forward> = OnceLock::new();

/// Sends lines up to `level` to `sink` from now on, from one thread; without a sink, none. A Rust program that
/// installed a logger of its own keeps it.
///
/// Returns after the last call of every previous sink, unless it is called by that sink. In a forked child,
/// which has no thread to call a sink, it does nothing.
pub(crate) fn set_logger(level: LevelFilter, sink: Option<Sink>) {
    if FORWARD.get().is_none() && sink.is_none() {
        // There is no sink to remove.
        return;
    }
    if owner::claim().is_err() {
        return;
    }
    let forward = FORWARD.get_or_init(Forward::start);
    let next = sink.map(|sink| Arc::new(Installed { level, sink, gate: Arc::new(Gate::new()) }));
    {
        let mut installed = lock(&forward.installed);
        if log::set_logger(forward).is_ok() || std::ptr::addr_eq(log::logger(), forward) {
            log::set_max_level(next.as_ref().map_or(LevelFilter::Off, |next| next.level));
        }
        if let Some(before) = std::mem::replace(&mut *installed, next) {
            forward.retired.push(Arc::clone(&before.gate));
        }
    }
    forward.retired.close();
}

fn lock(installed: &Place) -> MutexGuard<'_, Option<Arc<Installed>>> {
    installed.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Forward {
    fn start() -> Self {
        let (queue, lines) = sync_channel(QUEUE);
        let installed = Arc::default();
        let shown = Arc::clone(&installed);
        // Without a thread the queue has no reader, and lines are dropped.
        let _ = threads::spawn("callie-log", move || deliver(&lines, &shown));
        Self { queue, installed, retired: Retired::default() }
    }
}

fn deliver(lines: &Receiver<Line>, installed: &Place) {
    while let Ok(line) = lines.recv() {
        let Some(installed) = lock(installed).clone() else { continue };
        // The line may have been queued for a previous sink with a higher level.
        if line.level > installed.level {
            continue;
        }
        let Some(_call) = installed.gate.enter() else { continue };
        // The panic of a sink cannot be logged anywhere.
        let _ = catch_unwind(AssertUnwindSafe(|| (installed.sink)(line)));
        if owner::guard().is_err() {
            // The sink forked, and this is the child.
            return;
        }
    }
}

impl Log for Forward {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with(OWN) && owner::guard().is_ok()
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn removed_sink_is_not_called() {
        let mut counts = Vec::new();
        for _ in 0..100 {
            let (heard, hears) = channel();
            // Odd while a call is in progress.
            let count = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&count);
            let sink = move |_: Line| {
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = heard.send(());
                thread::sleep(Duration::from_micros(200));
                counted.fetch_add(1, Ordering::SeqCst);
            };
            set_logger(LevelFilter::Trace, Some(Box::new(sink)));
            for line in 0..20 {
                log::info!("line {line}");
            }
            hears.recv_timeout(Duration::from_secs(20)).expect("a line comes");
            set_logger(LevelFilter::Off, None);
            let calls = count.load(Ordering::SeqCst);
            assert!(calls > 0 && calls.is_multiple_of(2), "{calls}");
            counts.push((count, calls));
        }
        for (count, calls) in counts {
            assert_eq!(count.load(Ordering::SeqCst), calls, "a call came afterwards");
        }
    }
}
