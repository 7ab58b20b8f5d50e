//! Messages that are kept for users who are offline, in a cluster: it makes no difference which node keeps a message and
//! which node its recipient comes to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod chat;
mod cluster_support;
mod support;

use callie_server::Config;
use callie_server::config::OfflineMode;
use chat::{Client, until};
use cluster_support::Cluster;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

const OFFLINE: &[&str] = &["offline"];

async fn keeping(nodes: usize) -> Cluster {
    let config =
        Config { offline: OfflineMode::Keep, burst: 1_000, messages_per_second: 1_000, ..Config::default() };
    Cluster::with(nodes, config).await
}

async fn is_empty(cluster: &Cluster) {
    let kept = cluster.node(0).server.store().kept.clone();
    until("nothing is kept", || async { kept.count().await.unwrap() == 0 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_message_is_delivered_by_any_node() {
    let cluster = keeping(3).await;
    for name in ["ada", "bob"] {
        cluster.node(0).login(name).await;
    }
    let mut ada = cluster.device_with(0, "ada", OFFLINE).await;
    let mut ada_there = cluster.device_with(2, "ada", OFFLINE).await;
    let mut ada_old = cluster.device(1, "ada").await;
    cluster.all_know(&["ada"]).await;
    for text in ["one", "two"] {
        let message = ada.message("bob", text);
        ada.answered(&message, "STORED").await;
        for copy in [&mut ada_there, &mut ada_old] {
            copy.msg(text).await;
        }
    }
    let edit = json!({"recipient": "bob", "messageID": "m-none", "text": "unused"});
    ada_there.refused("EDIT_MESSAGE", edit, "RECIPIENT_OFFLINE").await;
    let mut bob = cluster.device_with(1, "bob", OFFLINE).await;
    assert_eq!(bob.sys("BACKLOG").await["metadata"]["count"], 2);
    for text in ["one", "two"] {
        let got = bob.msg(text).await;
        bob.ack(&got).await;
        for author in [&mut ada, &mut ada_there] {
            let late = author.sys("DELIVERED").await;
            assert_eq!(
                (&late["metadata"]["late"], &late["metadata"]["inReplyTo"]),
                (&json!(true), &got["payloadID"])
            );
        }
    }
    is_empty(&cluster).await;
    ada_old.nothing_more().await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn absent_members_of_all_nodes_get_their_copies() {
    let cluster = keeping(2).await;
    for name in ["ada", "bob", "cy", "dan"] {
        cluster.node(0).login(name).await;
    }
    let mut ada = cluster.device_with(0, "ada", OFFLINE).await;
    let (mut bob, mut cy) =
        (cluster.device_with(1, "bob", OFFLINE).await, cluster.device_with(1, "cy", OFFLINE).await);
    let mut dan = cluster.device_with(0, "dan", OFFLINE).await;
    cluster.all_know(&["ada", "bob", "cy", "dan"]).await;
    let group = ada.group(&mut [&mut bob, &mut cy, &mut dan]).await;
    cy.leave().await;
    dan.leave().await;
    for node in 0..2 {
        cluster.knows_offline(node, "cy").await;
        cluster.knows_offline(node, "dan").await;
    }
    let message = ada.message(&group, "one");
    let answer = ada.answered(&message, "PARTIALLY_DELIVERED").await;
    assert_eq!(
        (&answer["delivered"], &answer["offlineCount"], &answer["stored"]),
        (&json!(1), &json!(2), &json!(2))
    );
    bob.msg("one").await;
    let message = ada.acked(&group, "two");
    ada.send(&message).await;
    let got = bob.msg("two").await;
    bob.ack(&got).await;
    let answer = ada.sys("DELIVERED").await["metadata"].clone();
    assert_eq!(
        (&answer["delivered"], &answer["offlineCount"], &answer["stored"]),
        (&json!(1), &json!(2), &json!(2))
    );
    for (node, name) in [(0, "cy"), (1, "dan")] {
        let mut member = cluster.device_with(node, name, OFFLINE).await;
        assert_eq!(member.sys("BACKLOG").await["metadata"]["count"], 2);
        for text in ["one", "two"] {
            let got = member.msg(text).await;
            member.ack(&got).await;
            assert_eq!(ada.sys("DELIVERED").await["metadata"]["late"], true);
        }
    }
    is_empty(&cluster).await;
    cluster.end().await;
}

/// Reads messages and confirms them, and leaves after `most`. Returns the numbers in the texts of all that arrived.
async fn read_and_leave(mut client: Client, most: usize) -> Vec<usize> {
    let (mut numbers, mut closing) = (Vec::new(), false);
    while let Some(Ok(Message::Text(text))) = client.raw().await {
        let payload: Value = serde_json::from_str(&text).unwrap();
        if payload["type"] != "MSG" {
            continue;
        }
        numbers.push(payload["content"]["text"].as_str().unwrap().parse().unwrap());
        if !closing {
            client.ack(&payload).await;
            closing = numbers.len() >= most;
            if closing {
                client.ws.close(None).await.unwrap();
            }
        }
    }
    numbers
}

/// The recipient moves from node to node while messages arrive, without waiting until the nodes know that.
#[tokio::test(flavor = "multi_thread")]
async fn no_message_is_missed_while_the_recipient_moves() {
    const MESSAGES: usize = 300;
    let seed = std::env::var("CALLIE_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("CALLIE_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let cluster = keeping(3).await;
    for name in ["ada", "bob"] {
        cluster.node(0).login(name).await;
    }
    let mut ada = cluster.device_with(0, "ada", OFFLINE).await;
    let sending = tokio::spawn(async move {
        let mut answers = Vec::new();
        for n in 0..MESSAGES {
            // Each waits for its answer, so that the recipient must get them in order, wherever the recipient is.
            let message = ada.acked("bob", &n.to_string());
            ada.send(&message).await;
            loop {
                let answer = ada.next().await;
                if answer["metadata"]["late"] != true
                    && answer["metadata"]["inReplyTo"] == message["payloadID"]
                {
                    answers.push(answer["content"]["code"].as_str().unwrap().to_owned());
                    break;
                }
            }
        }
        answers
    });
    let mut seen = vec![false; MESSAGES];
    let mut last = None;
    while last != Some(MESSAGES - 1) {
        let client = cluster.device_with(random.usize(..3), "bob", OFFLINE).await;
        let left = MESSAGES - last.map_or(0, |last| last + 1);
        for number in read_and_leave(client, random.usize(1..12).min(left)).await {
            assert!(last.is_none_or(|last| number <= last + 1), "{number} after {last:?}");
            seen[number] = true;
            last = last.max(Some(number));
        }
    }
    let answers = sending.await.unwrap();
    let known = ["STORED", "DELIVERED", "DELIVERY_UNCONFIRMED"];
    assert!(answers.iter().all(|code| known.contains(&code.as_str())), "{answers:?}");
    assert!(answers.iter().any(|code| code == "STORED") && answers.iter().any(|code| code == "DELIVERED"));
    assert!(seen.iter().all(|seen| *seen));
    cluster.end().await;
}
