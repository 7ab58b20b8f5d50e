//! The command line.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{self, LogFormat, Overrides};
use crate::server::Server;
use crate::telemetry;

/// Callie's reference server: accounts over HTTP, real-time messaging over WebSocket.
///
/// Without any option it listens on 127.0.0.1:8080 and keeps accounts in callie.db in the current folder. Every key of the
/// configuration can also be set as an environment variable: CALLIE_ and the key in capitals, such as CALLIE_LISTEN.
#[derive(Debug, Parser)]
#[command(name = "callie-server", version)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Args)]
struct Options {
    /// The address and port to listen on; port 0 takes a free one [env: CALLIE_LISTEN] [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR", global = true)]
    listen: Option<String>,
    /// The database, a file or a sqlite:// URL [env: CALLIE_DATABASE] [default: callie.db]
    #[arg(long, value_name = "URL", global = true)]
    database: Option<String>,
    /// A TOML file; `callie-server config` prints one with every key
    #[arg(long, value_name = "FILE", env = "CALLIE_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// How log lines are written to stderr [env: CALLIE_LOG_FORMAT] [default: text]
    #[arg(long, value_name = "FORMAT", global = true)]
    log_format: Option<LogFormat>,
    /// Do not serve the chat page at "/"
    #[arg(long, global = true)]
    no_web_page: bool,
}

impl Options {
    fn overrides(&self) -> Overrides {
        Overrides {
            listen: self.listen.clone(),
            database: self.database.clone(),
            log_format: self.log_format,
            web_page: self.no_web_page.then_some(false),
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints a configuration file with every key, what it means and its default
    Config,
}

/// Runs the command line and answers the exit code: 0 when all went well, 1 when not, 2 for wrong arguments.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing can be done about a closed stderr.
            let _ = writeln!(std::io::stderr(), "callie-server: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What ends the program: any of the typed errors of its parts, as one line for people.
type Failure = Box<dyn std::error::Error>;

fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.command {
        None => serve(&arguments.options),
        Some(Command::Config) => {
            write!(std::io::stdout(), "{}", config::documented())?;
            Ok(())
        }
    }
}

fn serve(options: &Options) -> Result<(), Failure> {
    let config = config::load(options.config.as_deref(), &options.overrides())?;
    telemetry::init(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let server = Server::start(config).await?;
        writeln!(std::io::stdout(), "callie-server listening on {}", server.url())?;
        stop_signal().await?;
        tracing::info!("stopping");
        server.shutdown().await;
        Ok(())
    })
}

/// Waits for SIGTERM or SIGINT.
async fn stop_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
