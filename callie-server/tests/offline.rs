//! Messages that are kept for users who are offline: the answers to their senders, and their delivery.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod chat;
mod support;

use callie_server::Config;
use callie_server::config::OfflineMode;
use chat::{Chat, Client, Login, quick, start, start_on, start_with, until};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

const OFFLINE: &[&str] = &["offline"];

fn keeping() -> Config {
    Config { offline: OfflineMode::Keep, burst: 1_000, messages_per_second: 1_000, ..Config::default() }
}

async fn start_keeping() -> Chat {
    start_with(keeping(), quick()).await
}

/// Sends a message that must be kept, and returns it.
async fn store(from: &mut Client, to: &str, text: &str) -> Value {
    let message = from.message(to, text);
    let answer = from.answered(&message, "STORED").await;
    assert_eq!(answer["messageID"], message["content"]["messageID"]);
    message
}

/// Reads the notice of a backlog.
async fn backlog(client: &mut Client, count: u64) {
    let notice = client.sys("BACKLOG").await;
    assert_eq!(notice["metadata"]["count"], count, "{notice}");
    assert!(notice["metadata"]["oldest"].as_str().is_some(), "{notice}");
}

/// Connects again until nothing is kept for the user.
async fn is_emptied(chat: &Chat, login: &Login) {
    let count = || async { chat.server.store().kept.count().await.unwrap() };
    until(&format!("nothing is kept for {}", login.name), || async { count().await == 0 }).await;
    let mut client = chat.connect_with(login, OFFLINE).await;
    client.nothing_more().await;
    client.leave().await;
}

/// Without the configuration, nothing differs for a client that names the feature.
#[tokio::test]
async fn server_that_keeps_nothing_answers_as_ever() {
    let chat = start().await;
    let bob = chat.login("bob").await;
    let mut ada = chat.open().await.of(&chat.login("ada").await);
    let welcome = ada.greet_with(OFFLINE).await;
    assert_eq!(welcome["metadata"]["features"], json!([]));
    for message in [ada.message("bob", "hello"), ada.acked("bob", "hello")] {
        ada.answered(&message, "RECIPIENT_OFFLINE").await;
        assert_eq!(ada.answered(&message, "DUPLICATE_PAYLOAD").await["outcome"], "failed");
    }
    let mut bob = chat.connect_with(&bob, OFFLINE).await;
    bob.nothing_more().await;
    assert_eq!(chat.server.store().kept.count().await.unwrap(), 0);
}

#[tokio::test]
async fn kept_messages_arrive_in_order_and_are_confirmed() {
    let chat = start_keeping().await;
    let (ada, bob) = (chat.login("ada").await, chat.login("bob").await);
    let mut ada = chat.connect_with(&ada, OFFLINE).await;
    let mut sent = Vec::new();
    for n in 0..150 {
        sent.push(store(&mut ada, "bob", &n.to_string()).await);
    }
    let mut phone = chat.connect_with(&bob, OFFLINE).await;
    let live = ada.message("bob", "live");
    ada.send(&live).await;
    backlog(&mut phone, 150).await;
    for (n, message) in sent.iter().enumerate() {
        let got = phone.msg(&n.to_string()).await;
        for field in ["sender", "recipient", "timestamp", "type", "content", "metadata", "payloadID"] {
            assert_eq!(got[field], message[field]);
        }
        phone.ack(&got).await;
        let late = ada.sys("DELIVERED").await;
        assert_eq!(late["metadata"]["late"], true);
        assert_eq!(late["metadata"]["inReplyTo"], message["payloadID"]);
        assert_eq!(late["metadata"]["messageID"], message["content"]["messageID"]);
    }
    phone.msg("live").await;
    phone.nothing_more().await;
    ada.nothing_more().await;
    phone.leave().await;
    is_emptied(&chat, &bob).await;
}

/// A sender that does not know the feature sees no difference.
#[tokio::test]
async fn sender_without_the_feature_is_told_offline() {
    let chat = start_keeping().await;
    let bob = chat.login("bob").await;
    let mut ada = chat.user("ada").await;
    for message in [ada.message("bob", "hello"), ada.acked("bob", "hello")] {
        ada.answered(&message, "RECIPIENT_OFFLINE").await;
    }
    chat.connect_with(&bob, OFFLINE).await.nothing_more().await;
}

