//! Lost connections that are resumed, or not, on one server (protocol, "Resumption").
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod chat;
mod support;

use std::time::Duration;

use callie_core::{SessionId, Username};
use callie_server::gateway::Timing;
use callie_server::store::Ban;
use callie_server::{Config, clock};
use chat::resumption::{connect, cut, greet, hear, resume, say};
use chat::{Chat, PATIENCE, quick, start, start_with, until};
use futures_util::SinkExt as _;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

async fn nobody_is_away(chat: &Chat) {
    until("no connection is away", || async { chat.server.gateway().away() == 0 }).await;
}

#[tokio::test]
async fn cut_connection_is_resumed_without_a_gap() {
    let chat = start().await;
    let (mut ada, login) = (chat.user("ada").await, chat.login("bob").await);
    let (mut bob, id) = connect(&chat, &login).await;
    say(&mut ada, "bob", &["1", "2", "3"]).await;
    bob.msg("1").await;
    ada.nothing_more().await;
    cut(&chat, bob).await;
    say(&mut ada, "bob", &["4", "5"]).await;
    ada.nothing_more().await;
    let (mut bob, resumed) = resume(&chat, &login, &id, 1).await;
    assert!(resumed);
    for text in ["2", "3", "4", "5"] {
        bob.msg(text).await;
    }
    assert_eq!(chat.server.gateway().away(), 0);
    // It can be cut and resumed again, and works in both directions.
    say(&mut bob, "ada", &["from bob"]).await;
    ada.msg("from bob").await;
    cut(&chat, bob).await;
    say(&mut ada, "bob", &["6"]).await;
    ada.nothing_more().await;
    let (mut bob, resumed) = resume(&chat, &login, &id, 5).await;
    assert!(resumed);
    hear(&mut bob, &["6"]).await;
}

#[tokio::test]
async fn answers_and_confirmations_survive_the_cut() {
    let timing =
        Timing { protocol: quick().protocol.with_confirmation(Duration::from_millis(400)), ..quick() };
    let chat = start_with(Config::default(), timing).await;
    let (mut ada, login) = (chat.user("ada").await, chat.login("bob").await);
    let (mut bob, id) = connect(&chat, &login).await;
    let (written, kept) = (ada.acked("bob", "written"), ada.acked("bob", "kept"));
    ada.send(&written).await;
    let first = bob.msg("written").await;
    let list = bob.command("LIST_GROUPS", json!({}));
    bob.send(&list).await;
    cut(&chat, bob).await;
    ada.send(&kept).await;
    // The time of both confirmations passes.
    tokio::time::sleep(Duration::from_millis(800)).await;
    ada.nothing_more().await;
    let (mut bob, resumed) = resume(&chat, &login, &id, 1).await;
    assert!(resumed);
    assert_eq!(bob.sys("COMMAND_OK").await["metadata"]["inReplyTo"], list["payloadID"]);
    let second = bob.msg("kept").await;
    bob.ack(&first).await;
    bob.ack(&second).await;
    for message in [written, kept] {
        assert_eq!(ada.sys("DELIVERED").await["metadata"]["inReplyTo"], message["payloadID"]);
    }
    // An unconfirmed message has the usual time after a resumption.
    let message = ada.acked("bob", "never confirmed");
    ada.send(&message).await;
    bob.msg("never confirmed").await;
    cut(&chat, bob).await;
    let (_bob, resumed) = resume(&chat, &login, &id, 3).await;
    assert!(resumed);
    assert_eq!(ada.sys("DELIVERY_UNCONFIRMED").await["metadata"]["inReplyTo"], message["payloadID"]);
}

#[tokio::test]
async fn open_socket_is_closed_before_it_is_replaced() {
    let chat = start().await;
    let (mut ada, login) = (chat.user("ada").await, chat.login("bob").await);
    let (mut old, id) = connect(&chat, &login).await;
    say(&mut ada, "bob", &["1"]).await;
    old.msg("1").await;
    let (mut new, resumed) = resume(&chat, &login, &id, 0).await;
    assert!(resumed);
    assert_eq!(old.ended("HEARTBEAT_MISSED").await.1, 4408);
    say(&mut ada, "bob", &["2"]).await;
    hear(&mut new, &["1", "2"]).await;
}

