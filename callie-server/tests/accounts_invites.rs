//! Registration with invitations (protocol, "Accounts and sessions").
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::net::SocketAddr;

use callie_core::account::path;
use callie_server::config::Registration;
use callie_server::store::TokenHash;
use callie_server::{Config, clock};
use futures_util::future::join_all;
use serde_json::json;
use support::{Answer, PASSWORD, Running, call, register, start_with};

async fn start(registration: Registration) -> Running {
    start_with(Config { registration, ..Config::default() }).await
}

/// Creates an invitation that expires after `lasts` milliseconds.
async fn invite(running: &Running, token: &str, uses: u32, lasts: i64) {
    let invitations = &running.server.store().invitations;
    invitations.create(&TokenHash::of(token), uses, clock::now() + lasts).await.unwrap();
}

async fn register_with(addr: SocketAddr, name: &str, invite: &str) -> Answer {
    let body = json!({"username": name, "password": PASSWORD, "invite": invite}).to_string();
    call(addr, "POST", path::REGISTER, None, &body).await
}

#[tokio::test]
async fn invitation_admits_as_many_users_as_it_says() {
    let running = start(Registration::Invite).await;
    let addr = running.addr();
    invite(&running, "for two", 2, clock::DAY).await;
    let names = ["user1", "user2", "user3", "user4"];
    let answers = join_all(names.map(|name| register_with(addr, name, "for two"))).await;
    let (created, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((created.len(), refused.len()), (2, 2));
    for answer in refused {
        assert_eq!(answer.problem(), (403, "INVITE_INVALID".into()));
    }
    assert_eq!(register_with(addr, "user5", "for two").await.problem(), (403, "INVITE_INVALID".into()));
}

#[tokio::test]
async fn every_invalid_invitation_has_the_same_answer() {
    let running = start(Registration::Invite).await;
    let addr = running.addr();
    invite(&running, "for one", 1, clock::DAY).await;
    invite(&running, "expired", 1, -1).await;
    assert_eq!(register_with(addr, "alice", "for one").await.status, 201);
    let mut bodies = Vec::new();
    for token in ["for one", "expired", "unknown", ""] {
        // The last name is taken, which only an invited user learns.
        for name in ["bob", "alice"] {
            let answer = register_with(addr, name, token).await;
            assert_eq!(answer.problem(), (403, "INVITE_INVALID".into()), "{token} {name}");
            bodies.push(answer.body);
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
    let none = json!({"username": "bob", "password": PASSWORD}).to_string();
    assert_eq!(
        call(addr, "POST", path::REGISTER, None, &none).await.problem(),
        (403, "INVITE_REQUIRED".into())
    );
    let null = json!({"username": "bob", "password": PASSWORD, "invite": null}).to_string();
    assert_eq!(
        call(addr, "POST", path::REGISTER, None, &null).await.problem(),
        (400, "INVALID_REQUEST".into())
    );
}

#[tokio::test]
async fn refused_registration_does_not_use_the_invitation() {
    let running = start(Registration::Invite).await;
    let addr = running.addr();
    invite(&running, "first", 1, clock::DAY).await;
    invite(&running, "second", 1, clock::DAY).await;
    assert_eq!(register_with(addr, "alice", "first").await.status, 201);
    assert_eq!(register_with(addr, "alice", "second").await.problem(), (409, "USERNAME_TAKEN".into()));
    assert_eq!(register_with(addr, "Alice", "second").await.problem(), (422, "INVALID_USERNAME".into()));
    assert_eq!(register_with(addr, "bob", "second").await.status, 201);
}

#[tokio::test]
async fn invitation_matters_only_where_it_is_required() {
    let open = start(Registration::Open).await;
    register(open.addr(), "alice").await;
    invite(&open, "for one", 1, clock::DAY).await;
    for name in ["bob", "carol"] {
        assert_eq!(register_with(open.addr(), name, "for one").await.status, 201, "it is ignored");
    }
    let closed = start(Registration::Closed).await;
    invite(&closed, "for one", 1, clock::DAY).await;
    let answer = register_with(closed.addr(), "bob", "for one").await;
    assert_eq!(answer.problem(), (403, "REGISTRATION_CLOSED".into()));
}

#[tokio::test]
async fn old_invitations_are_removed() {
    let running = start(Registration::Invite).await;
    for (token, uses, lasts) in [("used up", 1, clock::DAY), ("expired", 1, -1), ("valid", 1, clock::DAY)] {
        invite(&running, token, uses, lasts).await;
    }
    assert_eq!(register_with(running.addr(), "alice", "used up").await.status, 201);
    let invitations = &running.server.store().invitations;
    invitations.remove_old(clock::now()).await.unwrap();
    let rows = running.database.rows().await;
    let left: Vec<_> = rows.iter().filter(|(table, _)| table == "invitations").collect();
    assert_eq!(left.len(), 1);
    assert!(!left[0].1.contains("valid"), "only the hash of a token is stored");
    assert_eq!(register_with(running.addr(), "bob", "valid").await.status, 201);
}
