//! The files of `packaging/proxies` in real proxies: the page, the calls and the socket, with and without a path
//! prefix.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]

mod browser;
mod support;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use browser::Driver;
use callie_core::account::path;
use callie_server::Config;
use futures_util::{SinkExt as _, StreamExt as _};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use support::die_with_parent::ChildProcess;
use support::{Answer, PASSWORD, PATIENCE, Running, credentials, start_with};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::Response;
use tokio_tungstenite::tungstenite::{Error, Message};

/// The name of the server in the files.
const CALLIE: &str = "127.0.0.1:8080";

/// A server and a proxy with TLS in front of it, which end with the test.
struct Proxied {
    server: Running,
    port: u16,
    certificate: CertificateDer<'static>,
    _process: ChildProcess,
    _folder: TempDir,
}

/// The parameters of a proxy: a folder for its files, its port, the certificate, the key, and the server.
struct Place {
    folder: PathBuf,
    port: u16,
    callie: String,
}

impl Place {
    fn cert(&self) -> String {
        self.folder.join("cert.pem").display().to_string()
    }

    fn key(&self) -> String {
        self.folder.join("key.pem").display().to_string()
    }

    /// Returns the file of `packaging/proxies`, with the addresses and files of this test.
    fn write(&self, name: &str, changes: &[(&str, &str)]) -> String {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/proxies").join(name);
        let mut text = std::fs::read_to_string(file).unwrap();
        for (from, to) in [(CALLIE, self.callie.as_str())].iter().chain(changes) {
            assert!(text.contains(from), "{from} in {name}");
            text = text.replace(from, to);
        }
        let written = self.folder.join(name);
        std::fs::write(&written, text).unwrap();
        written.display().to_string()
    }
}

impl Proxied {
    async fn start(run: impl FnOnce(&Place) -> ChildProcess) -> Self {
        // Only the proxy is trusted. The clients of these tests use other loopback addresses.
        let config = Config {
            trusted_proxies: vec!["127.0.0.1/32".parse().unwrap()],
            registration_burst: 1,
            registrations_per_minute: 1,
            ..Config::default()
        };
        let server = start_with(config).await;
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        for (name, text) in [("cert.pem", &cert), ("key.pem", &key), ("both.pem", &format!("{cert}{key}"))] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let place = Place { folder: folder.path().to_owned(), port, callie: server.addr().to_string() };
        let process = run(&place);
        let listens = async {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                // There is no event when a port is opened.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, listens).await.expect("the proxy listens: run `make install`");
        Self { server, port, certificate: made.cert.der().clone(), _process: process, _folder: folder }
    }

    /// Opens a TLS connection from the address 127.0.0.`from`.
    async fn connect(&self, from: u8) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, from), 0))).unwrap();
        let tcp = socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
    }

    async fn call(&self, from: u8, method: &str, path: &str, body: &str) -> Answer {
        let talk = async {
            let mut tls = self.connect(from).await;
            let head = format!(
                "{method} {path} HTTP/1.1\r\nhost: localhost:{}\r\nconnection: close\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n",
                self.port,
                body.len()
            );
            tls.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
            let mut text = Vec::new();
            // Not every proxy sends a TLS close_notify.
            let _ = tls.read_to_end(&mut text).await;
            String::from_utf8(text).unwrap()
        };
        let text = tokio::time::timeout(PATIENCE, talk).await.expect("an answer in time");
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// Opens the socket as a page that this proxy serves. Returns the server's first payload, or why it refused.
    async fn open(&self, prefix: &str) -> Result<String, Response<Option<Vec<u8>>>> {
        let authority = format!("localhost:{}", self.port);
        let mut request = format!("wss://{authority}{prefix}{}", path::SOCKET).into_client_request().unwrap();
        request.headers_mut().insert("origin", format!("https://{authority}").parse().unwrap());
        match tokio_tungstenite::client_async(request, self.connect(2).await).await {
            Ok((mut socket, _)) => {
                socket.send(Message::text("{}")).await.unwrap();
                let said = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
                Ok(said.to_text().unwrap().to_owned())
            }
            Err(Error::Http(response)) => Err(*response),
            Err(other) => panic!("{other}"),
        }
    }

    /// Checks the page, the calls and the socket, with and without the prefix, from clients with different addresses.
    async fn serves_all(&self) {
        for (n, prefix) in ["", "/chat"].into_iter().enumerate() {
            let n = u8::try_from(n).unwrap();
            let page = self.call(2, "GET", &format!("{prefix}/"), "").await;
            assert!(page.status == 200 && page.body.contains("<!doctype html>"), "{page:?}");
            let linked: Vec<&str> = page.body.split('"').filter(|part| part.starts_with("page/")).collect();
            assert!(linked.len() >= 3, "{linked:?}");
            for file in linked {
                let answer = self.call(2, "GET", &format!("{prefix}/{file}"), "").await;
                assert_eq!(answer.status, 200, "{file}");
            }
            let register = async |from: u8, name: String| {
                let body = credentials(&name, PASSWORD);
                self.call(from, "POST", &format!("{prefix}{}", path::REGISTER), &body).await.status
            };
            // One registration for each address: the server distinguishes the clients of the proxy.
            assert_eq!(register(10 + n, format!("ada{n}")).await, 201);
            assert_eq!(register(10 + n, format!("bob{n}")).await, 429);
            assert_eq!(register(20 + n, format!("bob{n}")).await, 201);
            assert!(self.open(prefix).await.unwrap().contains("AUTH_FAILED"));
        }
    }
}

