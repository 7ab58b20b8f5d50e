//! The delivery of messages, PINGs and PONGs to users, groups and everyone; duplicates, confirmed delivery, rates.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod chat;
mod support;

use std::time::Duration;

use callie_server::Config;
use callie_server::gateway::Timing;
use chat::{PATIENCE, quick, start, start_with};
use futures_util::{SinkExt as _, Stream, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, Message};

/// Only the token and the timestamp of a payload are replaced.
#[tokio::test]
async fn message_is_delivered_byte_for_byte() {
    let chat = start().await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let text = format!(
        r#" {{"payloadVersion":"1.0", "metadata":{{"x":1.50e+2,"deep":[[{{"ü":"é"}}]]}},"token" : "{}","sender":"ada","recipient":"bob",
        "timestamp":"2026-01-02T03:04.05.678Z","type":"MSG","content":{{"text":"*hi* \u00fc 🦀","messageID":"m:1"}},"payloadID":"p:1"}}"#,
        ada.token
    );
    ada.send_text(&text).await;
    let expected = text.replace(&ada.token, "").replace("03:04.05", "03:04:05");
    assert_eq!(bob.text().await, expected);
    ada.nothing_more().await;
}

/// A message arrives at every connection of the recipient, and at every other one of the sender.
#[tokio::test]
async fn message_reaches_all_devices_of_both_users() {
    let chat = start().await;
    let (ada, bob) = (chat.login("ada").await, chat.login("bob").await);
    let (mut ada1, mut ada2) = (chat.connect(&ada).await, chat.connect(&ada).await);
    let (mut bob1, mut bob2) = (chat.connect(&bob).await, chat.connect(&bob).await);
    let message = ada1.message("bob", "hello");
    ada1.send(&message).await;
    for client in [&mut bob1, &mut bob2, &mut ada2] {
        assert_eq!(client.msg("hello").await["payloadID"], message["payloadID"]);
    }
    ada1.nothing_more().await;
    let note = ada1.message("ada", "to myself");
    ada1.send(&note).await;
    ada1.msg("to myself").await;
    ada2.msg("to myself").await;
    bob1.nothing_more().await;
}

#[tokio::test]
async fn payloads_arrive_in_the_order_sent() {
    let config = Config { burst: 1_000, ..Config::default() };
    let chat = start_with(config, quick()).await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    for n in 0..300 {
        let message = ada.message("bob", &n.to_string());
        ada.send(&message).await;
    }
    for n in 0..300 {
        bob.msg(&n.to_string()).await;
    }
}

#[tokio::test]
async fn offline_differs_from_unknown() {
    let chat = start().await;
    chat.login("bob").await;
    let mut ada = chat.user("ada").await;
    for (to, code) in [
        ("bob", "RECIPIENT_OFFLINE"),
        ("nobody", "RECIPIENT_UNKNOWN"),
        ("group:00000000-0000-4000-8000-000000000000", "RECIPIENT_UNKNOWN"),
    ] {
        for message in [ada.message(to, "hello"), ada.acked(to, "hello")] {
            let answer = ada.answered(&message, code).await;
            assert_eq!(answer["messageID"], message["content"]["messageID"]);
        }
    }
    let ping = ada.payload("bob", "PING", json!({}));
    assert!(ada.answered(&ping, "RECIPIENT_OFFLINE").await.get("messageID").is_none());
}

#[tokio::test]
async fn pings_and_pongs_are_delivered_between_users() {
    let chat = start().await;
    let (mut ada, bob) = (chat.user("ada").await, chat.login("bob").await);
    let (mut bob1, mut bob2) = (chat.connect(&bob).await, chat.connect(&bob).await);
    let ping = ada.payload("bob", "PING", json!({}));
    ada.send(&ping).await;
    for bob in [&mut bob1, &mut bob2] {
        let got = bob.next().await;
        assert_eq!((&got["type"], &got["payloadID"]), (&json!("PING"), &ping["payloadID"]));
    }
    let mut pong = bob1.payload("ada", "PONG", json!({}));
    pong["metadata"] = json!({"inReplyTo": ping["payloadID"]});
    bob1.send(&pong).await;
    let got = ada.next().await;
    assert_eq!((&got["type"], &got["metadata"]), (&json!("PONG"), &pong["metadata"]));
    bob2.nothing_more().await;
}

