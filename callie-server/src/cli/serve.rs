//! Running a server until a signal ends it.

use std::io::Write as _;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, Options};
use crate::config;
use crate::server::Server;
use crate::telemetry;

/// Files beside the connections: the database, the log, the listeners.
const OTHER_FILES: u64 = 64;

/// Serves until SIGTERM or SIGINT; SIGHUP reads the configuration and the certificate again.
pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let config = options.load()?;
    telemetry::init(&config)?;
    let files = config.max_connections as u64 + OTHER_FILES;
    allow_files(files);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        // Before anyone is told that the server is there: a signal that comes early must not end it in the default way.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let server = Server::start(config).await?;
        writeln!(std::io::stdout(), "callie-server listening on {}", server.url())?;
        warn_of_few_files(files);
        for name in config::unknown_variables() {
            tracing::warn!(name, "this environment variable is no key of the configuration");
        }
        loop {
            tokio::select! {
                _ = hangup.recv() => reload(&server, options),
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
            }
        }
        tracing::info!("stopping");
        server.shutdown().await;
        Ok(())
    })
}

fn reload(server: &Server, options: &Options) {
    let done = options.load().map_err(Failure::from).and_then(|new| Ok(server.reload(&new)?));
    if let Err(error) = done {
        tracing::error!(%error, "the configuration was not reloaded: all goes on as before");
    }
}

/// Takes as many open files as are wanted and the system lets the process have: each connection is one, and the usual
/// limit is 1,024.
fn allow_files(wanted: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|now| now < wanted) {
        let raised = limit.maximum.map_or(wanted, |most| most.min(wanted));
        // A refusal leaves the limit as it was; a warning tells what follows.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum });
    }
}

fn warn_of_few_files(wanted: u64) {
    if let Some(limit) = getrlimit(Resource::Nofile).current.filter(|now| *now < wanted) {
        tracing::warn!(limit, wanted, "the system allows fewer open files than max_connections needs");
    }
}
