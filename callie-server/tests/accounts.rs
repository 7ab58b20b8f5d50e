//! Accounts and sessions over HTTP (protocol §2), against a real server on a real socket.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use callie_core::account::path;
use callie_server::Config;
use serde_json::json;
use support::{PASSWORD, call, call_with, credentials, is_alive, login, register, start, start_with};

#[tokio::test]
async fn user_registers_logs_in_and_out() {
    let running = start().await;
    let addr = running.addr();
    let made = call(addr, "POST", path::REGISTER, None, &credentials("alice", PASSWORD)).await;
    assert_eq!((made.status, made.body.as_str()), (201, r#"{"username":"alice"}"#));
    let answer = call(addr, "POST", path::LOGIN, None, &credentials("alice", PASSWORD)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let json = answer.json();
    assert_eq!(json.as_object().unwrap().len(), 4);
    assert_eq!(json["username"], "alice");
    let token = json["token"].as_str().unwrap();
    assert_eq!(token.len(), 43, "256 bits in base64");
    assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
    let expires = callie_core::Timestamp::parse(json["expiresAt"].as_str().unwrap()).unwrap();
    let days = (expires.unix_millis() - callie_server::clock::now()) / callie_server::clock::DAY;
    assert!((29..=30).contains(&days));

    assert!(is_alive(addr, token).await);
    let out = call(addr, "POST", path::LOGOUT, Some(token), "").await;
    assert_eq!((out.status, out.body.as_str()), (204, ""));
    assert!(!is_alive(addr, token).await);
    assert_eq!(
        call(addr, "POST", path::LOGOUT, Some(token), "").await.problem(),
        (401, "UNAUTHORIZED".into())
    );
}

#[tokio::test]
async fn refused_registration_names_the_reason() {
    let running = start().await;
    register(running.addr(), "alice").await;
    let long = "p".repeat(1025);
    for (username, password, status, code) in [
        ("alice", PASSWORD, 409, "USERNAME_TAKEN"),
        ("a", PASSWORD, 422, "INVALID_USERNAME"),
        ("Bob", PASSWORD, 422, "INVALID_USERNAME"),
        ("b\u{43e}b", PASSWORD, 422, "INVALID_USERNAME"),
        ("bob'; DROP TABLE users; --", PASSWORD, 422, "INVALID_USERNAME"),
        ("server", PASSWORD, 422, "INVALID_USERNAME"),
        ("broadcast", PASSWORD, 422, "INVALID_USERNAME"),
        ("admin", PASSWORD, 422, "INVALID_USERNAME"),
        ("system", PASSWORD, 422, "INVALID_USERNAME"),
        ("callie", PASSWORD, 422, "INVALID_USERNAME"),
        ("group", PASSWORD, 422, "INVALID_USERNAME"),
        ("bob", "seven77", 422, "WEAK_PASSWORD"),
        ("bob", &long, 422, "WEAK_PASSWORD"),
    ] {
        let answer =
            call(running.addr(), "POST", path::REGISTER, None, &credentials(username, password)).await;
        assert_eq!(answer.problem(), (status, code.to_owned()), "{username}");
    }
    let closed = Config { registration: callie_server::config::Registration::Closed, ..Config::default() };
    let running = start_with(closed).await;
    let answer = call(running.addr(), "POST", path::REGISTER, None, &credentials("alice", PASSWORD)).await;
    assert_eq!(answer.problem(), (403, "REGISTRATION_CLOSED".into()));
}

#[tokio::test]
async fn one_of_concurrent_registrations_succeeds() {
    let running = start().await;
    let addr = running.addr();
    let body = credentials("alice", PASSWORD);
    let (a, b, c) = tokio::join!(
        call(addr, "POST", path::REGISTER, None, &body),
        call(addr, "POST", path::REGISTER, None, &body),
        call(addr, "POST", path::REGISTER, None, &body),
    );
    let mut statuses = [a.status, b.status, c.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409]);
}

#[tokio::test]
async fn unexpected_bodies_are_refused() {
    let running = start().await;
    let addr = running.addr();
    register(addr, "alice").await;
    let long_device = format!(r#"{{"username":"alice","password":"x","device":"{}"}}"#, "d".repeat(129));
    for bad in [
        "{",
        "[]",
        r#"["alice","password"]"#,
        r#"{"username":"alice"}"#,
        r#"{"username":"alice","password":"x","admin":true}"#,
        r#"{"username":"alice","username":"alice","password":"x"}"#,
        r#"{"username":["alice"],"password":"x"}"#,
        &long_device,
    ] {
        let answer = call(addr, "POST", path::LOGIN, None, bad).await;
        assert_eq!(answer.problem(), (400, "INVALID_REQUEST".into()), "{bad}");
    }
    let empty = call_with(addr, "POST", path::LOGIN, None, "", "content-type: application/json\r\n").await;
    assert_eq!(empty.problem(), (400, "INVALID_REQUEST".into()));
}

#[tokio::test]
async fn unknown_paths_and_methods_are_answered() {
    let running = start().await;
    let addr = running.addr();
    for path in [
        "/api",
        "/api/v1/",
        "/api/v1/register/",
        "/api/v1/../v1/login",
        "//api/v1/login",
        "/%2e%2e/etc/passwd",
    ] {
        assert_eq!(call(addr, "POST", path, None, "").await.problem(), (404, "NOT_FOUND".into()), "{path}");
    }
    for (method, path) in [
        ("GET", path::REGISTER),
        ("PUT", path::LOGIN),
        ("DELETE", path::LOGOUT),
        ("POST", path::SESSIONS),
        ("GET", "/api/v1/sessions/some"),
        ("POST", path::SOCKET),
        ("OPTIONS", path::LOGIN),
    ] {
        let answer = call(addr, method, path, None, "").await;
        assert_eq!(answer.problem(), (405, "METHOD_NOT_ALLOWED".into()), "{method} {path}");
        assert!(answer.header("allow").is_some(), "{answer:?}");
    }
}

#[tokio::test]
async fn missing_or_invalid_bearer_token_is_unauthorized() {
    let running = start().await;
    let addr = running.addr();
    for (method, path) in [
        ("POST", path::LOGOUT),
        ("POST", path::PASSWORD),
        ("GET", path::SESSIONS),
        ("DELETE", "/api/v1/sessions/some"),
    ] {
        for token in [None, Some(""), Some("nonsense"), Some("' OR 1=1 --")] {
            let answer = call(addr, method, path, token, "").await;
            assert_eq!(answer.problem(), (401, "UNAUTHORIZED".into()), "{method} {path}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
}

#[tokio::test]
async fn unknown_user_and_wrong_password_look_alike() {
    let running = start().await;
    let addr = running.addr();
    register(addr, "alice").await;
    let wrong = call(addr, "POST", path::LOGIN, None, &credentials("alice", "wrong horse")).await;
    assert_eq!(wrong.problem(), (401, "INVALID_CREDENTIALS".into()));
    for nobody in ["nobody", "ALICE", "", "alice ", "al\u{131}ce", "server"] {
        let unknown = call(addr, "POST", path::LOGIN, None, &credentials(nobody, PASSWORD)).await;
        assert_eq!((unknown.status, &unknown.body), (wrong.status, &wrong.body), "{nobody}");
    }
}

#[tokio::test]
async fn unknown_user_takes_as_long_as_wrong_password() {
    let generous = Config { login_burst_per_name: 1_000, ..Config::default() };
    let running = start_with(generous).await;
    let addr = running.addr();
    register(addr, "alice").await;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..7 {
        for name in ["alice", "nobody", "No Name"] {
            let begun = std::time::Instant::now();
            call(addr, "POST", path::LOGIN, None, &credentials(name, "wrong horse")).await;
            if name == "alice" { &mut known } else { &mut unknown }.push(begun.elapsed());
        }
    }
    known.sort_unstable();
    unknown.sort_unstable();
    // Compares medians. Without hashing, the time would be a hundred times shorter.
    let (known, unknown) = (known[known.len() / 2], unknown[unknown.len() / 2]);
    assert!(unknown * 3 > known && known * 3 > unknown, "{known:?} {unknown:?}");
}

#[tokio::test]
async fn database_contains_no_token_and_no_password() {
    let running = start().await;
    let addr = running.addr();
    register(addr, "alice").await;
    let (token, _) = login(addr, "alice").await;
    let secrets = [token.as_str(), PASSWORD];
    for (place, bytes) in running.database.contents().await {
        for secret in secrets {
            assert!(!bytes.windows(secret.len()).any(|at| at == secret.as_bytes()), "{place}");
        }
    }
}

#[tokio::test]
async fn every_character_can_be_stored() {
    let running = start().await;
    let addr = running.addr();
    let odd = "\0 a password of \u{1F511} and \u{FFFF}, and \0";
    let registered = call(addr, "POST", path::REGISTER, None, &credentials("alice", odd)).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    let login = |device: &str| json!({"username": "alice", "password": odd, "device": device}).to_string();
    let refused = call(addr, "POST", path::LOGIN, None, &login("a phone\0")).await;
    assert_eq!(refused.problem(), (400, "INVALID_REQUEST".into()));
    let device = "\u{1F4F1} \u{10FFFF} e\u{301}";
    let token = call(addr, "POST", path::LOGIN, None, &login(device)).await.json()["token"].clone();
    let token = token.as_str();
    let listed = call(addr, "GET", path::SESSIONS, token, "").await.json();
    assert_eq!(listed["sessions"][0]["device"], device);
    for name in ["alice\0", "al\u{FC}"] {
        let answer = call(addr, "POST", path::REGISTER, None, &credentials(name, PASSWORD)).await;
        assert_eq!(answer.problem(), (422, "INVALID_USERNAME".into()));
        let answer = call(addr, "POST", path::LOGIN, None, &credentials(name, PASSWORD)).await;
        assert_eq!(answer.problem(), (401, "INVALID_CREDENTIALS".into()));
    }
    let ended = call(addr, "DELETE", &format!("{}/%00", path::SESSIONS), token, "").await;
    assert_eq!(ended.problem(), (404, "SESSION_NOT_FOUND".into()));
}