#[tokio::test]
async fn unconfirmed_messages_come_again() {
    let chat = start_keeping().await;
    let (ada, bob) = (chat.login("ada").await, chat.login("bob").await);
    let mut ada = chat.connect_with(&ada, OFFLINE).await;
    for text in ["one", "two", "three"] {
        store(&mut ada, "bob", text).await;
    }
    let mut phone = chat.connect_with(&bob, OFFLINE).await;
    backlog(&mut phone, 3).await;
    phone.msg("one").await;
    let two = phone.msg("two").await;
    phone.ack(&two).await;
    assert_eq!(ada.sys("DELIVERED").await["metadata"]["inReplyTo"], two["payloadID"]);
    drop(phone);
    let mut phone = chat.connect_with(&bob, OFFLINE).await;
    backlog(&mut phone, 2).await;
    phone.msg("one").await;
    phone.msg("three").await;
    phone.nothing_more().await;
}

#[tokio::test]
async fn confirmed_message_is_not_sent_to_other_devices() {
    let chat = start_keeping().await;
    let (ada, bob) = (chat.login("ada").await, chat.login("bob").await);
    let mut ada = chat.connect_with(&ada, OFFLINE).await;
    store(&mut ada, "bob", "one").await;
    store(&mut ada, "bob", "two").await;
    let mut phone = chat.connect_with(&bob, OFFLINE).await;
    backlog(&mut phone, 2).await;
    let one = phone.msg("one").await;
    phone.msg("two").await;
    phone.ack(&one).await;
    ada.sys("DELIVERED").await;
    let mut tablet = chat.connect_with(&bob, OFFLINE).await;
    backlog(&mut tablet, 1).await;
    let two = tablet.msg("two").await;
    tablet.ack(&two).await;
    assert_eq!(ada.sys("DELIVERED").await["metadata"]["inReplyTo"], two["payloadID"]);
    // The other device confirms it too, and the author is told once.
    phone.ack(&two).await;
    phone.nothing_more().await;
    ada.nothing_more().await;
}

/// For a client that does not know the feature, a message is over once it was written. If its sender asked for
/// confirmation, that follows.
#[tokio::test]
async fn recipient_without_the_feature_gets_plain_messages() {
    let chat = start_keeping().await;
    let (ada, bob) = (chat.login("ada").await, chat.login("bob").await);
    let mut ada = chat.connect_with(&ada, OFFLINE).await;
    store(&mut ada, "bob", "plain").await;
    let asked = ada.acked("bob", "asked");
    ada.answered(&asked, "STORED").await;
    let mut old = chat.connect(&bob).await;
    old.msg("plain").await;
    let got = old.msg("asked").await;
    old.ack(&got).await;
    let late = ada.sys("DELIVERED").await;
    assert_eq!(
        (&late["metadata"]["late"], &late["metadata"]["inReplyTo"]),
        (&json!(true), &asked["payloadID"])
    );
    ada.nothing_more().await;
    old.leave().await;
    is_emptied(&chat, &bob).await;
}

#[tokio::test]
async fn resent_payload_is_kept_once() {
    let chat = start_keeping().await;
    let (ada, bob) = (chat.login("ada").await, chat.login("bob").await);
    let mut client = chat.connect_with(&ada, OFFLINE).await;
    let message = store(&mut client, "bob", "once").await;
    assert_eq!(client.answered(&message, "DUPLICATE_PAYLOAD").await["outcome"], "stored");
    drop(client);
    // A new server remembers nothing, and finds it in the store.
    let Chat { server, database } = chat;
    server.shutdown().await;
    let chat = start_on(database, keeping(), quick()).await;
    let mut client = chat.connect_with(&ada, OFFLINE).await;
    client.answered(&message, "STORED").await;
    let mut other = message.clone();
    other["timestamp"] = json!("2026-01-02T03:04:06.000Z");
    other["payloadID"] = json!(chat::fresh("p"));
    client.answered(&other, "STORED").await;
    let mut bob = chat.connect_with(&bob, OFFLINE).await;
    backlog(&mut bob, 2).await;
    assert_eq!(bob.msg("once").await["payloadID"], message["payloadID"]);
    assert_eq!(bob.msg("once").await["payloadID"], other["payloadID"]);
    bob.nothing_more().await;
}

#[tokio::test]
async fn full_inbox_is_told_offline() {
    let config = Config { offline_max_messages: 2, ..keeping() };
    let chat = start_with(config, quick()).await;
    let bob = chat.login("bob").await;
    let mut ada = chat.connect_with(&chat.login("ada").await, OFFLINE).await;
    store(&mut ada, "bob", "one").await;
    store(&mut ada, "bob", "two").await;
    let third = ada.message("bob", "three");
    ada.answered(&third, "RECIPIENT_OFFLINE").await;
    assert_eq!(ada.answered(&third, "DUPLICATE_PAYLOAD").await["outcome"], "failed");
    let mut bob = chat.connect_with(&bob, OFFLINE).await;
    backlog(&mut bob, 2).await;
    let one = bob.msg("one").await;
    bob.msg("two").await;
    bob.ack(&one).await;
    ada.sys("DELIVERED").await;
    bob.leave().await;
    store(&mut ada, "bob", "four").await;
}

