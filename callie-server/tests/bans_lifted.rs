//! A lifted ban does not take effect again when the event log is read again. On both kinds of databases.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

mod chat;
mod support;

use std::collections::HashSet;
use std::time::Duration;

use callie_core::Username;
use callie_server::store::{Ban, SessionEvent};
use callie_server::{Config, clock};
use chat::{Chat, quick, start_on};

fn name() -> Username {
    Username::parse("ada").unwrap()
}

/// Returns the next event of this server. A server reports everything in its log within a second of its start.
async fn event(chat: &Chat) -> SessionEvent {
    let mut events = chat.server.session_events();
    tokio::time::timeout(chat::PATIENCE, events.recv()).await.unwrap().unwrap()
}

#[tokio::test]
async fn lifted_ban_does_not_strike_after_a_restart() {
    let chat = chat::start().await;
    let mut ada = chat.user("ada").await;
    let store = &chat.server.store();
    let until = Some(clock::now() + clock::DAY);
    assert!(store.admins.ban(&name(), &Ban { reason: None, until }, clock::now()).await.unwrap());
    assert_eq!(ada.ended("BANNED").await.1, 4503);
    assert!(store.admins.unban(&name()).await.unwrap());
    let login = chat.login_again("ada").await;
    let Chat { server, database } = chat;
    server.shutdown().await;

    let chat = start_on(database, Config::default(), quick()).await;
    let (mut ada, received) = tokio::join!(chat.connect(&login), event(&chat));
    assert_eq!(received, SessionEvent::BanLifted { username: name() });
    let message = ada.message("ada", "still here");
    ada.send(&message).await;
    ada.msg("still here").await;
    ada.nothing_more().await;
}

#[tokio::test]
async fn ban_lifted_before_it_was_seen_ends_sessions() {
    let chat = chat::start().await;
    let mut ada = chat.user("ada").await;
    let store = &chat.server.store();
    // Another server bans and unbans, between two readings of this one.
    let other = callie_server::store::Store::open(&chat.database.url).await.unwrap();
    let received = event(&chat);
    let both = async {
        assert!(
            other.admins.ban(&name(), &Ban { reason: None, until: Some(1) }, clock::now()).await.unwrap()
        );
    };
    let (received, ()) = tokio::join!(received, both);
    assert_eq!(received, SessionEvent::BanLifted { username: name() });
    assert_eq!(ada.ended("SESSION_REVOKED").await.1, 4501);
    let mut ada = chat.connect(&chat.login_again("ada").await).await;
    ada.nothing_more().await;
    assert!(store.accounts.get(&name(), clock::now()).await.unwrap().unwrap().ban.is_none());
}

#[tokio::test]
async fn unreadable_entry_does_not_block_others() {
    let chat = chat::start().await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let mut events = chat.server.session_events();
    let mut expected: HashSet<String> = HashSet::new();
    let store = &chat.server.store();
    for name in ["ada", "bob"] {
        let user = Username::parse(name).unwrap();
        let session = store.sessions.list(&user, clock::now()).await.unwrap().remove(0);
        expected.insert(session.id.to_string());
    }
    sqlx::any::install_default_drivers();
    let mut database = <sqlx::AnyConnection as sqlx::Connection>::connect(&chat.database.url).await.unwrap();
    // In one transaction, so that they are read together. The unreadable one is between the others.
    let now = clock::now();
    let ids: Vec<&String> = expected.iter().collect();
    let sql = format!(
        "DELETE FROM sessions; INSERT INTO events (id, at, kind, subject) VALUES ('1', {now}, 'session_ended', '{}'), \
         ('2', {now}, 'user_banned', 'no name of a user'), ('3', {now}, 'session_ended', '{}')",
        ids[0], ids[1]
    );
    sqlx::Executor::execute(&mut database, sqlx::AssertSqlSafe(format!("BEGIN; {sql}; COMMIT")))
        .await
        .unwrap();
    let mut received = HashSet::new();
    while received != expected {
        let event = tokio::time::timeout(Duration::from_secs(30), events.recv()).await.unwrap().unwrap();
        let SessionEvent::SessionEnded { session_id } = event else { panic!("{event:?}") };
        received.insert(session_id.to_string());
    }
    ada.ended("SESSION_REVOKED").await;
    bob.ended("SESSION_REVOKED").await;
}