#[tokio::test]
async fn silent_connection_is_closed_and_can_be_resumed() {
    let protocol = quick().protocol.with_heartbeat(Duration::from_millis(200));
    let timing = Timing { protocol: protocol.with_heartbeat_grace(Duration::from_millis(200)), ..quick() };
    let chat = start_with(Config::default(), timing).await;
    let login = chat.login("bob").await;
    let (mut bob, id) = connect(&chat, &login).await;
    assert_eq!(bob.next().await["type"], "PING");
    assert_eq!(bob.ended("HEARTBEAT_MISSED").await.1, 4408);
    // The client has counted both texts, or only the PING.
    assert!(resume(&chat, &login, &id, 2).await.1);
    assert!(resume(&chat, &login, &id, 2).await.1);
}

#[tokio::test]
async fn wrong_resumption_opens_a_new_connection() {
    let chat = start().await;
    let (mut ada, login) = (chat.user("ada").await, chat.login("bob").await);
    let (mut bob, id) = connect(&chat, &login).await;
    say(&mut ada, "bob", &["1", "2"]).await;
    bob.msg("1").await;
    bob.msg("2").await;
    let ack = bob.command("ACK", json!({"received": 1}));
    bob.send(&ack).await;
    bob.nothing_more().await;
    cut(&chat, bob).await;
    let (other_session, stranger) = (chat.login_again("bob").await, chat.login("eve").await);
    for (login, id, received) in [
        (&login, "guessed", 2),
        (&login, &id[..], 0), // counted before, and not kept any more
        (&login, &id, 9),     // not written yet
        (&other_session, &id, 2),
        (&stranger, &id, 2),
    ] {
        let (client, resumed) = resume(&chat, login, id, received).await;
        assert!(!resumed, "{id} {received}");
        client.leave().await;
    }
    assert!(resume(&chat, &login, &id, 2).await.1);
}

#[tokio::test]
async fn one_of_two_simultaneous_resumptions_wins() {
    let chat = start().await;
    let (mut ada, login) = (chat.user("ada").await, chat.login("bob").await);
    for round in 1..=20 {
        let (bob, id) = connect(&chat, &login).await;
        cut(&chat, bob).await;
        let (mut one, mut other) = (chat.open().await.of(&login), chat.open().await.of(&login));
        for client in [&mut one, &mut other] {
            let parameters = json!({"features": ["resume"], "resume": {"connectionID": id, "received": 0}});
            let greeting = client.command("AUTHENTICATE", parameters);
            client.send(&greeting).await;
        }
        let both = format!("callie_resumptions_total{{outcome=\"resumed\"}} {}\n", 2 * round);
        until("both are resumed", || async { chat.server.metrics().text().contains(&both) }).await;
        // The later one takes the place of the earlier one, which may not even have been greeted.
        let (mut kept, mut closed) = (0, 0);
        for mut client in [one, other] {
            let mut next = client.next().await;
            if next["content"]["code"] == "AUTHENTICATED" {
                assert_eq!(next["metadata"]["resumed"], true);
                say(&mut ada, "bob", &["to whichever is there"]).await;
                next = client.next().await;
            }
            if next["type"] == "MSG" {
                kept += 1;
                client.leave_normally().await;
            } else {
                assert_eq!(next["content"]["code"], "HEARTBEAT_MISSED");
                assert_eq!(client.closed().await, 4408);
                closed += 1;
            }
        }
        assert_eq!((kept, closed), (1, 1));
        until("bob is gone", || async { !chat.server.gateway().is_online("bob") }).await;
    }
}

#[tokio::test]
async fn client_that_closes_normally_cannot_resume() {
    let chat = start().await;
    let login = chat.login("bob").await;
    let (mut bob, id) = connect(&chat, &login).await;
    bob.leave_normally().await;
    until("bob is gone", || async { !chat.server.gateway().is_online("bob") }).await;
    assert!(!resume(&chat, &login, &id, 0).await.1);

    // A page that is left closes with 1001, and may come back.
    let (mut bob, id) = connect(&chat, &login).await;
    bob.ws
        .send(Message::Close(Some(CloseFrame { code: 1001.into(), reason: Default::default() })))
        .await
        .unwrap();
    assert_eq!(bob.closed().await, 1001);
    assert!(resume(&chat, &login, &id, 0).await.1);
}

