//! Payloads dropped because of the rate: each is named in a `RATE_LIMITED`, before any answer to a later payload.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod chat;
mod support;

use std::collections::HashSet;
use std::time::Duration;

use callie_server::Config;
use callie_server::gateway::Timing;
use chat::{Chat, Client, quick, start_with};
use futures_util::SinkExt as _;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Bytes, Message};

/// A rate of few payloads a second.
fn slow_rate() -> Config {
    Config { burst: 5, messages_per_second: 1, ..Config::default() }
}

async fn strict() -> Chat {
    start_with(slow_rate(), quick()).await
}

fn id(payload: &Value) -> String {
    payload["payloadID"].as_str().unwrap().to_owned()
}

fn is_limited(payload: &Value) -> bool {
    payload["content"]["code"] == "RATE_LIMITED"
}

/// Returns the payloads that a `RATE_LIMITED` names, and checks its form.
fn named(limited: &Value) -> Vec<String> {
    let metadata = &limited["metadata"];
    let names: Vec<String> =
        metadata["dropped"].as_array().unwrap().iter().map(|n| n.as_str().unwrap().to_owned()).collect();
    assert_eq!(metadata["inReplyTo"], names[0].as_str(), "{limited}");
    assert!(metadata["retryAfterMs"].as_u64().unwrap() >= 1, "{limited}");
    assert!(names.len() <= 200 && metadata.get("droppedCount").is_none(), "{limited}");
    names
}

/// Sends all payloads in one write, so that the server reads them together.
async fn send_all(client: &mut Client, payloads: &[Value]) {
    for payload in payloads {
        client.ws.feed(Message::text(payload.to_string())).await.unwrap();
    }
    client.ws.flush().await.unwrap();
}

/// What a connection has received.
struct Seen {
    /// The dropped payloads, in the order in which they were named.
    dropped: Vec<String>,
    /// For each PONG, its PING and the number of dropped payloads that were named before it.
    pongs: Vec<(String, usize)>,
}

/// Reads until the PONG to the last of `sent`.
async fn read_until_last_pong(client: &mut Client, sent: &[Value]) -> Seen {
    let mut seen = Seen { dropped: Vec::new(), pongs: Vec::new() };
    let last = id(sent.last().unwrap());
    loop {
        let payload = client.next().await;
        if is_limited(&payload) {
            seen.dropped.extend(named(&payload));
        } else {
            assert_eq!(payload["type"], "PONG", "{payload}");
            let ping = payload["metadata"]["inReplyTo"].as_str().unwrap().to_owned();
            seen.pongs.push((ping.clone(), seen.dropped.len()));
            if ping == last {
                return seen;
            }
        }
    }
}

/// Checks that each PONG comes after the reports of all drops before its PING. `arrived` has the messages that were not
/// dropped.
fn check(sent: &[Value], seen: &Seen, arrived: &HashSet<String>) {
    for (ping, known) in &seen.pongs {
        let at = sent.iter().position(|p| id(p) == *ping).unwrap();
        let named: HashSet<&String> = seen.dropped[..*known].iter().collect();
        for message in sent[..at].iter().filter(|p| p["type"] == "MSG") {
            let id = id(message);
            assert_ne!(arrived.contains(&id), named.contains(&id), "{id} before {ping}");
        }
    }
    let order: Vec<usize> =
        seen.dropped.iter().map(|name| sent.iter().position(|p| id(p) == *name).unwrap()).collect();
    assert!(order.is_sorted_by(|a, b| a < b), "the oldest first, each once: {order:?}");
    assert!(!seen.dropped.is_empty(), "nothing was dropped");
}

/// Returns every message that has reached `client` until now: it reads up to the answer to a new PING.
async fn arrived(client: &mut Client) -> HashSet<String> {
    let ping = client.payload("SERVER", "PING", json!({}));
    client.send(&ping).await;
    let mut arrived = HashSet::new();
    loop {
        let payload = client.next().await;
        match payload["type"].as_str() {
            Some("MSG") => assert!(arrived.insert(id(&payload)), "twice: {payload}"),
            _ => return arrived,
        }
    }
}

/// Returns messages with a PING after some of them.
fn mixed(client: &Client, to: &str, messages: usize) -> Vec<Value> {
    let mut all = Vec::new();
    for n in 0..messages {
        all.push(client.message(to, &n.to_string()));
        if n % 3 == 1 {
            all.push(client.payload("SERVER", "PING", json!({})));
        }
    }
    all.push(client.payload("SERVER", "PING", json!({})));
    all
}

