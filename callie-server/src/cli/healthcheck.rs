//! `callie-server healthcheck`: checks a running server, for containers without a shell.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use super::{Failure, Shared, output};

/// How long the server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Why a server does not count as healthy.
#[derive(Debug, thiserror::Error)]
enum Unwell {
    #[error("healthcheck needs metrics_listen: set the same configuration as for the server")]
    NoAddress,
    #[error("metrics_listen is not an address: {0}")]
    BadAddress(String),
    #[error("{addr} does not answer: {source}")]
    NoAnswer { addr: SocketAddr, source: std::io::Error },
    #[error("{path} answered {answer}")]
    Refused { path: &'static str, answer: String },
}

/// Requests `/healthz`, or `/readyz` if `ready` is set, from `metrics_listen`.
pub(super) fn run(shared: &Shared, ready: bool) -> Result<(), Failure> {
    let listen = shared.load()?.metrics_listen.ok_or(Unwell::NoAddress)?;
    let found = listen.to_socket_addrs().ok().and_then(|mut addrs| addrs.next());
    let addr = reachable(found.ok_or(Unwell::BadAddress(listen))?);
    let path = if ready { "/readyz" } else { "/healthz" };
    let answer = ask(addr, path).map_err(|source| Unwell::NoAnswer { addr, source })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(Unwell::Refused { path, answer: format!("{status}: {}", body.trim()) }.into());
    }
    output::report(body.trim_end());
    Ok(())
}

/// A server that listens on all addresses is reached at the loopback address.
fn reachable(mut addr: SocketAddr) -> SocketAddr {
    if addr.ip().is_unspecified() {
        let loopback = if addr.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        addr.set_ip(loopback);
    }
    addr
}

fn ask(addr: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&addr, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
