//! A cluster with a missing part: what is still possible works, what is not is reported truthfully, and the cluster
//! recovers by itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod chat;
mod cluster_support;
mod support;

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use chat::Client;
use chat::until;
use cluster_support::Cluster;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustix::process::Signal;
use serde_json::json;
use support::nats::Nats;
use support::process::{Process, command};

async fn ready(addr: SocketAddr) -> (u16, String) {
    let answer = support::call(addr, "GET", "/readyz", None, "").await;
    (answer.status, answer.body)
}

#[tokio::test(flavor = "multi_thread")]
async fn node_without_nats_reports_nobody_offline() {
    let mut cluster = Cluster::of(2).await;
    let (mut ada, mut bob) = cluster.two(0, 1).await;
    let mut cy = cluster.user(0, "cy").await;
    let group = ada.group(&mut [&mut cy]).await;
    let ops = cluster.node(0).server.metrics_addr().unwrap();
    assert_eq!(ready(ops).await.0, 200);
    cluster.nats.kill();
    until("the node has noticed", || async { ready(ops).await.0 == 503 }).await;
    assert!(ready(ops).await.1.contains("cluster"));
    // Users of the same node continue to chat.
    for to in ["cy", &group] {
        let message = ada.message(to, "still here");
        ada.send(&message).await;
        cy.msg("still here").await;
    }
    // A user who may be on another node is not reported offline. An unknown user is still unknown.
    for message in [ada.message("bob", "anyone?"), ada.acked("bob", "anyone?")] {
        ada.answered(&message, "INTERNAL_ERROR").await;
    }
    let message = ada.message("nobody", "anyone?");
    ada.answered(&message, "RECIPIENT_UNKNOWN").await;
    // Changes during the outage are known on all nodes afterwards.
    ada.send(&ada.command("ADD_MEMBER", json!({"groupID": group, "username": "bob"}))).await;
    ada.sys("USER_JOINED").await;
    ada.sys("COMMAND_OK").await;
    cy.sys("USER_JOINED").await;
    cluster.nats.start_again().await;
    cluster.converged().await;
    cluster.all_know(&["ada", "bob", "cy"]).await;
    let message = ada.message("bob", "there you are");
    ada.send(&message).await;
    bob.msg("there you are").await;
    until("bob can write to the group", || async {
        cluster.node(1).server.gateway().is_member(&group, "bob")
    })
    .await;
    let message = bob.message(&group, "here I am");
    bob.send(&message).await;
    ada.msg("here I am").await;
    cy.msg("here I am").await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn delivery_during_nats_outage_is_unconfirmed() {
    let mut cluster = Cluster::of(2).await;
    let (mut ada, mut bob) = cluster.two(0, 1).await;
    let message = ada.acked("bob", "on its way");
    ada.send(&message).await;
    let got = bob.msg("on its way").await;
    cluster.nats.kill();
    let answer = ada.sys("DELIVERY_UNCONFIRMED").await;
    assert_eq!(answer["metadata"]["inReplyTo"], message["payloadID"]);
    bob.ack(&got).await;
    bob.nothing_more().await;
    ada.nothing_more().await;
    cluster.end().await;
}

/// A node as a process.
struct Node {
    process: Process,
    ops: SocketAddr,
}

async fn node(folder: &Path, nats: &Nats) -> Node {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ops: SocketAddr = ([127, 0, 0, 1], port).into();
    let mut command = command(folder);
    command.args(["--listen", "127.0.0.1:0", "--database", "shared.db", "--cluster", &nats.url()]);
    command.env("CALLIE_METRICS_LISTEN", ops.to_string()).env("CALLIE_LOG_LEVEL", "warn");
    let node = Node { process: Process::start(command).await, ops };
    until("the node has joined", || async { ready(ops).await.0 == 200 }).await;
    node
}

async fn enter(node: &Node, name: &str) -> Client {
    let (token, session) = support::login(node.process.addr, name).await;
    let session = callie_core::SessionId::parse(&session).unwrap();
    let mut client =
        chat::open(node.process.addr).await.of(&chat::Login { name: name.into(), token, session });
    client.greet().await;
    client
}

/// Waits until `viewer` sees `name` in this state.
async fn sees(viewer: &mut Client, name: &str, presence: &str) {
    let start = Instant::now();
    loop {
        let seen = viewer.run("GET_PRESENCE", json!({"usernames": [name]})).await;
        if seen["presence"][name] == presence {
            return;
        }
        assert!(start.elapsed() < support::PATIENCE, "{name} is not {presence}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_killed_node_go_offline_and_return() {
    let (folder, nats) = (tempfile::tempdir().unwrap(), Nats::start().await);
    let first = node(folder.path(), &nats).await;
    let second = node(folder.path(), &nats).await;
    for name in ["ada", "bob"] {
        support::register(first.process.addr, name).await;
    }
    let (mut ada, mut bob) = (enter(&first, "ada").await, enter(&second, "bob").await);
    let group = ada.group(&mut [&mut bob]).await;
    let unconfirmed = ada.acked("bob", "before the end");
    ada.send(&unconfirmed).await;
    bob.msg("before the end").await;
    let killed = Instant::now();
    second.process.end(Signal::KILL).await;
    // The next message finds no recipient. The one that was written may have been read.
    let message = ada.message("bob", "are you there?");
    ada.send(&message).await;
    let mut codes = Vec::new();
    for _ in 0..2 {
        let answer = ada.next().await;
        codes.push((answer["content"]["code"].clone(), answer["metadata"]["inReplyTo"].clone()));
    }
    codes.sort_by_key(|(code, _)| code.to_string());
    assert_eq!(codes[0], (json!("DELIVERY_UNCONFIRMED"), unconfirmed["payloadID"].clone()));
    assert_eq!(codes[1], (json!("RECIPIENT_OFFLINE"), message["payloadID"].clone()));
    let left = ada.sys("USER_LEFT").await;
    assert_eq!(left["metadata"]["username"], "bob");
    assert!(killed.elapsed() < Duration::from_secs(10), "presence follows in {:?}", killed.elapsed());
    assert_eq!(ready(first.ops).await.0, 200);
    let mut bob = enter(&first, "bob").await;
    ada.sys("USER_JOINED").await;
    let message = ada.message(&group, "welcome back");
    ada.send(&message).await;
    bob.msg("welcome back").await;
    first.process.end(Signal::TERM).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rolling_restart_loses_no_confirmed_message() {
    let (folder, nats) = (tempfile::tempdir().unwrap(), Nats::start().await);
    let mut nodes = vec![node(folder.path(), &nats).await, node(folder.path(), &nats).await];
    for name in ["ada", "bob"] {
        support::register(nodes[0].process.addr, name).await;
    }
    let mut ada = enter(&nodes[0], "ada").await;
    for round in 0..3 {
        // Bob is connected to the node that stops, and reconnects to the new one.
        let mut bob = enter(&nodes[1], "bob").await;
        bob.run("UPDATE_SETTINGS", json!({"presence": "everyone"})).await;
        sees(&mut ada, "bob", "online").await;
        let messages: Vec<_> = (0..20).map(|n| ada.acked("bob", &format!("{round}-{n}"))).collect();
        for message in &messages {
            ada.send(message).await;
        }
        let draining = tokio::spawn(nodes.remove(1).process.end(Signal::TERM));
        // The messages that bob received, and confirmed if that was still possible.
        let mut got = Vec::new();
        while let Some(Ok(frame)) = bob.raw().await {
            let Ok(text) = frame.into_text() else { break };
            let Ok(payload) = serde_json::from_str::<serde_json::Value>(&text) else { break };
            if payload["type"] == "MSG" {
                got.push(payload["payloadID"].clone());
                let entry = json!({"sender": "ada", "payloadID": payload["payloadID"]});
                let command = bob.command("ACK", json!({"payloads": [entry]}));
                use futures_util::SinkExt as _;
                // The connection may have been closed.
                let _ = bob.ws.send(tokio_tungstenite::tungstenite::Message::text(command.to_string())).await;
            } else if payload["content"]["code"] == "SERVER_SHUTDOWN" {
                break;
            }
        }
        let mut answered = std::collections::HashMap::new();
        while answered.len() < messages.len() {
            let answer = ada.next().await;
            let code = answer["content"]["code"].as_str().unwrap().to_owned();
            let id = answer["metadata"]["inReplyTo"].as_str().unwrap().to_owned();
            assert!(answered.insert(id, code).is_none(), "answered twice: {answer}");
        }
        for message in &messages {
            let id = message["payloadID"].as_str().unwrap();
            match answered[id].as_str() {
                "DELIVERED" => assert!(got.contains(&message["payloadID"])),
                "RECIPIENT_OFFLINE" => assert!(!got.contains(&message["payloadID"])),
                "DELIVERY_UNCONFIRMED" => {}
                other => panic!("{other}"),
            }
        }
        draining.await.unwrap();
        nodes.push(node(folder.path(), &nats).await);
    }
    for node in nodes {
        node.process.end(Signal::TERM).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn node_on_another_database_is_ignored() {
    let nats = Nats::start().await;
    let config = callie_server::Config { cluster: Some(nats.url()), ..Default::default() };
    let here = chat::start_with(config.clone(), chat::quick()).await;
    let there = chat::start_with(config, chat::quick()).await;
    let mut ada = here.user("ada").await;
    let _bob_there = there.user("bob").await;
    here.login("bob").await;
    let message = ada.message("bob", "not to you");
    ada.answered(&message, "RECIPIENT_OFFLINE").await;
    here.server.shutdown().await;
    there.server.shutdown().await;
}

/// Writes a root, a certificate for 127.0.0.1 that it signs, and the certificate's key.
fn certificate(folder: &Path) -> [String; 3] {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = server.signed_by(&key, &authority).unwrap();
    let files =
        [("root.pem", authority.pem()), ("cert.pem", certificate.pem()), ("key.pem", key.serialize_pem())];
    files.map(|(name, pem)| {
        let file = folder.join(name);
        std::fs::write(&file, pem).unwrap();
        file.display().to_string()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_requires_its_password_and_tls() {
    let folder = tempfile::tempdir().unwrap();
    let [root, cert, key] = certificate(folder.path());
    let secured = ["--user", "callie", "--pass", "secret", "--tls", "--tlscert", &cert, "--tlskey", &key];
    let nats = Nats::start_with(&secured).await;
    let start = |url: String, ca: Option<&String>| {
        let config = callie_server::Config {
            cluster: Some(url),
            cluster_tls_ca: ca.map(Into::into),
            metrics_listen: Some("127.0.0.1:0".into()),
            ..Default::default()
        };
        chat::start_with(config, chat::quick())
    };
    let good = format!("tls://callie:secret@127.0.0.1:{}", nats.port());
    let joined = start(good.clone(), Some(&root)).await;
    assert_eq!(ready(joined.server.metrics_addr().unwrap()).await.0, 200);
    let wrong = format!("tls://callie:wrong@127.0.0.1:{}", nats.port());
    for (url, root) in [(good, None), (wrong, Some(&root))] {
        let apart = start(url, root).await;
        assert_eq!(ready(apart.server.metrics_addr().unwrap()).await.0, 503);
        apart.server.shutdown().await;
    }
    joined.server.shutdown().await;
}
