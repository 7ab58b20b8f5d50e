//! The connection: upgrade, authentication, validation, heartbeat, close.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod chat;
mod support;

use std::time::Duration;

use callie_server::gateway::Timing;
use callie_server::{Config, clock};
use chat::{Client, fresh, quick, start, start_with};
use futures_util::SinkExt as _;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Bytes, Message};

#[tokio::test]
async fn authenticate_is_answered_with_user_and_limits() {
    let chat = start().await;
    let login = chat.login("ada").await;
    let mut ada = chat.open().await.of(&login);
    let greeting = ada.command("AUTHENTICATE", json!({}));
    ada.send(&greeting).await;
    let welcome = ada.sys("AUTHENTICATED").await;
    let metadata = &welcome["metadata"];
    assert_eq!(welcome["recipient"], "ada");
    assert_eq!(metadata["inReplyTo"], greeting["payloadID"]);
    assert_eq!(metadata["command"], "AUTHENTICATE");
    assert_eq!(metadata["username"], "ada");
    assert_eq!(metadata["sessionID"], login.session.as_str());
    assert_eq!(metadata["heartbeatSeconds"], 30);
    assert_eq!(metadata["limits"]["maxPayloadBytes"], 65_536);
    assert!(metadata["expiresAt"].as_str().unwrap().ends_with('Z'));
    ada.nothing_more().await;
    ada.greet().await;
}

#[tokio::test]
async fn any_first_payload_authenticates() {
    let chat = start().await;
    let login = chat.login("ada").await;
    let mut ada = chat.open().await.of(&login);
    let ping = ada.payload("SERVER", "PING", json!({}));
    ada.send(&ping).await;
    let welcome = ada.sys("AUTHENTICATED").await;
    assert_eq!(welcome["metadata"]["inReplyTo"], ping["payloadID"]);
    assert!(welcome["metadata"].get("command").is_none());
    let pong = ada.next().await;
    assert_eq!((pong["type"].as_str(), &pong["metadata"]["inReplyTo"]), (Some("PONG"), &ping["payloadID"]));

    let mut again = chat.open().await.of(&login);
    let list = again.command("LIST_GROUPS", json!({}));
    again.send(&list).await;
    assert_eq!(again.sys("AUTHENTICATED").await["metadata"]["command"], "LIST_GROUPS");
    assert_eq!(again.sys("COMMAND_OK").await["metadata"]["result"], json!({"groups": []}));
}

#[tokio::test]
async fn unauthenticated_first_payload_closes() {
    let chat = start().await;
    let (ada, bob) = (chat.login("ada").await, chat.login("bob").await);
    type Change = fn(&mut serde_json::Value);
    let wrong: [(&str, Change); 7] = [
        ("", |p| p["token"] = json!("some-other-token")),
        ("", |p| p["token"] = json!("")),
        ("", |p| p["sender"] = json!("bob")),
        ("", |p| p["sender"] = json!("SERVER")),
        ("/type", |p| p["type"] = json!("SHOUT")),
        ("/token", |p| drop(p.as_object_mut().unwrap().remove("token"))),
        ("/extra", |p| p["extra"] = json!(1)),
    ];
    for (path, change) in wrong {
        let mut client = chat.open().await.of(&ada);
        let mut greeting = client.command("AUTHENTICATE", json!({}));
        change(&mut greeting);
        client.send(&greeting).await;
        let (sys, close) = client.ended("AUTH_FAILED").await;
        assert_eq!(close, 4501, "{greeting}");
        assert_eq!(sys["recipient"], "");
        assert_eq!(sys["metadata"].get("path").and_then(|p| p.as_str()).unwrap_or(""), path);
        assert!(!sys.to_string().contains(&ada.token) && !sys.to_string().contains(&bob.token));
    }
    let mut client = chat.open().await;
    client.send_text("{").await;
    assert_eq!(client.ended("AUTH_FAILED").await.1, 4501);
}

#[tokio::test]
async fn silent_new_connection_is_closed() {
    let timing =
        Timing { protocol: quick().protocol.with_authentication(Duration::from_millis(200)), ..quick() };
    let chat = start_with(Config::default(), timing).await;
    let mut silent = chat.open().await;
    assert_eq!(silent.ended("AUTH_TIMEOUT").await.1, 4501);
    let mut pinging = chat.open().await;
    pinging.ws.send(Message::Ping(Bytes::new())).await.unwrap();
    assert_eq!(pinging.ended("AUTH_TIMEOUT").await.1, 4501);
}

#[tokio::test]
async fn later_payloads_need_the_same_token_and_sender() {
    let chat = start().await;
    let (login, other) = (chat.login("ada").await, chat.login("bob").await);
    let mut ada = chat.connect(&login).await;
    let mut bob = chat.connect(&other).await;
    for token in ["", "wrong", other.token.as_str()] {
        let mut message = ada.message("bob", "hello");
        message["token"] = json!(token);
        ada.answered(&message, "INVALID_TOKEN").await;
    }
    for sender in ["bob", "SERVER", "Not A Name", ""] {
        let mut message = ada.message("bob", "hello");
        message["sender"] = json!(sender);
        ada.answered(&message, "SENDER_MISMATCH").await;
    }
    let mut message = ada.message("bob", "hello");
    message.as_object_mut().unwrap().remove("token");
    assert_eq!(ada.answered(&message, "MISSING_FIELD").await["path"], "/token");
    bob.nothing_more().await;
}

