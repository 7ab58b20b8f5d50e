//! TLS by certificate and key files, read again on SIGHUP.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

mod support;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use rustix::process::Signal;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use support::PATIENCE;
use support::process::{Process, command};
use tempfile::tempdir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;

/// Writes a new certificate and its key, and answers the certificate.
fn write_certificate(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

/// A connection by a client that trusts `certificate` alone.
async fn connect(
    addr: SocketAddr,
    certificate: &CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, TcpStream::connect(addr).await?).await
}

/// The status line of an answer over TLS.
async fn ask(addr: SocketAddr, certificate: &CertificateDer<'static>) -> std::io::Result<String> {
    let talk = async {
        let mut tls = connect(addr, certificate).await?;
        tls.write_all(b"GET /nothing HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        tls.read_to_string(&mut answer).await?;
        Ok(answer.lines().next().unwrap_or_default().to_owned())
    };
    tokio::time::timeout(PATIENCE, talk).await.unwrap()
}

#[tokio::test]
async fn a_server_with_a_certificate_speaks_tls_and_takes_a_new_one_without_a_restart() {
    let folder = tempdir().unwrap();
    let first = write_certificate(folder.path());
    std::fs::write(
        folder.path().join("callie.toml"),
        "listen = \"127.0.0.1:0\"\ntls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\n",
    )
    .unwrap();
    let mut command = command(folder.path());
    command.args(["--config", "callie.toml"]);
    let mut server = Process::start(command).await;
    assert!(server.url.starts_with("https://"));
    assert_eq!(ask(server.addr, &first).await.unwrap(), "HTTP/1.1 404 Not Found");
    let tls = connect(server.addr, &first).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async("wss://localhost/ws", tls).await.unwrap();
    socket.send(Message::text("{}")).await.unwrap();
    let told = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
    assert!(told.to_text().unwrap().contains("AUTH_FAILED"), "a WebSocket goes through TLS as well");
    let plain = support::call(server.addr, "GET", "/nothing", None, "").await;
    assert_eq!(plain.status, 0, "no HTTP in the clear");

    let second = write_certificate(folder.path());
    server.signal(Signal::HUP);
    server.wait_for_log("reloaded the configuration").await;
    assert_eq!(ask(server.addr, &second).await.unwrap(), "HTTP/1.1 404 Not Found");
    assert!(ask(server.addr, &first).await.is_err());

    std::fs::write(folder.path().join("cert.pem"), "no certificate").unwrap();
    server.signal(Signal::HUP);
    server.wait_for_log("not reloaded").await;
    assert_eq!(ask(server.addr, &second).await.unwrap(), "HTTP/1.1 404 Not Found");
}
