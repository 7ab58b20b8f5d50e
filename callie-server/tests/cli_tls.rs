//! TLS with certificate and key files, which are read again on SIGHUP.
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

/// Writes a new certificate and its key, and returns the certificate.
fn write_certificate(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

/// Connects as a client that trusts only `certificate`.
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

/// Returns the status line of an answer over TLS.
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
async fn certificate_is_replaced_without_restart() {
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
    let reply = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
    assert!(reply.to_text().unwrap().contains("AUTH_FAILED"), "a WebSocket goes through TLS as well");
    let plain = support::call(server.addr, "GET", "/nothing", None, "").await;
    assert_eq!(plain.status, 0, "no HTTP in the clear");

    let second = write_certificate(folder.path());
    server.signal(Signal::HUP);
    server.wait_for_log("reloaded the configuration").await;
    assert_eq!(ask(server.addr, &second).await.unwrap(), "HTTP/1.1 404 Not Found");
    assert!(ask(server.addr, &first).await.is_err());

    std::fs::write(folder.path().join("cert.pem"), "no certificate").unwrap();
    server.signal(Signal::HUP);
    server.wait_for_log("cannot reload the configuration").await;
    assert_eq!(ask(server.addr, &second).await.unwrap(), "HTTP/1.1 404 Not Found");
}

/// Writes a certificate that is valid between two years, and returns it.
fn write_certificate_of(folder: &Path, from: i32, until: i32) -> CertificateDer<'static> {
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let cert = params.self_signed(&key).unwrap();
    std::fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    cert.der().clone()
}

const TLS_CONFIG: &str = "listen = \"127.0.0.1:0\"\ntls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\n";

async fn serve_tls(folder: &Path) -> Process {
    std::fs::write(folder.join("callie.toml"), TLS_CONFIG).unwrap();
    let mut command = command(folder);
    command.args(["--config", "callie.toml"]);
    Process::start(command).await
}

#[tokio::test]
async fn expired_certificate_does_not_replace_a_valid_one() {
    let folder = tempdir().unwrap();
    let good = write_certificate_of(folder.path(), 2020, 2096);
    let mut server = serve_tls(folder.path()).await;
    for (from, until, said) in [(2000, 2001, "expired on 2001"), (2095, 2096, "is valid from 2095")] {
        write_certificate_of(folder.path(), from, until);
        server.signal(Signal::HUP);
        server.wait_for_log(said).await;
        assert_eq!(ask(server.addr, &good).await.unwrap(), "HTTP/1.1 404 Not Found");
    }
    let better = write_certificate_of(folder.path(), 2020, 2097);
    server.signal(Signal::HUP);
    server.wait_for_log("reloaded the configuration").await;
    assert_eq!(ask(server.addr, &better).await.unwrap(), "HTTP/1.1 404 Not Found");
}

#[tokio::test]
async fn expired_certificate_at_start_can_be_replaced() {
    let folder = tempdir().unwrap();
    write_certificate_of(folder.path(), 2000, 2001);
    let mut server = serve_tls(folder.path()).await;
    server.wait_for_log("the certificate has expired").await;
    // Another expired certificate may replace an expired one.
    write_certificate_of(folder.path(), 2000, 2002);
    server.signal(Signal::HUP);
    server.wait_for_log("reloaded the configuration").await;
    let good = write_certificate_of(folder.path(), 2020, 2096);
    server.signal(Signal::HUP);
    server.wait_for_log("reloaded the configuration").await;
    assert_eq!(ask(server.addr, &good).await.unwrap(), "HTTP/1.1 404 Not Found");
}

#[tokio::test]
async fn days_until_expiry_are_a_metric() {
    let folder = tempdir().unwrap();
    write_certificate_of(folder.path(), 2000, 2001);
    let path = |name: &str| Some(folder.path().join(name));
    let config = callie_server::Config {
        tls_cert: path("cert.pem"),
        tls_key: path("key.pem"),
        metrics_listen: Some("127.0.0.1:0".into()),
        ..callie_server::Config::default()
    };
    let running = support::start_with(config).await;
    let ops = running.server.metrics_addr().unwrap();
    let days = async || {
        let figures = support::call(ops, "GET", "/metrics", None, "").await.body;
        let days = figures.lines().find_map(|line| line.strip_prefix("callie_certificate_days_left "));
        days.unwrap_or_else(|| panic!("{figures}")).parse::<i64>().unwrap()
    };
    let expired = async {
        while days().await >= 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, expired).await.unwrap();
    write_certificate_of(folder.path(), 2020, 2096);
    let config = running.server.config();
    running.server.reload(&config).unwrap();
    assert!(days().await > 20 * 365);
}

#[tokio::test]
async fn key_that_cannot_be_used_says_what_to_do() {
    let folder = tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("callie.toml", TLS_CONFIG);
    let said = async || {
        let mut command = command(folder.path());
        command.args(["--config", "callie.toml"]);
        let output = support::process::output(command).await;
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    write_certificate(folder.path());
    let other = rcgen::KeyPair::generate().unwrap();
    write("key.pem", &other.serialize_pem());
    let output = said().await;
    assert!(output.contains("the key belongs to another certificate"), "{output}");
    let begin = ["-----BEGIN ENCRYPTED", " PRIVATE KEY-----"].concat();
    write("key.pem", &format!("{begin}\nAAAA\n{}\n", begin.replace("BEGIN", "END")));
    let output = said().await;
    assert!(output.contains("it is encrypted; `openssl pkey"), "{output}");
    write("key.pem", "no key");
    let output = said().await;
    assert!(output.contains("there is none in it"), "{output}");
    let openssl = |arguments: &[&str]| {
        let mut openssl = std::process::Command::new("openssl");
        let done = openssl.args(arguments).current_dir(folder.path()).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521", "-out", "key.pem"]);
    let output = said().await;
    assert!(output.contains("ECDSA on P-256 or P-384"), "{output}");
    // If the configuration names no extensions, OpenSSL creates a certificate of version 1.
    openssl(&[
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=localhost",
        "-config",
        "/dev/null",
        "-keyout",
        "key.pem",
        "-out",
        "cert.pem",
    ]);
    let output = said().await;
    assert!(output.contains("X.509 version 1"), "{output}");
}
