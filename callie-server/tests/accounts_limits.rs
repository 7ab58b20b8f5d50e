//! Limits of the account calls: guessing, floods, slow requests, and pages of other origins.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::time::Duration;

use callie_core::account::path;
use callie_server::Config;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use support::{PASSWORD, call, call_with, credentials, login, raw, register, start, start_with};

/// The headers that announce a body.
const JSON: &str = "content-type: application/json\r\n";

#[tokio::test]
async fn body_that_is_too_large_is_refused() {
    let running = start().await;
    let addr = running.addr();
    let big = credentials("alice", &"p".repeat(200 * 1024));
    let announced = call(addr, "POST", path::REGISTER, None, &big).await;
    assert_eq!(announced.problem(), (413, "PAYLOAD_TOO_LARGE".into()));
    let huge =
        format!("POST {} HTTP/1.1\r\nhost: a\r\n{JSON}content-length: 99999999999\r\n\r\n", path::REGISTER);
    assert_eq!(raw(addr, huge.as_bytes()).await.problem(), (413, "PAYLOAD_TOO_LARGE".into()));
    let head =
        format!("POST {} HTTP/1.1\r\nhost: a\r\n{JSON}transfer-encoding: chunked\r\n\r\n", path::REGISTER);
    let chunked = format!("{head}{:x}\r\n{}\r\n0\r\n\r\n", 20_000, &big[..20_000]);
    assert_eq!(raw(addr, chunked.as_bytes()).await.problem(), (413, "PAYLOAD_TOO_LARGE".into()));
}

#[tokio::test]
async fn guessing_is_limited_by_name_and_address() {
    let config = Config { login_burst_per_name: 3, logins_per_minute_per_name: 1, ..Config::default() };
    let running = start_with(config).await;
    let addr = running.addr();
    register(addr, "alice").await;
    for name in ["alice", "nobody"] {
        for _ in 0..3 {
            let answer = call(addr, "POST", path::LOGIN, None, &credentials(name, "wrong horse")).await;
            assert_eq!(answer.problem(), (401, "INVALID_CREDENTIALS".into()));
        }
        let limited = call(addr, "POST", path::LOGIN, None, &credentials(name, PASSWORD)).await;
        assert_eq!(limited.problem(), (429, "RATE_LIMITED".into()));
        let after: u64 = limited.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&after), "{after}");
    }
    // A user who knows the password may log in any number of times.
    register(addr, "bob").await;
    for _ in 0..5 {
        login(addr, "bob").await;
    }
    // A password change is limited in the same way.
    let (token, _) = login(addr, "bob").await;
    let guess = r#"{"oldPassword":"wrong horse","newPassword":"another horse"}"#;
    for _ in 0..3 {
        assert_eq!(call(addr, "POST", path::PASSWORD, Some(&token), guess).await.status, 403);
    }
    let limited = call(addr, "POST", path::PASSWORD, Some(&token), guess).await;
    assert_eq!(limited.problem(), (429, "RATE_LIMITED".into()));
}

#[tokio::test]
async fn trusted_proxy_is_not_limited_as_one_address() {
    let config = Config {
        registration_burst: 2,
        registrations_per_minute: 1,
        trusted_proxies: vec!["127.0.0.1/32".parse().unwrap()],
        ..Config::default()
    };
    let running = start_with(config).await;
    let attempt = async |name: &str, client: &str| {
        let body = credentials(name, PASSWORD);
        let header = format!("x-forwarded-for: {client}\r\n");
        call_with(running.addr(), "POST", path::REGISTER, None, &body, &header).await.status
    };
    assert_eq!(attempt("alice", "192.0.2.1").await, 201);
    assert_eq!(attempt("bob", "192.0.2.1").await, 201);
    assert_eq!(attempt("carol", "192.0.2.1").await, 429);
    assert_eq!(attempt("carol", "192.0.2.2").await, 201);
}