#[tokio::test]
async fn invalid_payload_is_answered_with_its_path() {
    let chat = start().await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let mut message = ada.message("bob", "hello");
    message["content"]["attachments"] = json!([{"type": "image", "url": "ftp://host/file"}]);
    let answer = ada.answered(&message, "INVALID_FIELD").await;
    assert_eq!(answer["path"], "/content/attachments/0/url");
    ada.send_text("[1, 2").await;
    let answer = ada.sys("INVALID_JSON").await;
    assert!(answer["metadata"].get("inReplyTo").is_none());
    bob.nothing_more().await;
    ada.nothing_more().await;
}

#[tokio::test]
async fn lone_surrogate_is_answered_with_its_payload_id() {
    let chat = start().await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let message = ada.message("bob", "REPLACED");
    ada.send_text(&message.to_string().replace("REPLACED", r"x \ud83d y")).await;
    assert_eq!(ada.sys("INVALID_JSON").await["metadata"]["inReplyTo"], message["payloadID"]);
    bob.nothing_more().await;
}

#[tokio::test]
async fn twentieth_invalid_payload_closes() {
    let chat = start().await;
    let mut ada = chat.user("ada").await;
    for _ in 0..20 {
        ada.send_text("nonsense").await;
    }
    for _ in 0..20 {
        ada.sys("INVALID_JSON").await;
    }
    assert_eq!(ada.ended("TOO_MANY_INVALID").await.1, 4500);
}

#[tokio::test]
async fn binary_message_closes() {
    let chat = start().await;
    let mut ada = chat.user("ada").await;
    ada.ws.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(ada.ended("UNSUPPORTED_FRAME").await.1, 1003);
    let mut stranger = chat.open().await;
    stranger.ws.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(stranger.ended("UNSUPPORTED_FRAME").await.1, 1003);
}

#[tokio::test]
async fn only_message_over_the_limit_closes() {
    let chat = start().await;
    let mut ada = chat.user("ada").await;
    let mut ping = ada.payload("SERVER", "PING", json!({})).to_string();
    ping.push_str(&" ".repeat(65_536 - ping.len()));
    ada.send_text(&ping).await;
    assert_eq!(ada.next().await["type"], "PONG");
    ping.push(' ');
    ada.send_text(&ping).await;
    assert_eq!(ada.ended("PAYLOAD_TOO_LARGE").await.1, 1009);
    let mut stranger = chat.open().await;
    stranger.send_text(&" ".repeat(65_537)).await;
    assert_eq!(stranger.ended("PAYLOAD_TOO_LARGE").await.1, 1009);
}

#[tokio::test]
async fn silence_is_pinged_and_then_closed() {
    let timing = Timing {
        protocol: quick()
            .protocol
            .with_heartbeat(Duration::from_millis(200))
            .with_heartbeat_grace(Duration::from_millis(400)),
        ..quick()
    };
    let chat = start_with(Config::default(), timing).await;
    let mut ada = chat.user("ada").await;
    for _ in 0..2 {
        let ping = ada.next().await;
        assert_eq!((ping["type"].as_str(), ping["sender"].as_str()), (Some("PING"), Some("SERVER")));
        let mut pong = ada.payload("SERVER", "PONG", json!({}));
        pong["metadata"] = json!({"inReplyTo": ping["payloadID"]});
        ada.send(&pong).await;
    }
    assert_eq!(ada.next().await["type"], "PING");
    assert_eq!(ada.ended("HEARTBEAT_MISSED").await.1, 4408);
}

#[tokio::test]
async fn silence_after_a_pong_is_pinged_again() {
    let timing = Timing {
        protocol: quick()
            .protocol
            .with_heartbeat(Duration::from_millis(200))
            .with_heartbeat_grace(Duration::from_secs(3_600)),
        ..quick()
    };
    let chat = start_with(Config::default(), timing).await;
    let mut ada = chat.user("ada").await;
    for _ in 0..3 {
        // The deadline of the earlier PING must not delay this one.
        assert_eq!(ada.next().await["type"], "PING");
        let pong = ada.payload("SERVER", "PONG", json!({}));
        ada.send(&pong).await;
    }
}

