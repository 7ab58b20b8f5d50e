//! The log lines about refused and closed connections: one each, with user and address, and without secrets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod chat;
mod support;

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use callie_server::Config;
use callie_server::gateway::Timing;
use chat::{Chat, Client, PATIENCE, fresh, quick, start, start_with};
use futures_util::SinkExt as _;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

/// The log of this process. All tests write to it, and each searches for its own names.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn log() -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(|| {
        let log = Log::default();
        let writer = log.clone();
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).init();
        log
    })
}

/// Returns the log lines so far that contain all of these texts.
fn lines(holding: &[&str]) -> Vec<String> {
    let text = String::from_utf8(log().0.lock().unwrap().clone()).unwrap();
    text.lines().filter(|line| holding.iter().all(|part| line.contains(part))).map(str::to_owned).collect()
}

/// Waits for the one line that contains all of these texts.
async fn line(holding: &[&str]) -> String {
    let begun = Instant::now();
    loop {
        let mut found = lines(holding);
        assert!(found.len() <= 1, "{found:#?}");
        if let Some(line) = found.pop() {
            return line;
        }
        assert!(begun.elapsed() < PATIENCE, "no line holds {holding:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn start_logged(config: Config, timing: Timing) -> Chat {
    log();
    start_with(config, timing).await
}

fn figure(chat: &Chat, name: &str) -> u64 {
    let text = chat.server.metrics().text();
    let line =
        text.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap_or_else(|| panic!("{name}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// Connects a user of this test only.
async fn someone(chat: &Chat) -> (Client, String) {
    let name = fresh("user");
    (chat.user(&name).await, name)
}

#[tokio::test]
async fn refused_origin_is_logged_with_the_host() {
    let chat = start_logged(Config::default(), quick()).await;
    let tcp = TcpStream::connect(chat.addr()).await.unwrap();
    let mut request = format!("ws://{}/ws", chat.addr()).into_client_request().unwrap();
    request.headers_mut().insert("origin", "http://other.example".parse().unwrap());
    assert!(tokio_tungstenite::client_async(request, tcp).await.is_err());
    let line = line(&["other.example"]).await;
    assert!(line.contains(" WARN ") && line.contains("cors_origins"), "{line}");
    assert!(
        line.contains("address=127.0.0.1") && line.contains(&format!("host=\"{}\"", chat.addr())),
        "{line}"
    );
    assert_eq!(figure(&chat, "callie_refused_connections_total{reason=\"origin\"}"), 1);
}

#[tokio::test]
async fn flood_of_refusals_does_not_flood_the_log() {
    let chat = start_logged(Config::default(), quick()).await;
    let begun = Instant::now();
    for _ in 0..60 {
        let tcp = TcpStream::connect(chat.addr()).await.unwrap();
        let mut request = format!("ws://{}/ws", chat.addr()).into_client_request().unwrap();
        request.headers_mut().insert("origin", "http://flood.example".parse().unwrap());
        assert!(tokio_tungstenite::client_async(request, tcp).await.is_err());
    }
    let seconds = usize::try_from(begun.elapsed().as_secs()).unwrap() + 2;
    let logged = lines(&["flood.example"]).len();
    assert!((1..=10 * seconds).contains(&logged), "{logged} in {seconds} s");
    if logged < 60 {
        let counted = line(&["suppressed log lines", "kind=Handshake"]).await;
        assert!(counted.contains(" WARN ") && counted.contains("left_out="), "{counted}");
    }
}

#[tokio::test]
async fn failed_authentication_is_logged_without_the_token() {
    let chat = start_logged(Config::default(), quick()).await;
    let name = fresh("user");
    let mut login = chat.login(&name).await;
    login.token = "the-secret-that-does-not-fit".into();
    let mut client = chat.open().await.of(&login);
    let greeting = client.command("AUTHENTICATE", json!({}));
    client.send(&greeting).await;
    client.ended("AUTH_FAILED").await;
    let line = line(&[&format!("user=\"{name}\"")]).await;
    for part in [" INFO ", "close=4501", "AUTH_FAILED", "address=127.0.0.1", "no live session"] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(lines(&["the-secret-that-does-not-fit"]).is_empty());
    assert_eq!(figure(&chat, "callie_closes_total{code=\"4501\"}"), 1);
}

#[tokio::test]
async fn closes_are_logged_with_their_code_and_user() {
    let timing = Timing { protocol: quick().protocol.with_flood(Duration::from_millis(50)), ..quick() };
    let config = Config { burst: 30, messages_per_second: 1, ..Config::default() };
    let chat = start_logged(config, timing).await;
    let (mut binary, binary_name) = someone(&chat).await;
    binary.ws.send(Message::binary(vec![1])).await.unwrap();
    let (mut large, large_name) = someone(&chat).await;
    large.send_text(&" ".repeat(70_000)).await;
    let (mut invalid, invalid_name) = someone(&chat).await;
    for _ in 0..20 {
        invalid.send_text("nonsense").await;
    }
    let (mut fast, fast_name) = someone(&chat).await;
    loop {
        let message = fast.message("nobody", "flood");
        if fast.ws.send(Message::text(message.to_string())).await.is_err() {
            break;
        }
        if !lines(&[&format!("user=\"{fast_name}\"")]).is_empty() {
            break;
        }
    }
    for (name, level, close, code) in [
        (binary_name, " INFO ", "close=1003", "UNSUPPORTED_FRAME"),
        (large_name, " INFO ", "close=1009", "PAYLOAD_TOO_LARGE"),
        (invalid_name, " WARN ", "close=4500", "TOO_MANY_INVALID"),
        (fast_name, " WARN ", "close=4429", "RATE_LIMITED"),
    ] {
        let line = line(&[&format!("user=\"{name}\"")]).await;
        for part in [level, close, code, "address=127.0.0.1"] {
            assert!(line.contains(part), "{part} in {line}");
        }
        let code = close.trim_start_matches("close=");
        assert_eq!(figure(&chat, &format!("callie_closes_total{{code=\"{code}\"}}")), 1);
    }
}

#[tokio::test]
async fn silent_client_is_logged() {
    let timing = Timing {
        protocol: quick()
            .protocol
            .with_heartbeat(Duration::from_millis(50))
            .with_heartbeat_grace(Duration::from_millis(50)),
        ..quick()
    };
    let chat = start_logged(Config::default(), timing).await;
    let (_silent, name) = someone(&chat).await;
    let line = line(&[&format!("user=\"{name}\"")]).await;
    assert!(line.contains(" INFO ") && line.contains("close=4408"), "{line}");
}

#[tokio::test]
async fn slow_reader_is_logged_and_counted() {
    let config = Config {
        outbox_bytes: 64 * 1024,
        burst: 1_000_000,
        messages_per_second: 1_000_000,
        ..Config::default()
    };
    let chat = start_logged(config, quick()).await;
    let (mut ada, _) = someone(&chat).await;
    let (_lazy, name) = someone(&chat).await;
    let text = "x".repeat(30_000);
    loop {
        let message = ada.message(&name, &text);
        ada.send(&message).await;
        let ping = ada.payload("SERVER", "PING", json!({}));
        ada.send(&ping).await;
        if ada.next().await["content"]["code"] == "RECIPIENT_OFFLINE" {
            break;
        }
    }
    let line = line(&[&format!("user=\"{name}\"")]).await;
    for part in [" WARN ", "close=4431", "SLOW_CONSUMER", "bytes are waiting to be read"] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert_eq!(figure(&chat, "callie_closes_total{code=\"4431\"}"), 1);
    assert!(figure(&chat, "callie_discarded_total{reason=\"slow_consumer\"}") >= 1);
}

#[tokio::test]
async fn full_server_is_logged_by_limit() {
    let config = Config { max_connections: 2, max_connections_per_user: 1, ..Config::default() };
    let chat = start_logged(config, quick()).await;
    let name = fresh("user");
    let login = chat.login(&name).await;
    let _one = chat.connect(&login).await;
    let mut two = chat.open().await.of(&login);
    let greeting = two.command("AUTHENTICATE", json!({}));
    two.send(&greeting).await;
    two.ended("OVERLOADED").await;
    let of_user = line(&[&format!("user=\"{name}\"")]).await;
    assert!(of_user.contains(" WARN ") && of_user.contains("max_connections_per_user"), "{of_user}");
    drop(two);
    while chat.server.gateway().unauthenticated() > 0 {
        tokio::task::yield_now().await;
    }
    let _other = someone(&chat).await;
    let mut three = chat.open().await;
    three.ended("OVERLOADED").await;
    let of_all = line(&["limit=\"max_connections\""]).await;
    assert!(of_all.contains(" WARN ") && of_all.contains("address=127.0.0.1"), "{of_all}");
    for (reason, count) in [("max_connections_per_user", 1), ("max_connections", 1)] {
        assert_eq!(figure(&chat, &format!("callie_refused_connections_total{{reason=\"{reason}\"}}")), count);
    }
    assert_eq!(figure(&chat, "callie_closes_total{code=\"1013\"}"), 2);
}

#[tokio::test]
async fn connection_over_address_limit_is_logged() {
    let chat = start_logged(Config { max_connections_per_address: 1, ..Config::default() }, quick()).await;
    let _first = TcpStream::connect(chat.addr()).await.unwrap();
    let mut second = TcpStream::connect(chat.addr()).await.unwrap();
    // Closed without a message: the end of the stream or a reset.
    assert!(second.read_u8().await.is_err());
    let line = line(&["refused a connection: max_connections"]).await;
    assert!(line.contains(" WARN ") && line.contains("address=127.0.0.1"), "{line}");
    assert_eq!(figure(&chat, "callie_refused_connections_total{reason=\"dropped\"}"), 1);
}

#[tokio::test]
async fn failed_tls_handshake_is_logged_with_its_address() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let config = Config { tls_cert: Some(cert), tls_key: Some(key), ..Config::default() };
    let chat = start_logged(config, quick()).await;
    let mut plain = TcpStream::connect(chat.addr()).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let line = line(&["a TLS handshake failed"]).await;
    assert!(line.contains(" INFO ") && line.contains("address=127.0.0.1"), "{line}");
    assert_eq!(figure(&chat, "callie_refused_connections_total{reason=\"tls\"}"), 1);
}

#[tokio::test]
async fn acts_of_admins_are_logged() {
    log();
    let chat = start().await;
    let admin = fresh("admin");
    let mut root = chat.admin(&admin).await;
    let (mut kicked, kicked_name) = someone(&chat).await;
    let (mut banned, banned_name) = someone(&chat).await;
    root.run("KICK_USER", json!({"username": kicked_name, "reason": "too loud"})).await;
    kicked.ended("KICKED").await;
    let until = "2126-01-02T03:04:05.678Z";
    root.run("BAN_USER", json!({"username": banned_name, "reason": "spam", "until": until})).await;
    banned.ended("BANNED").await;
    root.run("UNBAN_USER", json!({"username": banned_name})).await;
    let secret = "an announcement that is not for the log";
    let announce = root.command("ANNOUNCE", json!({"text": secret}));
    root.send(&announce).await;
    root.sys("ANNOUNCEMENT").await;
    root.sys("COMMAND_OK").await;
    let by = format!("admin={admin}");
    for (act, parts) in [
        ("KICK_USER", vec![format!("user={kicked_name}"), "reason=\"too loud\"".into()]),
        ("\"BAN_USER", vec![format!("user={banned_name}"), "reason=\"spam\"".into(), until.into()]),
        ("UNBAN_USER", vec![format!("user={banned_name}")]),
        ("ANNOUNCE", vec![format!("bytes={}", secret.len())]),
    ] {
        let line = line(&[&by, act]).await;
        for part in parts.iter().map(String::as_str).chain([" INFO ", "address=127.0.0.1"]) {
            assert!(line.contains(part), "{part} in {line}");
        }
    }
    for (name, code) in [(kicked_name, "KICKED"), (banned_name, "BANNED")] {
        line(&[&format!("user=\"{name}\""), code]).await;
    }
    assert!(lines(&[secret]).is_empty());
    let (mut nobody, name) = someone(&chat).await;
    nobody.refused("ANNOUNCE", json!({"text": "x"}), "FORBIDDEN").await;
    let refused = line(&[&format!("user={name}"), "not an admin"]).await;
    assert!(refused.contains(" WARN "), "{refused}");
}
