//! TLS: a certificate and a key from files, read again when asked.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::Config;

/// Why TLS cannot be set up. Each is one line for people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read, or holds no certificate or key in PEM.
    #[error("cannot read {what} from {}: {reason}", path.display())]
    File {
        /// What was looked for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The key is not the certificate's, or of a kind that is not supported.
    #[error("the certificate {} and the key {} do not work: {source}", cert.display(), key.display())]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

/// The TLS of a server, if it has one.
#[derive(Debug)]
pub(crate) struct Tls(Option<ArcSwap<ServerConfig>>);

impl Tls {
    /// None: connections are in the clear.
    pub(crate) fn off() -> Self {
        Self(None)
    }

    /// Reads the files that `config` names.
    pub(crate) fn load(config: &Config) -> Result<Self, TlsError> {
        let (Some(cert), Some(key)) = (&config.tls_cert, &config.tls_key) else { return Ok(Self(None)) };
        Ok(Self(Some(ArcSwap::from(read(cert, key)?))))
    }

    /// Whether connections use TLS.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Reads the files again; new connections use what they hold now. What cannot be read leaves all as it was.
    pub(crate) fn reload(&self, config: &Config) -> Result<(), TlsError> {
        if let (Some(now), Some(cert), Some(key)) = (&self.0, &config.tls_cert, &config.tls_key) {
            now.store(read(cert, key)?);
        }
        Ok(())
    }

    /// What turns a new connection into a TLS one.
    pub(crate) fn acceptor(&self) -> Option<TlsAcceptor> {
        self.0.as_ref().map(|now| TlsAcceptor::from(now.load_full()))
    }
}

fn read(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let file = |what, path: &Path, reason: String| TlsError::File { what, path: path.to_owned(), reason };
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| file("a certificate", cert, e.to_string()))?;
    if chain.is_empty() {
        return Err(file("a certificate", cert, "there is none in it".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|e| file("a private key", key, e.to_string()))?;
    let pair = |source| TlsError::Pair { cert: cert.to_owned(), key: key.to_owned(), source };
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(pair)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(pair)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
