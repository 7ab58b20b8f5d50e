//! A root certificate, and a certificate for 127.0.0.1 that it signs.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PublicKeyData as _,
};
use sha2::{Digest as _, Sha256};

use crate::Failure;

/// The files of a certificate, and its pin.
pub(crate) struct Files {
    /// The root to trust, in PEM.
    pub(crate) root: PathBuf,
    /// The server's certificate, in PEM.
    pub(crate) certificate: PathBuf,
    /// The server's private key, in PEM.
    pub(crate) key: PathBuf,
    /// The SHA-256 of the certificate's public key (SPKI), in hex.
    pub(crate) pin: String,
}

/// Creates a root and a certificate, and writes them to `folder`.
pub(crate) fn make(folder: &Path) -> Result<Files, Failure> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.distinguished_name.push(DnType::CommonName, "Callie test root");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

    let key = KeyPair::generate()?;
    let mut server = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()])?;
    server.distinguished_name.push(DnType::CommonName, "Callie test server");
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = server.signed_by(&key, &authority)?;

    let files = Files {
        root: folder.join("root.pem"),
        certificate: folder.join("certificate.pem"),
        key: folder.join("key.pem"),
        pin: Sha256::digest(key.subject_public_key_info()).iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    std::fs::write(&files.root, authority.pem())?;
    std::fs::write(&files.certificate, certificate.pem())?;
    std::fs::write(&files.key, key.serialize_pem())?;
    Ok(files)
}