#[tokio::test]
async fn routing_table_refuses_impossible_routes() {
    let chat = start().await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let group = ada.group(&mut [&mut bob]).await;
    let contents = [
        ("PING", json!({})),
        ("PONG", json!({})),
        ("MSG", json!({"messageID": "m", "text": "x"})),
        ("CMD", json!({"command": "LIST_GROUPS", "parameters": {}})),
        ("SYS", json!({"code": "FAKE", "description": "x"})),
    ];
    for (to, refused) in [
        ("SERVER", vec![("MSG", "INVALID_RECIPIENT"), ("SYS", "FORBIDDEN")]),
        ("bob", vec![("CMD", "INVALID_RECIPIENT"), ("SYS", "FORBIDDEN")]),
        (
            &group,
            vec![
                ("PING", "INVALID_RECIPIENT"),
                ("PONG", "INVALID_RECIPIENT"),
                ("CMD", "INVALID_RECIPIENT"),
                ("SYS", "FORBIDDEN"),
            ],
        ),
        (
            "BROADCAST",
            vec![
                ("PING", "INVALID_RECIPIENT"),
                ("PONG", "INVALID_RECIPIENT"),
                ("CMD", "INVALID_RECIPIENT"),
                ("SYS", "FORBIDDEN"),
            ],
        ),
    ] {
        for (kind, code) in refused {
            let content = contents.iter().find(|(k, _)| *k == kind).unwrap().1.clone();
            let payload = ada.payload(to, kind, content);
            ada.answered(&payload, code).await;
        }
    }
    bob.nothing_more().await;
}

#[tokio::test]
async fn broadcast_reaches_all_other_connections() {
    let chat = start().await;
    let login = chat.login("ada").await;
    let (mut ada1, mut ada2) = (chat.connect(&login).await, chat.connect(&login).await);
    let (mut bob, mut cleo) = (chat.user("bob").await, chat.user("cleo").await);
    let message = ada1.message("BROADCAST", "to all");
    ada1.send(&message).await;
    for client in [&mut ada2, &mut bob, &mut cleo] {
        client.msg("to all").await;
    }
    ada1.nothing_more().await;
    let acked = ada1.acked("BROADCAST", "to all");
    assert_eq!(ada1.answered(&acked, "INVALID_FIELD").await["path"], "/metadata/ack");
}

#[tokio::test]
async fn broadcasts_can_be_limited_to_admins() {
    let config = Config { broadcast: callie_server::config::Audience::Admins, ..Config::default() };
    let chat = start_with(config, quick()).await;
    let (mut ada, mut root) = (chat.user("ada").await, chat.admin("root").await);
    let message = ada.message("BROADCAST", "to all");
    ada.answered(&message, "FORBIDDEN").await;
    let message = root.message("BROADCAST", "to all");
    root.send(&message).await;
    ada.msg("to all").await;
}

#[tokio::test]
async fn broadcasts_have_a_stricter_rate() {
    let chat = start().await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    for _ in 0..5 {
        let message = ada.message("BROADCAST", "to all");
        ada.send(&message).await;
        bob.msg("to all").await;
    }
    let message = ada.message("BROADCAST", "one too many");
    assert!(ada.answered(&message, "RATE_LIMITED").await["retryAfterMs"].as_u64().unwrap() > 0);
    let message = ada.message("bob", "still here");
    ada.send(&message).await;
    bob.msg("still here").await;
}

#[tokio::test]
async fn duplicate_payload_has_no_effect() {
    let chat = start().await;
    let (login, mut bob) = (chat.login("ada").await, chat.user("bob").await);
    let mut ada = chat.connect(&login).await;
    let message = ada.message("bob", "once");
    ada.send(&message).await;
    bob.msg("once").await;
    assert_eq!(ada.answered(&message, "DUPLICATE_PAYLOAD").await["outcome"], "sent");
    // Also on another connection. The same ID of another sender is another payload.
    let mut again = chat.connect(&login).await;
    assert_eq!(again.answered(&message, "DUPLICATE_PAYLOAD").await["outcome"], "sent");
    let mut own = bob.message("ada", "mine");
    own["payloadID"] = message["payloadID"].clone();
    bob.send(&own).await;
    ada.msg("mine").await;

    let lost = ada.message("nobody", "x");
    ada.answered(&lost, "RECIPIENT_UNKNOWN").await;
    assert_eq!(ada.answered(&lost, "DUPLICATE_PAYLOAD").await["outcome"], "failed");
    let made = ada.command("CREATE_GROUP", json!({"name": "g"}));
    ada.answered(&made, "COMMAND_OK").await;
    assert_eq!(ada.answered(&made, "DUPLICATE_PAYLOAD").await["outcome"], "sent");
    let refused = ada.command("NO_SUCH_COMMAND", json!({}));
    ada.answered(&refused, "UNKNOWN_COMMAND").await;
    assert_eq!(ada.answered(&refused, "DUPLICATE_PAYLOAD").await["outcome"], "failed");
    let wrong = ada.payload("SERVER", "MSG", json!({"messageID": "m", "text": "x"}));
    ada.answered(&wrong, "INVALID_RECIPIENT").await;
    assert_eq!(ada.answered(&wrong, "DUPLICATE_PAYLOAD").await["outcome"], "failed");
}

