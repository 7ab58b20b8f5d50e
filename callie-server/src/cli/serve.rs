//! Running a server until a signal stops it.

use std::io::Write as _;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, Serving, Shared, run_to_end};
use crate::base::config::{self, Config, ConfigError};
use crate::base::telemetry;
use crate::server::Server;

/// How long the line with the server's address may take.
const STDOUT_TIMEOUT: Duration = Duration::from_secs(1);
/// Open files besides the connections: the database, the log, the listeners.
const OTHER_FILES: u64 = 64;

/// Serves until SIGTERM or SIGINT. SIGHUP reloads the configuration and the certificate.
pub(super) fn run(shared: &Shared, serving: &Serving) -> Result<(), Failure> {
    let load = || shared.load_for(serving);
    let config = load()?;
    telemetry::init(&config);
    let files = config.max_connections as u64 + OTHER_FILES;
    allow_files(files);
    let runtime = runtime()?;
    run_to_end(runtime, async {
        // Before the address is printed: an early signal must not have its default effect.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let server = tokio::select! {
            started = Server::start(config) => started?,
            // Nothing is served yet, so nothing has to be closed.
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        };
        say_on_stdout(format!("callie-server listening on {}", server.url())).await;
        warn_of_few_files(files);
        for name in config::unknown_variables() {
            tracing::warn!(name, "unknown environment variable: it is not a key of the configuration");
        }
        loop {
            tokio::select! {
                _ = hangup.recv() => reload(&server, load()),
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
            }
        }
        tracing::info!("stopping");
        server.shutdown().await;
        Ok(())
    })
}

/// The system provides no thread.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot start: the system gives this process no more threads (see `ulimit -u`, or TasksMax of systemd)"
)]
struct NoThread;

/// Threads besides one for each core: connections to SQLite, hashing of passwords, and a few for rare tasks.
const OTHER_THREADS: usize = 12;

/// Creates the runtime after a check that its threads can be started: tokio panics or waits for ever without them.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Arc::new(std::sync::Mutex::new(held));
    let all: Result<Vec<_>, _> = (0..cores + OTHER_THREADS)
        .map(|_| {
            let held = held.clone();
            let wait = move || drop(held.lock().map(|held| held.recv()));
            std::thread::Builder::new().spawn(wait)
        })
        .collect();
    drop(hold);
    for thread in all.map_err(|_| NoThread)? {
        // The thread has only waited.
        let _ = thread.join();
    }
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// Writes a line to stdout in a thread of its own: a stdout that is full, closed or not read blocks nothing.
async fn say_on_stdout(line: String) {
    let (done, written) = tokio::sync::oneshot::channel();
    let write = move || {
        // After a while nobody waits for it any more.
        let _ = done.send(writeln!(std::io::stdout(), "{line}"));
    };
    if let Err(error) = std::thread::Builder::new().name("stdout".to_owned()).spawn(write) {
        return tracing::warn!(%error, "cannot write the address to stdout");
    }
    match tokio::time::timeout(STDOUT_TIMEOUT, written).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => tracing::warn!(%error, "cannot write the address to stdout"),
        Ok(Err(_)) | Err(_) => tracing::warn!("cannot write the address to stdout: nobody reads it"),
    }
}

fn reload(server: &Server, new: Result<Config, ConfigError>) {
    let done = new.map_err(Failure::from).and_then(|new| Ok(server.reload(&new)?));
    if let Err(error) = done {
        tracing::error!(%error, "cannot reload the configuration: the current one stays in use");
    }
}

/// Raises the limit on open files to `wanted`, as far as the system allows. Each connection is one file, and the usual
/// limit is 1,024.
fn allow_files(wanted: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|now| now < wanted) {
        let raised = limit.maximum.map_or(wanted, |most| most.min(wanted));
        // If it is refused, the limit is unchanged, and a warning is logged later.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum });
    }
}

fn warn_of_few_files(wanted: u64) {
    if let Some(limit) = getrlimit(Resource::Nofile).current.filter(|now| *now < wanted) {
        tracing::warn!(limit, wanted, "the limit on open files is lower than max_connections needs");
    }
}
