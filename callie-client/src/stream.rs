//! One stream of bytes to an address: TCP, and TLS over it.

use std::io;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

use crate::address::ServerAddress;
use crate::config::Config;
use crate::dial::{self, Trail};
use crate::error::Error;
use crate::tls;

/// A connected stream of bytes, in the clear or through TLS.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// [`Io`] behind one type.
pub(crate) type Stream = Box<dyn Io>;

/// Opens a TCP connection.
pub(crate) async fn tcp(address: &ServerAddress, trail: &Trail) -> io::Result<TcpStream> {
    let host = (address.host(), address.port());
    trail.enter(format!("finding the addresses of {}", address.host()));
    let tcp = dial::connect(async { Ok(lookup_host(host).await?.collect()) }, trail).await?;
    // Payloads are small and somebody waits for each; Nagle's delay would only hold them back.
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

/// Puts TLS over a stream.
pub(crate) async fn secure(
    config: &Config,
    address: &ServerAddress,
    stream: Stream,
    trail: &Trail,
) -> Result<Stream, Error> {
    trail.enter(format!("TLS with {}", address.authority()));
    let settings = tls::settings(config)?;
    let name = ServerName::try_from(address.host().to_owned())
        .map_err(|e| Error::argument("the host of a server with TLS", e))?;
    let tls = TlsConnector::from(settings).connect(name, stream).await;
    Ok(Box::new(tls.map_err(|e| tls::explain(address.host(), e))?))
}