#[tokio::test]
async fn dropped_payloads_are_named_before_a_pong() {
    let chat = strict().await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let sent = mixed(&ada, "bob", 40);
    send_all(&mut ada, &sent).await;
    let seen = read_until_last_pong(&mut ada, &sent).await;
    check(&sent, &seen, &arrived(&mut bob).await);
}

#[tokio::test]
async fn each_device_receives_its_own_drops() {
    let chat = strict().await;
    let login = chat.login("ada").await;
    let (mut one, mut two) = (chat.connect(&login).await, chat.connect(&login).await);
    let mut bob = chat.user("bob").await;
    let (first, second) = (mixed(&one, "bob", 20), mixed(&two, "bob", 20));
    let both = async |client: &mut Client, sent: &[Value]| {
        send_all(client, sent).await;
        let mut seen = Seen { dropped: Vec::new(), pongs: Vec::new() };
        let last = id(sent.last().unwrap());
        while seen.pongs.last().is_none_or(|(ping, _)| *ping != last) {
            let payload = client.next().await;
            match payload["type"].as_str() {
                // A copy of a message of the other device.
                Some("MSG") => {}
                Some("PONG") => {
                    let ping = payload["metadata"]["inReplyTo"].as_str().unwrap().to_owned();
                    seen.pongs.push((ping, seen.dropped.len()));
                }
                _ => seen.dropped.extend(named(&payload)),
            }
        }
        seen
    };
    let (seen_one, seen_two) = tokio::join!(both(&mut one, &first), both(&mut two, &second));
    let arrived = arrived(&mut bob).await;
    check(&first, &seen_one, &arrived);
    check(&second, &seen_two, &arrived);
}

#[tokio::test]
async fn dropped_broadcasts_are_named_and_may_be_resent() {
    let config = Config { broadcasts_per_minute: 600, ..Config::default() };
    let chat = start_with(config, quick()).await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let sent = mixed(&ada, "BROADCAST", 12);
    send_all(&mut ada, &sent).await;
    let seen = read_until_last_pong(&mut ada, &sent).await;
    let first = arrived(&mut bob).await;
    check(&sent, &seen, &first);
    for name in &seen.dropped {
        let payload = sent.iter().find(|p| id(p) == *name).unwrap();
        loop {
            let ping = ada.payload("SERVER", "PING", json!({}));
            send_all(&mut ada, &[payload.clone(), ping]).await;
            let answer = ada.next().await;
            if answer["type"] == "PONG" {
                break;
            }
            assert_eq!(named(&answer), [name.as_str()]);
            tokio::time::sleep(Duration::from_millis(answer["metadata"]["retryAfterMs"].as_u64().unwrap()))
                .await;
            assert_eq!(ada.next().await["type"], "PONG");
        }
    }
    let again = arrived(&mut bob).await;
    assert_eq!(again, seen.dropped.into_iter().collect());
}

#[tokio::test]
async fn silent_client_receives_all_drops() {
    let chat = strict().await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let sent: Vec<Value> = (0..30).map(|n| ada.message("bob", &n.to_string())).collect();
    send_all(&mut ada, &sent).await;
    let (mut dropped, mut notices) = (Vec::new(), 0);
    let taken = arrived(&mut bob).await;
    while dropped.len() + taken.len() < sent.len() {
        let payload = ada.next().await;
        dropped.extend(named(&payload));
        notices += 1;
    }
    // Payloads that were read together are named immediately, later ones after a second.
    assert!((1..=3).contains(&notices), "{notices}");
    let all: HashSet<String> = dropped.into_iter().chain(taken).collect();
    assert_eq!(all, sent.iter().map(id).collect());
    ada.nothing_more().await;
}

#[tokio::test]
async fn drops_beyond_two_hundred_are_counted() {
    let chat = strict().await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let sent: Vec<Value> = (0..600).map(|n| ada.message("bob", &n.to_string())).collect();
    send_all(&mut ada, &sent).await;
    let (mut counted, mut most) = (0, 0);
    let taken = arrived(&mut bob).await.len();
    while counted + taken < sent.len() {
        let payload = ada.sys("RATE_LIMITED").await;
        let names = payload["metadata"]["dropped"].as_array().unwrap().len();
        assert!(names <= 200, "{names}");
        most = most.max(names);
        counted += match payload["metadata"]["droppedCount"].as_u64() {
            Some(count) => {
                assert!(names == 200 && count > 200, "{names} of {count}");
                usize::try_from(count).unwrap()
            }
            None => names,
        };
    }
    assert_eq!((counted + taken, most), (sent.len(), 200));
}

