//! The test bed: servers that the tests of every language start, cut off, kill and are lied to by, over one small protocol.
//!
//! The first line on stdout is the port on 127.0.0.1 where it listens; it ends when its stdin ends. A TCP connection is a
//! world of its own: its processes and sockets end with the connection. A request is a line, `word argument`; each is
//! answered by one line, `ok values…` or `error why`, when it is done.
//!
//! | request | what it does | answer |
//! | --- | --- | --- |
//! | `server` | starts a callie-server with raised rates behind a proxy | the URL of the proxy |
//! | `strict` | the same with the server's default rates, in place of `server` | the URL of the proxy |
//! | `direct` | | the URL of the server itself, which no request but `kill` touches |
//! | `cut` | closes every link through the proxy with a reset; what was under way is lost | |
//! | `refuse`, `accept` | new links are reset at once; are taken again | |
//! | `hold`, `release` | no byte flows through the proxy, on old and new links; flows again, in order | |
//! | `kill`, `start` | kills the server as a crash would; starts it again on its database, behind the same URL | |
//! | `revoke NAME` | ends all sessions of a user, whose password is `correct horse battery` | |
//! | `tls` | starts a callie-server for 127.0.0.1 with a certificate by a root of its own | the URL, the path of the root's PEM, the SHA-256 of the certificate's public key (SPKI) in hex |
//! | `hostile KIND` | starts a server that is none, see [`hostile::Kind`] | its URL |
//! | `nobody` | keeps a port on which nobody listens | its URL |
//! | `vectors` | | the folder of the conformance vectors |
//!
//! - `request`: the lines
//! - `world`: what one connection has started
//! - `process`, `leash`, `proxy`, `certificate`, `revoke`: its parts
//! - `hostile`: servers that are none

mod certificate;
mod hostile;
mod leash;
mod process;
mod proxy;
mod request;
mod revoke;
mod world;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use leash::Leashed;
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

/// What this program is when it is not the test bed.
#[derive(Debug, Subcommand)]
enum Role {
    #[command(name = leash::WORD, hide = true)]
    Leashed(Leashed),
}

/// Whatever goes wrong is one line for people.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = match arguments.role {
        Some(Role::Leashed(leashed)) => leashed.run().map(|_| ()).map_err(Into::into),
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
    let mut worlds = JoinSet::new();
    let ended = tokio::select! {
        // Only errors that accepting another one would not mend are given back.
        failed = accept(&listener, server, &ending, &mut worlds) => failed,
        ended = stdin_ends() => ended,
    };
    // Each world removes what it has written.
    drop(end);
    while worlds.join_next().await.is_some() {}
    ended
}

async fn accept(
    listener: &TcpListener,
    server: PathBuf,
    ending: &watch::Receiver<()>,
    worlds: &mut JoinSet<()>,
) -> Result<(), Failure> {
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                worlds.spawn(world::run(stream, server.clone(), ending.clone()));
            }
            Some(_) = worlds.join_next() => {}
        }
    }
}

/// Waits until whoever started this program has gone.
async fn stdin_ends() -> Result<(), Failure> {
    let mut stdin = tokio::io::stdin();
    let mut ignored = [0; 256];
    while stdin.read(&mut ignored).await? > 0 {}
    Ok(())
}
