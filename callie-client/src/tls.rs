//! Whom to trust: roots that are bundled, roots that are given, and pinned keys.

use std::sync::{Arc, LazyLock};
use std::{fmt, io};

use ring::digest::{SHA256, digest};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, KeyProvider};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::SigningKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, InvalidMessage, RootCertStore, SignatureScheme,
};
use tokio_rustls::TlsConnector;
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

use crate::address::ServerAddress;
use crate::config::Config;
use crate::dial::Trail;
use crate::error::{Error, ErrorKind, code};
use crate::stream::Stream;

/// The settings of nearly everybody, made once, as that takes longer than a connection. They remember the server's
/// session tickets, which shorten the next handshake.
static BUNDLED: LazyLock<Result<Arc<ClientConfig>, String>> =
    LazyLock::new(|| settings_for(bundled(), &[]).map_err(|e| e.to_string()));

fn bundled() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() }
}

/// The roots of the operating system. Certificates that cannot be read are left out: systems keep some that no verifier takes.
#[cfg(feature = "native-roots")]
static NATIVE: LazyLock<Vec<CertificateDer<'static>>> = LazyLock::new(|| {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        log::warn!("a root certificate of the system could not be read: {error}");
    }
    found.certs
});

/// Which authorities are trusted.
pub(crate) enum Trust {
    /// Those that the library contains.
    Bundled,
    /// Others, or others too.
    Own(RootCertStore),
}

impl Trust {
    /// Reads the roots that `config` names.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) says which extra root cannot be read, and why.
    pub(crate) fn read(config: &Config) -> Result<Self, Error> {
        let mut roots = if config.bundled_roots { bundled() } else { RootCertStore::empty() };
        let usual = roots.len();
        #[cfg(feature = "native-roots")]
        if config.native_roots {
            roots.add_parsable_certificates(NATIVE.iter().cloned());
        }
        for (pem, number) in config.extra_roots.iter().zip(1..) {
            read_root(pem, number, &mut roots)?;
        }
        Ok(if config.bundled_roots && roots.len() == usual { Self::Bundled } else { Self::Own(roots) })
    }

    fn settings(&self, pins: &[[u8; 32]]) -> Result<Arc<ClientConfig>, Error> {
        let roots = match self {
            Self::Bundled if pins.is_empty() => return BUNDLED.clone().map_err(Error::internal),
            Self::Bundled => bundled(),
            Self::Own(roots) if roots.is_empty() => {
                let reason = "TLS needs an authority to trust: keep the bundled roots, or give an extra root";
                return Err(Error::invalid(code::INVALID_ARGUMENT, reason));
            }
            Self::Own(roots) => roots.clone(),
        };
        settings_for(roots, pins).map_err(Error::internal)
    }
}

/// Adds the certificates of an extra root, a text of PEM blocks. Neither the text nor a part of it is in an error: it may be
/// a private key.
fn read_root(pem: &str, number: usize, roots: &mut RootCertStore) -> Result<(), Error> {
    let wrong = |reason: fmt::Arguments<'_>| Error::invalid(code::INVALID_ARGUMENT, reason);
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        count += 1;
        let certificate = certificate.map_err(|error| {
            let why = match error {
                pem::Error::MissingSectionEnd { .. } => "its END line is missing",
                pem::Error::Base64Decode(_) => "it is not in Base64",
                pem::Error::SectionTooLarge => "it is too large",
                _ => "its BEGIN line is malformed",
            };
            wrong(format_args!("PEM block {count} of extra root {number} cannot be read: {why}"))
        })?;
        roots.add(certificate).map_err(|_| {
            wrong(format_args!("certificate {count} of extra root {number} is not an X.509 certificate"))
        })?;
    }
    if count == 0 {
        return Err(wrong(format_args!(
            "extra root {number} contains no certificate: it must have PEM blocks that begin with \
             -----BEGIN CERTIFICATE-----"
        )));
    }
    Ok(())
}

/// TLS with one address.
pub(crate) struct Tls {
    host: String,
    name: ServerName<'static>,
    settings: Arc<ClientConfig>,
}

impl Tls {
    /// What TLS with `address` needs; none if its URL is one without TLS.
    pub(crate) fn of(
        address: &ServerAddress,
        trust: &Trust,
        pins: &[[u8; 32]],
    ) -> Result<Option<Self>, Error> {
        let Some(name) = address.tls_name() else { return Ok(None) };
        let settings = trust.settings(pins)?;
        Ok(Some(Self { host: address.host().to_owned(), name: name.clone(), settings }))
    }

