//! The way to the server: TCP, a proxy where there is one, and TLS over it. HTTP and the WebSocket take the same one.

use std::io;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

use super::address::ServerAddress;
use super::config::Config;
use super::dial::{self, Trail};
use super::error::{AccountError, ConnectError, Fault, code};
use super::{proxy, tls};

/// A connected stream of bytes, in the clear or through TLS.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// [`Io`] behind one type.
pub(super) type Stream = Box<dyn Io>;

/// Why there is no stream.
#[derive(Debug)]
pub(super) enum LinkError {
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

/// Opens a stream to the server.
pub(super) async fn open(config: &Config) -> Result<Stream, LinkError> {
    let trail = Trail::default();
    match tokio::time::timeout(config.connect_timeout, dial(config, &trail)).await {
        Ok(done) => done,
        Err(_) => {
            let reason = format!("connecting to the server took too long: {trail}");
            Err(LinkError::TimedOut(Fault::new(code::TIMED_OUT, reason)))
        }
    }
}

async fn dial(config: &Config, trail: &Trail) -> Result<Stream, LinkError> {
    let address = &config.address;
    let stream: Stream = match proxy::on_the_way(config) {
        Some(proxy) => proxy::tunnel(config, &proxy, trail).await?,
        None => Box::new(tcp(address, trail).await.map_err(|e| no_link(e, address, trail))?),
    };
    if address.is_secure() { secure(config, address, stream, trail).await } else { Ok(stream) }
}

/// Opens a TCP connection.
pub(super) async fn tcp(address: &ServerAddress, trail: &Trail) -> io::Result<TcpStream> {
    let host = (address.host(), address.port());
    trail.enter(format!("finding the addresses of {}", address.host()));
    let tcp = dial::connect(async { Ok(lookup_host(host).await?.collect()) }, trail).await?;
    // Payloads are small and somebody waits for each; Nagle's delay would only hold them back.
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

/// Puts TLS over a stream.
pub(super) async fn secure(
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

fn no_link(error: io::Error, address: &ServerAddress, trail: &Trail) -> LinkError {
    let host = address.host();
    let reason = if trail.is_empty() {
        format!("the address of {host} could not be found: {error}")
    } else {
        format!("no connection to {host}: {trail}")
    };
    LinkError::Unreachable(Fault::new(code::UNREACHABLE, reason).with_source(error))
}
