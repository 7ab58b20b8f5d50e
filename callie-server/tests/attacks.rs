//! Attacks over the socket, and their outcomes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod chat;
mod support;

use std::time::Duration;

use callie_core::{SessionId, Username};
use callie_server::gateway::Timing;
use callie_server::store::TokenHash;
use callie_server::{Config, clock};
use chat::{Chat, Client, Login, PATIENCE, open, quick, start, start_with};
use futures_util::SinkExt as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

/// A valid handshake, up to the empty line.
fn handshake(chat: &Chat) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        chat.addr()
    )
}

/// Opens a raw socket and upgrades it. Returns the answer to the upgrade, too.
async fn raw(chat: &Chat, more_headers: &str) -> (TcpStream, String) {
    let mut tcp = TcpStream::connect(chat.addr()).await.unwrap();
    tcp.write_all(format!("{}{more_headers}\r\n", handshake(chat)).as_bytes()).await.unwrap();
    let head = read_head(&mut tcp).await;
    (tcp, head)
}

async fn read_head(tcp: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = tokio::time::timeout(PATIENCE, tcp.read_u8()).await.unwrap();
        match byte {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// Returns a frame with a mask of zeros, which does not change the payload.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | u8::try_from(short).unwrap()),
        long => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(long).unwrap().to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// Reads frames until the server closes. Returns the close code and the texts before it.
async fn until_closed(tcp: &mut TcpStream) -> (Vec<String>, Option<u16>) {
    let mut bytes = Vec::new();
    // A reset after the close frame also ends the connection.
    let _ = tokio::time::timeout(PATIENCE, tcp.read_to_end(&mut bytes)).await.expect("the server hangs up");
    let (mut at, mut texts) = (0, Vec::new());
    while at + 2 <= bytes.len() {
        let (opcode, short) = (bytes[at] & 0x0f, usize::from(bytes[at + 1] & 0x7f));
        let (start, length) = match short {
            126 => (at + 4, usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]))),
            _ => (at + 2, short),
        };
        let payload = &bytes[start..start + length];
        match opcode {
            1 => texts.push(String::from_utf8(payload.to_vec()).unwrap()),
            8 => return (texts, Some(u16::from_be_bytes([payload[0], payload[1]]))),
            _ => {}
        }
        at = start + length;
    }
    (texts, None)
}

/// Opens a raw socket and authenticates a user.
async fn raw_user(chat: &Chat, name: &str) -> TcpStream {
    let login = chat.login(name).await;
    let (mut tcp, _) = raw(chat, "").await;
    let greeting = Client { ws: open(chat.addr()).await.ws, name: login.name, token: login.token }
        .command("AUTHENTICATE", json!({}));
    tcp.write_all(&frame(0x81, greeting.to_string().as_bytes())).await.unwrap();
    let mut head = [0; 4];
    tcp.read_exact(&mut head).await.unwrap();
    let mut welcome = vec![0; usize::from(u16::from_be_bytes([head[2], head[3]]))];
    tcp.read_exact(&mut welcome).await.unwrap();
    assert!(String::from_utf8(welcome).unwrap().contains("AUTHENTICATED"));
    tcp
}

#[tokio::test]
async fn websocket_violation_closes_without_a_payload() {
    let chat = start().await;
    let unmasked = vec![0x81, 2, b'h', b'i'];
    let reserved_bit = frame(0xc1, b"x");
    let reserved_opcode = frame(0x83, b"x");
    let fragmented_ping = frame(0x09, b"x");
    let long_ping = frame(0x89, &[b'x'; 126]);
    let lone_continuation = frame(0x80, b"x");
    let message_within_message = [frame(0x01, b"x"), frame(0x81, b"y")].concat();
    let cases: [(&str, Vec<u8>, u16); 9] = [
        ("unmasked", unmasked, 1002),
        ("reserved bit", reserved_bit, 1002),
        ("reserved opcode", reserved_opcode, 1002),
        ("fragmented ping", fragmented_ping, 1002),
        ("long ping", long_ping, 1002),
        ("lone continuation", lone_continuation, 1002),
        ("message within message", message_within_message, 1002),
        ("not UTF-8", frame(0x81, b"\xff\xfe"), 1007),
        ("half a character", [frame(0x01, b"\xe2\x82"), frame(0x80, b"x")].concat(), 1007),
    ];
    for (n, (what, bytes, code)) in cases.into_iter().enumerate() {
        let mut tcp = raw_user(&chat, &format!("user{n}")).await;
        tcp.write_all(&bytes).await.unwrap();
        assert_eq!(until_closed(&mut tcp).await, (vec![], Some(code)), "{what}");
        let (mut tcp, _) = raw(&chat, "").await;
        tcp.write_all(&bytes).await.unwrap();
        assert_eq!(until_closed(&mut tcp).await, (vec![], Some(code)), "{what}, before authentication");
    }
}

