//! Certificates, pinned keys and proxies of a connection.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod configs;

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use callie_client::{Client, Config, Credentials, Error, ErrorKind, Server, code};
use callie_core::account;
use configs::with;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PublicKeyData as _};
use ring::digest::{SHA256, digest};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const BOUND: Duration = Duration::from_secs(20);

/// Reads up to the end of a request's head.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// Refuses a login, which shows that the server was reached.
async fn refuse_login(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    head(stream).await;
    let problem = serde_json::to_string(&account::AccountError::InvalidCredentials.problem()).unwrap();
    let length = problem.len();
    let answer = format!("HTTP/1.1 401 Unauthorized\r\ncontent-length: {length}\r\n\r\n{problem}");
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// Returns the error of a login. `INVALID_CREDENTIALS` means that the server was reached.
async fn login(config: Config) -> Error {
    let server = Server::with_config(config).unwrap();
    tokio::time::timeout(BOUND, server.login("ada", "password", None)).await.unwrap().unwrap_err()
}

fn sha256(key: &[u8]) -> [u8; 32] {
    digest(&SHA256, key).as_ref().try_into().unwrap()
}

/// Starts a server with TLS, which refuses every login.
async fn serve_tls(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Config {
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let settings = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = Config::new(&format!("https://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(settings));
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                refuse_login(&mut stream).await;
            }
        }
    });
    with(config, |config| config.use_proxy = false)
}

struct Tls {
    config: Config,
    root: String,
    key: [u8; 32],
    root_key: [u8; 32],
}

/// Starts a server whose certificate is signed by a new root.
async fn tls() -> Tls {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_key = KeyPair::generate().unwrap();
    let root_pin = sha256(&root_key.subject_public_key_info());
    let authority = CertifiedIssuer::self_signed(authority, root_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let config = serve_tls(vec![certificate.der().clone()], &key).await;
    Tls { config, root: authority.pem(), key: sha256(&key.subject_public_key_info()), root_key: root_pin }
}

#[tokio::test]
async fn certificate_of_unknown_root_is_refused() {
    let error = login(tls().await.config).await;
    assert_eq!(error.code(), "TLS_FAILED", "{error}");
}

#[tokio::test]
async fn extra_root_is_trusted_with_or_without_bundled() {
    let server = tls().await;
    for bundled_roots in [true, false] {
        let config = with(server.config.clone(), |config| {
            config.bundled_roots = bundled_roots;
            config.extra_roots = vec![server.root.clone()];
        });
        let error = login(config).await;
        assert_eq!(error.code(), "INVALID_CREDENTIALS", "{error}");
    }
}

#[tokio::test]
async fn pin_of_server_or_root_is_required() {
    let server = tls().await;
    for (pins, code) in [
        (vec![server.key], "INVALID_CREDENTIALS"),
        (vec![server.root_key], "INVALID_CREDENTIALS"),
        (vec![[7; 32], server.key], "INVALID_CREDENTIALS"),
        (vec![[7; 32]], "TLS_FAILED"),
    ] {
        let config = with(server.config.clone(), |config| {
            config.pins = pins;
            config.extra_roots = vec![server.root.clone()];
        });
        let error = login(config).await;
        assert_eq!(error.code(), code, "{error}");
    }
}

#[tokio::test]
async fn pin_does_not_make_unknown_root_trusted() {
    let server = tls().await;
    let error = login(with(server.config, |config| config.pins = vec![server.key])).await;
    assert_eq!(error.code(), "TLS_FAILED", "{error}");
}

/// Returns the error of each constructor that takes a configuration, for one that `change` has made unusable.
fn refused(url: &str, change: impl Fn(&mut Config)) -> Error {
    let config = with(Config::new(url).unwrap(), |config| {
        config.use_proxy = false;
        change(config);
    });
    let error = Server::with_config(config.clone()).unwrap_err();
    assert_eq!(Credentials::new(config, "ada", "token").unwrap_err(), error);
    assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidArgument, code::INVALID_ARGUMENT), "{error}");
    error
}

