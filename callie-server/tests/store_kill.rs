//! The real binary, killed or stopped while sockets are open: what was confirmed exists after a restart, and a stop is
//! reported to connected clients.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

mod chat;
mod support;

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use callie_core::SessionId;
use chat::{Client, Login};
use futures_util::{SinkExt as _, StreamExt as _};
use rustix::process::Signal;
use serde_json::{Value, json};
use support::process::{Process, command, output};
use support::{PATIENCE, login, register};
use tempfile::tempdir;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

async fn serve(folder: &Path) -> Process {
    let mut command = command(folder);
    command.args(["--listen", "127.0.0.1:0"]);
    command.env("CALLIE_MESSAGES_PER_SECOND", "100000").env("CALLIE_BURST", "100000");
    Process::start(command).await
}

/// Registers a user, logs in and connects.
async fn user(server: &Process, name: &str) -> Client {
    register(server.addr, name).await;
    connect(server, name).await
}

async fn connect(server: &Process, name: &str) -> Client {
    connect_with(server, name, &[]).await
}

/// Logs in and connects with these features.
async fn connect_with(server: &Process, name: &str, features: &[&str]) -> Client {
    let (token, session) = login(server.addr, name).await;
    let login = Login { name: name.into(), token, session: SessionId::parse(&session).unwrap() };
    let mut client = chat::open(server.addr).await.of(&login);
    client.greet_with(features).await;
    client
}

/// Returns the result of a command, or `None` if the server ends before it answers.
async fn confirmed(client: &mut Client, name: &str, parameters: Value) -> Option<Value> {
    let payload = client.command(name, parameters);
    client.ws.send(Message::text(payload.to_string())).await.ok()?;
    while let Some(Ok(message)) = client.ws.next().await {
        let answer: Value = serde_json::from_str(message.to_text().ok()?).ok()?;
        if answer["metadata"]["inReplyTo"] == payload["payloadID"] {
            assert_eq!(answer["content"]["code"], "COMMAND_OK", "{answer}");
            return Some(answer["metadata"]["result"].clone());
        }
    }
    None
}