#[tokio::test]
async fn unknown_and_closed_recipients_are_refused() {
    let chat = start_keeping().await;
    let mut ada = chat.connect_with(&chat.login("ada").await, OFFLINE).await;
    for to in ["nobody", "group:00000000-0000-4000-8000-000000000000"] {
        let message = ada.message(to, "hello");
        ada.answered(&message, "RECIPIENT_UNKNOWN").await;
    }
    let bob = chat.login("bob").await;
    // Only messages are kept.
    let ping = ada.payload("bob", "PING", json!({}));
    ada.answered(&ping, "RECIPIENT_OFFLINE").await;
    let mut client = chat.connect(&bob).await;
    client.run("UPDATE_SETTINGS", json!({"directMessages": "groups"})).await;
    client.leave().await;
    let message = ada.message("bob", "hello");
    ada.answered(&message, "FORBIDDEN").await;
    assert_eq!(chat.server.store().kept.count().await.unwrap(), 0);
}

/// A blocked sender cannot tell the block from an absent recipient, whether the recipient is online or not.
#[tokio::test]
async fn blocked_sender_gets_stored_and_nothing_arrives() {
    let chat = start_keeping().await;
    let login = chat.login("bob").await;
    let mut ada = chat.connect_with(&chat.login("ada").await, OFFLINE).await;
    store(&mut ada, "bob", "before the block").await;
    let mut bob = chat.connect(&login).await;
    bob.msg("before the block").await;
    bob.leave().await;
    store(&mut ada, "bob", "kept and blocked later").await;
    let bob = callie_core::Username::parse("bob").unwrap();
    chat.server.store().blocks.add(&bob, &callie_core::Username::parse("ada").unwrap()).await.unwrap();
    store(&mut ada, "bob", "blocked").await;
    let mut bob = chat.connect_with(&login, OFFLINE).await;
    bob.nothing_more().await;
    let asked = ada.acked("bob", "while bob is online");
    ada.answered(&asked, "STORED").await;
    bob.nothing_more().await;
    ada.nothing_more().await;
    bob.leave().await;
    is_emptied(&chat, &login).await;
}

#[tokio::test]
async fn messages_of_banned_users_are_dropped() {
    let chat = start_keeping().await;
    let bob = chat.login("bob").await;
    let mut ada = chat.connect_with(&chat.login("ada").await, OFFLINE).await;
    let mut eve = chat.connect_with(&chat.login("eve").await, OFFLINE).await;
    store(&mut eve, "bob", "spam").await;
    store(&mut ada, "bob", "hello").await;
    let ban = callie_server::store::Ban { reason: None, until: None };
    let name = callie_core::Username::parse("eve").unwrap();
    chat.server.store().admins.ban(&name, &ban, callie_server::clock::now()).await.unwrap();
    let mut bob = chat.connect_with(&bob, OFFLINE).await;
    backlog(&mut bob, 1).await;
    bob.msg("hello").await;
    bob.nothing_more().await;
}

#[tokio::test]
async fn edits_and_deletions_reach_kept_messages() {
    let chat = start_keeping().await;
    let bob = chat.login("bob").await;
    let mut ada = chat.connect_with(&chat.login("ada").await, OFFLINE).await;
    let mut first = ada.acked("bob", "frist");
    first["metadata"] = json!({"ack": true, "number": 1.50});
    first["content"]["attachments"] = json!([{"type": "image", "url": "https://example.com/a.png"}]);
    ada.answered(&first, "STORED").await;
    let second = store(&mut ada, "bob", "never mind").await;
    let id = |message: &Value| message["content"]["messageID"].clone();
    let edit = json!({"recipient": "bob", "messageID": id(&first), "text": "first"});
    ada.run("EDIT_MESSAGE", edit.clone()).await;
    ada.run("DELETE_MESSAGE", json!({"recipient": "bob", "messageID": id(&second)})).await;
    let unknown = json!({"recipient": "bob", "messageID": "m-unknown"});
    ada.refused("DELETE_MESSAGE", unknown, "RECIPIENT_OFFLINE").await;
    // Only the author's own message has the identity that is edited.
    let mut eve = chat.connect_with(&chat.login("eve").await, OFFLINE).await;
    eve.refused("EDIT_MESSAGE", edit, "RECIPIENT_OFFLINE").await;
    let mut bob = chat.connect_with(&bob, OFFLINE).await;
    backlog(&mut bob, 1).await;
    let got = bob.msg("first").await;
    for field in ["sender", "recipient", "timestamp", "metadata", "payloadID"] {
        assert_eq!(got[field], first[field]);
    }
    assert_eq!(got["content"]["attachments"], first["content"]["attachments"]);
    bob.nothing_more().await;
}

