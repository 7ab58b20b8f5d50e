//! TLS: a certificate and a key from files, which can be reloaded.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use callie_core::Timestamp;
use prometheus_client::metrics::gauge::Gauge;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use x509_cert::der::Decode as _;

use crate::base::clock::{self, DAY, Millis};
use crate::base::config::Config;

/// With fewer days left than this, a warning is logged. The certificate should have been renewed by then, and there is
/// time to find out why it was not.
const WARN_BELOW_DAYS: i64 = 14;

/// Why TLS cannot be set up. Each error is one line for people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read, or contains no certificate or key in PEM.
    #[error("cannot read {what} from {}: {reason}", path.display())]
    File {
        /// What the file must contain.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The key does not belong to the certificate, or one of them is of an unsupported kind.
    #[error("the certificate {} and the key {} do not work: {reason}", cert.display(), key.display())]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        reason: String,
    },
    /// The new certificate has expired, and the current one has not.
    #[error("the certificate {} expired on {at}: the one in use is kept", path.display())]
    Expired {
        /// The certificate's file.
        path: PathBuf,
        /// When it expired.
        at: Timestamp,
    },
    /// The new certificate is not valid yet, and the current one is.
    #[error("the certificate {} is valid from {at} on: the one in use is kept", path.display())]
    NotYetValid {
        /// The certificate's file.
        path: PathBuf,
        /// When its validity begins.
        at: Timestamp,
    },
}

/// The TLS of a server; none if it uses no TLS.
#[derive(Debug)]
pub(crate) struct Tls(Option<Live>);

#[derive(Debug)]
struct Live {
    now: ArcSwap<Loaded>,
    days_left: Gauge,
}

/// The content of the files.
#[derive(Debug)]
pub(crate) struct Loaded {
    config: Arc<ServerConfig>,
    path: PathBuf,
    /// `None` if only rustls can parse the certificate.
    validity: Option<Validity>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Validity {
    from: Millis,
    until: Millis,
}

impl Validity {
    fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let validity = x509_cert::Certificate::from_der(certificate).ok()?.tbs_certificate.validity;
        let millis = |time: x509_cert::time::Time| i64::try_from(time.to_unix_duration().as_millis()).ok();
        Some(Self { from: millis(validity.not_before)?, until: millis(validity.not_after)? })
    }

    fn holds_at(self, now: Millis) -> bool {
        (self.from..=self.until).contains(&now)
    }

    fn days_left(self, now: Millis) -> i64 {
        self.until.saturating_sub(now).div_euclid(DAY)
    }
}

impl Tls {
    /// Returns no TLS: connections are not encrypted.
    pub(crate) fn off() -> Self {
        Self(None)
    }

    /// Reads the files that `config` names. An expired certificate is accepted: a server that does not start helps
    /// nobody, and clients that pin its key may accept it. See [`Tls::warn`].
    pub(crate) fn load(config: &Config) -> Result<Self, TlsError> {
        let (Some(cert), Some(key)) = (&config.tls_cert, &config.tls_key) else { return Ok(Self(None)) };
        let live = Live { now: ArcSwap::from_pointee(read(cert, key)?), days_left: Gauge::default() };
        Ok(Self(Some(live)))
    }

    /// Returns `true` if connections use TLS.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Reads the files again; `None` if connections use no TLS. A certificate that is not valid now is refused while
    /// the current one is valid.
    pub(crate) fn read(&self, config: &Config) -> Result<Option<Loaded>, TlsError> {
        let (Some(live), Some(cert), Some(key)) = (&self.0, &config.tls_cert, &config.tls_key) else {
            return Ok(None);
        };
        let (new, now) = (read(cert, key)?, clock::wall());
        let old_holds = live.now.load().validity.is_some_and(|old| old.holds_at(now));
        match new.validity.filter(|new| old_holds && !new.holds_at(now)) {
            None => Ok(Some(new)),
            Some(validity) if validity.until < now => {
                Err(TlsError::Expired { path: new.path, at: clock::timestamp(validity.until) })
            }
            Some(validity) => {
                Err(TlsError::NotYetValid { path: new.path, at: clock::timestamp(validity.from) })
            }
        }
    }

