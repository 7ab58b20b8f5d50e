//! The database after a failure of the process, the disk or a lock: everything that was confirmed, and no partial
//! change.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

mod chat;
mod support;

use std::path::Path;
use std::time::Duration;

use callie_core::account::path;
use callie_server::Config;
use callie_server::config::OfflineMode;
use callie_server::store::{OpenError, Store};
use rustix::process::Signal;
use serde_json::json;
use sqlx::{Connection as _, Executor as _};
use support::process::{Process, command, command_on_a_full_disk};
use support::{Answer, PASSWORD, call, credentials, login, start};
use tempfile::tempdir;

async fn try_register(addr: std::net::SocketAddr, name: &str) -> Answer {
    call(addr, "POST", path::REGISTER, None, &credentials(name, PASSWORD)).await
}

async fn serve(folder: &Path) -> Process {
    let mut command = command(folder);
    command.args(["--listen", "127.0.0.1:0"]);
    Process::start(command).await
}

#[tokio::test]
async fn confirmed_accounts_survive_a_kill() {
    let folder = tempdir().unwrap();
    let server = serve(folder.path()).await;
    let addr = server.addr;
    let (confirmed, mut names) = tokio::sync::mpsc::unbounded_channel();
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let confirmed = confirmed.clone();
            tokio::spawn(async move {
                for n in 0.. {
                    let name = format!("user-{writer}-{n}");
                    // The first unconfirmed one was interrupted by the kill.
                    if try_register(addr, &name).await.status != 201 || confirmed.send(name).is_err() {
                        break;
                    }
                }
            })
        })
        .collect();
    drop(confirmed);
    let mut kept = Vec::new();
    while kept.len() < 12 {
        kept.push(tokio::time::timeout(support::PATIENCE, names.recv()).await.unwrap().unwrap());
    }
    let (status, _) = server.end(Signal::KILL).await;
    assert_eq!(status.code(), None, "killed");
    for writer in writers {
        tokio::time::timeout(support::PATIENCE, writer).await.unwrap().unwrap();
    }
    while let Ok(name) = names.try_recv() {
        kept.push(name);
    }
    let server = serve(folder.path()).await;
    for name in &kept {
        login(server.addr, name).await;
    }
    assert_eq!(try_register(server.addr, &kept[0]).await.problem(), (409, "USERNAME_TAKEN".into()));
}

#[tokio::test]
async fn full_disk_is_reported_and_recovers() {
    let folder = tempdir().unwrap();
    let mut limited = command_on_a_full_disk(folder.path(), 600);
    limited.args(["--listen", "127.0.0.1:0"]);
    let server = Process::start(limited).await;
    let (mut made, mut refused) = (Vec::new(), Vec::new());
    for n in 0..200 {
        let name = format!("user-{n}");
        let answer = try_register(server.addr, &name).await;
        match answer.status {
            201 => made.push(name),
            _ => {
                assert_eq!(answer.problem(), (503, "UNAVAILABLE".into()));
                refused.push(name);
            }
        }
        if refused.len() == 3 {
            break;
        }
    }
    assert_eq!(refused.len(), 3, "{} fitted", made.len());
    let refused_login = call(server.addr, "POST", path::LOGIN, None, &credentials(&made[0], PASSWORD)).await;
    assert!(matches!(refused_login.status, 200 | 503), "{refused_login:?}");
    server.end(Signal::TERM).await;

    let server = serve(folder.path()).await;
    for name in made.iter().take(3).chain(made.last()) {
        login(server.addr, name).await;
    }
    for name in &refused {
        let answer = call(server.addr, "POST", path::LOGIN, None, &credentials(name, PASSWORD)).await;
        assert_eq!(answer.problem(), (401, "INVALID_CREDENTIALS".into()));
        assert_eq!(try_register(server.addr, name).await.status, 201);
    }
}

#[tokio::test]
async fn database_heals_when_the_disk_has_room_again() {
    let folder = tempdir().unwrap();
    let mut limited = command_on_a_full_disk(folder.path(), 600);
    limited.args(["--listen", "127.0.0.1:0"]);
    let server = Process::start(limited).await;
    let mut made = 0;
    while try_register(server.addr, &format!("user-{made}")).await.status == 201 {
        made += 1;
        assert!(made < 200, "the disk is never full");
    }

    server.lift_file_limit();
    login(server.addr, "user-0").await;
    assert_eq!(try_register(server.addr, "later").await.status, 201);
    server.end(Signal::TERM).await;
}

#[tokio::test]
async fn locked_database_is_reported_and_recovers() {
    let running = start().await;
    let addr = running.addr();
    assert_eq!(try_register(addr, "alice").await.status, 201);
    let (token, _) = login(addr, "alice").await;
    let url = running.database.url.clone();
    let mut other = sqlx::SqliteConnection::connect(&url).await.unwrap();
    other.execute("BEGIN EXCLUSIVE").await.unwrap();

    let (registered, logged_out) =
        tokio::join!(try_register(addr, "bob"), call(addr, "POST", path::LOGOUT, Some(&token), ""));
    assert_eq!(registered.problem(), (503, "UNAVAILABLE".into()));
    assert_eq!(logged_out.problem(), (503, "UNAVAILABLE".into()));
    assert!(
        support::is_alive(addr, &token).await,
        "what only reads goes on, and the session was not half ended"
    );

    other.execute("ROLLBACK").await.unwrap();
    assert_eq!(try_register(addr, "bob").await.status, 201);
    assert_eq!(call(addr, "POST", path::LOGOUT, Some(&token), "").await.status, 204);
}