#[tokio::test]
async fn ended_session_cannot_resume() {
    let chat = start().await;
    let (mut ada, login) = (chat.user("ada").await, chat.login("bob").await);
    let (bob, id) = connect(&chat, &login).await;
    cut(&chat, bob).await;
    let message = ada.message("bob", "kept");
    ada.send(&message).await;
    ada.nothing_more().await;
    let session = SessionId::parse(login.session.as_str()).unwrap();
    let user = Username::parse("bob").unwrap();
    assert!(chat.server.store().sessions.end(&user, &session, clock::now()).await.unwrap());
    assert_eq!(ada.sys("RECIPIENT_OFFLINE").await["metadata"]["inReplyTo"], message["payloadID"]);
    let mut bob = chat.open().await.of(&login);
    let greeting = bob.command(
        "AUTHENTICATE",
        json!({"features": ["resume"], "resume": {"connectionID": id, "received": 0}}),
    );
    bob.send(&greeting).await;
    assert_eq!(bob.ended("AUTH_FAILED").await.1, 4501);
}

#[tokio::test]
async fn kicked_and_banned_users_cannot_resume() {
    let chat = start().await;
    let (mut admin, login) = (chat.admin("admin").await, chat.login("bob").await);
    let (bob, id) = connect(&chat, &login).await;
    cut(&chat, bob).await;
    admin.run("KICK_USER", json!({"username": "bob"})).await;
    nobody_is_away(&chat).await;
    let (bob, resumed) = resume(&chat, &login, &id, 0).await;
    assert!(!resumed);
    cut(&chat, bob).await;
    let name = Username::parse("bob").unwrap();
    let ban = Ban { reason: None, until: None };
    assert!(chat.server.store().admins.ban(&name, &ban, clock::now()).await.unwrap());
    nobody_is_away(&chat).await;
    until("bob is gone", || async { !chat.server.gateway().is_online("bob") }).await;
}

#[tokio::test]
async fn too_much_for_a_lost_connection_ends_it() {
    let config = Config { outbox_bytes: 80 * 1024, ..Config::default() };
    let chat = start_with(config, quick()).await;
    let (mut ada, login) = (chat.user("ada").await, chat.login("bob").await);
    let (mut bob, id) = connect(&chat, &login).await;
    let large = "x".repeat(30 * 1024);
    say(&mut ada, "bob", &[&large]).await;
    bob.msg(&large).await;
    cut(&chat, bob).await;
    // The text that was written and is not counted takes room, too.
    let messages: Vec<Value> = (0..2).map(|_| ada.message("bob", &large)).collect();
    for message in &messages {
        ada.send(message).await;
    }
    let mut answered = [ada.sys("RECIPIENT_OFFLINE").await, ada.sys("RECIPIENT_OFFLINE").await];
    answered.sort_by_key(|answer| answer["metadata"]["inReplyTo"] != messages[0]["payloadID"]);
    for (answer, message) in answered.iter().zip(&messages) {
        assert_eq!(answer["metadata"]["inReplyTo"], message["payloadID"]);
    }
    let (mut bob, resumed) = resume(&chat, &login, &id, 1).await;
    assert!(!resumed);
    bob.nothing_more().await;
}

