//! Several servers: payloads, answers and presence are as on one server, on whichever node users are connected.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod chat;
mod cluster_support;
mod support;

use std::time::Duration;

use cluster_support::Cluster;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn message_reaches_user_of_other_node_unchanged() {
    let cluster = Cluster::of(2).await;
    let (mut ada, mut bob) = cluster.two(0, 1).await;
    let message = ada.message("bob", "over there");
    ada.send(&message).await;
    let got = bob.msg("over there").await;
    for field in ["sender", "recipient", "timestamp", "type", "content", "metadata", "payloadID"] {
        assert_eq!(got[field], message[field]);
    }
    ada.nothing_more().await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_to_other_node_keep_their_order() {
    let cluster = Cluster::of(2).await;
    let (mut ada, mut bob) = cluster.two(0, 1).await;
    for n in 0..90 {
        let message = ada.message("bob", &n.to_string());
        ada.send(&message).await;
    }
    for n in 0..90 {
        bob.msg(&n.to_string()).await;
    }
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_and_unknown_users_differ() {
    let cluster = Cluster::of(2).await;
    let (mut ada, bob) = cluster.two(0, 1).await;
    bob.leave().await;
    cluster.knows_offline(0, "bob").await;
    let message = ada.message("bob", "are you there?");
    let answer = ada.answered(&message, "RECIPIENT_OFFLINE").await;
    assert_eq!(answer["messageID"], message["content"]["messageID"]);
    let message = ada.message("nobody", "is anyone?");
    ada.answered(&message, "RECIPIENT_UNKNOWN").await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn user_of_departed_node_is_offline() {
    let cluster = Cluster::of(2).await;
    let (mut ada, mut bob) = cluster.two(0, 1).await;
    for round in 0..20 {
        // Sent without waiting until the other node knows the recipient.
        bob.leave().await;
        for message in [ada.message("bob", "gone?"), ada.acked("bob", "gone?")] {
            let answer = ada.answered(&message, "RECIPIENT_OFFLINE").await;
            assert_eq!(answer["messageID"], message["content"]["messageID"], "round {round}");
        }
        bob = cluster.device(1, "bob").await;
    }
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn message_reaches_all_devices_on_all_nodes() {
    let cluster = Cluster::of(2).await;
    let (mut ada, mut bob) = cluster.two(0, 1).await;
    let mut ada_there = cluster.device(1, "ada").await;
    let mut bob_here = cluster.device(0, "bob").await;
    let message = ada.message("bob", "to all of you");
    ada.send(&message).await;
    for client in [&mut bob, &mut bob_here, &mut ada_there] {
        client.msg("to all of you").await;
    }
    // A message to oneself reaches all connections, including the sending one.
    let message = ada.message("ada", "to myself");
    ada.send(&message).await;
    ada.msg("to myself").await;
    ada_there.msg("to myself").await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn delivery_is_confirmed_once_across_nodes() {
    let cluster = Cluster::of(2).await;
    let (mut ada, mut bob) = cluster.two(0, 1).await;
    let mut bob_here = cluster.device(0, "bob").await;
    let message = ada.acked("bob", "please confirm");
    ada.send(&message).await;
    let got = bob.msg("please confirm").await;
    bob_here.msg("please confirm").await;
    bob.ack(&got).await;
    let answer = ada.sys("DELIVERED").await;
    assert_eq!(answer["metadata"]["inReplyTo"], message["payloadID"]);
    bob_here.ack(&got).await;
    bob_here.nothing_more().await;
    ada.nothing_more().await;
    // The same payload again is answered with its outcome.
    ada.send(&message).await;
    assert_eq!(ada.sys("DUPLICATE_PAYLOAD").await["metadata"]["outcome"], "delivered");
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn delivery_to_lost_connection_is_unconfirmed() {
    let cluster = Cluster::of(2).await;
    let (mut ada, mut bob) = cluster.two(0, 1).await;
    let message = ada.acked("bob", "hold on");
    ada.send(&message).await;
    bob.msg("hold on").await;
    bob.leave().await;
    ada.sys("DELIVERY_UNCONFIRMED").await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn group_message_reaches_all_nodes() {
    let cluster = Cluster::of(3).await;
    let mut ada = cluster.user(0, "ada").await;
    let mut bob = cluster.user(1, "bob").await;
    let mut cy = cluster.user(2, "cy").await;
    let mut dan = cluster.user(2, "dan").await;
    cluster.all_know(&["ada", "bob", "cy", "dan"]).await;
    let group = ada.group(&mut [&mut bob, &mut cy, &mut dan]).await;
    let mut members = [ada, bob, cy, dan];
    for sender in 0..members.len() {
        let text = format!("from {sender}");
        let message = members[sender].message(&group, &text);
        members[sender].send(&message).await;
        for at in (0..members.len()).filter(|at| *at != sender) {
            members[at].msg(&text).await;
        }
        members[sender].nothing_more().await;
    }
    let [mut ada, bob, mut cy, dan] = members;
    bob.leave().await;
    dan.leave().await;
    cluster.knows_offline(0, "bob").await;
    cluster.knows_offline(0, "dan").await;
    let message = ada.message(&group, "who is left?");
    let answer = ada.answered(&message, "PARTIALLY_DELIVERED").await;
    assert_eq!(answer["delivered"], 1);
    assert_eq!(answer["offline"], json!(["bob", "dan"]));
    assert_eq!(answer["offlineCount"], 2);
    cy.msg("who is left?").await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn confirmed_group_message_counts_members_once() {
    let cluster = Cluster::of(2).await;
    let mut ada = cluster.user(0, "ada").await;
    let mut bob = cluster.user(1, "bob").await;
    let mut cy = cluster.user(1, "cy").await;
    let dan = cluster.user(0, "dan").await;
    cluster.all_know(&["ada", "bob", "cy", "dan"]).await;
    let mut dan = dan;
    let group = ada.group(&mut [&mut bob, &mut cy, &mut dan]).await;
    dan.leave().await;
    let mut bob_here = cluster.device(0, "bob").await;
    let message = ada.acked(&group, "count");
    ada.send(&message).await;
    let got = bob.msg("count").await;
    cy.msg("count").await;
    bob_here.msg("count").await;
    bob_here.ack(&got).await;
    bob.ack(&got).await;
    cy.ack(&got).await;
    let answer = ada.sys("DELIVERED").await;
    let counts =
        ["delivered", "unconfirmed", "offlineCount"].map(|name| answer["metadata"][name].as_u64().unwrap());
    assert_eq!(counts, [2, 0, 1]);
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn group_changes_reach_members_on_every_node() {
    let cluster = Cluster::of(2).await;
    let (mut ada, mut bob) = cluster.two(0, 1).await;
    let mut cy = cluster.user(1, "cy").await;
    cluster.all_know(&["cy"]).await;
    let group = ada.group(&mut [&mut bob]).await;
    ada.send(&ada.command("ADD_MEMBER", json!({"groupID": group, "username": "cy"}))).await;
    for client in [&mut ada, &mut bob, &mut cy] {
        assert_eq!(client.sys("USER_JOINED").await["metadata"]["username"], "cy");
    }
    ada.sys("COMMAND_OK").await;
    // A user who has just connected to the other node can write immediately.
    let message = cy.message(&group, "hello all");
    cy.send(&message).await;
    ada.msg("hello all").await;
    bob.msg("hello all").await;
    ada.send(&ada.command("RENAME_GROUP", json!({"groupID": group, "name": "another"}))).await;
    for client in [&mut ada, &mut bob, &mut cy] {
        client.sys("GROUP_UPDATED").await;
    }
    ada.sys("COMMAND_OK").await;
    ada.send(&ada.command("REMOVE_MEMBER", json!({"groupID": group, "username": "cy"}))).await;
    for client in [&mut ada, &mut bob, &mut cy] {
        assert_eq!(client.sys("USER_LEFT").await["metadata"]["username"], "cy");
    }
    ada.sys("COMMAND_OK").await;
    let message = cy.message(&group, "still here?");
    cy.answered(&message, "RECIPIENT_UNKNOWN").await;
    ada.send(&ada.command("DELETE_GROUP", json!({"groupID": group}))).await;
    ada.sys("GROUP_DELETED").await;
    ada.sys("COMMAND_OK").await;
    bob.sys("GROUP_DELETED").await;
    let message = bob.message(&group, "gone");
    bob.answered(&message, "RECIPIENT_UNKNOWN").await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_and_settings_hold_on_every_node() {
    let cluster = Cluster::of(2).await;
    let (mut ada, mut bob) = cluster.two(0, 1).await;
    bob.run("BLOCK_USER", json!({"username": "ada"})).await;
    cluster.settled(1, 0).await;
    let message = ada.message("bob", "let me in");
    ada.answered(&message, "RECIPIENT_OFFLINE").await;
    bob.run("UNBLOCK_USER", json!({"username": "ada"})).await;
    bob.run("UPDATE_SETTINGS", json!({"directMessages": "groups"})).await;
    cluster.settled(1, 0).await;
    let message = ada.message("bob", "and now?");
    ada.answered(&message, "FORBIDDEN").await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_and_signals_reach_the_other_node() {
    let cluster = Cluster::of(2).await;
    let (mut ada, mut bob) = cluster.two(0, 1).await;
    let edit = json!({"recipient": "bob", "messageID": "m-1", "text": "corrected"});
    ada.run("EDIT_MESSAGE", edit.clone()).await;
    assert_eq!(bob.next().await["content"]["command"], "EDIT_MESSAGE");
    let group = ada.group(&mut [&mut bob]).await;
    ada.run("DELETE_MESSAGE", json!({"recipient": group, "messageID": "m-1"})).await;
    assert_eq!(bob.next().await["content"]["command"], "DELETE_MESSAGE");
    let typing = ada.command("SIGNAL", json!({"recipient": group, "kind": "typing"}));
    ada.send(&typing).await;
    assert_eq!(bob.next().await["content"]["command"], "SIGNAL");
    bob.leave().await;
    cluster.knows_offline(0, "bob").await;
    ada.refused("EDIT_MESSAGE", edit, "RECIPIENT_OFFLINE").await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_is_reported_once_per_user() {
    let cluster = Cluster::of(3).await;
    let (mut ada, mut bob) = cluster.two(0, 1).await;
    let _group = ada.group(&mut [&mut bob]).await;
    let first = cluster.device(2, "bob").await;
    let second = cluster.device(0, "bob").await;
    bob.leave().await;
    first.leave().await;
    // Connecting or disconnecting one of several devices is not reported.
    ada.nothing_more().await;
    let presence = ada.run("GET_PRESENCE", json!({"usernames": ["bob"]})).await;
    assert_eq!(presence["presence"]["bob"], "online");
    second.leave().await;
    let left = ada.sys("USER_LEFT").await;
    assert_eq!(left["metadata"]["username"], "bob");
    let _bob = cluster.device(2, "bob").await;
    assert_eq!(ada.sys("USER_JOINED").await["metadata"]["username"], "bob");
    ada.nothing_more().await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broadcast_and_announcement_reach_every_node() {
    let cluster = Cluster::of(2).await;
    let (mut ada, mut bob) = cluster.two(0, 1).await;
    let message = ada.message("BROADCAST", "to everyone");
    ada.send(&message).await;
    bob.msg("to everyone").await;
    cluster.make_admin(0, "ada").await;
    ada.send(&ada.command("ANNOUNCE", json!({"text": "tea is ready"}))).await;
    assert_eq!(bob.sys("ANNOUNCEMENT").await["content"]["description"], "tea is ready");
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kicks_bans_and_revocations_reach_every_node() {
    let cluster = Cluster::of(2).await;
    let (mut ada, mut bob) = cluster.two(0, 1).await;
    let mut cy = cluster.user(1, "cy").await;
    let mut ada_there = cluster.device(1, "ada").await;
    cluster.make_admin(0, "ada").await;
    let second = Duration::from_secs(1);
    ada.run("KICK_USER", json!({"username": "bob", "reason": "rude"})).await;
    let (sys, close) = tokio::time::timeout(second, bob.ended("KICKED")).await.expect("within a second");
    assert_eq!((sys["metadata"]["reason"].as_str(), close), (Some("rude"), 4503));
    ada.run("BAN_USER", json!({"username": "cy"})).await;
    let (_, close) = tokio::time::timeout(second, cy.ended("BANNED")).await.expect("within a second");
    assert_eq!(close, 4503);
    let session = cluster.session_of(&ada_there);
    ada.run("REVOKE_SESSION", json!({"sessionID": session})).await;
    let (_, close) =
        tokio::time::timeout(second, ada_there.ended("SESSION_REVOKED")).await.expect("within a second");
    assert_eq!(close, 4501);
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicate_through_other_node_is_detected() {
    let cluster = Cluster::of(2).await;
    let (mut ada, mut bob) = cluster.two(0, 1).await;
    let message = ada.acked("bob", "once");
    ada.send(&message).await;
    let got = bob.msg("once").await;
    ada.leave().await;
    // The user reconnects to another node while the outcome is pending.
    let mut ada = cluster.device(1, "ada").await;
    let mut again = message.clone();
    again["token"] = json!(ada.token);
    ada.send(&again).await;
    assert_eq!(ada.sys("DUPLICATE_PAYLOAD").await["metadata"]["outcome"], "pending");
    bob.ack(&got).await;
    cluster.settled(0, 1).await;
    ada.send(&again).await;
    assert_eq!(ada.sys("DUPLICATE_PAYLOAD").await["metadata"]["outcome"], "delivered");
    bob.nothing_more().await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicate_after_node_stop_is_detected() {
    let mut cluster = Cluster::of(3).await;
    let (mut ada, mut bob) = cluster.two(0, 1).await;
    let plain = ada.message("bob", "plain");
    let open = ada.acked("bob", "not confirmed");
    for (message, text) in [(&plain, "plain"), (&open, "not confirmed")] {
        ada.send(message).await;
        bob.msg(text).await;
    }
    cluster.stop(0).await;
    let mut ada = cluster.device(2, "ada").await;
    for (message, outcome) in [(plain, "sent"), (open, "unconfirmed")] {
        let mut again = message;
        again["token"] = json!(ada.token);
        ada.send(&again).await;
        assert_eq!(ada.sys("DUPLICATE_PAYLOAD").await["metadata"]["outcome"], outcome);
    }
    bob.nothing_more().await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open_delivery_ends_when_its_node_stops() {
    let mut cluster = Cluster::of(3).await;
    let (mut ada, mut bob) = cluster.two(0, 1).await;
    let message = ada.acked("bob", "not confirmed");
    ada.send(&message).await;
    bob.msg("not confirmed").await;
    ada.leave().await;
    let mut ada = cluster.device(2, "ada").await;
    let mut again = message;
    again["token"] = json!(ada.token);
    ada.send(&again).await;
    assert_eq!(ada.sys("DUPLICATE_PAYLOAD").await["metadata"]["outcome"], "pending");
    cluster.stop(0).await;
    ada.send(&again).await;
    assert_eq!(ada.sys("DUPLICATE_PAYLOAD").await["metadata"]["outcome"], "unconfirmed");
    bob.nothing_more().await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_do_not_double_a_users_rate() {
    let limits = callie_server::Config { messages_per_second: 1, burst: 20, ..Default::default() };
    let cluster = Cluster::with(2, limits).await;
    let (mut here, mut bob) = cluster.two(0, 1).await;
    let mut there = cluster.device(1, "ada").await;
    for n in 0..20 {
        let sender = if n % 2 == 0 { &mut here } else { &mut there };
        let message = sender.message("bob", &n.to_string());
        sender.send(&message).await;
        bob.msg(&n.to_string()).await;
        let other = if n % 2 == 0 { &mut there } else { &mut here };
        other.msg(&n.to_string()).await;
    }
    for sender in [&mut here, &mut there] {
        let message = sender.message("bob", "too much");
        sender.answered(&message, "RATE_LIMITED").await;
    }
    // Nor does reconnecting to another node.
    here.leave().await;
    there.leave().await;
    cluster.knows_offline(0, "ada").await;
    let mut again = cluster.device(0, "ada").await;
    let message = again.message("bob", "still too much");
    again.answered(&message, "RATE_LIMITED").await;
    cluster.end().await;
}