#[tokio::test]
async fn announced_length_over_the_limit_is_refused_unread() {
    let chat = start().await;
    for length in [65_537_u64, u64::from(u32::MAX) + 1, u64::MAX >> 1, 1 << 63, u64::MAX] {
        let mut tcp = raw_user(&chat, &format!("user{}", length.leading_zeros())).await;
        let mut bytes = vec![0x81, 0x80 | 127];
        bytes.extend(length.to_be_bytes());
        bytes.extend([0; 4]);
        tcp.write_all(&bytes).await.unwrap();
        let (texts, code) = until_closed(&mut tcp).await;
        assert_eq!(code, Some(1009), "{length}");
        assert!(texts.len() == 1 && texts[0].contains("PAYLOAD_TOO_LARGE"), "{texts:?}");
    }
}

#[tokio::test]
async fn fragments_are_counted_together() {
    let chat = start().await;
    let mut tcp = raw_user(&chat, "ada").await;
    tcp.write_all(&frame(0x01, &[b' '; 30_000])).await.unwrap();
    for _ in 0..2 {
        // The server may have closed the socket before the last one.
        let _ = tcp.write_all(&frame(0x00, &[b' '; 30_000])).await;
    }
    let (texts, code) = until_closed(&mut tcp).await;
    assert_eq!(code, Some(1009));
    assert!(texts[0].contains("PAYLOAD_TOO_LARGE"));
}

#[tokio::test]
async fn control_frames_between_fragments_are_allowed() {
    let chat = start().await;
    let mut bob = chat.user("bob").await;
    let login = chat.login("ada").await;
    let ada = chat.open().await.of(&login);
    let message = ada.message("bob", "in \u{1f980} pieces").to_string();
    let (mut tcp, _) = raw(&chat, "").await;
    let mut bytes = Vec::new();
    for (n, piece) in message.as_bytes().chunks(7).enumerate() {
        bytes.extend(frame(if n == 0 { 0x01 } else { 0x00 }, piece));
        bytes.extend(frame(0x89, b"are you there?"));
    }
    bytes.extend(frame(0x80, b""));
    tcp.write_all(&bytes).await.unwrap();
    bob.msg("in \u{1f980} pieces").await;
}

