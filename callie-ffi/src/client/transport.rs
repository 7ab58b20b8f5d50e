//! The way to the server: TCP, a proxy where there is one, and TLS over it. HTTP and the WebSocket take the same one.

use std::io;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::address::ServerAddress;
use super::config::Config;
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
    match tokio::time::timeout(config.connect_timeout, dial(config)).await {
        Ok(done) => done,
        Err(_) => Err(LinkError::TimedOut(Fault::timed_out("connecting to the server"))),
    }
}

async fn dial(config: &Config) -> Result<Stream, LinkError> {
    let address = &config.address;
    let stream: Stream = match proxy::on_the_way(config) {
        Some(proxy) => proxy::tunnel(config, &proxy).await?,
        None => Box::new(tcp(address).await.map_err(no_link)?),
    };
    if address.is_secure() { secure(config, address, stream).await } else { Ok(stream) }
}

/// Opens a TCP connection.
pub(super) async fn tcp(address: &ServerAddress) -> io::Result<TcpStream> {
    let tcp = TcpStream::connect((address.host(), address.port())).await?;
    // Payloads are small and somebody waits for each; Nagle's delay would only hold them back.
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

/// Puts TLS over a stream.
pub(super) async fn secure(
    config: &Config,
    address: &ServerAddress,
    stream: Stream,
) -> Result<Stream, LinkError> {
    let settings = tls::settings(config).map_err(LinkError::InvalidArgument)?;
    let name = ServerName::try_from(address.host().to_owned()).map_err(no_tls)?;
    let tls = TlsConnector::from(settings).connect(name, stream).await.map_err(no_tls)?;
    Ok(Box::new(tls))
}

fn no_link(error: io::Error) -> LinkError {
    LinkError::Unreachable(Fault::unreachable(format_args!("the server could not be reached: {error}")))
}

fn no_tls(error: impl std::fmt::Display) -> LinkError {
    LinkError::Unreachable(Fault::new(code::TLS_FAILED, format!("no TLS with this server: {error}")))
}
