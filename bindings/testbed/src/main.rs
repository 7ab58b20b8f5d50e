//! The test bed: the servers that the tests of every language use, controlled through a text protocol.
//!
//! It prints the port on 127.0.0.1 on which it listens, and ends when its stdin is closed. Each TCP connection has its
//! own environment: the processes and sockets that it starts end with it. A request is a line, `request argument`. It
//! is answered with one line when it is done: `ok values…` or `error reason`.
//!
//! | request | effect | answer |
//! | --- | --- | --- |
//! | `server` | starts a callie-server with raised rates behind a proxy | the URL of the proxy |
//! | `strict` | starts a callie-server with its default rates behind a proxy, instead of `server` | the URL of the proxy |
//! | `direct` | | the URL of the server itself, which of all requests only `kill` affects |
//! | `cut` | closes every link through the proxy with a reset; bytes in transit are lost | |
//! | `refuse`, `accept` | resets new links immediately; accepts them again | |
//! | `hold`, `release` | stops all bytes in the proxy, on old and new links; lets them continue, in order | |
//! | `kill`, `start` | kills the server with SIGKILL; starts it again with its database, behind the same URL | |
//! | `revoke NAME` | ends all sessions of a user, whose password is `correct horse battery` | |
//! | `tls` | starts a callie-server for 127.0.0.1, with a certificate that a new root signs | the URL, the path of the root's PEM, the SHA-256 of the certificate's public key (SPKI) in hex |
//! | `hostile KIND` | starts a server that violates the protocol, see [`hostile::Kind`] | its URL |
//! | `origin ORIGIN` | web pages of this origin may use the servers that are started from now on | |
//! | `nobody` | reserves a port on which nobody listens | its URL |
//! | `vectors` | | the folder of the conformance vectors |
//!
//! - `request`: parses the lines
//! - `env`: the environment of one connection
//! - `process`, `die_with_parent`, `proxy`, `certificate`, `revoke`: its parts
//! - `hostile`: servers that violate the protocol

mod certificate;
mod die_with_parent;
mod env;
mod hostile;
mod process;
mod proxy;
mod request;
mod revoke;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use die_with_parent::DieWithParent;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Servers for the tests of every language. Prints its port and ends when its stdin ends.
#[derive(Debug, Parser)]
#[command(name = "callie-testbed")]
struct Arguments {
    /// The callie-server to start [default: the one beside this program]
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    #[command(subcommand)]
    role: Option<Role>,
}

/// What this program does if it is not the test bed.
#[derive(Debug, Subcommand)]
enum Role {
    #[command(name = die_with_parent::COMMAND, hide = true)]
    DieWithParent(DieWithParent),
}

/// Any error, as one line for people.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = match arguments.role {
        Some(Role::DieWithParent(leashed)) => leashed.run().map(|_| ()).map_err(Into::into),
        None => serve(arguments.server),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing can be done about a closed stderr.
            let _ = writeln!(std::io::stderr(), "callie-testbed: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn serve(server: Option<PathBuf>) -> Result<(), Failure> {
    let server = match server {
        Some(server) => server,
        None => std::env::current_exe()?.with_file_name("callie-server"),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?.port())?;
    let (end, ending) = watch::channel(());
    let mut envs = JoinSet::new();
    let ended = tokio::select! {
        // Fails only if no other connection can be accepted either.
        failed = accept(&listener, server, &ending, &mut envs) => failed,
        ended = stdin_ends() => ended,
    };
    // Each environment removes its files.
    drop(end);
    while envs.join_next().await.is_some() {}
    ended
}

async fn accept(
    listener: &TcpListener,
    server: PathBuf,
    ending: &watch::Receiver<()>,
    envs: &mut JoinSet<()>,
) -> Result<(), Failure> {
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                envs.spawn(env::run(stream, server.clone(), ending.clone()));
            }
            Some(_) = envs.join_next() => {}
        }
    }
}

/// Waits until the parent has closed stdin.
async fn stdin_ends() -> Result<(), Failure> {
    let mut stdin = tokio::io::stdin();
    let mut ignored = [0; 256];
    while stdin.read(&mut ignored).await? > 0 {}
    Ok(())
}
