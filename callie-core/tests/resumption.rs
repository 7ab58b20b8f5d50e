//! A server's connection that is lost and resumed (protocol, "Resumption").

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::time::Duration;

use callie_core::command::{Feature, Features};
use callie_core::server::{
    Action, CloseReason, Connection, Handshake, Identity, PayloadKey, PayloadKeys, ServerConfig, UserState,
    Verified,
};
use callie_core::{
    ConnectionId, EnvelopeIds, Notice, PayloadId, PayloadRef, SessionId, SysCode, Timestamp, Username, times,
};

const TOKEN: &str = "q3Zk8w2M5r7T9yB1nC4vX6sD0fGhJkLpQwErTyUiOpA";

type Ada = Connection<u32>;

fn envelope_ids() -> EnvelopeIds {
    EnvelopeIds { payload_id: PayloadId::parse("s").unwrap(), timestamp: Timestamp::UNIX_EPOCH }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn command(name: &str, parameters: &str) -> String {
    format!(
        r#"{{"token":"{TOKEN}","sender":"ada","recipient":"SERVER","timestamp":"2026-01-02T03:04:05.678Z","type":"CMD","content":{{"command":"{name}","parameters":{parameters}}},"payloadID":"p","payloadVersion":"1.0"}}"#
    )
}

fn config(features: Features) -> Arc<ServerConfig> {
    let keys = PayloadKeys::new(BuildHasherDefault::<DefaultHasher>::new());
    Arc::new(ServerConfig::new(keys).with_features(features).with_max_kept_bytes(1_000))
}

fn resume() -> Arc<ServerConfig> {
    config(Features::NONE.with(Feature::Resume))
}

fn id(text: &str) -> ConnectionId {
    ConnectionId::parse(text).unwrap()
}

fn greeting(more: &str) -> String {
    command("AUTHENTICATE", &format!(r#"{{"features":["resume"]{more}}}"#))
}

fn resuming(connection: &str, received: u64) -> String {
    greeting(&format!(r#","resume":{{"connectionID":"{connection}","received":{received}}}"#))
}

fn verified<'t>(config: &Arc<ServerConfig>, greeting: &'t str, session: &str) -> Verified<'t> {
    let ada = Identity::new(
        Username::parse("ada").unwrap(),
        SessionId::parse(session).unwrap(),
        Timestamp::UNIX_EPOCH,
    );
    Handshake::new(secs(0), config.clone()).receive(greeting).unwrap().verify(Some(ada)).unwrap()
}

fn open(config: &Arc<ServerConfig>, greeting: &str) -> (Ada, Notice) {
    let mut user = UserState::new(&config.limits);
    let verified = verified(config, greeting, "s").with_connection_id(id("c1"));
    let (mut connection, _) = Ada::open(secs(0), verified, Box::new(envelope_ids), &mut user);
    let welcome = notice(&connection.poll(secs(0)).unwrap());
    (connection, welcome)
}

fn ada() -> Ada {
    open(&resume(), &greeting("")).0
}

fn notice(text: &str) -> Notice {
    Notice::read(&PayloadRef::from_server(text).unwrap()).unwrap()
}

fn write(connection: &mut Ada, texts: &[&str]) {
    texts.iter().for_each(|text| connection.count_written(&(*text).to_owned()));
}

fn receive<'t>(connection: &mut Ada, now: Duration, text: &'t str) -> Action<'t, u32> {
    let config = resume();
    connection.receive(now, text, &mut UserState::new(&config.limits))
}

/// Resumes the connection, and returns what it writes after `AUTHENTICATED`.
fn resumed(connection: &mut Ada, now: Duration, received: u64) -> Option<Vec<String>> {
    connection.go_away(None);
    resumed_with(connection, now, &resuming("c1", received), "s")
}

fn resumed_with(connection: &mut Ada, now: Duration, greeting: &str, session: &str) -> Option<Vec<String>> {
    let resuming = verified(&resume(), greeting, session).resuming().unwrap();
    if !connection.resume(now, resuming) {
        return None;
    }
    let welcome = notice(&connection.poll(now).unwrap());
    assert_eq!((welcome.code(), welcome.metadata().resumed), (SysCode::Authenticated, Some(true)));
    assert_eq!(welcome.metadata().connection_id, Some(id("c1")));
    Some(std::iter::from_fn(|| connection.poll(now)).collect())
}

#[test]
fn welcome_names_the_connection_if_both_sides_support_it() {
    let (connection, welcome) = open(&resume(), &greeting(""));
    let metadata = welcome.metadata();
    assert_eq!((&metadata.connection_id, metadata.resumed), (&Some(id("c1")), Some(false)));
    assert_eq!(metadata.resume_seconds, Some(60));
    assert!(connection.has_feature(Feature::Resume) && connection.connection_id() == Some(&id("c1")));

    for (config, greeting) in [
        (resume(), command("AUTHENTICATE", "{}")),
        (resume(), command("AUTHENTICATE", r#"{"features":["offline"]}"#)),
        (config(Features::NONE), greeting("")),
    ] {
        let (connection, welcome) = open(&config, &greeting);
        let metadata = welcome.metadata();
        assert_eq!((&metadata.connection_id, metadata.resume_seconds, metadata.resumed), (&None, None, None));
        assert!(!connection.has_feature(Feature::Resume) && connection.written_texts().is_none());
    }
}

#[test]
fn feature_needs_an_id_for_the_connection() {
    let config = resume();
    let greeting = greeting("");
    let (mut connection, _) = Connection::<()>::open(
        secs(0),
        verified(&config, &greeting, "s"),
        Box::new(envelope_ids),
        &mut UserState::new(&config.limits),
    );
    let welcome = notice(&connection.poll(secs(0)).unwrap());
    assert_eq!(welcome.metadata().features.as_deref(), Some(&[][..]));
    assert!(!connection.has_feature(Feature::Resume));
}

#[test]
fn texts_that_did_not_arrive_follow_once() {
    let mut ada = ada();
    write(&mut ada, &["one", "two", "three"]);
    assert_eq!(resumed(&mut ada, secs(9), 1).unwrap(), ["two", "three"]);
    write(&mut ada, &["four"]);
    assert_eq!(ada.written_texts().unwrap().written(), 4);
    assert_eq!(resumed(&mut ada, secs(19), 3).unwrap(), ["four"]);
}

#[test]
fn resumption_that_is_cut_continues_again() {
    let mut ada = ada();
    write(&mut ada, &["one", "two", "three"]);
    ada.go_away(None);
    for received in [0, 0, 1] {
        let greeting = resuming("c1", received);
        assert!(ada.resume(secs(1), verified(&resume(), &greeting, "s").resuming().unwrap()));
        // The socket is lost after the first texts.
        ada.poll(secs(1)).unwrap();
        assert_eq!(ada.poll(secs(1)).unwrap(), ["one", "two"][usize::try_from(received).unwrap()]);
        ada.go_away(None);
    }
    assert_eq!(resumed(&mut ada, secs(2), 2).unwrap(), ["three"]);
}

#[test]
fn unwritten_own_texts_follow_after_those_written_before() {
    let mut ada = ada();
    write(&mut ada, &["one"]);
    assert!(ada.wake(times::HEARTBEAT).is_none(), "a PING is due, and not written");
    let text = command("GET_SETTINGS", "{}");
    let Action::Execute(_, accepted) = receive(&mut ada, times::HEARTBEAT, &text) else { unreachable!() };
    let reply = ada.reply(&accepted);
    ada.go_away(None);
    ada.answer(secs(31), reply.refuse(SysCode::Conflict, envelope_ids()));
    let texts = resumed_with(&mut ada, secs(40), &resuming("c1", 0), "s").unwrap();
    assert_eq!((texts[0].as_str(), notice(&texts[1]).code(), texts.len()), ("one", SysCode::Conflict, 2));
    assert_eq!(ada.written_texts().unwrap().written(), 2);
}

#[test]
fn wrong_resumptions_are_refused() {
    let mut ada = ada();
    write(&mut ada, &["one", "two"]);
    assert!(matches!(receive(&mut ada, secs(1), &command("ACK", r#"{"received":1}"#)), Action::Confirm(_)));
    ada.go_away(None);
    for (connection, received, session) in [
        ("c2", 1, "s"),     // a guessed connection
        ("c1", 1, "other"), // a foreign session
        ("c1", 0, "s"),     // a text that was counted and is not kept
        ("c1", 3, "s"),     // a text that was not written
        ("c1", 1 << 52, "s"),
    ] {
        assert_eq!(resumed_with(&mut ada, secs(2), &resuming(connection, received), session), None);
    }
    assert_eq!(resumed_with(&mut ada, secs(3), &resuming("c1", 1), "s").unwrap(), ["two"]);
}

#[test]
fn resumption_without_the_feature_opens_a_connection() {
    let without = command("AUTHENTICATE", r#"{"resume":{"connectionID":"c1","received":0}}"#);
    assert!(verified(&resume(), &without, "s").resuming().is_none());
    assert!(verified(&config(Features::NONE), &resuming("c1", 0), "s").resuming().is_none());
}

#[test]
fn text_of_the_close_counts_only_if_it_arrived() {
    for (received, texts) in [(1, vec!["two"]), (2, vec![]), (3, vec![])] {
        let mut ada = ada();
        write(&mut ada, &["one", "two"]);
        let closing = ada.go_away(Some(&CloseReason::heartbeat_missed())).unwrap();
        assert_eq!(notice(&closing.last.unwrap()).code(), SysCode::HeartbeatMissed);
        assert!(closing.first.is_empty() && !closing.write_queued && closing.code == 4408);
        assert_eq!(resumed_with(&mut ada, secs(2), &resuming("c1", received), "s").unwrap(), texts);
        write(&mut ada, &["next"]);
        assert_eq!(ada.written_texts().unwrap().written(), received.max(2) + 1);
    }
}

#[test]
fn future_count_is_an_invalid_parameter() {
    let mut ada = ada();
    write(&mut ada, &["one"]);
    let text = command("ACK", r#"{"received":2}"#);
    let Action::Answer(answer) = receive(&mut ada, secs(1), &text) else { panic!("it was accepted") };
    let answer = notice(answer.text());
    assert_eq!(answer.code(), SysCode::InvalidParameters);
    assert_eq!(answer.metadata().path.as_deref(), Some("/content/parameters/received"));
    for received in ["1", "0", "1"] {
        let text = command("ACK", &format!(r#"{{"received":{received}}}"#));
        assert!(matches!(receive(&mut ada, secs(1), &text), Action::Confirm(_)), "{received}");
    }
    assert_eq!(ada.written_texts().unwrap().bytes(), 0);
}

#[test]
fn count_has_no_effect_without_the_feature() {
    let (mut ada, _) = open(&resume(), &command("AUTHENTICATE", "{}"));
    assert!(matches!(receive(&mut ada, secs(1), &command("ACK", r#"{"received":9}"#)), Action::Confirm(_)));
}

#[test]
fn receipts_survive_with_new_deadlines() {
    let mut ada = ada();
    let keys = PayloadKeys::new(BuildHasherDefault::<DefaultHasher>::new());
    let key: PayloadKey = keys.key("bob", "b1");
    assert!(ada.written(secs(1), key, 7).is_none());
    assert!(resumed(&mut ada, secs(100), 0).is_some());
    assert_eq!(ada.receipts_mut().map(|receipt| *receipt).collect::<Vec<_>>(), [7]);
    assert!(ada.wake(secs(110)).is_none());
    assert_eq!(ada.receipts_mut().count(), 1);
    ada.wake(secs(100) + times::HEARTBEAT);
    assert_eq!(ada.receipts_mut().count(), 0);
}

#[test]
fn heartbeat_and_strikes_begin_anew() {
    let mut ada = ada();
    for _ in 0..19 {
        assert!(matches!(receive(&mut ada, secs(1), "{"), Action::Answer(_)));
    }
    assert!(resumed(&mut ada, secs(50), 0).is_some());
    assert!(matches!(receive(&mut ada, secs(50), "{"), Action::Answer(_)));
    assert_eq!(ada.deadline(), secs(50) + times::HEARTBEAT);
}

#[test]
fn moved_connection_is_resumed_in_another_process() {
    let mut ada = ada();
    write(&mut ada, &["one", "two", "three"]);
    let keys = PayloadKeys::new(BuildHasherDefault::<DefaultHasher>::new());
    assert!(ada.written(secs(1), keys.key("bob", "b1"), 7).is_none());
    let text = command("GET_SETTINGS", "{}");
    let Action::Execute(_, accepted) = receive(&mut ada, secs(2), &text) else { unreachable!() };
    let reply = ada.reply(&accepted);
    ada.go_away(Some(&CloseReason::shutting_down(secs(1))));
    ada.answer(secs(3), reply.refuse(SysCode::Conflict, envelope_ids()));
    let (moved, receipts) = (ada.move_away(secs(3)).unwrap(), ada.take_receipts());
    assert_eq!(moved.texts().count(), 4);
    let identity =
        Identity::new(Username::parse("ada").unwrap(), SessionId::parse("s").unwrap(), Timestamp::UNIX_EPOCH);
    for (received, expected) in [(1, 2), (3, 0), (4, 0)] {
        let ids = Box::new(envelope_ids);
        let mut there = Ada::arrive(secs(9), resume(), identity.clone(), ids, moved.clone());
        for (key, receipt) in &receipts {
            assert!(there.written(secs(9), *key, *receipt).is_none());
        }
        let texts = resumed_with(&mut there, secs(9), &resuming("c1", received), "s").unwrap();
        assert_eq!(texts.len(), expected + 1, "{received}");
        assert_eq!(notice(texts.last().unwrap()).code(), SysCode::Conflict);
        assert_eq!(there.receipts_mut().map(|receipt| *receipt).collect::<Vec<_>>(), [7]);
        assert_eq!(there.received(), 3);
    }
}
