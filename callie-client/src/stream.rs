//! Streams of bytes to an address.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};

use crate::address::ServerAddress;
use crate::dial::{self, Trail};

/// A connected stream of bytes, with or without TLS.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// [`Io`] behind one type.
pub(crate) type Stream = Box<dyn Io>;

/// Opens a TCP connection.
pub(crate) async fn tcp(address: &ServerAddress, trail: &Trail) -> io::Result<TcpStream> {
    let host = (address.host(), address.port());
    trail.enter(format!("finding the addresses of {}", address.host()));
    let tcp = dial::connect(async { Ok(lookup_host(host).await?.collect()) }, trail).await?;
    // Payloads are small and each is awaited; Nagle's algorithm would only delay them.
    tcp.set_nodelay(true)?;
    Ok(tcp)
}