#[tokio::test]
async fn copies_reach_the_other_devices_of_the_sender() {
    let chat = start_keeping().await;
    chat.login("bob").await;
    let ada = chat.login("ada").await;
    let (mut phone, mut tablet) =
        (chat.connect_with(&ada, OFFLINE).await, chat.connect_with(&ada, OFFLINE).await);
    store(&mut phone, "bob", "hello").await;
    tablet.msg("hello").await;
    phone.nothing_more().await;
}

#[tokio::test]
async fn offline_members_get_their_copies_of_group_messages() {
    let chat = start_keeping().await;
    let logins = [chat.login("bob").await, chat.login("cy").await, chat.login("dan").await];
    let mut ada = chat.connect_with(&chat.login("ada").await, OFFLINE).await;
    let mut members = Vec::new();
    for login in &logins {
        members.push(chat.connect_with(login, OFFLINE).await);
    }
    let [bob, cy, dan] = &mut members[..] else { unreachable!() };
    let group = ada.group(&mut [bob, cy, dan]).await;
    members.remove(2).leave().await;
    let mut cy = members.remove(1);
    let mut bob = members.remove(0);
    // One member is offline.
    let message = ada.message(&group, "one");
    let answer = ada.answered(&message, "PARTIALLY_DELIVERED").await;
    assert_eq!((&answer["offlineCount"], &answer["stored"]), (&json!(1), &json!(1)));
    for member in [&mut bob, &mut cy] {
        member.msg("one").await;
    }
    let message = ada.acked(&group, "two");
    ada.send(&message).await;
    for member in [&mut bob, &mut cy] {
        let got = member.msg("two").await;
        member.ack(&got).await;
    }
    let answer = ada.sys("DELIVERED").await["metadata"].clone();
    let counts = ["delivered", "unconfirmed", "offlineCount", "stored"].map(|name| answer[name].as_u64());
    assert_eq!(counts, [Some(2), Some(0), Some(1), Some(1)]);
    // All others are offline.
    bob.leave().await;
    cy.leave().await;
    for message in [ada.message(&group, "three"), ada.acked(&group, "four")] {
        let answer = ada.answered(&message, "STORED").await;
        assert_eq!((&answer["offlineCount"], &answer["stored"]), (&json!(3), &json!(3)));
        assert_eq!(ada.answered(&message, "DUPLICATE_PAYLOAD").await["outcome"], "stored");
    }
    let mut dan = chat.connect_with(&logins[2], OFFLINE).await;
    backlog(&mut dan, 4).await;
    for text in ["one", "two", "three", "four"] {
        let got = dan.msg(text).await;
        assert_eq!(got["recipient"], group.as_str());
        dan.ack(&got).await;
        assert_eq!(ada.sys("DELIVERED").await["metadata"]["late"], true);
    }
    // Whoever has left the group gets nothing more of it.
    let cy = callie_core::Username::parse("cy").unwrap();
    let id = callie_core::GroupId::parse(&group).unwrap();
    chat.server.store().members.leave(id, &cy).await.unwrap();
    chat.connect_with(&logins[1], OFFLINE).await.nothing_more().await;
    let edit = json!({"recipient": group, "messageID": message_id(&message), "text": "unused"});
    ada.run("EDIT_MESSAGE", edit).await;
    let mut bob = chat.connect_with(&logins[0], OFFLINE).await;
    backlog(&mut bob, 2).await;
    bob.msg("three").await;
    bob.msg("four").await;
    bob.nothing_more().await;
}

fn message_id(message: &Value) -> Value {
    message["content"]["messageID"].clone()
}

/// Reads messages and confirms them, and begins to close the connection after `most`. Returns the numbers in the texts of
/// all messages that arrived.
async fn read_and_leave(mut client: Client, most: u64) -> Vec<u64> {
    let (mut numbers, mut closing) = (Vec::new(), false);
    while let Some(Ok(Message::Text(text))) = client.raw().await {
        let payload: Value = serde_json::from_str(&text).unwrap();
        if payload["type"] != "MSG" {
            continue;
        }
        numbers.push(payload["content"]["text"].as_str().unwrap().parse().unwrap());
        if !closing {
            client.ack(&payload).await;
            closing = numbers.len() as u64 >= most;
            if closing {
                client.ws.close(None).await.unwrap();
            }
        }
    }
    numbers
}