#[test]
fn unreadable_extra_root_is_named_by_the_constructor() {
    let authority = || {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    };
    let good = authority();
    let key = KeyPair::generate().unwrap().serialize_pem();
    let cut = good.replace("-----END CERTIFICATE-----", "");
    let damaged = good.replace("\nMII", "\n%%%");
    let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (roots, expected) in [
        (vec![String::new()], "extra root 1 contains no certificate"),
        (vec!["nonsense".to_owned()], "extra root 1 contains no certificate"),
        (vec![good.clone(), key.clone()], "extra root 2 contains no certificate"),
        (
            vec![good.clone(), cut.clone()],
            "PEM block 1 of extra root 2 cannot be read: its END line is missing",
        ),
        (vec![good.clone() + &damaged], "PEM block 2 of extra root 1 cannot be read: it is not in Base64"),
        (
            vec![format!("{good}{}{empty}", authority())],
            "certificate 3 of extra root 1 is not an X.509 certificate",
        ),
    ] {
        // Also without TLS: the same settings go for a proxy with TLS.
        for url in ["https://chat.example", "http://chat.example"] {
            let error = refused(url, |config| config.extra_roots.clone_from(&roots));
            assert!(error.reason().contains(expected), "{error}");
            assert!(!error.reason().contains(key.lines().nth(1).unwrap()), "{error}");
        }
    }
}

#[test]
fn unusable_setting_is_named_by_the_constructor() {
    const TLS: &str = "https://chat.example";
    for (error, expected) in [
        (refused(TLS, |config| config.bundled_roots = false), "TLS needs an authority to trust"),
        (refused("http://chat.example", |config| config.pins = vec![[7; 32]]), "pins need TLS"),
        (refused(TLS, |config| config.event_queue = 0), "the event queue must be at least 1"),
        (refused(TLS, |config| config.max_waiting = 0), "the most payloads that wait must be at least 1"),
        (
            refused(TLS, |config| config.connect_timeout = Duration::ZERO),
            "the timeout for connecting must be",
        ),
        (refused(TLS, |config| config.request_timeout = Duration::ZERO), "the timeout for a request must be"),
        (refused(TLS, |config| config.send_timeout = Duration::ZERO), "the timeout for sending must be"),
    ] {
        assert!(error.reason().starts_with(expected), "{error}");
    }
}

/// The variable with the URL of a server whose root is in the file that `SSL_CERT_FILE` names.
const NATIVE: &str = "CALLIE_TEST_NATIVE";

#[tokio::test]
#[ignore = "run by another test, with roots in its environment"]
async fn server_of_a_native_root() {
    let config =
        with(Config::new(&std::env::var(NATIVE).unwrap()).unwrap(), |config| config.use_proxy = false);
    println!("{}", login(config.clone()).await.code());
    println!("{}", login(with(config, |config| config.native_roots = true)).await.code());
}

#[tokio::test(flavor = "multi_thread")]
async fn native_roots_are_trusted_on_demand() {
    let server = tls().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roots.pem");
    std::fs::write(&file, &server.root).unwrap();
    let run = move || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "server_of_a_native_root", "--ignored", "--nocapture"]);
        command.env("SSL_CERT_FILE", file).env(NATIVE, server.config.address.to_string());
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(output.contains("TLS_FAILED\nINVALID_CREDENTIALS"), "{output}");
}

/// A host that DNS does not know, so only a proxy can reach it.
const BEHIND: &str = "http://chat.invalid:8080";

#[tokio::test]
#[ignore = "run by other tests, with a proxy in its environment"]
async fn behind_the_proxy() {
    match Server::new(BEHIND) {
        Ok(server) => println!("{}", login(server.config().clone()).await.code()),
        Err(error) => println!("{:?}: {error}", error.kind()),
    }
}

/// Logs in with a proxy variable set, in a process of its own, and returns its output: the code of the
/// error, or the error of the constructor.
async fn login_with(name: &'static str, value: String) -> String {
    let run = move || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        for known in ["ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"] {
            command.env_remove(known).env_remove(known.to_lowercase());
        }
        command.args(["--exact", "behind_the_proxy", "--ignored", "--nocapture"]).env(name, value);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test]