    /// Puts TLS over `stream`.
    pub(crate) async fn connect(&self, stream: Stream, trail: &Trail) -> Result<Stream, Error> {
        trail.enter(format!("TLS with {}", self.host));
        let connector = TlsConnector::from(Arc::clone(&self.settings));
        let tls = connector.connect(self.name.clone(), stream).await;
        Ok(Box::new(tls.map_err(|error| explain(&self.host, error))?))
    }
}

/// Why there is no TLS with `host`, in words that a person can act on.
fn explain(host: &str, error: io::Error) -> Error {
    let known = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let advice = match known {
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            "it does not speak TLS on this port; the URL of a server without TLS begins with http://".to_owned()
        }
        Some(rustls::Error::InvalidCertificate(error)) => match error {
            CertificateError::UnknownIssuer => {
                "no trusted authority has signed its certificate; give the certificate of its authority as an extra root"
                    .to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("its certificate is for another name than {host}")
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired, or the clock of this device is wrong".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet, or the clock of this device is wrong".to_owned()
            }
            CertificateError::Other(other) => match other.0.downcast_ref::<webpki::Error>() {
                Some(webpki::Error::CaUsedAsEndEntity) => "its certificate is that of an authority, as \
                    `openssl req -x509` makes; the server needs one that the authority has signed, with CA:FALSE"
                    .to_owned(),
                Some(webpki::Error::UnsupportedCertVersion) => {
                    "its certificate is not an X.509 certificate of version 3; make one with extensions".to_owned()
                }
                _ => "its certificate cannot be trusted".to_owned(),
            },
            _ => "its certificate cannot be trusted".to_owned(),
        },
        _ => "the handshake failed".to_owned(),
    };
    let reason = format!("no TLS with {host}: {advice} ({error})");
    Error::new(ErrorKind::Unreachable, code::TLS_FAILED, reason).with_source(error)
}

fn settings_for(roots: RootCertStore, pins: &[[u8; 32]]) -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = CryptoProvider { key_provider: &NoKeys, ..rustls::crypto::ring::default_provider() };
    let provider = Arc::new(provider);
    let builder =
        ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let mut settings = if pins.is_empty() {
        builder.with_root_certificates(roots).with_no_client_auth()
    } else {
        let verifier = Pinned::new(roots, pins, provider)?;
        builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
    };
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(settings))
}

/// Clients have no certificates here, and nothing that signs with their keys is in the library.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(&self, _: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("no certificates of clients".into()))
    }
}

/// Verifies a server as usual, and then that a pinned key is in the path to it.
///
/// Only certificates that the verified path goes through count: a server could present others that vouch for nothing.
struct Pinned {
    usual: Arc<WebPkiServerVerifier>,
    roots: Arc<RootCertStore>,
    pins: Vec<[u8; 32]>,
    provider: Arc<CryptoProvider>,
}

impl Pinned {
    fn new(
        roots: RootCertStore,
        pins: &[[u8; 32]],
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, rustls::Error> {
        let roots = Arc::new(roots);
        let usual = WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider))
            .build()
            .map_err(|e| rustls::Error::General(e.to_string()))?;
        Ok(Self { usual, roots, pins: pins.to_vec(), provider })
    }

    fn holds_a_pin(&self, path: &VerifiedPath<'_>) -> bool {
        let pinned = |key: &[u8]| self.pins.iter().any(|pin| digest(&SHA256, key).as_ref() == pin);
        pinned(&path.end_entity().subject_public_key_info())
            || path.intermediate_certificates().any(|c| pinned(&c.subject_public_key_info()))
            || pinned(&webpki::spki_for_anchor(path.anchor()))
    }
}

impl fmt::Debug for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinned").finish_non_exhaustive()
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified =
            self.usual.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        let unreadable = |_| rustls::Error::InvalidCertificate(CertificateError::BadEncoding);
        let certificate = EndEntityCert::try_from(end_entity).map_err(unreadable)?;
        let pinned = |path: &VerifiedPath<'_>| {
            if self.holds_a_pin(path) { Ok(()) } else { Err(webpki::Error::UnknownIssuer) }
        };
        certificate
            .verify_for_usage(
                self.provider.signature_verification_algorithms.all,
                &self.roots.roots,
                intermediates,
                now,
                KeyUsage::server_auth(),
                None,
                Some(&pinned),
            )
            .map_err(|_| {
                rustls::Error::General("no key of the server's certificates is a pinned one".into())
            })?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}