#[tokio::test]
async fn confirmed_groups_and_settings_survive_a_kill() {
    let folder = tempdir().unwrap();
    let server = serve(folder.path()).await;
    register(server.addr, "bob").await;
    let (mut alice, mut carol) = (user(&server, "alice").await, user(&server, "carol").await);

    let (made, mut groups) = mpsc::unbounded_channel();
    let maker = tokio::spawn(async move {
        let parameters = json!({ "name": "Friends", "members": ["bob", "carol"], "visibility": "public" });
        while let Some(group) = confirmed(&mut alice, "CREATE_GROUP", parameters.clone()).await {
            if made.send(group["groupID"].as_str().unwrap().to_owned()).is_err() {
                break;
            }
        }
    });
    let changer = tokio::spawn(async move {
        let mut last = 0;
        while confirmed(&mut carol, "UPDATE_SETTINGS", json!({ "displayName": (last + 1).to_string() }))
            .await
            .is_some()
        {
            last += 1;
        }
        last
    });
    let mut kept = HashSet::new();
    while kept.len() < 50 {
        kept.insert(tokio::time::timeout(PATIENCE, groups.recv()).await.unwrap().unwrap());
    }
    server.end(Signal::KILL).await;
    tokio::time::timeout(PATIENCE, maker).await.unwrap().unwrap();
    let last_change: u64 = tokio::time::timeout(PATIENCE, changer).await.unwrap().unwrap();
    while let Ok(group) = groups.try_recv() {
        kept.insert(group);
    }

    let server = serve(folder.path()).await;
    let mut alice = connect(&server, "alice").await;
    let (mut found, mut after) = (HashSet::new(), None);
    loop {
        let parameters = after.map_or(json!({}), |after| json!({ "after": after }));
        let page: Value = alice.run("LIST_GROUPS", parameters).await;
        found.extend(
            page["groups"].as_array().unwrap().iter().map(|g| g["groupID"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => break,
        }
    }
    assert!(kept.is_subset(&found), "{} of {}", kept.intersection(&found).count(), kept.len());
    assert!(found.len() <= kept.len() + 1, "only the one that the kill met may be there unconfirmed");
    for group in &found {
        let details = alice.run("GET_GROUP", json!({ "groupID": group })).await;
        assert_eq!(details["memberCount"], 3);
        assert_eq!(details["members"].as_array().unwrap().len(), 3);
    }
    let mut carol = connect(&server, "carol").await;
    let name = carol.run("GET_SETTINGS", json!({})).await["displayName"].as_str().unwrap().to_owned();
    assert!(
        [last_change, last_change + 1].contains(&name.parse().unwrap_or(0)),
        "{name} after {last_change}"
    );
}

/// Every message that was answered with `STORED` is delivered after a kill, and none twice.
#[tokio::test]
async fn stored_messages_survive_a_kill() {
    let folder = tempdir().unwrap();
    let serve = async || {
        let mut command = command(folder.path());
        command.args(["--listen", "127.0.0.1:0"]).env("CALLIE_OFFLINE", "keep");
        command.env("CALLIE_MESSAGES_PER_SECOND", "100000").env("CALLIE_BURST", "100000");
        Process::start(command).await
    };
    let server = serve().await;
    register(server.addr, "bob").await;
    register(server.addr, "alice").await;
    let mut alice = connect_with(&server, "alice", &["offline"]).await;
    let (stored, mut numbers) = mpsc::unbounded_channel();
    let sender = tokio::spawn(async move {
        for n in 0_u64.. {
            let message = alice.message("bob", &n.to_string());
            if alice.ws.send(Message::text(message.to_string())).await.is_err() {
                break;
            }
            let Some(Ok(answer)) = alice.ws.next().await else { break };
            let Ok(answer) = answer.to_text() else { break };
            if !answer.contains("STORED") || stored.send(n).is_err() {
                break;
            }
        }
    });
    let mut last = 0;
    while last < 100 {
        last = tokio::time::timeout(PATIENCE, numbers.recv()).await.unwrap().unwrap();
    }
    server.end(Signal::KILL).await;
    tokio::time::timeout(PATIENCE, sender).await.unwrap().unwrap();
    while let Ok(number) = numbers.try_recv() {
        last = number;
    }
    let server = serve().await;
    let mut bob = connect_with(&server, "bob", &["offline"]).await;
    let count = bob.sys("BACKLOG").await["metadata"]["count"].as_u64().unwrap();
    assert!(
        [last + 1, last + 2].contains(&count),
        "{count} after {last}: only the last one may be unanswered"
    );
    for n in 0..count {
        bob.msg(&n.to_string()).await;
    }
    bob.nothing_more().await;
    // Confirmations that were not committed are the client's to recognise. Those that were do not come again.
    server.end(Signal::KILL).await;
    let server = serve().await;
    let mut bob = connect_with(&server, "bob", &["offline"]).await;
    assert_eq!(bob.sys("BACKLOG").await["metadata"]["count"], count);
}

#[tokio::test]
async fn clients_are_notified_of_shutdown_within_10_s() {
    let folder = tempdir().unwrap();
    let server = serve(folder.path()).await;
    let (mut alice, mut bob) = (user(&server, "alice").await, user(&server, "bob").await);
    let begun = Instant::now();
    let stopping = tokio::spawn(server.end(Signal::TERM));
    for client in [&mut alice, &mut bob] {
        let (notice, code) = client.ended("SERVER_SHUTDOWN").await;
        assert!(notice["metadata"]["retryAfterMs"].as_u64().is_some(), "{notice}");
        assert_eq!(code, 1001);
    }
    let (status, said) = stopping.await.unwrap();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    for client in [&alice, &bob] {
        assert!(!said.contains(&client.token), "no log line holds a token");
    }
}

#[tokio::test]
async fn ban_by_command_line_closes_sockets() {
    let folder = tempdir().unwrap();
    let server = serve(folder.path()).await;
    let mut alice = user(&server, "alice").await;
    let mut ban = command(folder.path());
    ban.args(["admin", "ban", "alice", "--reason", "Spam"]);
    assert!(output(ban).await.status.success());
    let begun = Instant::now();
    let (notice, code) = alice.ended("BANNED").await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!((notice["metadata"]["reason"].as_str(), code), (Some("Spam"), 4503));
}

#[tokio::test]
async fn logout_closes_only_sockets_of_its_session() {
    let folder = tempdir().unwrap();
    let server = serve(folder.path()).await;
    let (mut first, mut second) = (user(&server, "alice").await, connect(&server, "alice").await);
    let out =
        support::call(server.addr, "POST", callie_core::account::path::LOGOUT, Some(&first.token), "").await;
    assert_eq!(out.status, 204);
    let begun = Instant::now();
    let (_, code) = first.ended("SESSION_REVOKED").await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(code, 4501);
    assert_eq!(second.run("GET_PROFILE", json!({ "username": "alice" })).await["username"], "alice");
}