    /// Uses the files that were read for new connections.
    pub(crate) fn replace(&self, new: Option<Loaded>) {
        if let (Some(live), Some(new)) = (&self.0, new) {
            live.now.store(Arc::new(new));
            self.note_days_left();
            self.warn();
        }
    }

    /// Returns the acceptor for new connections.
    pub(crate) fn acceptor(&self) -> Option<TlsAcceptor> {
        self.0.as_ref().map(|live| TlsAcceptor::from(live.now.load().config.clone()))
    }

    /// Returns the metric of the days until the certificate expires; `None` if that is not known.
    pub(crate) fn days_left(&self) -> Option<Gauge> {
        let live = self.0.as_ref()?;
        live.now.load().validity?;
        Some(live.days_left.clone())
    }

    /// Updates that metric.
    pub(crate) fn note_days_left(&self) {
        if let Some(live) = &self.0
            && let Some(validity) = live.now.load().validity
        {
            live.days_left.set(validity.days_left(clock::wall()));
        }
    }

    /// Logs a warning if the certificate is not valid, or not for long.
    pub(crate) fn warn(&self) {
        let Some(live) = &self.0 else { return };
        let loaded = live.now.load();
        let Some(validity) = loaded.validity else { return };
        let (certificate, now) = (loaded.path.display(), clock::wall());
        if validity.until < now {
            let expired = clock::timestamp(validity.until);
            tracing::error!(%certificate, %expired, "the certificate has expired: clients refuse it");
        } else if validity.from > now {
            let from = clock::timestamp(validity.from);
            tracing::error!(%certificate, %from, "the certificate is not valid yet: clients refuse it");
        } else if validity.days_left(now) < WARN_BELOW_DAYS {
            let expires = clock::timestamp(validity.until);
            tracing::warn!(%certificate, %expires, days = validity.days_left(now), "the certificate expires soon");
        }
    }
}

fn read(cert: &Path, key: &Path) -> Result<Loaded, TlsError> {
    let file = |what, path: &Path, reason: String| TlsError::File { what, path: path.to_owned(), reason };
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| file("a certificate", cert, e.to_string()))?;
    let Some(first) = chain.first() else {
        return Err(file("a certificate", cert, "there is none in it".to_owned()));
    };
    let validity = Validity::of(first);
    let text = std::fs::read(key).map_err(|e| file("a private key", key, e.to_string()))?;
    if text.windows(ENCRYPTED.len()).any(|part| part == ENCRYPTED) {
        let reason = "it is encrypted; `openssl pkey -in KEY -out NEW` decrypts it".to_owned();
        return Err(file("a private key", key, reason));
    }
    let private = PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
        file("a private key", key, "there is none in it, as PKCS#8, PKCS#1 or SEC1 in PEM".to_owned())
    })?;
    let pair = |error: rustls::Error| TlsError::Pair {
        cert: cert.to_owned(),
        key: key.to_owned(),
        reason: explain(&error),
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(pair)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(pair)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Loaded { config: Arc::new(config), path: cert.to_owned(), validity })
}

/// Part of the first lines of every encrypted key in PEM.
const ENCRYPTED: &[u8] = b"ENCRYPTED";

/// Describes an error and how to fix it.
fn explain(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InconsistentKeys(_) => "the key belongs to another certificate".to_owned(),
        // All that the signer of rustls reports about a key.
        rustls::Error::General(_) => {
            "the key must be RSA of 2048 to 8192 bits, ECDSA on P-256 or P-384, or Ed25519".to_owned()
        }
        error if format!("{error:?}").contains("UnsupportedCertVersion") => {
            "the certificate is of X.509 version 1; make one of version 3, with subjectAltName".to_owned()
        }
        error => error.to_string(),
    }
}