#[tokio::test]
async fn offered_compression_is_not_accepted() {
    let chat = start().await;
    let (_tcp, head) = raw(&chat, "Sec-WebSocket-Extensions: permessage-deflate\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert!(!head.to_ascii_lowercase().contains("extensions"), "{head}");
}

#[tokio::test]
async fn invalid_handshakes_are_refused() {
    let chat = start().await;
    let host = format!("Host: {}\r\n", chat.addr());
    for (request, status) in [
        (format!("GET /ws HTTP/1.1\r\n{host}\r\n"), 426),
        (format!("POST /ws HTTP/1.1\r\n{host}Content-Length: 0\r\n\r\n"), 405),
        (format!("{}\r\n", handshake(&chat).replace("13", "8")), 426),
        (format!("{}\r\n", handshake(&chat).replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=")), 400),
        (format!("{}\r\n", handshake(&chat).replace("Sec-WebSocket-Key", "X-Key")), 400),
        (format!("{}\r\n", handshake(&chat).replace("GET /ws", "GET /../ws")), 404),
        (format!("{}\r\n", handshake(&chat).replace("GET /ws", "GET //ws")), 404),
        (format!("{}\r\n", handshake(&chat).replace("GET /ws", "GET /ws/%2e%2e/ws")), 404),
        (format!("{}X-Long: {}\r\n\r\n", handshake(&chat), "x".repeat(100_000)), 431),
    ] {
        let mut tcp = TcpStream::connect(chat.addr()).await.unwrap();
        // The server may answer and close before it has read a long request.
        let _ = tcp.write_all(request.as_bytes()).await;
        let head = read_head(&mut tcp).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{status}: {request:.60}: {head:.100}");
        let is_problem = head.contains("content-type: application/problem+json");
        assert!(is_problem || status == 431, "{request:.60}: {head}");
    }
}

#[tokio::test]
async fn unfinished_handshake_times_out() {
    let chat = start().await;
    let mut tcp = TcpStream::connect(chat.addr()).await.unwrap();
    tcp.write_all(handshake(&chat).as_bytes()).await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, tcp.read_to_end(&mut rest)).await.expect("the server gives up").unwrap();
}

#[tokio::test]
async fn spoofed_senders_and_forged_notices_reach_nobody() {
    let chat = start().await;
    let (mut eve, mut bob) = (chat.user("eve").await, chat.user("bob").await);
    for sender in ["bob", "SERVER", "Eve", "eve ", "ev\u{0435}"] {
        let mut message = eve.message("bob", "send me your password");
        message["sender"] = json!(sender);
        eve.answered(&message, "SENDER_MISMATCH").await;
    }
    for to in ["bob", "BROADCAST", "SERVER"] {
        let forged = eve.payload(to, "SYS", json!({"code": "KICKED", "description": "go away"}));
        eve.answered(&forged, "FORBIDDEN").await;
    }
    let ack = eve.payload(
        "SERVER",
        "CMD",
        json!({"command": "ACK", "parameters": {"payloads": [{"sender": "bob", "payloadID": "x"}]}}),
    );
    eve.send(&ack).await;
    eve.nothing_more().await;
    bob.nothing_more().await;
}

#[tokio::test]
async fn client_that_never_reads_affects_no_other() {
    let config = Config {
        outbox_bytes: 256 * 1024,
        burst: 1_000_000,
        messages_per_second: 1_000_000,
        presence: callie_server::config::PresenceMode::Off,
        ..Config::default()
    };
    let chat = start_with(config, quick()).await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let mut lazy = chat.user("lazy").await;
    let made = ada.run("CREATE_GROUP", json!({"name": "g", "members": ["bob", "lazy"]})).await;
    bob.sys("USER_JOINED").await;
    lazy.sys("USER_JOINED").await;
    let group = made["groupID"].as_str().unwrap().to_owned();
    let text = "x".repeat(30_000);
    let mut sent = 0;
    loop {
        let message = ada.message(&group, &text);
        ada.send(&message).await;
        bob.msg(&text).await;
        sent += 1;
        assert!(sent < 2_000, "the lazy one is never closed");
        // When the slow connection is closed, the message is answered first.
        let ask = ada.command("GET_PRESENCE", json!({"usernames": ["lazy"]}));
        ada.send(&ask).await;
        let mut answer = ada.next().await;
        if answer["content"]["code"] == "PARTIALLY_DELIVERED" {
            answer = ada.next().await;
        }
        let presence = &answer["metadata"]["result"];
        if presence["presence"]["lazy"] == "offline" {
            break;
        }
    }
    // The data that the system had accepted arrives, and then the connection ends. A close code could not be written
    // any more.
    loop {
        match lazy.raw().await {
            Some(Ok(Message::Text(_))) => {}
            Some(Ok(Message::Close(Some(frame)))) => {
                assert_eq!(u16::from(frame.code), 4431);
                break;
            }
            Some(Err(_)) | None => break,
            Some(Ok(other)) => panic!("{other:?}"),
        }
    }
    let message = ada.message("bob", "still here");
    ada.send(&message).await;
    bob.msg("still here").await;
}

#[tokio::test]
async fn thousand_silent_connections_block_nobody() {
    const SILENT: usize = 1_000;
    allow_files(2 * SILENT as u64 + 500);
    let config = Config { max_unauthenticated: SILENT, ..Config::default() };
    // Long enough that the first one is still connected when the last one connects, even on a busy machine.
    let timing = Timing { protocol: quick().protocol.with_authentication(Duration::from_secs(8)), ..quick() };
    let chat = start_with(config, timing).await;
    let ada = chat.login("ada").await;
    // Authenticated users are not affected.
    let mut bob = chat.user("bob").await;
    let mut silent = futures_util::future::join_all((0..SILENT).map(|_| chat.open())).await;
    let message = bob.message("bob", "to myself");
    bob.send(&message).await;
    bob.msg("to myself").await;
    let mut late = chat.open().await;
    let (sys, close) = late.ended("OVERLOADED").await;
    assert_eq!(close, 1013);
    assert!(sys["metadata"]["retryAfterMs"].as_u64().unwrap() > 0);
    for client in &mut silent {
        assert_eq!(client.ended("AUTH_TIMEOUT").await.1, 4501);
    }
    drop(silent);
    let came_in = async {
        loop {
            let mut client = chat.open().await.of(&ada);
            let greeting = client.command("AUTHENTICATE", json!({}));
            client.send(&greeting).await;
            if client.next().await["content"]["code"] == "AUTHENTICATED" {
                return client;
            }
        }
    };
    tokio::time::timeout(PATIENCE, came_in).await.expect("room again").nothing_more().await;
}

/// Raises the limit on open files of this process, if the system allows it.
fn allow_files(wanted: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|now| now < wanted) {
        let raised = limit.maximum.map_or(wanted, |most| most.min(wanted));
        setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum }).unwrap();
    }
}

