//! What a client cannot do to the calls of protocol §2: guess, flood, stall, or call from a page that is not admitted.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::time::Duration;

use callie_core::account::path;
use callie_server::Config;
use support::{PASSWORD, call, call_with, credentials, login, raw, register, start, start_with};

#[tokio::test]
async fn bodies_that_are_too_large_are_refused_announced_or_not() {
    let running = start().await;
    let addr = running.addr();
    let big = credentials("alice", &"p".repeat(200 * 1024));
    let announced = call(addr, "POST", path::REGISTER, None, &big).await;
    assert_eq!(announced.problem(), (413, "PAYLOAD_TOO_LARGE".into()));
    let huge = format!("POST {} HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999\r\n\r\n", path::REGISTER);
    assert_eq!(raw(addr, huge.as_bytes()).await.problem(), (413, "PAYLOAD_TOO_LARGE".into()));
    let head = format!("POST {} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n", path::REGISTER);
    let chunked = format!("{head}{:x}\r\n{}\r\n0\r\n\r\n", 20_000, &big[..20_000]);
    assert_eq!(raw(addr, chunked.as_bytes()).await.problem(), (413, "PAYLOAD_TOO_LARGE".into()));
}

#[tokio::test]
async fn guessing_is_limited_by_name_and_address_for_names_that_do_not_exist_too() {
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
    // The one who knows the password is let in again and again.
    register(addr, "bob").await;
    for _ in 0..5 {
        login(addr, "bob").await;
    }
    // The old password is no way around.
    let (token, _) = login(addr, "bob").await;
    let guess = r#"{"oldPassword":"wrong horse","newPassword":"another horse"}"#;
    for _ in 0..3 {
        assert_eq!(call(addr, "POST", path::PASSWORD, Some(&token), guess).await.status, 403);
    }
    let limited = call(addr, "POST", path::PASSWORD, Some(&token), guess).await;
    assert_eq!(limited.problem(), (429, "RATE_LIMITED".into()));
}

#[tokio::test]
async fn an_address_is_limited_and_a_trusted_proxy_speaks_for_many() {
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
async fn web_pages_of_admitted_origins_and_no_others_may_call() {
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
async fn a_head_and_a_body_that_never_end_are_not_waited_for() {
    let running = start().await;
    let addr = running.addr();
    let body = format!(
        "POST {} HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\nconnection: close\r\n\r\n{{",
        path::LOGIN
    );
    let begun = std::time::Instant::now();
    let (head, body) = tokio::join!(raw(addr, b"GET / HTTP/1.1\r\nhost:"), raw(addr, body.as_bytes()));
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert!(head.status == 0 || head.status == 408, "{head:?}");
    assert_eq!(body.problem(), (400, "INVALID_REQUEST".into()));
}

#[tokio::test]
async fn heads_that_are_too_large_or_no_http_are_refused() {
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
