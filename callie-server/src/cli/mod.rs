//! The command line: `serve.rs` runs a server, `admin.rs` names admins and bans users in its database (with `acts.rs`),
//! `user.rs` manages accounts (with `secret_input.rs` and `user_output.rs`), `database.rs` backs databases up, restores and
//! copies them, `healthcheck.rs` checks a running server, `output.rs` prints results.

mod acts;
mod admin;
mod database;
mod healthcheck;
mod output;
mod secret_input;
mod serve;
mod user;
mod user_output;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};
use tokio::runtime::Runtime;

use crate::base::config::{self, Config, ConfigError, LogFormat, Overrides};
use crate::base::telemetry;
use crate::server::{Server, StartError};
use crate::store::OpenError;

/// Callie's reference server: accounts over HTTP, real-time messaging over WebSocket.
///
/// Without any option it listens on 127.0.0.1:8080 and keeps accounts in callie.db in the current folder. Every key of
/// the configuration can also be set as an environment variable: CALLIE_ and the key in capitals, such as
/// CALLIE_LISTEN.
#[derive(Debug, Parser)]
#[command(name = "callie-server", version)]
struct Arguments {
    #[command(flatten)]
    shared: Shared,
    #[command(flatten)]
    serving: Serving,
    #[command(subcommand)]
    command: Option<Command>,
}

/// The options of every command.
#[derive(Debug, clap::Args)]
struct Shared {
    /// The database: a file, or a sqlite:// or postgres:// URL [env: CALLIE_DATABASE] [default: callie.db]
    #[arg(long, value_name = "URL", global = true)]
    database: Option<String>,
    /// A TOML file; `callie-server config` prints one with every key [env: CALLIE_CONFIG]
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

/// The options of running a server.
#[derive(Debug, Default, PartialEq, clap::Args)]
struct Serving {
    /// The address and port to listen on; port 0 selects a free port [env: CALLIE_LISTEN] [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// The NATS servers of the cluster that this server belongs to [env: CALLIE_CLUSTER]
    #[arg(long, value_name = "URLS")]
    cluster: Option<String>,
    /// The format of log lines on stderr [env: CALLIE_LOG_FORMAT] [default: text]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// Do not serve the chat page at "/"; CALLIE_WEB_PAGE=false does the same
    #[arg(long)]
    no_web_page: bool,
}

impl Shared {
    /// Returns the configuration from the file, the environment and the flags, as they are now.
    fn load(&self) -> Result<Config, ConfigError> {
        self.load_for(&Serving::default())
    }

    fn load_for(&self, serving: &Serving) -> Result<Config, ConfigError> {
        let overrides = Overrides {
            listen: serving.listen.clone(),
            database: self.database.clone(),
            cluster: serving.cluster.clone(),
            log_format: serving.log_format,
            web_page: serving.no_web_page.then_some(false),
        };
        let file = self.config.clone().or_else(|| config::variable("config").map(PathBuf::from));
        config::load(file.as_deref(), &overrides)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints a configuration file with every key, its documentation and its default
    Config,
    /// Checks the configuration and the files that it names, without starting a server
    CheckConfig,
    /// Manages server admins and bans in the database; running servers apply changes within a second
    Admin {
        #[command(subcommand)]
        action: admin::Action,
    },
    /// Manages accounts in the database; running servers apply changes within a second
    User(user::Arguments),
    /// Backs up and restores a SQLite database, and copies between SQLite and PostgreSQL
    Database {
        #[command(subcommand)]
        action: database::Action,
    },
    /// Checks the server at metrics_listen: exit code 0 if it is healthy, otherwise 1
    Healthcheck {
        /// Request /readyz (is it ready to serve?) instead of /healthz (is it running?)
        #[arg(long)]
        ready: bool,
    },
}

/// What ends the program: a typed error of one of its parts, as one line for people.
type Failure = Box<dyn std::error::Error>;

/// The exit code for a failure that a restart does not fix: the configuration cannot be used, or the database does not
/// belong to this server.
const NEVER: u8 = 3;

/// Returns `true` if `error` remains until somebody changes something.
fn is_permanent(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<ConfigError>()
        || error.downcast_ref::<OpenError>().is_some_and(OpenError::is_permanent)
        || error.downcast_ref::<StartError>().is_some_and(StartError::is_permanent)
}

/// Runs the command line and returns the exit code: 0 for success, 1 for a failure, 2 for wrong arguments, 3 for a
/// failure that a restart does not fix.
#[must_use]
pub fn main() -> ExitCode {
    let done = match Arguments::try_parse() {
        Ok(arguments) => run(&arguments),
        // The help or the version.
        Err(text) if !text.use_stderr() => output::printed(text.print()),
        Err(wrong) => wrong.exit(),
    };
    match done {
        Ok(()) => {
            telemetry::flush();
            ExitCode::SUCCESS
        }
        Err(error) => {
            telemetry::say(&format!("callie-server: {error}"));
            if is_permanent(&*error) { ExitCode::from(NEVER) } else { ExitCode::FAILURE }
        }
    }
}

/// Runs `work` to its end, and abandons what its runtime still does: a lookup of a host name can block a thread for as
/// long as no name server answers.
fn run_to_end<T>(runtime: Runtime, work: impl Future<Output = T>) -> T {
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    done
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { shared, serving, command } = arguments;
    match command {
        None => serve::run(shared, serving),
        Some(_) if *serving != Serving::default() => {
            let wrong = "options of the server stand before a command that does not run one";
            Arguments::command().error(ErrorKind::ArgumentConflict, wrong).exit()
        }
        Some(Command::Config) => output::print(&config::documented()),
        Some(Command::CheckConfig) => check_config(shared),
        Some(Command::Admin { action }) => admin::run(shared, action),
        Some(Command::User(arguments)) => user::run(shared, arguments),
        Some(Command::Database { action }) => database::run(shared, action),
        Some(Command::Healthcheck { ready }) => healthcheck::run(shared, *ready),
    }
}

/// Fails with the line and the exit code with which a server would.
fn check_config(shared: &Shared) -> Result<(), Failure> {
    Server::check(&shared.load()?)?;
    for name in config::unknown_variables() {
        telemetry::say(&format!(
            "callie-server: {name} in the environment is not a key of the configuration"
        ));
    }
    output::print("the configuration is valid\n")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn blocked_thread_does_not_keep_a_command() {
        let (_hold, held) = mpsc::channel::<()>();
        let (started, is_started) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let done = run_to_end(runtime, async {
            tokio::task::spawn_blocking(move || {
                started.send(()).unwrap();
                held.recv()
            });
            is_started.recv().unwrap();
            7
        });
        assert_eq!(done, 7);
    }
}
