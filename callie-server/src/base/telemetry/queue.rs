//! The queue of log lines, which drops lines when nobody reads them, and never blocks.
//!
//! Lines are queued without waiting and written by one thread. When the queue is full, lines are dropped and counted.
//! The number is logged when the reader continues.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use prometheus_client::metrics::counter::Counter;
use tracing_subscriber::fmt::MakeWriter;

/// The most bytes that wait. A busy server logs this much at `info` in some minutes.
const MOST_BYTES: usize = 1024 * 1024;
/// The most bytes that are written in one call: what fits into an empty pipe.
const AT_ONCE: usize = 64 * 1024;
/// The pause before a full, non-blocking descriptor is tried again.
const RETRY: Duration = Duration::from_millis(20);

/// The queue. Cloning shares it.
#[derive(Debug, Clone)]
pub(super) struct Queue(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Wakes the thread that writes.
    filled: Condvar,
    /// Wakes threads that wait for the queue to become empty.
    emptied: Condvar,
    /// The number of lines that were dropped or could not be written, since the start.
    lost: Counter,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<u8>,
    /// The number of lines that were dropped since the last report.
    dropped: u64,
    /// Whether lines were taken out and are not written yet.
    writing: bool,
    most: usize,
}

impl Queue {
    /// Starts a thread that writes the lines of the queue to `out`. `lost` counts lines that are not written. `report`
    /// is called on that thread with the number of dropped lines; what it logs is never dropped itself.
    ///
    /// # Errors
    /// When the system provides no thread.
    pub(super) fn start(
        out: impl Write + Send + 'static,
        lost: Counter,
        report: impl Fn(u64) + Send + 'static,
    ) -> io::Result<Self> {
        Self::with_room(MOST_BYTES, out, lost, report)
    }

    fn with_room(
        most: usize,
        mut out: impl Write + Send + 'static,
        lost: Counter,
        report: impl Fn(u64) + Send + 'static,
    ) -> io::Result<Self> {
        let state = Mutex::new(State { most, ..State::default() });
        let shared =
            Arc::new(Shared { state, filled: Condvar::new(), emptied: Condvar::new(), lost: lost.clone() });
        let queue = Self(shared.clone());
        std::thread::Builder::new().name("log".to_owned()).spawn(move || {
            loop {
                let (lines, dropped) = shared.take();
                let unwritten = write_all(&mut out, &lines);
                lost.inc_by(count_lines(unwritten));
                if dropped > 0 {
                    shared.with_unlimited_room(|| report(dropped));
                }
            }
        })?;
        Ok(queue)
    }

    /// Queues `line`, or drops it when there is no room.
    fn push(&self, line: &[u8]) {
        let mut state = self.0.state.lock();
        if state.lines.len() + line.len() > state.most {
            state.dropped += 1;
            drop(state);
            self.0.lost.inc();
            return;
        }
        state.lines.extend_from_slice(line);
        drop(state);
        self.0.filled.notify_one();
    }

    /// Waits until all lines are written, for at most `limit`.
    pub(super) fn flush(&self, limit: Duration) {
        let until = Instant::now() + limit;
        let mut state = self.0.state.lock();
        while state.writing || !state.lines.is_empty() {
            if self.0.emptied.wait_until(&mut state, until).timed_out() {
                return;
            }
        }
    }
}

impl Shared {
    /// Waits for lines and takes them, with the number of lines that were dropped after them.
    fn take(&self) -> (Vec<u8>, u64) {
        let mut state = self.state.lock();
        state.writing = false;
        while state.lines.is_empty() {
            self.emptied.notify_all();
            self.filled.wait(&mut state);
        }
        state.writing = true;
        (std::mem::take(&mut state.lines), std::mem::take(&mut state.dropped))
    }

    /// Runs `act` without a limit: the report of dropped lines must not be dropped.
    fn with_unlimited_room(&self, act: impl FnOnce()) {
        let most = std::mem::replace(&mut self.state.lock().most, usize::MAX);
        act();
        self.state.lock().most = most;
    }
}

/// Writes `lines`. Returns what could not be written.
fn write_all<'a>(out: &mut impl Write, mut lines: &'a [u8]) -> &'a [u8] {
    while !lines.is_empty() {
        match out.write(&lines[..lines.len().min(AT_ONCE)]) {
            Ok(0) => break,
            Ok(written) => lines = &lines[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(RETRY),
            // The reader is gone or its disk is full, which is no reason to stop.
            Err(_) => break,
        }
    }
    lines
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        Line(self)
    }
}

/// Writes lines to the queue. The formatter passes each line as a whole.
pub(super) struct Line<'a>(&'a Queue);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A reader that takes what it is given only when told to.
    struct Reader {
        go: mpsc::Receiver<()>,
        read: mpsc::Sender<Vec<u8>>,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.go.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            self.read.send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn full_queue_drops_lines_and_reports_the_count() {
        let ((go, wait), (read, lines)) = (mpsc::channel(), mpsc::channel());
        let (report, reported) = mpsc::channel();
        let lost = Counter::default();
        let reader = Reader { go: wait, read };
        let queue = Queue::with_room(10, reader, lost.clone(), move |n| report.send(n).unwrap()).unwrap();
        queue.push(b"first\n");
        // The thread has taken the first line once there is room for another of that size.
        while queue.0.state.lock().lines.len() > 4 {
            std::thread::yield_now();
        }
        queue.push(b"second\n");
        queue.push(b"third\n");
        queue.push(b"fourth\n");
        assert_eq!(lost.get(), 2);
        queue.flush(Duration::from_millis(1));
        go.send(()).unwrap();
        go.send(()).unwrap();
        assert_eq!(lines.recv().unwrap(), b"first\n");
        assert_eq!(lines.recv().unwrap(), b"second\n");
        assert_eq!(reported.recv().unwrap(), 2);
        queue.flush(Duration::from_secs(60));
        drop(go);
        queue.push(b"fifth\n");
        queue.flush(Duration::from_secs(60));
        assert_eq!(lost.get(), 3, "what cannot be written is counted too");
        assert!(reported.try_recv().is_err());
    }
}
