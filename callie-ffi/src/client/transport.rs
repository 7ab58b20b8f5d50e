//! The way to the server: TCP, and TLS over it. HTTP and the WebSocket take the same one.

use std::io;
use std::sync::{Arc, LazyLock};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::config::Config;
use super::error::{Fault, code};

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
    /// The host is unknown, nobody listens, or TLS failed.
    Unreachable(Fault),
}

/// Mozilla's roots, the same on every platform; made once, as it takes longer than a connection.
static TLS: LazyLock<Result<Arc<ClientConfig>, rustls::Error>> = LazyLock::new(|| {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
});

/// Opens a stream to the server.
pub(super) async fn open(config: &Config) -> Result<Stream, LinkError> {
    match tokio::time::timeout(config.connect_timeout, dial(config)).await {
        Ok(done) => done.map_err(LinkError::Unreachable),
        Err(_) => Err(LinkError::TimedOut(Fault::timed_out("connecting to the server"))),
    }
}

async fn dial(config: &Config) -> Result<Stream, Fault> {
    let address = &config.address;
    let tcp = TcpStream::connect((address.host(), address.port())).await.map_err(no_link)?;
    // Payloads are small and somebody waits for each; Nagle's delay would only hold them back.
    tcp.set_nodelay(true).map_err(no_link)?;
    if !address.is_secure() {
        return Ok(Box::new(tcp));
    }
    let settings = TLS.as_ref().map_err(no_tls)?;
    let name = ServerName::try_from(address.host().to_owned()).map_err(no_tls)?;
    let tls = TlsConnector::from(Arc::clone(settings)).connect(name, tcp).await.map_err(no_tls)?;
    Ok(Box::new(tls))
}

fn no_link(error: io::Error) -> Fault {
    Fault::unreachable(format_args!("the server could not be reached: {error}"))
}

fn no_tls(error: impl std::fmt::Display) -> Fault {
    Fault::new(code::TLS_FAILED, format!("no TLS with this server: {error}"))
}