#[tokio::test]
async fn silence_is_not_counted_while_server_reads_nothing() {
    let timing = Timing {
        protocol: quick()
            .protocol
            .with_heartbeat(Duration::from_millis(100))
            .with_heartbeat_grace(Duration::from_millis(200)),
        ..quick()
    };
    let chat = start_with(Config::default(), timing).await;
    let mut ada = chat.user("ada").await;
    sqlx::any::install_default_drivers();
    let mut database = <sqlx::AnyConnection as sqlx::Connection>::connect(&chat.database.url).await.unwrap();
    // The database is locked, so that the command waits.
    let lock = match chat.database.url.starts_with("postgres") {
        true => "BEGIN; LOCK TABLE chat_groups IN ACCESS EXCLUSIVE MODE",
        false => "BEGIN IMMEDIATE",
    };
    sqlx::raw_sql(lock).execute(&mut database).await.unwrap();
    let command = ada.command("CREATE_GROUP", json!({"name": "late"}));
    ada.send(&command).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    sqlx::raw_sql("ROLLBACK").execute(&mut database).await.unwrap();
    loop {
        let answer = ada.next().await;
        if answer["type"] == "SYS" {
            assert_eq!(answer["content"]["code"], "COMMAND_OK", "{answer}");
            break;
        }
        assert_eq!(answer["type"], "PING", "{answer}");
    }
}

#[tokio::test]
async fn revoked_session_closes_only_its_sockets() {
    let chat = start().await;
    let (one, other) = (chat.login("ada").await, chat.login("ada").await);
    let (mut first, mut second) = (chat.connect(&one).await, chat.connect(&other).await);
    let result = second.run("REVOKE_SESSION", json!({"sessionID": one.session.as_str()})).await;
    assert_eq!(result, json!({}));
    assert_eq!(first.ended("SESSION_REVOKED").await.1, 4501);
    second.nothing_more().await;
    let mut late = chat.open().await.of(&one);
    let greeting = late.command("AUTHENTICATE", json!({}));
    late.send(&greeting).await;
    assert_eq!(late.ended("AUTH_FAILED").await.1, 4501);
}

#[tokio::test]
async fn expired_session_closes_sockets_within_a_second() {
    let chat = start().await;
    let login = chat.login("ada").await;
    let expires = clock::now() + 1_000;
    sqlx::any::install_default_drivers();
    let mut database = <sqlx::AnyConnection as sqlx::Connection>::connect(&chat.database.url).await.unwrap();
    sqlx::query("UPDATE sessions SET expires = $1").bind(expires).execute(&mut database).await.unwrap();
    let mut ada = chat.connect(&login).await;
    assert_eq!(ada.ended("SESSION_EXPIRED").await.1, 4501);
    let late = clock::now() - expires;
    assert!((0..1_000).contains(&late), "{late} ms late");
}

#[tokio::test]
async fn subprotocol_is_optional() {
    let chat = start().await;
    for (asked, given) in
        [("callie.1", Some("callie.1")), ("other, callie.1", Some("callie.1")), ("other", None)]
    {
        let tcp = TcpStream::connect(chat.addr()).await.unwrap();
        let mut request = format!("ws://{}/ws", chat.addr()).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", asked.parse().unwrap());
        match tokio_tungstenite::client_async(request, tcp).await {
            Ok((_, response)) => {
                assert_eq!(
                    response.headers().get("sec-websocket-protocol").map(|v| v.to_str().unwrap()),
                    given
                );
            }
            // The client may give up if the server selects none of its subprotocols.
            Err(error) => assert!(given.is_none(), "{error}"),
        }
    }
}

#[tokio::test]
async fn page_of_another_origin_is_refused() {
    let chat = start().await;
    for (origin, admitted) in [("http://evil.example", false), (&format!("http://{}", chat.addr())[..], true)]
    {
        let tcp = TcpStream::connect(chat.addr()).await.unwrap();
        let mut request = format!("ws://{}/ws", chat.addr()).into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        assert_eq!(tokio_tungstenite::client_async(request, tcp).await.is_ok(), admitted, "{origin}");
    }
}

#[tokio::test]
async fn close_frame_is_answered() {
    let chat = start().await;
    let mut ada = chat.user("ada").await;
    ada.ws.close(None).await.unwrap();
    assert_eq!(ada.closed().await, 1005);
    assert!(ada.raw().await.is_none());
}

#[tokio::test]
async fn stopping_server_says_when_to_reconnect() {
    let chat = start().await;
    let mut clients: Vec<Client> = Vec::new();
    for _ in 0..8 {
        clients.push(chat.user(&fresh("user")).await);
    }
    let mut stranger = chat.open().await;
    let chat::Chat { server, .. } = chat;
    let stopped = tokio::spawn(server.shutdown());
    let mut times = std::collections::BTreeSet::new();
    for client in &mut clients {
        let (sys, close) = client.ended("SERVER_SHUTDOWN").await;
        assert_eq!(close, 1001);
        times.insert(sys["metadata"]["retryAfterMs"].as_u64().unwrap());
    }
    assert!(times.len() > 1, "all would reconnect at once: {times:?}");
    assert_eq!(stranger.ended("SERVER_SHUTDOWN").await.1, 1001);
    tokio::time::timeout(chat::PATIENCE, stopped).await.unwrap().unwrap();
}