#[tokio::test]
async fn window_that_passes_is_answered_truly() {
    let chat = start_with(Config { resume_window: 1, ..Config::default() }, quick()).await;
    let (mut ada, mut cyd, login) = (chat.user("ada").await, chat.user("cyd").await, chat.login("bob").await);
    let (mut bob, id) = connect(&chat, &login).await;
    let group = ada.group(&mut [&mut bob, &mut cyd]).await;
    let written = ada.acked("bob", "written");
    ada.send(&written).await;
    bob.msg("written").await;
    cut(&chat, bob).await;
    let kept = [ada.message("bob", "kept"), ada.acked("bob", "kept, to be confirmed")];
    let to_group = [ada.message(&group, "to the group"), ada.acked(&group, "to the group, to be confirmed")];
    for message in kept.iter().chain(&to_group) {
        ada.send(message).await;
    }
    cyd.msg("to the group").await;
    let confirmed = cyd.msg("to the group, to be confirmed").await;
    cyd.ack(&confirmed).await;
    ada.nothing_more().await;
    let mut answers = std::collections::BTreeMap::new();
    for _ in 0..5 {
        let answer = ada.next().await;
        answers.insert(answer["metadata"]["inReplyTo"].as_str().unwrap().to_owned(), answer);
    }
    let code = |message: &Value| {
        let answer = &answers[message["payloadID"].as_str().unwrap()];
        (answer["content"]["code"].as_str().unwrap(), answer["metadata"].clone())
    };
    assert_eq!(code(&written).0, "DELIVERY_UNCONFIRMED");
    assert_eq!(code(&kept[0]).0, "RECIPIENT_OFFLINE");
    assert_eq!(code(&kept[1]).0, "RECIPIENT_OFFLINE");
    let (sys, metadata) = code(&to_group[0]);
    assert_eq!(
        (sys, &metadata["delivered"], &metadata["offline"]),
        ("PARTIALLY_DELIVERED", &json!(1), &json!(["bob"]))
    );
    let (sys, metadata) = code(&to_group[1]);
    assert_eq!((sys, &metadata["delivered"], &metadata["offlineCount"]), ("DELIVERED", &json!(1), &json!(1)));
    // A duplicate has the outcome of the first transmission.
    let duplicate = ada.answered(&kept[0], "DUPLICATE_PAYLOAD").await;
    assert_eq!(duplicate["outcome"], "failed");
    assert!(!resume(&chat, &login, &id, 3).await.1);
}

#[tokio::test]
async fn presence_does_not_change_while_a_user_is_away() {
    let chat = start_with(Config { resume_window: 2, ..Config::default() }, quick()).await;
    let (mut ada, login) = (chat.user("ada").await, chat.login("bob").await);
    let (mut bob, id) = connect(&chat, &login).await;
    ada.group(&mut [&mut bob]).await;
    cut(&chat, bob).await;
    let presence = ada.run("GET_PRESENCE", json!({"usernames": ["bob"]})).await;
    assert_eq!(presence["presence"]["bob"], "online");
    // Longer than a departure needs to be reported.
    tokio::time::sleep(Duration::from_millis(600)).await;
    ada.nothing_more().await;
    let (bob, resumed) = resume(&chat, &login, &id, 1).await;
    assert!(resumed);
    cut(&chat, bob).await;
    assert_eq!(ada.sys("USER_LEFT").await["metadata"]["username"], "bob");
}

#[tokio::test]
async fn fleeting_payloads_are_not_kept() {
    let chat = start().await;
    let (mut ada, login) = (chat.user("ada").await, chat.login("bob").await);
    let (bob, id) = connect(&chat, &login).await;
    cut(&chat, bob).await;
    let signal = ada.command("SIGNAL", json!({"recipient": "bob", "kind": "typing"}));
    let ping = ada.payload("bob", "PING", json!({}));
    ada.send(&signal).await;
    ada.send(&ping).await;
    let edit = json!({"recipient": "bob", "messageID": "m", "text": "edited"});
    ada.run("EDIT_MESSAGE", edit).await;
    let (mut bob, resumed) = resume(&chat, &login, &id, 0).await;
    assert!(resumed);
    assert_eq!(bob.next().await["content"]["command"], "EDIT_MESSAGE");
    bob.nothing_more().await;
}

#[tokio::test]
async fn other_device_receives_while_one_is_away() {
    let chat = start_with(Config { resume_window: 1, ..Config::default() }, quick()).await;
    let (mut ada, login) = (chat.user("ada").await, chat.login("bob").await);
    let (bob, _) = connect(&chat, &login).await;
    let phone_login = chat.login_again("bob").await;
    let mut phone = chat.connect(&phone_login).await;
    cut(&chat, bob).await;
    say(&mut ada, "bob", &["plain"]).await;
    let message = ada.acked("bob", "confirmed");
    ada.send(&message).await;
    phone.msg("plain").await;
    let got = phone.msg("confirmed").await;
    phone.ack(&got).await;
    assert_eq!(ada.sys("DELIVERED").await["metadata"]["inReplyTo"], message["payloadID"]);
    nobody_is_away(&chat).await;
    ada.nothing_more().await;
}

