//! Kept messages and resumed connections together.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod chat;
mod support;

use callie_server::Config;
use callie_server::config::OfflineMode;
use chat::{Chat, Client, Login, quick, start_with, until};
use serde_json::{Value, json};

const BOTH: &[&str] = &["resume", "offline"];

async fn keeping(resume_window: u32) -> Chat {
    start_with(Config { offline: OfflineMode::Keep, resume_window, ..Config::default() }, quick()).await
}

/// Opens a connection with both features, and returns its ID.
async fn connect(chat: &Chat, login: &Login) -> (Client, Value) {
    let mut client = chat.open().await.of(login);
    let welcome = client.greet_with(BOTH).await["metadata"].clone();
    assert_eq!(welcome["features"], json!(BOTH));
    (client, welcome["connectionID"].clone())
}

/// Continues a connection after this number of texts arrived.
async fn resume(chat: &Chat, login: &Login, connection: &Value, received: u64) -> Client {
    let mut client = chat.open().await.of(login);
    let resume = json!({"connectionID": connection, "received": received});
    let greeting = client.command("AUTHENTICATE", json!({"features": BOTH, "resume": resume}));
    let welcome = client.answered(&greeting, "AUTHENTICATED").await;
    assert_eq!(welcome["resumed"], true);
    client
}

async fn cut(chat: &Chat, client: Client) {
    drop(client);
    until("the connection is away", || async { chat.server.gateway().away() == 1 }).await;
}

async fn backlog(client: &mut Client, count: u64) {
    assert_eq!(client.sys("BACKLOG").await["metadata"]["count"], count);
}

/// What an away connection never got is kept when it is gone, in the order in which it was sent.
#[tokio::test]
async fn messages_to_a_gone_connection_are_kept() {
    let chat = keeping(1).await;
    let bob = chat.login("bob").await;
    let mut ada = chat.connect_with(&chat.login("ada").await, BOTH).await;
    let (phone, _) = connect(&chat, &bob).await;
    cut(&chat, phone).await;
    let mut sent = Vec::new();
    for n in 0..6 {
        let text = n.to_string();
        let message = if n % 2 == 0 { ada.message("bob", &text) } else { ada.acked("bob", &text) };
        ada.send(&message).await;
        sent.push(message["payloadID"].clone());
    }
    let mut stored = Vec::new();
    for _ in &sent {
        stored.push(ada.sys("STORED").await["metadata"]["inReplyTo"].clone());
    }
    assert!(sent.iter().all(|id| stored.contains(id)));
    let (mut phone, _) = connect(&chat, &bob).await;
    backlog(&mut phone, 6).await;
    for n in 0..6 {
        phone.msg(&n.to_string()).await;
    }
    phone.nothing_more().await;
}

/// A user who is away counts as connected.
#[tokio::test]
async fn nothing_is_stored_for_a_user_who_is_away() {
    let chat = keeping(60).await;
    let bob = chat.login("bob").await;
    let mut ada = chat.connect_with(&chat.login("ada").await, BOTH).await;
    let (phone, id) = connect(&chat, &bob).await;
    cut(&chat, phone).await;
    let message = ada.acked("bob", "while away");
    ada.send(&message).await;
    let mut phone = resume(&chat, &bob, &id, 0).await;
    let got = phone.msg("while away").await;
    phone.ack(&got).await;
    assert_eq!(ada.sys("DELIVERED").await["metadata"]["late"], Value::Null);
    assert_eq!(chat.server.store().kept.count().await.unwrap(), 0);
}

/// A connection that is cut in the middle of its backlog continues there, and its confirmations count.
#[tokio::test]
async fn backlog_continues_after_a_resumption() {
    let chat = keeping(60).await;
    let bob = chat.login("bob").await;
    let mut ada = chat.connect_with(&chat.login("ada").await, BOTH).await;
    for n in 0..20 {
        let message = ada.message("bob", &n.to_string());
        ada.answered(&message, "STORED").await;
    }
    let (mut phone, id) = connect(&chat, &bob).await;
    backlog(&mut phone, 20).await;
    let mut got = Vec::new();
    for n in 0..5 {
        got.push(phone.msg(&n.to_string()).await);
    }
    cut(&chat, phone).await;
    // The notice and two messages arrived; the rest follows, each text once.
    let mut phone = resume(&chat, &bob, &id, 3).await;
    for n in 2..20 {
        let message = phone.msg(&n.to_string()).await;
        if n >= 5 {
            got.push(message);
        }
    }
    phone.nothing_more().await;
    for message in &got {
        phone.ack(message).await;
        let late = ada.sys("DELIVERED").await;
        assert_eq!(
            (&late["metadata"]["late"], &late["metadata"]["inReplyTo"]),
            (&json!(true), &message["payloadID"])
        );
    }
    assert_eq!(chat.server.store().kept.count().await.unwrap(), 0);
}
