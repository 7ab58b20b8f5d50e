//! Accounts and sessions over HTTP (protocol §2), against a real server on a real socket.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::time::Duration;

use callie_core::account::path;
use callie_server::Config;
use callie_server::store::SessionEvent;
use support::{
    PASSWORD, PATIENCE, call, call_with, credentials, is_alive, login, raw, register, start, start_with,
};

#[tokio::test]
async fn a_user_registers_logs_in_and_out() {
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
async fn a_registration_names_what_is_wrong_with_it() {
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
async fn of_many_who_want_one_name_at_once_one_gets_it() {
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
async fn bodies_that_a_call_does_not_take_are_refused() {
    let running = start().await;
    let addr = running.addr();
    register(addr, "alice").await;
    let long_device = format!(r#"{{"username":"alice","password":"x","device":"{}"}}"#, "d".repeat(129));
    for bad in [
        "",
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
}

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
async fn unknown_paths_and_wrong_methods_have_their_own_answers() {
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
async fn a_dead_or_missing_bearer_is_unauthorized_everywhere() {
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
async fn an_unknown_user_and_a_wrong_password_get_one_answer() {
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
async fn an_unknown_user_takes_as_long_as_a_wrong_password() {
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
    // Medians; a hashing left out would make it a hundred times shorter.
    let (known, unknown) = (known[known.len() / 2], unknown[unknown.len() / 2]);
    assert!(unknown * 3 > known && known * 3 > unknown, "{known:?} {unknown:?}");
}

#[tokio::test]
async fn sessions_are_listed_newest_first_and_ended_one_by_one() {
    let running = start().await;
    let addr = running.addr();
    register(addr, "alice").await;
    register(addr, "bob").await;
    let (first, first_id) = login(addr, "alice").await;
    let with_device =
        r#"{"username":"alice","password":"correct horse battery staple","device":"Téléphone 📱"}"#;
    let second = call(addr, "POST", path::LOGIN, None, with_device).await.json();
    let (bob, bob_id) = login(addr, "bob").await;

    let list = call(addr, "GET", path::SESSIONS, Some(&first), "").await.json();
    let sessions = list["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[0]["sessionID"], second["sessionID"]);
    assert_eq!(sessions[0]["device"], "Téléphone 📱");
    assert_eq!(sessions[0]["current"], false);
    assert_eq!(sessions[1]["sessionID"], first_id.as_str());
    assert_eq!(sessions[1]["device"], serde_json::Value::Null);
    assert_eq!(sessions[1]["current"], true);
    for key in ["createdAt", "lastSeenAt", "expiresAt"] {
        assert!(callie_core::Timestamp::parse(sessions[0][key].as_str().unwrap()).is_ok());
    }

    let end = async |token: &str, id: &str| {
        call(addr, "DELETE", &format!("{}/{id}", path::SESSIONS), Some(token), "").await
    };
    for not_theirs in [bob_id.as_str(), "none", "%2e%2e", "a%00b"] {
        assert_eq!(
            end(&first, not_theirs).await.problem(),
            (404, "SESSION_NOT_FOUND".into()),
            "{not_theirs}"
        );
    }
    let second_id = second["sessionID"].as_str().unwrap();
    assert_eq!(end(&first, second_id).await.status, 204);
    assert_eq!(end(&first, second_id).await.problem(), (404, "SESSION_NOT_FOUND".into()));
    assert!(!is_alive(addr, second["token"].as_str().unwrap()).await);
    assert!(is_alive(addr, &first).await && is_alive(addr, &bob).await);
}

#[tokio::test]
async fn a_password_change_ends_the_other_sessions_and_only_those() {
    let running = start().await;
    let addr = running.addr();
    register(addr, "alice").await;
    let (mine, _) = login(addr, "alice").await;
    let (other, _) = login(addr, "alice").await;
    let change = async |old: &str, new: &str| {
        let body = serde_json::json!({ "oldPassword": old, "newPassword": new }).to_string();
        call(addr, "POST", path::PASSWORD, Some(&mine), &body).await
    };
    assert_eq!(change("wrong horse", "another horse").await.problem(), (403, "INVALID_CREDENTIALS".into()));
    assert_eq!(change(PASSWORD, "short").await.problem(), (422, "WEAK_PASSWORD".into()));
    assert!(is_alive(addr, &other).await);
    assert_eq!(change(PASSWORD, "another horse").await.status, 204);
    assert!(is_alive(addr, &mine).await);
    assert!(!is_alive(addr, &other).await);
    let old = call(addr, "POST", path::LOGIN, None, &credentials("alice", PASSWORD)).await;
    assert_eq!(old.problem(), (401, "INVALID_CREDENTIALS".into()));
    assert_eq!(
        call(addr, "POST", path::LOGIN, None, &credentials("alice", "another horse")).await.status,
        200
    );
}

#[tokio::test]
async fn every_session_that_is_ended_is_told_within_a_second() {
    let running = start().await;
    let addr = running.addr();
    let mut events = running.server.app().events.subscribe();
    let mut next = async || {
        let event = tokio::time::timeout(Duration::from_secs(1), events.recv()).await;
        match event.expect("within a second").unwrap() {
            SessionEvent::SessionEnded { session_id } => session_id.to_string(),
            other => panic!("{other:?}"),
        }
    };
    register(addr, "alice").await;
    let (first, first_id) = login(addr, "alice").await;
    let (second, second_id) = login(addr, "alice").await;
    let (_, third_id) = login(addr, "alice").await;
    call(addr, "POST", path::LOGOUT, Some(&first), "").await;
    assert_eq!(next().await, first_id);
    call(addr, "DELETE", &format!("{}/{third_id}", path::SESSIONS), Some(&second), "").await;
    assert_eq!(next().await, third_id);
    let (fourth, _) = login(addr, "alice").await;
    let body = serde_json::json!({ "oldPassword": PASSWORD, "newPassword": "another horse" }).to_string();
    assert_eq!(call(addr, "POST", path::PASSWORD, Some(&fourth), &body).await.status, 204);
    assert_eq!(next().await, second_id);
}

#[tokio::test]
async fn the_hundred_and_first_session_ends_the_oldest() {
    let running = start().await;
    let addr = running.addr();
    let mut events = running.server.app().events.subscribe();
    register(addr, "alice").await;
    let (oldest, oldest_id) = login(addr, "alice").await;
    let (second, _) = login(addr, "alice").await;
    for _ in 0..98 {
        login(addr, "alice").await;
    }
    assert!(is_alive(addr, &oldest).await);
    login(addr, "alice").await;
    assert!(!is_alive(addr, &oldest).await);
    assert!(is_alive(addr, &second).await);
    let event = tokio::time::timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
    assert!(matches!(event, SessionEvent::SessionEnded { session_id } if session_id == oldest_id.as_str()));
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
    let config = Config { cors_origins: vec!["https://chat.example".into()], ..Config::default() };
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
async fn neither_the_token_nor_the_password_is_in_the_database() {
    let running = start().await;
    let addr = running.addr();
    register(addr, "alice").await;
    let (token, _) = login(addr, "alice").await;
    let database = running.server.app().config().database.clone();
    for file in [database.clone(), format!("{database}-wal")] {
        let bytes = std::fs::read(&file).unwrap();
        for secret in [token.as_bytes(), PASSWORD.as_bytes()] {
            assert!(!bytes.windows(secret.len()).any(|at| at == secret), "{file}");
        }
    }
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