async fn proxy_of_environment_is_used_with_its_login() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://user:secret@{}", listener.local_addr().unwrap());
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let asked = head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        refuse_login(&mut stream).await;
        asked
    };
    let (asked, output) = tokio::join!(serve, login_with("HTTP_PROXY", proxy));
    assert!(output.contains("INVALID_CREDENTIALS"), "{output}");
    assert!(asked.starts_with("CONNECT chat.invalid:8080 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.to_lowercase().contains("proxy-authorization: basic dxnlcjpzzwnyzxq="), "{asked}");
}

#[tokio::test]
async fn refusing_proxy_is_reported() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    };
    let ((), output) = tokio::join!(serve, login_with("ALL_PROXY", proxy));
    assert!(output.contains("PROXY_FAILED"), "{output}");
}

#[tokio::test]
async fn unusable_proxy_is_named_by_the_constructor() {
    for value in
        ["socks5://127.0.0.1:1", "htp://u:secret@proxy", "http://u:secret@proxy:x", "http://", "http://a b"]
    {
        for variable in ["ALL_PROXY", "http_proxy"] {
            let output = login_with(variable, value.to_owned()).await;
            assert!(
                output.contains(&format!("InvalidArgument: the environment variable {variable} must be")),
                "{output}"
            );
            assert!(output.contains("(PROXY_FAILED)") && !output.contains("secret"), "{output}");
        }
    }
    // It is for servers with TLS only.
    assert!(login_with("HTTPS_PROXY", "nonsense://x".to_owned()).await.contains("UNREACHABLE"));
}

#[tokio::test]
async fn proxy_is_not_used_if_disabled() {
    let config = with(Config::new(BEHIND).unwrap(), |config| config.use_proxy = false);
    assert_eq!(login(config).await.code(), "UNREACHABLE");
}

/// Starts a server that answers everything with `answer`, and returns its address.
async fn answers(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1_024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
            // Unread bytes would reset the connection, and the answer with it.
            while let Ok(1..) = stream.read(&mut request).await {}
        }
    });
    address
}

/// Checks that logging in and connecting fail with a reason that contains `expected`.
async fn fails_with(config: Config, expected: &str) {
    let error = login(config.clone()).await;
    assert!(error.reason().contains(expected), "{error}");
    assert!(std::error::Error::source(&error).is_some(), "{error:?}");
    let session = Credentials::new(config, "ada", "token").unwrap();
    let error = tokio::time::timeout(BOUND, Client::open(&session)).await.unwrap().unwrap_err();
    assert!(error.reason().contains(expected), "{error}");
    assert!(std::error::Error::source(&error).is_some(), "{error:?}");
}

#[tokio::test]
async fn tls_to_plain_port_is_explained() {
    let address = answers(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    fails_with(Config::new(&format!("https://{address}")).unwrap(), "begins with http://").await;
}

#[tokio::test]
async fn plain_to_tls_port_is_explained() {
    // The alert with which rustls and OpenSSL answer data that is not TLS.
    let address = answers(&[21, 3, 3, 0, 2, 2, 10]).await;
    fails_with(Config::new(&format!("http://{address}")).unwrap(), "begins with https://").await;
}

#[tokio::test]
async fn self_signed_authority_as_server_is_explained() {
    let mut own = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = own.self_signed(&key).unwrap();
    let config = serve_tls(vec![certificate.der().clone()], &key).await;
    let trusting = with(config.clone(), |config| config.extra_roots = vec![certificate.pem()]);
    fails_with(trusting, "CA:FALSE").await;
    fails_with(config, "CA:FALSE").await;
    fails_with(tls().await.config, "extra root").await;
}

#[tokio::test]
async fn certificate_for_another_name_is_explained() {
    let tls = tls().await;
    let port = tls.config.address.to_string().rsplit_once(':').unwrap().1.to_owned();
    let other = Config::new(&format!("https://localhost:{port}")).unwrap();
    let trusting = with(other, |config| config.extra_roots = vec![tls.root]);
    fails_with(trusting, "another name than localhost").await;
}

#[tokio::test]
async fn unreachable_server_is_named_with_its_address() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    fails_with(Config::new(&format!("http://{address}")).unwrap(), &format!("{address} (Connection refused"))
        .await;
}
