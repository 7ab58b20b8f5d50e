//! Connections whose pending answers are still written when they end: half-closed sockets and a stopping server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod chat;
mod support;

use std::time::Duration;

use callie_server::Config;
use callie_server::gateway::Timing;
use chat::{Chat, Client, PATIENCE, quick, start, start_with};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

/// Shuts down the client's writing side below the WebSocket. It can still read.
async fn half_close(client: &mut Client) {
    client.ws.get_mut().shutdown().await.unwrap();
}

#[tokio::test]
async fn half_closed_client_gets_its_answers() {
    let chat = start().await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let messages: Vec<Value> = (0..3).map(|n| ada.acked("bob", &n.to_string())).collect();
    for message in &messages {
        ada.send(message).await;
    }
    let lost = ada.message("nobody", "lost");
    let groups = ada.command("LIST_GROUPS", json!({}));
    let ping = ada.payload("SERVER", "PING", json!({}));
    for payload in [&lost, &groups, &ping] {
        ada.send(payload).await;
    }
    half_close(&mut ada).await;
    assert_eq!(ada.sys("RECIPIENT_UNKNOWN").await["metadata"]["inReplyTo"], lost["payloadID"]);
    assert_eq!(ada.sys("COMMAND_OK").await["metadata"]["inReplyTo"], groups["payloadID"]);
    assert_eq!(ada.next().await["metadata"]["inReplyTo"], ping["payloadID"]);
    for n in 0..3 {
        let message = bob.msg(&n.to_string()).await;
        bob.ack(&message).await;
        assert_eq!(ada.sys("DELIVERED").await["metadata"]["inReplyTo"], message["payloadID"]);
    }
    assert_eq!(ada.closed().await, 1000);
}

#[tokio::test]
async fn half_closed_client_is_offline_to_others() {
    let chat = start().await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let message = ada.acked("bob", "the last words");
    ada.send(&message).await;
    half_close(&mut ada).await;
    let message = bob.msg("the last words").await;
    while chat.server.gateway().is_online("ada") {
        tokio::task::yield_now().await;
    }
    let answer = bob.message("ada", "are you there?");
    bob.answered(&answer, "RECIPIENT_OFFLINE").await;
    bob.ack(&message).await;
    ada.sys("DELIVERED").await;
    assert_eq!(ada.closed().await, 1000);
}

#[tokio::test]
async fn half_closed_client_is_closed_after_its_deadline() {
    let timing =
        Timing { protocol: quick().protocol.with_confirmation(Duration::from_millis(200)), ..quick() };
    let chat = start_with(Config::default(), timing).await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let message = ada.acked("bob", "never confirmed");
    ada.send(&message).await;
    half_close(&mut ada).await;
    bob.msg("never confirmed").await;
    ada.sys("DELIVERY_UNCONFIRMED").await;
    assert_eq!(ada.closed().await, 1000);
    let mut idle = chat.user("idle").await;
    half_close(&mut idle).await;
    assert_eq!(idle.closed().await, 1000);
}

/// Starts the shutdown of the server, and waits until it accepts no new connections.
async fn stop(chat: Chat) -> tokio::task::JoinHandle<()> {
    let addr = chat.addr();
    let Chat { server, database } = chat;
    let stopped = tokio::spawn(async move {
        server.shutdown().await;
        drop(database);
    });
    loop {
        let Ok(tcp) = TcpStream::connect(addr).await else { return stopped };
        let request = format!("ws://{addr}/ws").into_client_request().unwrap();
        if tokio_tungstenite::client_async(request, tcp).await.is_err() {
            return stopped;
        }
    }
}

/// A deadline of confirmations that is long enough for a busy machine.
fn patient() -> Timing {
    Timing { answers: Duration::from_secs(5), ..quick() }
}

#[tokio::test]
async fn stopping_server_answers_what_it_read() {
    let chat = start_with(Config::default(), patient()).await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let mut messages = Vec::new();
    for n in 0..20 {
        let message = ada.acked("bob", &n.to_string());
        ada.send(&message).await;
        messages.push(bob.msg(&n.to_string()).await);
    }
    let stopped = stop(chat).await;
    for message in &messages {
        bob.ack(message).await;
    }
    for message in &messages {
        assert_eq!(ada.sys("DELIVERED").await["metadata"]["inReplyTo"], message["payloadID"]);
    }
    assert_eq!(ada.ended("SERVER_SHUTDOWN").await.1, 1001);
    assert_eq!(bob.ended("SERVER_SHUTDOWN").await.1, 1001);
    tokio::time::timeout(PATIENCE, stopped).await.unwrap().unwrap();
}

#[tokio::test]
async fn stopping_server_reports_unconfirmed_messages() {
    let timing = Timing { answers: Duration::from_millis(100), ..quick() };
    let chat = start_with(Config::default(), timing).await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let message = ada.acked("bob", "unconfirmed");
    ada.send(&message).await;
    bob.msg("unconfirmed").await;
    let stopped = stop(chat).await;
    assert_eq!(ada.sys("DELIVERY_UNCONFIRMED").await["metadata"]["inReplyTo"], message["payloadID"]);
    assert_eq!(ada.ended("SERVER_SHUTDOWN").await.1, 1001);
    tokio::time::timeout(PATIENCE, stopped).await.unwrap().unwrap();
}

#[tokio::test]
async fn stopping_server_ignores_later_payloads() {
    let chat = start_with(Config::default(), patient()).await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let message = ada.acked("bob", "early");
    ada.send(&message).await;
    let message = bob.msg("early").await;
    let stopped = stop(chat).await;
    let late = ada.message("bob", "late");
    ada.send(&late).await;
    let ping = ada.payload("SERVER", "PING", json!({}));
    ada.send(&ping).await;
    bob.ack(&message).await;
    // A PONG would mean that the earlier message was accepted.
    assert_eq!(ada.sys("DELIVERED").await["metadata"]["inReplyTo"], message["payloadID"]);
    assert_eq!(ada.ended("SERVER_SHUTDOWN").await.1, 1001);
    assert_eq!(bob.ended("SERVER_SHUTDOWN").await.1, 1001);
    tokio::time::timeout(PATIENCE, stopped).await.unwrap().unwrap();
}