#[tokio::test]
async fn payload_id_of_refused_payload_may_be_reused() {
    let chat = start().await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let message = ada.message("bob", "hello");
    let mut wrong = message.clone();
    wrong["token"] = json!("x");
    ada.answered(&wrong, "INVALID_TOKEN").await;
    let mut wrong = message.clone();
    wrong["content"]["text"] = json!(7);
    ada.answered(&wrong, "INVALID_FIELD").await;
    ada.send(&message).await;
    bob.msg("hello").await;
}

#[tokio::test]
async fn delivered_follows_the_confirmation() {
    let chat = start().await;
    let (mut ada, bob) = (chat.user("ada").await, chat.login("bob").await);
    let (mut bob1, mut bob2) = (chat.connect(&bob).await, chat.connect(&bob).await);
    let message = ada.acked("bob", "did you get it?");
    ada.send(&message).await;
    let got = bob1.msg("did you get it?").await;
    bob2.msg("did you get it?").await;
    ada.nothing_more().await;
    assert_eq!(ada.answered(&message, "DUPLICATE_PAYLOAD").await["outcome"], "pending");
    bob1.ack(&got).await;
    let answer = ada.sys("DELIVERED").await;
    assert_eq!(answer["metadata"]["inReplyTo"], message["payloadID"]);
    assert_eq!(answer["metadata"]["messageID"], message["content"]["messageID"]);
    assert!(answer["metadata"].get("delivered").is_none());
    bob2.ack(&got).await;
    bob2.nothing_more().await;
    ada.nothing_more().await;
    assert_eq!(ada.answered(&message, "DUPLICATE_PAYLOAD").await["outcome"], "delivered");
}

#[tokio::test]
async fn confirmation_counts_only_on_a_receiving_connection() {
    let chat = start().await;
    let (mut ada, mut bob, mut eve) =
        (chat.user("ada").await, chat.user("bob").await, chat.user("eve").await);
    let message = ada.acked("bob", "for bob");
    ada.send(&message).await;
    bob.msg("for bob").await;
    eve.ack(&message).await;
    eve.nothing_more().await;
    ada.ack(&message).await;
    ada.nothing_more().await;
    bob.ack(&message).await;
    ada.sys("DELIVERED").await;
}

#[tokio::test]
async fn lost_connection_leaves_message_unconfirmed() {
    let chat = start().await;
    let (mut ada, bob) = (chat.user("ada").await, chat.login("bob").await);
    let (mut bob1, mut bob2) = (chat.connect(&bob).await, chat.connect(&bob).await);
    let message = ada.acked("bob", "hello");
    ada.send(&message).await;
    bob1.msg("hello").await;
    bob2.msg("hello").await;
    drop(bob1);
    drop(bob2);
    ada.sys("DELIVERY_UNCONFIRMED").await;
    assert_eq!(ada.answered(&message, "DUPLICATE_PAYLOAD").await["outcome"], "unconfirmed");
}

#[tokio::test]
async fn missing_confirmation_times_out() {
    let timing =
        Timing { protocol: quick().protocol.with_confirmation(Duration::from_millis(300)), ..quick() };
    let chat = start_with(Config::default(), timing).await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let message = ada.acked("bob", "hello");
    ada.send(&message).await;
    bob.msg("hello").await;
    ada.sys("DELIVERY_UNCONFIRMED").await;
    bob.ack(&message).await;
    bob.nothing_more().await;
    ada.nothing_more().await;
}

#[tokio::test]
async fn message_to_oneself_can_be_confirmed() {
    let chat = start().await;
    let mut ada = chat.user("ada").await;
    let message = ada.acked("ada", "note");
    ada.send(&message).await;
    let got = ada.msg("note").await;
    ada.ack(&got).await;
    ada.sys("DELIVERED").await;
}

