//! The endpoints for an operator's tools, on their own address.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use callie_core::account::path;
use callie_server::Config;
use support::{call, credentials, login, register, start, start_with};

#[tokio::test]
async fn ops_endpoints_have_their_own_address() {
    let running =
        start_with(Config { metrics_listen: Some("127.0.0.1:0".into()), ..Config::default() }).await;
    let (public, ops) = (running.addr(), running.server.metrics_addr().unwrap());
    register(public, "alice").await;
    let (token, _) = login(public, "alice").await;
    call(public, "POST", path::LOGIN, None, &credentials("alice", "wrong horse")).await;
    for question in ["/healthz", "/readyz"] {
        let answer = call(ops, "GET", question, None, "").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
        assert_eq!(call(public, "GET", question, None, "").await.status, 404);
    }
    let figures = call(ops, "GET", "/metrics", None, "").await;
    assert_eq!(figures.status, 200);
    for line in [
        "callie_logins_total{outcome=\"succeeded\"} 1",
        "callie_logins_total{outcome=\"failed\"} 1",
        "callie_registrations_total 1",
        "callie_connections 0",
    ] {
        assert!(figures.body.contains(line), "{line} in {}", figures.body);
    }
    assert!(!figures.body.contains(&token) && !figures.body.contains("alice"));
    assert_eq!(call(public, "GET", "/metrics", None, "").await.status, 404);
    assert_eq!(call(ops, "POST", path::LOGIN, None, "").await.status, 404);
}

#[tokio::test]
async fn ops_endpoints_are_off_by_default() {
    let running = start().await;
    assert_eq!(running.server.metrics_addr(), None);
    assert_eq!(call(running.addr(), "GET", "/metrics", None, "").await.status, 404);
}
