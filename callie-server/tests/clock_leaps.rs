//! A clock that is wrong for a while: no data is lost, and nothing panics. In a process of its own, whose clock the
//! test sets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

mod chat;
mod support;

use callie_core::account::path;
use callie_server::clock::{self, DAY};

/// One test, because the process has one clock.
#[tokio::test]
async fn clock_jumps_end_no_session() {
    let chat = chat::start().await;
    let login = chat.login("ada").await;
    let mut ada = chat.connect(&login).await;
    for years in [15, -80] {
        clock::shift(years * 365 * DAY);
        // Connections continue, new ones authenticate, and accounts work.
        let message = ada.message("ada", "what year is it?");
        ada.send(&message).await;
        let got = ada.msg("what year is it?").await;
        let year: i64 = got["timestamp"].as_str().unwrap()[..4].parse().unwrap();
        assert!(years > 0 || year < 2030, "{got}");
        let mut other = chat.connect(&login).await;
        other.nothing_more().await;
        other.leave().await;
        let name = format!("user{}", years.abs());
        support::register(chat.addr(), &name).await;
        let (token, _) = support::login(chat.addr(), &name).await;
        assert!(support::is_alive(chat.addr(), &token).await);
        assert_eq!(support::call(chat.addr(), "POST", path::LOGOUT, Some(&token), "").await.status, 204);
        clock::shift(0);
        ada.nothing_more().await;
    }
    assert!(!clock::is_settled());
    let mut later = chat.connect(&login).await;
    later.nothing_more().await;
    let store = &chat.server.store();
    let sessions = store.sessions.list(&"ada".parse().unwrap(), clock::now()).await.unwrap();
    assert_eq!(sessions.len(), 1);
    assert!((sessions[0].last_seen - clock::wall()).abs() < DAY, "{sessions:?}");
    chat.server.shutdown().await;
}