#[tokio::test]
async fn confirmed_group_message_counts_members() {
    let timing =
        Timing { protocol: quick().protocol.with_confirmation(Duration::from_millis(600)), ..quick() };
    let config = Config { presence: callie_server::config::PresenceMode::Off, ..Config::default() };
    let chat = start_with(config, timing).await;
    let (mut ada, mut bob, mut cleo) =
        (chat.user("ada").await, chat.user("bob").await, chat.user("cleo").await);
    let mut dan = chat.user("dan").await;
    let group = ada.group(&mut [&mut bob, &mut cleo, &mut dan]).await;
    dan.leave().await;
    let message = ada.acked(&group, "one");
    ada.send(&message).await;
    let got = bob.msg("one").await;
    cleo.msg("one").await;
    bob.ack(&got).await;
    let answer = ada.sys("DELIVERED").await;
    let metadata = &answer["metadata"];
    assert_eq!(
        (&metadata["delivered"], &metadata["unconfirmed"], &metadata["offlineCount"]),
        (&json!(1), &json!(1), &json!(1))
    );

    let message = ada.acked(&group, "two");
    ada.send(&message).await;
    ada.sys("DELIVERY_UNCONFIRMED").await;
}

#[tokio::test]
async fn drops_are_reported_once_a_second() {
    let config = Config { burst: 5, messages_per_second: 1, ..Config::default() };
    let chat = start_with(config, quick()).await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let messages: Vec<Value> = (0..20).map(|n| ada.message("bob", &n.to_string())).collect();
    for message in &messages {
        ada.send(message).await;
    }
    let limited = ada.sys("RATE_LIMITED").await;
    let first = messages.iter().position(|m| m["payloadID"] == limited["metadata"]["inReplyTo"]).unwrap();
    assert!((5..20).contains(&first), "{first}");
    for n in 0..first {
        bob.msg(&n.to_string()).await;
    }
    let wait = limited["metadata"]["retryAfterMs"].as_u64().unwrap();
    assert!((1..=1_001).contains(&wait), "{wait}");
    // PINGs have their own bucket.
    let ping = ada.payload("SERVER", "PING", json!({}));
    ada.send(&ping).await;
    while ada.next().await["type"] != "PONG" {}
    // A dropped payload may be sent again.
    tokio::time::sleep(Duration::from_millis(wait)).await;
    ada.send(&messages[first]).await;
    loop {
        let got = bob.next().await;
        if got["payloadID"] == messages[first]["payloadID"] {
            return;
        }
    }
}

/// Reads until the close and returns its code.
async fn close_code(stream: &mut (impl Stream<Item = Result<Message, Error>> + Unpin)) -> u16 {
    let close = async {
        loop {
            match stream.next().await {
                Some(Ok(Message::Close(Some(frame)))) => return u16::from(frame.code),
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, close).await.unwrap()
}

#[tokio::test]
async fn flood_is_closed_and_others_are_served() {
    let timing = Timing { protocol: quick().protocol.with_flood(Duration::from_millis(500)), ..quick() };
    let config = Config { burst: 5, messages_per_second: 1, ..Config::default() };
    let chat = start_with(config, timing).await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let flood = tokio::spawn(async move {
        loop {
            let message = ada.message("bob", "flood");
            if ada.ws.send(message.to_string().into()).await.is_err() {
                break;
            }
        }
        close_code(&mut ada.ws).await
    });
    for _ in 0..4 {
        bob.msg("flood").await;
    }
    let mut served = 0;
    while !flood.is_finished() {
        let ping = bob.payload("SERVER", "PING", json!({}));
        bob.send(&ping).await;
        let mut got = bob.next().await;
        while got["type"] == "MSG" {
            got = bob.next().await;
        }
        assert_eq!(got["type"], "PONG");
        served += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(served > 5);
    assert_eq!(flood.await.unwrap(), 4429);
}

#[tokio::test]
async fn flood_of_websocket_pings_is_closed() {
    let config = Config { messages_per_second: 1, burst: 1, ..Config::default() };
    let timing = Timing { protocol: quick().protocol.with_flood(Duration::from_millis(300)), ..quick() };
    let chat = start_with(config, timing).await;
    let ada = chat.user("ada").await;
    // It reads the answers meanwhile, like a client.
    let (mut sink, mut stream) = ada.ws.split();
    let flood = tokio::spawn(async move { while sink.send(Message::Ping("?".into())).await.is_ok() {} });
    assert_eq!(close_code(&mut stream).await, 4429);
    flood.abort();
}

#[tokio::test]
async fn new_connection_has_the_reloaded_limits() {
    let chat = start_with(Config { burst: 5, messages_per_second: 1, ..Config::default() }, quick()).await;
    let login = chat.login("ada").await;
    let ada = chat.connect(&login).await;
    let mut bob = chat.user("bob").await;
    chat.server.reload(&Config { burst: 50, messages_per_second: 1, ..Config::default() }).unwrap();
    ada.leave().await;
    let mut ada = chat.connect(&login).await;
    for n in 0..40 {
        let message = ada.message("bob", &n.to_string());
        ada.send(&message).await;
        bob.msg(&n.to_string()).await;
    }
}