#[tokio::test]
async fn expired_revoked_and_foreign_tokens_are_refused() {
    let chat = start().await;
    let store = &chat.server.store();
    let (ada, revoked, bob) = (chat.login("ada").await, chat.login("ada").await, chat.login("bob").await);
    let month_ago = clock::now() - 31 * 24 * 60 * 60 * 1_000;
    let expired = Login { token: "expired-token".into(), ..ada.clone() };
    let user = store.accounts.get(&Username::parse("ada").unwrap(), clock::now()).await.unwrap().unwrap();
    let session = SessionId::parse("expired").unwrap();
    let hash = TokenHash::of(&expired.token);
    store.sessions.create(&session, &hash, &user, None, month_ago).await.unwrap().unwrap();
    let mut living = chat.connect(&ada).await;
    living.run("REVOKE_SESSION", json!({"sessionID": revoked.session.as_str()})).await;
    let anothers = Login { token: bob.token, ..ada.clone() };
    for (what, login) in [("expired", expired), ("revoked", revoked), ("another's", anothers)] {
        let mut client = chat.open().await.of(&login);
        let first = client.message("ada", "let me in");
        client.send(&first).await;
        let (sys, close) = client.ended("AUTH_FAILED").await;
        assert_eq!(close, 4501, "{what}");
        assert!(!sys.to_string().contains(&login.token), "{what}");
    }
    // None of the payloads had an effect.
    living.nothing_more().await;
}

#[tokio::test]
async fn connections_per_address_and_user_are_limited() {
    let config = Config { max_connections_per_user: 2, ..Config::default() };
    let chat = start_with(config, quick()).await;
    let login = chat.login("ada").await;
    let (mut one, _two) = (chat.connect(&login).await, chat.connect(&login).await);
    let mut three = chat.open().await.of(&login);
    let greeting = three.command("AUTHENTICATE", json!({}));
    three.send(&greeting).await;
    assert_eq!(three.ended("OVERLOADED").await.1, 1013);
    one.nothing_more().await;
}

#[tokio::test]
async fn sql_in_every_string_stays_a_string() {
    let chat = start().await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let evil = "x'); DROP TABLE users; --";
    let made = ada.run("CREATE_GROUP", json!({"name": evil, "members": ["bob"]})).await;
    assert_eq!(made["name"], evil);
    bob.sys("USER_JOINED").await;
    ada.run("UPDATE_SETTINGS", json!({"displayName": evil})).await;
    assert_eq!(bob.run("GET_PROFILE", json!({"username": "ada"})).await["displayName"], evil);
    ada.refused("REVOKE_SESSION", json!({"sessionID": "x' OR '1'='1"}), "INVALID_PARAMETERS").await;
    ada.refused("GET_PROFILE", json!({"username": "x' OR '1'='1"}), "INVALID_PARAMETERS").await;
    ada.run("LIST_GROUPS", json!({"after": evil})).await;
    ada.run("LIST_BLOCKED", json!({"after": "' OR 1=1 --"})).await;
    let message = ada.message("bob", evil);
    ada.send(&message).await;
    bob.msg(evil).await;
    let mut stranger = chat.open().await;
    stranger.name = "ada".into();
    stranger.token = "' OR '1'='1".into();
    let greeting = stranger.command("AUTHENTICATE", json!({}));
    stranger.send(&greeting).await;
    assert_eq!(stranger.ended("AUTH_FAILED").await.1, 4501);
}