/// The recipient comes and goes while messages arrive. Each is seen, in order, on the connections one after the other.
#[tokio::test(flavor = "multi_thread")]
async fn no_message_is_missed_while_the_recipient_comes_and_goes() {
    const MESSAGES: u64 = 400;
    let seed = std::env::var("CALLIE_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("CALLIE_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let chat = start_keeping().await;
    let bob = chat.login("bob").await;
    let mut ada = chat.connect_with(&chat.login("ada").await, OFFLINE).await;
    let sending = tokio::spawn(async move {
        for n in 0..MESSAGES {
            let message = ada.acked("bob", &n.to_string());
            ada.send(&message).await;
            if n % 8 == 7 {
                // Keeps step with the recipient, who would otherwise be met with all messages at once.
                let code = ada.next().await["content"]["code"].clone();
                assert!(
                    ["STORED", "DELIVERED", "DELIVERY_UNCONFIRMED"].iter().any(|one| code == *one),
                    "{code}"
                );
            }
        }
        ada
    });
    let mut next = 0;
    while next < MESSAGES {
        let client = chat.connect_with(&bob, OFFLINE).await;
        let most = random.u64(1..40).min(MESSAGES - next);
        for number in read_and_leave(client, most).await {
            // What was not confirmed comes again.
            assert!(number <= next, "{number} before {next}");
            next = next.max(number + 1);
        }
        // While both connections were there, the new one would get what is sent, and later what the old one did not write.
        until("the connection is gone", || async { chat.server.gateway().connections() == 1 }).await;
    }
    sending.await.unwrap();
}

/// A member who comes while messages to the group are stored gets them in order.
#[tokio::test(flavor = "multi_thread")]
async fn group_messages_arrive_in_order_while_a_member_comes() {
    const MESSAGES: u64 = 200;
    let chat = start_keeping().await;
    let bob = chat.login("bob").await;
    let mut ada = chat.connect_with(&chat.login("ada").await, OFFLINE).await;
    let mut client = chat.connect_with(&bob, OFFLINE).await;
    let group = ada.group(&mut [&mut client]).await;
    client.leave().await;
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let sending = tokio::spawn(async move {
        let mut begun = Some(begun);
        for n in 0..MESSAGES {
            let message = ada.message(&group, &n.to_string());
            ada.send(&message).await;
            if n == 20 {
                begun.take().unwrap().send(()).unwrap();
            }
        }
        ada.until_pong().await
    });
    has_begun.await.unwrap();
    let mut client = chat.connect_with(&bob, OFFLINE).await;
    let mut next = 0;
    while next < MESSAGES {
        let payload = client.next().await;
        if payload["type"] == "MSG" {
            assert_eq!(payload["content"]["text"], next.to_string());
            next += 1;
        }
    }
    let answers = sending.await.unwrap();
    assert!(answers.iter().all(|answer| answer["content"]["code"] == "STORED"), "{answers:?}");
}

/// Several devices of the recipient connect while messages are stored. Each of them gets every stored message once and in
/// order, and then those that were sent while it was connected.
#[tokio::test(flavor = "multi_thread")]
async fn devices_that_connect_during_storing_miss_nothing() {
    const MESSAGES: u64 = 100;
    let chat = start_keeping().await;
    let bob = chat.login("bob").await;
    let mut ada = chat.connect_with(&chat.login("ada").await, OFFLINE).await;
    let sending = tokio::spawn(async move {
        for n in 0..MESSAGES {
            let message = ada.message("bob", &n.to_string());
            ada.send(&message).await;
        }
        let answers = ada.until_pong().await;
        assert!(answers.iter().all(|answer| answer["content"]["code"] == "STORED"), "{answers:?}");
        (ada, answers.len() as u64)
    });
    let mut devices = Vec::new();
    for _ in 0..4 {
        devices.push(chat.connect_with(&bob, OFFLINE).await);
    }
    let (_ada, stored) = sending.await.unwrap();
    for device in &mut devices {
        let payloads = device.until_pong().await;
        let texts = payloads.iter().filter(|payload| payload["type"] == "MSG");
        let numbers = texts.map(|payload| payload["content"]["text"].as_str().unwrap().parse().unwrap());
        let numbers: Vec<u64> = numbers.collect();
        let (kept, live) = numbers.split_at(stored as usize);
        assert!(kept.iter().copied().eq(0..stored), "{numbers:?}");
        assert!(live.iter().copied().eq(MESSAGES - live.len() as u64..MESSAGES), "{numbers:?}");
    }
}
