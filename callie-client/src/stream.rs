//! One stream of bytes to an address: TCP, and TLS over it.

use std::io;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

use crate::address::ServerAddress;
use crate::config::Config;
use crate::dial::{self, Trail};
use crate::error::{AccountError, ConnectError, Fault};
use crate::tls;

/// A connected stream of bytes, in the clear or through TLS.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// [`Io`] behind one type.
pub(crate) type Stream = Box<dyn Io>;

/// Why there is no stream.
#[derive(Debug)]
pub(crate) enum LinkError {
    /// It took longer than [`Config::connect_timeout`].
    TimedOut(Fault),
    /// The host is unknown, nobody listens, or the proxy or TLS failed.
    Unreachable(Fault),
    /// The configuration cannot be used.
    InvalidArgument(Fault),
}

/// Makes a [`LinkError`] one of a group of calls, which all say the same of it.
macro_rules! from_link_error {
    ($($group:ident),*) => {$(
        impl From<LinkError> for $group {
            fn from(error: LinkError) -> Self {
                match error {
                    LinkError::TimedOut(fault) => Self::TimedOut(fault),
                    LinkError::Unreachable(fault) => Self::Unreachable(fault),
                    LinkError::InvalidArgument(fault) => Self::InvalidArgument(fault),
                }
            }
        }
    )*};
}

from_link_error!(AccountError, ConnectError);

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
) -> Result<Stream, LinkError> {
    trail.enter(format!("TLS with {}", address.authority()));
    let settings = tls::settings(config).map_err(LinkError::InvalidArgument)?;
    let name = ServerName::try_from(address.host().to_owned())
        .map_err(|e| LinkError::InvalidArgument(Fault::argument("the host of a server with TLS", e)))?;
    let tls = TlsConnector::from(settings).connect(name, stream).await;
    Ok(Box::new(tls.map_err(|e| LinkError::Unreachable(tls::explain(address.host(), e)))?))
}