#[tokio::test]
async fn change_after_lost_answer_is_detected() {
    let chat = chat::start().await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let group = ada.group(&mut [&mut bob]).await;
    let gateway = &chat.server.gateway();
    assert!(gateway.is_member(&group, "bob"));

    let mut other = sqlx::SqliteConnection::connect(&chat.database.url).await.unwrap();
    other.execute("BEGIN EXCLUSIVE").await.unwrap();
    ada.refused("REMOVE_MEMBER", json!({"groupID": group, "username": "bob"}), "INTERNAL_ERROR").await;
    // Another connection makes the change, in place of one whose commit was not acknowledged to the server.
    other.execute("DELETE FROM group_members WHERE username = 'bob'").await.unwrap();
    other.execute("COMMIT").await.unwrap();
    let found_out = async {
        while gateway.is_member(&group, "bob") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(support::PATIENCE, found_out).await.unwrap();
}

#[tokio::test]
async fn database_of_newer_server_is_refused() {
    let folder = tempdir().unwrap();
    let database = folder.path().join("callie.db").display().to_string();
    Store::open(&database).await.unwrap().close().await;
    let mut newer = sqlx::SqliteConnection::connect(&format!("sqlite://{database}")).await.unwrap();
    newer
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9999, 'from the future', TRUE, x'00', 0)",
        )
        .await
        .unwrap();
    newer.close().await.unwrap();
    let error = Store::open(&database).await.unwrap_err();
    assert!(matches!(error, OpenError::Newer { version: 9999, .. }), "{error}");
}

#[tokio::test]
async fn database_in_memory_is_shared() {
    let store = Store::open(":memory:").await.unwrap();
    let name = "alice".parse().unwrap();
    assert!(store.accounts.create(&name, "hash", 1).await.unwrap());
    let many = futures_util::future::join_all((0..8).map(|_| store.accounts.exists(&name))).await;
    assert!(many.into_iter().all(|known| known.unwrap()));
}

#[tokio::test]
async fn change_that_cannot_be_read_does_not_block_others() {
    let chat = chat::start().await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let broken = ada.group(&mut [&mut bob]).await;
    let group = ada.group(&mut [&mut bob]).await;
    let gateway = &chat.server.gateway();
    let mut other = sqlx::SqliteConnection::connect(&chat.database.url).await.unwrap();
    let spoil = format!("UPDATE group_members SET role = 'no role' WHERE group_id = '{broken}'");
    other.execute(sqlx::AssertSqlSafe(spoil)).await.unwrap();
    let remove = |group: &str| json!({"groupID": group, "username": "bob"});
    ada.refused("REMOVE_MEMBER", remove(&broken), "INTERNAL_ERROR").await;

    other.execute("BEGIN EXCLUSIVE").await.unwrap();
    ada.refused("REMOVE_MEMBER", remove(&group), "INTERNAL_ERROR").await;
    let done = format!("DELETE FROM group_members WHERE username = 'bob' AND group_id = '{group}'");
    other.execute(sqlx::AssertSqlSafe(done)).await.unwrap();
    other.execute("COMMIT").await.unwrap();
    let found_out = async {
        while gateway.is_member(&group, "bob") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(support::PATIENCE, found_out).await.unwrap();
    assert!(gateway.is_member(&broken, "bob"), "what cannot be looked up stays as it was");
}

/// Messages to users who are online need no database. Those that would be kept are refused until it answers again.
#[tokio::test]
async fn message_that_cannot_be_kept_is_refused() {
    let config = Config { offline: OfflineMode::Keep, ..Config::default() };
    let chat = chat::start_with(config, chat::quick()).await;
    let bob = chat.login("bob").await;
    let mut ada = chat.connect_with(&chat.login("ada").await, &["offline"]).await;
    let mut cy = chat.user("cy").await;
    let mut other = sqlx::SqliteConnection::connect(&chat.database.url).await.unwrap();
    other.execute("BEGIN EXCLUSIVE").await.unwrap();
    let message = ada.message("bob", "not kept");
    let (note, live) = (cy.message("ada", "from cy"), ada.message("cy", "live"));
    ada.send(&message).await;
    ada.send(&live).await;
    // It does not hold up others.
    cy.send(&note).await;
    ada.msg("from cy").await;
    let answer = ada.sys("INTERNAL_ERROR").await;
    assert_eq!(answer["metadata"]["inReplyTo"], message["payloadID"]);
    cy.msg("live").await;
    other.execute("ROLLBACK").await.unwrap();
    let message = ada.message("bob", "kept");
    ada.answered(&message, "STORED").await;
    let mut bob = chat.connect_with(&bob, &["offline"]).await;
    assert_eq!(bob.sys("BACKLOG").await["metadata"]["count"], 1);
    bob.msg("kept").await;
    bob.nothing_more().await;
}