#[tokio::test]
async fn only_listed_origins_may_call() {
    let config = Config { cors_origins: vec!["https://chat.example".parse().unwrap()], ..Config::default() };
    let running = start_with(config).await;
    let ask = async |origin: &str| {
        let more = format!("origin: {origin}\r\naccess-control-request-method: POST\r\n");
        call_with(running.addr(), "OPTIONS", path::LOGIN, None, "", &more).await
    };
    let admitted = ask("https://chat.example").await;
    assert_eq!(admitted.status, 204);
    assert_eq!(admitted.header("access-control-allow-origin"), Some("https://chat.example"));
    assert!(admitted.header("access-control-allow-headers").unwrap().contains("authorization"));
    for other in ["https://evil.example", "http://chat.example", "null"] {
        let refused = ask(other).await;
        assert_eq!(refused.problem(), (405, "METHOD_NOT_ALLOWED".into()));
        assert_eq!(refused.header("access-control-allow-origin"), None);
    }
    let more = "origin: https://chat.example\r\n";
    let answer = call_with(running.addr(), "GET", path::SESSIONS, None, "", more).await;
    assert_eq!(answer.problem(), (401, "UNAUTHORIZED".into()));
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://chat.example"));
}

#[tokio::test]
async fn endless_head_or_body_times_out() {
    let running = start().await;
    let addr = running.addr();
    let body = format!(
        "POST {} HTTP/1.1\r\nhost: a\r\n{JSON}content-length: 100\r\nconnection: close\r\n\r\n{{",
        path::LOGIN
    );
    let begun = std::time::Instant::now();
    let (head, body) = tokio::join!(raw(addr, b"GET / HTTP/1.1\r\nhost:"), raw(addr, body.as_bytes()));
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert!(head.status == 0 || head.status == 408, "{head:?}");
    assert_eq!(body.problem(), (400, "INVALID_REQUEST".into()));
}

#[tokio::test]
async fn invalid_or_too_large_head_is_refused() {
    let running = start().await;
    let addr = running.addr();
    let large = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(64 * 1024));
    let many = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(1_000));
    for bad in [large.as_str(), &many, "\u{16}\u{3}\u{1}nonsense\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"] {
        let answer = raw(addr, bad.as_bytes()).await;
        assert!(matches!(answer.status, 0 | 400 | 431), "{answer:?}");
    }
    assert_eq!(call(addr, "GET", "/nothing", None, "").await.status, 404);
}

#[tokio::test]
async fn bodies_must_be_announced_as_json() {
    let running = start_with(Config { registration_burst: 2, ..Config::default() }).await;
    let addr = running.addr();
    let body = credentials("alice", PASSWORD);
    let announced = async |lines: &str| {
        let length = body.len();
        let head = format!("POST {} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n", path::REGISTER);
        raw(addr, format!("{head}{lines}content-length: {length}\r\n\r\n{body}").as_bytes()).await
    };
    // Types that a web page can send without a preflight.
    for lines in [
        "",
        "content-type: text/plain\r\n",
        "content-type: application/x-www-form-urlencoded\r\n",
        "content-type: multipart/form-data; boundary=x\r\n",
        "content-type: text/plain; a=application/json\r\n",
        "content-type: application/json\r\ncontent-type: text/plain\r\n",
    ] {
        assert_eq!(announced(lines).await.problem(), (415, "UNSUPPORTED_MEDIA_TYPE".into()), "{lines}");
    }
    // None of them counted, and none of them created the user.
    assert_eq!(announced("content-type: Application/JSON; charset=utf-8\r\n").await.status, 201);
}