fn nginx(place: &Place, changes: &[(&str, &str)]) -> ChildProcess {
    let listen = format!("listen 127.0.0.1:{} ssl;", place.port);
    let (cert, key) = (place.cert(), place.key());
    let mut all = vec![
        ("listen 443 ssl;", listen.as_str()),
        ("/etc/ssl/chat.example/fullchain.pem", &cert),
        ("/etc/ssl/chat.example/privkey.pem", &key),
    ];
    all.extend(changes);
    let site = place.write("nginx.conf", &all);
    // Without worker processes, so that it ends with the test.
    let main = format!(
        "daemon off; master_process off; pid nginx.pid; error_log error.log; events {{}} http {{ access_log off; \
         client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; \
         scgi_temp_path scgi; include {site}; }}"
    );
    let file = place.folder.join("main.conf");
    std::fs::write(&file, main).unwrap();
    let arguments = ["-p", &place.folder.display().to_string(), "-c", &file.display().to_string()];
    ChildProcess::start(program("nginx"), &arguments.map(str::to_owned))
}

/// Finds the program. Debian installs some in directories of root's PATH.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    let found = folders.map(|folder| folder.join(name)).find(|file| file.exists());
    found.unwrap_or_else(|| panic!("{name} is not installed: run `make install`"))
}

#[tokio::test]
async fn nginx_passes_page_calls_and_socket() {
    Proxied::start(|place| nginx(place, &[])).await.serves_all().await;
}

#[tokio::test]
async fn haproxy_passes_page_calls_and_socket() {
    let proxied = Proxied::start(|place| {
        let bind = format!("bind 127.0.0.1:{} ", place.port);
        let both = place.folder.join("both.pem").display().to_string();
        let site =
            place.write("haproxy.cfg", &[("bind :443 ", &bind), ("/etc/haproxy/chat.example.pem", &both)]);
        ChildProcess::start(program("haproxy"), &["-db".to_owned(), "-f".to_owned(), site])
    });
    proxied.await.serves_all().await;
}

#[tokio::test]
async fn caddy_passes_page_calls_and_socket() {
    let proxied = Proxied::start(|place| {
        let address =
            format!("https://localhost:{} {{\n    tls {} {}", place.port, place.cert(), place.key());
        let site = place.write("Caddyfile", &[("chat.example {", &address)]);
        let folder = place.folder.display().to_string();
        let main = format!("{{\n    admin off\n    auto_https disable_redirects\n}}\nimport {site}\n");
        let file = place.folder.join("main");
        std::fs::write(&file, main).unwrap();
        let caddy = program("caddy").display().to_string();
        let home = ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"].map(|name| format!("{name}={folder}"));
        let run = [&caddy, "run", "--adapter", "caddyfile", "--config", &file.display().to_string()];
        let arguments: Vec<String> = home.into_iter().chain(run.map(str::to_owned)).collect();
        ChildProcess::start("/usr/bin/env", &arguments)
    });
    proxied.await.serves_all().await;
}

#[tokio::test]
async fn proxy_that_replaces_host_is_explained() {
    // As in nginx's documentation of WebSockets, which does not set Host.
    let proxied = Proxied::start(|place| nginx(place, &[("proxy_set_header Host $http_host;", "")])).await;
    let refused = proxied.open("").await.unwrap_err();
    assert_eq!(refused.status().as_u16(), 403);
    let body = String::from_utf8(refused.body().clone().unwrap_or_default()).unwrap();
    for part in [format!("https://localhost:{}", proxied.port), proxied.server.addr().to_string()] {
        assert!(body.contains(&part), "{part} in {body}");
    }
}

#[tokio::test]
async fn page_works_below_a_prefix() {
    let proxied = Proxied::start(|place| nginx(place, &[])).await;
    let driver = Driver::start().await;
    let browser = driver.browser("prefix").await;
    browser.client.goto(&format!("https://localhost:{}/chat", proxied.port)).await.unwrap();
    browser.click("#switch").await;
    browser.fill("#name", "alice").await;
    browser.fill("#password", PASSWORD).await;
    browser.click("#enter").await;
    browser.sees("#link", "Online").await;
    let complaints = browser.console().await;
    assert!(complaints.is_empty(), "{complaints:#?}");
    browser.client.close().await.unwrap();
}