#[tokio::test]
async fn drop_report_precedes_later_confirmations() {
    let config = Config { burst: 2, messages_per_second: 2, ..Config::default() };
    let chat = start_with(config, quick()).await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let sent: Vec<Value> = (0..4).map(|n| ada.message("bob", &n.to_string())).collect();
    send_all(&mut ada, &sent).await;
    let first = ada.sys("RATE_LIMITED").await;
    let mut dropped = named(&first);
    let wait = first["metadata"]["retryAfterMs"].as_u64().unwrap();
    tokio::time::sleep(Duration::from_millis(wait)).await;
    let late = ada.acked("bob", "late");
    ada.send(&late).await;
    let mut taken = Vec::new();
    loop {
        let message = bob.next().await;
        if message["payloadID"] == late["payloadID"] {
            bob.ack(&message).await;
            break;
        }
        taken.push(id(&message));
    }
    loop {
        let answer = ada.next().await;
        if is_limited(&answer) {
            dropped.extend(named(&answer));
            continue;
        }
        assert_eq!(answer["content"]["code"], "DELIVERED", "{answer}");
        break;
    }
    let known: HashSet<String> = dropped.into_iter().chain(taken).collect();
    assert_eq!(known, sent.iter().map(id).collect());
}

#[tokio::test]
async fn flood_of_websocket_pings_names_no_payload() {
    let chat = start_with(Config { burst: 1, messages_per_second: 1, ..Config::default() }, quick()).await;
    let mut ada = chat.user("ada").await;
    for _ in 0..40 {
        ada.ws.feed(Message::Ping(Bytes::new())).await.unwrap();
    }
    ada.ws.flush().await.unwrap();
    let limited = ada.sys("RATE_LIMITED").await;
    let metadata = limited["metadata"].as_object().unwrap();
    assert_eq!(metadata.keys().collect::<Vec<_>>(), ["retryAfterMs"], "{limited}");
}

/// Reads until the close. The payloads that were named or have arrived must be all that the server read.
async fn check_until_close(ada: &mut Client, bob: &mut HashSet<String>, sent: &[Value]) -> Vec<String> {
    let (mut dropped, mut codes) = (HashSet::new(), Vec::new());
    while let Some(Ok(Message::Text(text))) = ada.raw().await {
        let payload: Value = serde_json::from_str(&text).unwrap();
        if is_limited(&payload) {
            dropped.extend(named(&payload));
        }
        codes.push(payload["content"]["code"].as_str().unwrap().to_owned());
    }
    bob.extend(dropped);
    let read = sent.iter().take_while(|p| bob.contains(&id(p))).count();
    assert_eq!(read, bob.len(), "a payload that was read is not named");
    codes
}

#[tokio::test]
async fn flooding_close_names_the_last_drops() {
    let timing = Timing { protocol: quick().protocol.with_flood(Duration::from_millis(300)), ..quick() };
    let chat = start_with(slow_rate(), timing).await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let mut sent = Vec::new();
    loop {
        let message = ada.message("bob", "flood");
        sent.push(message.clone());
        if ada.ws.send(Message::text(message.to_string())).await.is_err()
            || chat.server.gateway().connections() == 1
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut taken = arrived(&mut bob).await;
    let codes = check_until_close(&mut ada, &mut taken, &sent).await;
    assert_eq!(codes.last().unwrap(), "RATE_LIMITED");
}

#[tokio::test]
async fn drops_are_reported_before_a_kick() {
    let chat = strict().await;
    let (mut ada, mut bob, mut root) =
        (chat.user("ada").await, chat.user("bob").await, chat.admin("root").await);
    let sent: Vec<Value> = (0..20).map(|n| ada.message("bob", &n.to_string())).collect();
    send_all(&mut ada, &sent).await;
    // The first one is reported, the others not yet.
    let first = ada.sys("RATE_LIMITED").await;
    let received = |chat: &Chat| chat.server.gateway().payloads_received();
    while received(&chat) < 23 {
        tokio::task::yield_now().await;
    }
    root.run("KICK_USER", json!({"username": "ada"})).await;
    let mut taken = arrived(&mut bob).await;
    taken.extend(named(&first));
    let codes = check_until_close(&mut ada, &mut taken, &sent).await;
    assert_eq!(codes.last().unwrap(), "KICKED");
    assert_eq!(taken.len(), sent.len());
}
