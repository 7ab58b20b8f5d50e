//! The store's guarantees about sessions: their duration, and logins that race with other changes.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use callie_core::account::SESSION_DAYS;
use callie_core::{SessionId, Username};
use callie_server::clock::{DAY, Millis};
use callie_server::store::{Ban, Session, Store, TokenHash};
use support::database::{OwnStore, fresh_store};
use uuid::Uuid;

const NOW: Millis = 1_800_000_000_000;
const LIFETIME: Millis = SESSION_DAYS as Millis * DAY;
const MINUTE: Millis = 60_000;

fn alice() -> Username {
    Username::parse("alice").unwrap()
}

async fn store() -> OwnStore {
    let store = fresh_store().await;
    assert!(store.accounts.create(&alice(), "hash", NOW).await.unwrap());
    store
}

async fn begin(store: &Store, token: &str, now: Millis) -> Option<Session> {
    let user = store.accounts.get(&alice(), now).await.unwrap().unwrap();
    let id = SessionId::from_uuid(Uuid::now_v7());
    store.sessions.create(&id, &TokenHash::of(token), &user, None, now).await.unwrap()
}

#[tokio::test]
async fn session_ends_30_days_after_last_use() {
    let store = store().await;
    begin(&store, "used", NOW).await.unwrap();
    begin(&store, "unused", NOW).await.unwrap();
    let at = NOW + LIFETIME - 1;
    let used = store.sessions.authenticate("used", at).await.unwrap().unwrap();
    assert_eq!((used.last_seen, used.expires), (at, at + LIFETIME));
    store.sessions.flush_uses().await.unwrap();

    let later = NOW + LIFETIME;
    assert!(store.sessions.authenticate("used", later).await.unwrap().is_some());
    assert!(store.sessions.authenticate("unused", later).await.unwrap().is_none());
    assert_eq!(store.sessions.list(&alice(), later).await.unwrap().len(), 1);
    assert_eq!(store.sessions.remove_expired(later).await.unwrap(), 1);
    assert!(store.sessions.authenticate("unused", NOW).await.unwrap().is_none(), "it is gone");
    assert!(store.sessions.authenticate("used", at + LIFETIME).await.unwrap().is_none());
}

#[tokio::test]
async fn use_is_visible_before_it_is_written() {
    let store = store().await;
    let session = begin(&store, "token", NOW).await.unwrap();
    let soon = store.sessions.authenticate("token", NOW + MINUTE - 1).await.unwrap().unwrap();
    assert_eq!(soon, session);
    store.sessions.authenticate("token", NOW + MINUTE).await.unwrap().unwrap();
    let listed = store.sessions.list(&alice(), NOW + MINUTE).await.unwrap();
    assert_eq!(listed[0].last_seen, NOW + MINUTE);
    store.sessions.flush_uses().await.unwrap();
    let written = store.sessions.get(&session.id, NOW + MINUTE).await.unwrap().unwrap();
    assert_eq!((written.last_seen, written.expires), (NOW + MINUTE, NOW + MINUTE + LIFETIME));
}

#[tokio::test]
async fn late_write_does_not_revive_ended_session() {
    let store = store().await;
    let session = begin(&store, "token", NOW).await.unwrap();
    store.sessions.authenticate("token", NOW + MINUTE).await.unwrap().unwrap();
    assert!(store.sessions.end(&alice(), &session.id, NOW + MINUTE).await.unwrap());
    store.sessions.flush_uses().await.unwrap();
    assert!(store.sessions.authenticate("token", NOW + MINUTE).await.unwrap().is_none());
}

#[tokio::test]
async fn overtaken_login_creates_no_session() {
    let store = store().await;
    let user = store.accounts.get(&alice(), NOW).await.unwrap().unwrap();
    let id = || SessionId::from_uuid(Uuid::now_v7());
    let mine = begin(&store, "mine", NOW).await.unwrap();
    assert!(store.accounts.change_password(&alice(), "hash", "new hash", &mine.id, NOW).await.unwrap());
    assert!(store.sessions.create(&id(), &TokenHash::of("late"), &user, None, NOW).await.unwrap().is_none());
    assert!(!store.accounts.change_password(&alice(), "hash", "other hash", &mine.id, NOW).await.unwrap());

    let user = store.accounts.get(&alice(), NOW).await.unwrap().unwrap();
    assert!(store.admins.ban(&alice(), &Ban { reason: None, until: Some(NOW + DAY) }, NOW).await.unwrap());
    assert!(store.sessions.create(&id(), &TokenHash::of("late"), &user, None, NOW).await.unwrap().is_none());
    let after = NOW + DAY;
    assert!(
        store.sessions.create(&id(), &TokenHash::of("late"), &user, None, after).await.unwrap().is_some()
    );
}
