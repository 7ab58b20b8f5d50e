//! Lost connections that are resumed on another node, and nodes that stop (protocol, "Resumption").
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod chat;
mod cluster_support;
mod support;

use std::time::Duration;

use callie_server::Config;
use callie_server::config::OfflineMode;
use chat::resumption::{connect, cut, hear, resume, say};
use chat::{Client, Login, until};
use cluster_support::Cluster;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// Creates a user with a connection to a node that can be resumed. All nodes know the user.
async fn resumable(cluster: &Cluster, node: usize, name: &str) -> (Client, Login, String) {
    let login = cluster.node(node).login(name).await;
    let (client, id) = connect(cluster.node(node), &login).await;
    cluster.all_know(&[name]).await;
    (client, login, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_is_resumed_on_another_node() {
    let cluster = Cluster::of(3).await;
    let mut ada = cluster.user(0, "ada").await;
    let (mut bob, login, id) = resumable(&cluster, 1, "bob").await;
    say(&mut ada, "bob", &["1", "2"]).await;
    let acked = ada.acked("bob", "3");
    ada.send(&acked).await;
    for text in ["1", "2", "3"] {
        bob.msg(text).await;
    }
    cut(cluster.node(1), bob).await;
    say(&mut ada, "bob", &["4"]).await;
    let kept = ada.acked("bob", "5");
    ada.send(&kept).await;
    ada.nothing_more().await;
    for (node, received, texts) in [(2, 1, &["2", "3", "4", "5"][..]), (0, 6, &[]), (1, 7, &[])] {
        let (mut bob, resumed) = resume(cluster.node(node), &login, &id, received).await;
        assert!(resumed, "{node}");
        let mut got = Vec::new();
        for text in texts {
            got.push(bob.msg(text).await);
        }
        bob.nothing_more().await;
        for message in got.iter().filter(|message| message["metadata"]["ack"] == true) {
            bob.ack(message).await;
            let answer = ada.sys("DELIVERED").await;
            assert_eq!(answer["metadata"]["inReplyTo"], message["payloadID"]);
        }
        cut(cluster.node(node), bob).await;
    }
    ada.nothing_more().await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open_socket_on_another_node_is_replaced() {
    let cluster = Cluster::of(2).await;
    let mut ada = cluster.user(0, "ada").await;
    let (mut old, login, id) = resumable(&cluster, 1, "bob").await;
    let (mut new, resumed) = resume(cluster.node(0), &login, &id, 0).await;
    assert!(resumed);
    assert_eq!(old.ended("HEARTBEAT_MISSED").await.1, 4408);
    say(&mut ada, "bob", &["1"]).await;
    hear(&mut new, &["1"]).await;
    // An answer that was pending on the other node follows.
    let message = new.acked("ada", "confirm me");
    new.send(&message).await;
    let got = ada.msg("confirm me").await;
    let (mut bob, resumed) = resume(cluster.node(1), &login, &id, 2).await;
    assert!(resumed);
    ada.ack(&got).await;
    assert_eq!(bob.sys("DELIVERED").await["metadata"]["inReplyTo"], message["payloadID"]);
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_resumption_on_another_node_opens_a_connection() {
    let cluster = Cluster::of(2).await;
    let (bob, login, id) = resumable(&cluster, 1, "bob").await;
    cut(cluster.node(1), bob).await;
    let other = cluster.node(0).login_again("bob").await;
    for (login, id, received) in [(&login, "guessed", 0), (&login, &id[..], 3), (&other, &id, 0)] {
        let (client, resumed) = resume(cluster.node(0), login, id, received).await;
        assert!(!resumed, "{id} {received}");
        client.leave().await;
    }
    assert!(resume(cluster.node(0), &login, &id, 0).await.1);
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_follow_in_order_while_a_connection_moves() {
    const MESSAGES: usize = 250;
    let cluster = Cluster::of(3).await;
    let (mut ada, mut cyd) = (cluster.user(0, "ada").await, cluster.user(2, "cyd").await);
    let (mut bob, login, id) = resumable(&cluster, 1, "bob").await;
    let send = |mut client: Client| async move {
        for n in 0..MESSAGES {
            let message = client.message("bob", &n.to_string());
            client.send(&message).await;
            // Within the rate.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        client.nothing_more().await;
        client
    };
    say(&mut ada, "bob", &["ready"]).await;
    say(&mut cyd, "bob", &["ready"]).await;
    let senders = [tokio::spawn(send(ada)), tokio::spawn(send(cyd))];
    let mut received = 0;
    let mut next = std::collections::BTreeMap::from([("ada".to_owned(), 0), ("cyd".to_owned(), 0)]);
    let mut node = 1;
    while next.values().any(|next| *next < MESSAGES) {
        for _ in 0..60 {
            if next.values().all(|next| *next == MESSAGES) {
                break;
            }
            let payload = bob.next().await;
            received += 1;
            let Some(next) = next.get_mut(payload["sender"].as_str().unwrap()) else { panic!("{payload}") };
            match payload["content"]["text"].as_str().unwrap() {
                "ready" => {}
                text => {
                    assert_eq!(text, next.to_string(), "{payload}");
                    *next += 1;
                }
            }
        }
        node = (node + 1) % 3;
        let (client, resumed) = resume(cluster.node(node), &login, &id, received).await;
        assert!(resumed, "after {received}");
        bob = client;
    }
    for sender in senders {
        sender.await.unwrap();
    }
    cluster.end().await;
}

/// A client that resumes its connection whenever that is closed, on the next node that runs.
struct Receiver {
    client: Client,
    login: Login,
    id: String,
    received: u64,
    next: usize,
}

impl Receiver {
    /// Reads until the close or the message with this number; returns `true` for the message.
    async fn read_until(&mut self, last: usize) -> bool {
        while self.next <= last {
            let Some(Ok(Message::Text(text))) = self.client.raw().await else { return false };
            self.received += 1;
            let payload: Value = serde_json::from_str(&text).unwrap();
            match payload["type"].as_str().unwrap() {
                "MSG" => {
                    assert_eq!(payload["content"]["text"], self.next.to_string(), "{payload}");
                    self.next += 1;
                }
                "PING" => {}
                _ => assert_eq!(payload["content"]["code"], "SERVER_SHUTDOWN", "{payload}"),
            }
        }
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rolling_restart_loses_nothing() {
    const RECEIVERS: usize = 6;
    let mut cluster = Cluster::of(3).await;
    let mut ada = cluster.user(0, "ada").await;
    let mut receivers = Vec::new();
    for n in 0..RECEIVERS {
        let (client, login, id) = resumable(&cluster, n % 3, &format!("user{n}")).await;
        receivers.push(Receiver { client, login, id, received: 0, next: 0 });
    }
    let mut sent = 0;
    // The new nodes have the next numbers. The sender is always on a node that runs.
    for stopping in [1, 2, 0] {
        if stopping == 0 {
            ada.leave().await;
            ada = cluster.device(4, "ada").await;
        }
        let server = cluster.nodes[stopping].take().unwrap().server;
        let stopped = tokio::spawn(server.shutdown());
        while !stopped.is_finished() {
            for n in 0..RECEIVERS {
                let message = ada.message(&format!("user{n}"), &sent.to_string());
                ada.send(&message).await;
            }
            sent += 1;
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
        stopped.await.unwrap();
        ada.nothing_more().await;
        let new = cluster.add_node().await;
        for receiver in &mut receivers {
            if !receiver.read_until(sent - 1).await {
                let (client, resumed) =
                    resume(cluster.node(new), &receiver.login, &receiver.id, receiver.received).await;
                assert!(resumed, "{}", receiver.login.name);
                receiver.client = client;
                assert!(receiver.read_until(sent - 1).await, "it is connected");
            }
        }
    }
    until("everybody is online", || async {
        (0..RECEIVERS).all(|n| cluster.node(5).server.gateway().is_online(&format!("user{n}")))
    })
    .await;
    ada.nothing_more().await;
    cluster.end().await;
}

/// Authenticates with both features; returns the connection's ID and whether it was resumed.
async fn greet_with_offline(client: &mut Client, resume: Option<(&str, u64)>) -> (String, bool) {
    let mut parameters = json!({"features": ["resume", "offline"]});
    if let Some((connection, received)) = resume {
        parameters["resume"] = json!({"connectionID": connection, "received": received});
    }
    let greeting = client.command("AUTHENTICATE", parameters);
    let welcome = client.answered(&greeting, "AUTHENTICATED").await;
    (welcome["connectionID"].as_str().unwrap().to_owned(), welcome["resumed"] == true)
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_messages_are_confirmed_after_a_move() {
    let cluster = Cluster::with(2, Config { offline: OfflineMode::Keep, ..Config::default() }).await;
    let (ada_login, login) = (cluster.node(0).login("ada").await, cluster.node(1).login("bob").await);
    let mut ada = cluster.node(0).open().await.of(&ada_login);
    greet_with_offline(&mut ada, None).await;
    for text in ["1", "2"] {
        let message = ada.message("bob", text);
        ada.answered(&message, "STORED").await;
    }
    let mut bob = cluster.node(1).open().await.of(&login);
    let (id, _) = greet_with_offline(&mut bob, None).await;
    cluster.all_know(&["bob"]).await;
    bob.sys("BACKLOG").await;
    let kept = [bob.msg("1").await, bob.msg("2").await];
    cut(cluster.node(1), bob).await;
    let mut bob = cluster.node(0).open().await.of(&login);
    assert!(greet_with_offline(&mut bob, Some((&id, 2))).await.1);
    bob.msg("2").await;
    say(&mut ada, "bob", &["3"]).await;
    hear(&mut bob, &["3"]).await;
    for message in &kept {
        bob.ack(message).await;
        assert_eq!(ada.sys("DELIVERED").await["metadata"]["late"], true);
    }
    let mut other = cluster.node(1).open().await.of(&login);
    greet_with_offline(&mut other, None).await;
    other.nothing_more().await;
    cluster.end().await;
}
