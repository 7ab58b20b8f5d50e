//! Login sessions over HTTP (protocol §2): listing, ending, and the events when they end.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::time::Duration;

use callie_core::account::path;
use callie_server::store::SessionEvent;
use support::{PASSWORD, PATIENCE, call, credentials, is_alive, login, register, start};

#[tokio::test]
async fn sessions_are_listed_newest_first() {
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
    for not_theirs in [bob_id.as_str(), "none", "%2e%2e", "a%00b", "%ff"] {
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
async fn password_change_ends_only_other_sessions() {
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
async fn ended_session_is_reported_within_a_second() {
    let running = start().await;
    let addr = running.addr();
    let mut events = running.server.session_events();
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
async fn session_beyond_the_limit_ends_the_oldest() {
    let running = start().await;
    let addr = running.addr();
    let mut events = running.server.session_events();
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