#[tokio::test]
async fn new_connection_takes_the_place_of_a_lost_one() {
    let config = Config { max_connections_per_user: 1, ..Config::default() };
    let chat = start_with(config, quick()).await;
    let (mut ada, login) = (chat.user("ada").await, chat.login("bob").await);
    let (bob, id) = connect(&chat, &login).await;
    cut(&chat, bob).await;
    let message = ada.message("bob", "kept");
    ada.send(&message).await;
    ada.nothing_more().await;
    let (mut bob, _) = connect(&chat, &login).await;
    assert_eq!(ada.sys("RECIPIENT_OFFLINE").await["metadata"]["inReplyTo"], message["payloadID"]);
    say(&mut ada, "bob", &["hello"]).await;
    hear(&mut bob, &["hello"]).await;
    // The place is taken by an open connection.
    let mut third = chat.open().await.of(&login);
    let greeting = third.command(
        "AUTHENTICATE",
        json!({"features": ["resume"], "resume": {"connectionID": id, "received": 0}}),
    );
    third.send(&greeting).await;
    assert_eq!(third.ended("OVERLOADED").await.1, 1013);
}

#[tokio::test]
async fn lost_connections_need_no_place_on_the_server() {
    let config = Config { max_connections: 2, ..Config::default() };
    let chat = start_with(config, quick()).await;
    let login = chat.login("bob").await;
    let (bob, id) = connect(&chat, &login).await;
    let _ada = chat.user("ada").await;
    cut(&chat, bob).await;
    until("there is a place", || async { chat.server.gateway().connections() == 1 }).await;
    let cyd = chat.user("cyd").await;
    cyd.leave().await;
    until("there is a place", || async { chat.server.gateway().connections() == 1 }).await;
    assert!(resume(&chat, &login, &id, 0).await.1);
}

#[tokio::test]
async fn without_a_window_nothing_can_be_resumed() {
    let chat = start_with(Config { resume_window: 0, ..Config::default() }, quick()).await;
    let login = chat.login("bob").await;
    let mut bob = chat.open().await.of(&login);
    let welcome = greet(&mut bob, Some(("any", 0))).await;
    assert_eq!(welcome["features"], json!([]));
    for absent in ["connectionID", "resumeSeconds", "resumed"] {
        assert!(welcome.get(absent).is_none(), "{absent}");
    }
    drop(bob);
    until("bob is gone", || async { !chat.server.gateway().is_online("bob") }).await;
}

#[tokio::test]
async fn client_without_the_feature_sees_no_difference() {
    let chat = start().await;
    let login = chat.login("bob").await;
    let mut bob = chat.open().await.of(&login);
    let welcome = bob.greet().await;
    for absent in ["features", "connectionID", "resumeSeconds", "resumed"] {
        assert!(welcome["metadata"].get(absent).is_none(), "{absent}");
    }
    drop(bob);
    until("bob is gone", || async { !chat.server.gateway().is_online("bob") }).await;
    assert_eq!(chat.server.gateway().away(), 0);
}

#[tokio::test]
async fn stopping_server_answers_what_it_kept() {
    let chat = start().await;
    let (mut ada, login) = (chat.user("ada").await, chat.login("bob").await);
    let (bob, _) = connect(&chat, &login).await;
    cut(&chat, bob).await;
    let message = ada.message("bob", "kept");
    ada.send(&message).await;
    ada.nothing_more().await;
    let Chat { server, database } = chat;
    let stopped = tokio::spawn(server.shutdown());
    assert_eq!(ada.sys("RECIPIENT_OFFLINE").await["metadata"]["inReplyTo"], message["payloadID"]);
    assert_eq!(ada.ended("SERVER_SHUTDOWN").await.1, 1001);
    tokio::time::timeout(PATIENCE, stopped).await.unwrap().unwrap();
    drop(database);
}

#[tokio::test]
async fn metrics_count_resumptions() {
    let chat = start().await;
    let login = chat.login("bob").await;
    let (bob, id) = connect(&chat, &login).await;
    cut(&chat, bob).await;
    let has = |line: &str| chat.server.metrics().text().contains(line);
    until("the gauge", || async { has("callie_away_connections 1\n") }).await;
    assert!(!resume(&chat, &login, "guessed", 0).await.1);
    assert!(resume(&chat, &login, &id, 0).await.1);
    assert!(has("callie_resumptions_total{outcome=\"refused\"} 1\n"));
    assert!(has("callie_resumptions_total{outcome=\"resumed\"} 1\n"));
}