#[tokio::test]
async fn http_1_1_requests_must_name_one_host() {
    let running =
        start_with(Config { metrics_listen: Some("127.0.0.1:0".into()), ..Config::default() }).await;
    for (addr, path) in [(running.addr(), "/"), (running.server.metrics_addr().unwrap(), "/healthz")] {
        let ask = async |version: &str, lines: &str| {
            raw(addr, format!("GET {path} HTTP/{version}\r\nconnection: close\r\n{lines}\r\n").as_bytes())
                .await
        };
        for lines in
            ["", "host: a\r\nhost: b\r\n", "host: a\r\nhost: a\r\n", "host: a b\r\n", "host: u@a\r\n"]
        {
            assert_eq!(ask("1.1", lines).await.problem(), (400, "INVALID_HOST".into()), "{lines}");
        }
        for (version, lines) in [
            ("1.0", ""),
            ("1.1", "host:\r\n"),
            ("1.1", "host: [::1]:80\r\n"),
            ("1.1", "host: chat.example\r\n"),
        ] {
            assert_eq!(ask(version, lines).await.status, 200, "{version} {lines}");
        }
    }
}

#[tokio::test]
async fn half_closed_client_gets_its_answer() {
    let running = start().await;
    let body = credentials("alice", PASSWORD);
    let head = format!("POST {} HTTP/1.1\r\nhost: a\r\n{JSON}content-length: {}", path::REGISTER, body.len());
    let talk = async {
        let mut stream = tokio::net::TcpStream::connect(running.addr()).await.unwrap();
        stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.unwrap();
        // Hashing the password takes longer than the end of the stream takes to arrive.
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = tokio::time::timeout(support::PATIENCE, talk).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer:?}");
}

#[tokio::test]
async fn refused_origin_names_both_values() {
    let config = Config { trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()], ..Config::default() };
    let (plain, proxied) = (start().await, start_with(config).await);
    let open = async |addr, lines: &str| {
        let handshake = "GET /ws HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
            sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
        stream.write_all(format!("{handshake}{lines}\r\n").as_bytes()).await.unwrap();
        // A half-closed connection is closed after an upgrade, too.
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        tokio::time::timeout(support::PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
        let head = answer.split(|byte| *byte == b'\r').next().unwrap().to_vec();
        (String::from_utf8(head).unwrap(), String::from_utf8_lossy(&answer).into_owned())
    };
    let (status, answer) = open(plain.addr(), "host: callie:8080\r\norigin: https://chat.example\r\n").await;
    assert_eq!(status, "HTTP/1.1 403 Forbidden");
    for part in [
        "application/problem+json",
        "\"ORIGIN_REFUSED\"",
        "'https://chat.example'",
        "'callie:8080'",
        "pass on Host",
        "cors_origins",
    ] {
        assert!(answer.contains(part), "{part} in {answer}");
    }
    let forwarded = "host: callie:8080\r\norigin: https://chat.example\r\nx-forwarded-host: chat.example\r\n";
    let default_port = "host: chat.example:443\r\norigin: https://chat.example\r\n";
    for (addr, lines, status) in [
        (plain.addr(), default_port, "HTTP/1.1 101 Switching Protocols"),
        (plain.addr(), "host: a\r\norigin: null\r\n", "HTTP/1.1 403 Forbidden"),
        (plain.addr(), "host: a\r\norigin: \u{fc}\r\n", "HTTP/1.1 403 Forbidden"),
        (plain.addr(), forwarded, "HTTP/1.1 403 Forbidden"),
        (proxied.addr(), forwarded, "HTTP/1.1 101 Switching Protocols"),
    ] {
        assert_eq!(open(addr, lines).await.0, status, "{lines}");
    }
}

#[tokio::test]
async fn taken_name_is_not_a_failed_attempt() {
    let config = Config { login_burst_per_name: 2, logins_per_minute_per_name: 1, ..Config::default() };
    let running = start_with(config).await;
    let addr = running.addr();
    register(addr, "alice").await;
    // Like a program that registers and logs in at each start.
    for _ in 0..5 {
        let taken = call(addr, "POST", path::REGISTER, None, &credentials("alice", PASSWORD)).await;
        assert_eq!(taken.problem(), (409, "USERNAME_TAKEN".into()));
        login(addr, "alice").await;
    }
    // Other refusals count as failed attempts.
    for status in [422, 422, 429] {
        let weak = call(addr, "POST", path::REGISTER, None, &credentials("bob", "short")).await;
        assert_eq!(weak.status, status);
    }
}