#[tokio::test]
async fn lookalike_names_are_refused() {
    let chat = start().await;
    let (mut eve, mut ada) = (chat.user("eve").await, chat.user("ada").await);
    for name in
        ["Ada", "ADA", "\u{0430}da", "ada\u{200b}", "ada ", " ada", "ad\u{0061}\u{0301}", "\u{ff41}da"]
    {
        let message = eve.message(name, "x");
        assert_eq!(eve.answered(&message, "INVALID_FIELD").await["path"], "/recipient", "{name:?}");
    }
    ada.nothing_more().await;
}

#[tokio::test]
async fn too_long_member_list_is_refused() {
    let config = Config { max_group_members: 20, ..Config::default() };
    let chat = start_with(config, quick()).await;
    let mut ada = chat.user("ada").await;
    let names: Vec<String> = (0..21).map(|n| format!("user{n}")).collect();
    ada.refused("CREATE_GROUP", json!({"name": "g", "members": names}), "INVALID_PARAMETERS").await;
    let names: Vec<String> = (0..20).map(|n| format!("user{n}")).collect();
    ada.refused("CREATE_GROUP", json!({"name": "g", "members": names}), "LIMIT_REACHED").await;
    // A hundred thousand do not fit into a payload.
    let names: Vec<String> = (0..100_000).map(|n| format!("user{n}")).collect();
    let command = ada.command("CREATE_GROUP", json!({"name": "g", "members": names}));
    let _ = ada.ws.send(Message::text(command.to_string())).await;
    assert_eq!(ada.ended("PAYLOAD_TOO_LARGE").await.1, 1009);
}

#[tokio::test]
async fn deep_and_repeated_json_is_refused() {
    let chat = start().await;
    let mut ada = chat.user("ada").await;
    ada.send_text(&"[".repeat(60_000)).await;
    ada.sys("INVALID_JSON").await;
    ada.send_text(&format!("{}{}", r#"{"a":"#.repeat(10_000), "1")).await;
    ada.sys("INVALID_JSON").await;
    ada.send_text(r#"{"token":"a","token":"b"}"#).await;
    ada.sys("DUPLICATE_FIELD").await;
    ada.nothing_more().await;
}

#[tokio::test]
async fn no_token_appears_in_any_frame_of_the_server() {
    let chat = start().await;
    let (one, other) = (chat.login("ada").await, chat.login("bob").await);
    let (mut ada, mut bob) = (chat.connect(&one).await, chat.connect(&other).await);
    let mut payloads = vec![
        ada.message("bob", "hello"),
        ada.message("nobody", "hello"),
        ada.command(&ada.token.to_ascii_uppercase().replace('-', "_"), json!({})),
        ada.command("GET_GROUP", json!({ada.token.clone(): 1})),
        ada.command("LIST_SESSIONS", json!({})),
        ada.payload("bob", "MSG", json!({"messageID": "m", "text": "x", ada.token.clone(): 1})),
    ];
    let mut extra = ada.message("bob", "x");
    extra[ada.token.clone()] = json!(1);
    payloads.push(extra);
    let mut wrong = ada.message("bob", "x");
    wrong["token"] = json!(bob.token);
    payloads.push(wrong);
    for payload in &payloads {
        ada.send(payload).await;
    }
    let mut seen = bob.text().await;
    for _ in 1..payloads.len() {
        seen.push_str(&ada.text().await);
    }
    seen.push_str(&chat.server.metrics().text());
    for token in [&one.token, &other.token] {
        assert!(!seen.contains(token.as_str()), "{token} in {seen}");
    }
}
