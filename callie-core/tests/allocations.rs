//! A payload without escapes is checked without allocation. In its own binary, because it replaces the global
//! allocator.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::time::Duration;

use callie_core::server::{Action, Connection, Handshake, Identity, PayloadKeys, ServerConfig, UserState};
use callie_core::{EnvelopeIds, Limits, PayloadId, PayloadRef, SessionId, Timestamp, Username};

fn payload(kind: &str, recipient: &str, content: &str, metadata: &str) -> String {
    format!(
        r#"{{"token":"q3Zk8w2M5r7T9yB1nC4vX6sD0fGhJkLpQwErTyUiOpA","sender":"ada","recipient":"{recipient}","timestamp":"2026-01-02T03:04:05.678Z","type":"{kind}","content":{content},"metadata":{metadata},"payloadID":"01890a5d-ac96-774b-bcce-b302099a8057","payloadVersion":"1.0"}}"#
    )
}

#[track_caller]
fn assert_free(text: &str) {
    let limits = Limits::default();
    let checked = allocation_counter::measure(|| assert!(PayloadRef::from_client(text, &limits).is_ok()));
    assert_eq!(checked.count_total, 0);
}

#[test]
fn message_is_checked_without_allocation() {
    let content =
        r#"{"messageID":"m1","text":"Hello, **Bob**: how about tea at *four*? é € 😀","attachments":[]}"#;
    assert_free(&payload("MSG", "bob", content, "{}"));
    assert_free(&payload(
        "MSG",
        "group:01890a5d-ac96-774b-bcce-b302099a8057",
        content,
        r#"{"ack":true,"thread":"t1"}"#,
    ));
}

#[test]
fn escaped_text_is_checked_without_allocation() {
    let content = r#"{"messageID":"m1","text":"One\n\n- two\n- \"three\" \ud83d\ude00"}"#;
    assert_free(&payload("MSG", "bob", content, "{}"));
}

#[test]
fn attachments_are_checked_without_allocation() {
    let attachment = r#"{"type":"image","url":"https://example.com/a.png","metadata":{"filename":"a.png","size":204800,"filetype":"image/png","width":10}}"#;
    let attachments = [attachment; 10].join(",");
    let content = format!(r#"{{"messageID":"m1","text":"","attachments":[{attachments}]}}"#);
    assert_free(&payload("MSG", "bob", &content, "{}"));
}

#[test]
fn other_payloads_are_checked_without_allocation() {
    assert_free(&payload("PING", "SERVER", "{}", "{}"));
    assert_free(&payload("PONG", "bob", "{}", r#"{"inReplyTo":"p0"}"#));
    assert_free(&payload(
        "CMD",
        "SERVER",
        r#"{"command":"SIGNAL","parameters":{"recipient":"bob","kind":"typing"}}"#,
        "{}",
    ));
    let notice = payload("SYS", "ada", r#"{"code":"DELIVERED","description":"x"}"#, r#"{"inReplyTo":"p1"}"#);
    let notice = notice.replace("q3Zk8w2M5r7T9yB1nC4vX6sD0fGhJkLpQwErTyUiOpA", "");
    let checked = allocation_counter::measure(|| assert!(PayloadRef::from_server(&notice).is_ok()));
    assert_eq!(checked.count_total, 0);
}

#[test]
fn delivery_allocates_only_the_delivered_text() {
    let text = payload("MSG", "bob", r#"{"messageID":"m1","text":"Hello"}"#, "{}");
    let frame = PayloadRef::from_client(&text, &Limits::default()).unwrap();
    let passed_on = allocation_counter::measure(|| drop(frame.pass_on()));
    assert_eq!(passed_on.count_total, 1);
}

#[test]
fn deep_nesting_is_refused_without_allocation() {
    let text = format!("{}{}", "{\"a\":".repeat(10_000), "[".repeat(10_000));
    let refused =
        allocation_counter::measure(|| assert!(PayloadRef::from_client(&text, &Limits::default()).is_err()));
    assert!(refused.bytes_max < 4_096, "{}", refused.bytes_max);
}

#[test]
fn many_keys_or_attachments_use_linear_memory() {
    let keys = (0..7_000).map(|i| format!("\"{i}\":0")).collect::<Vec<_>>().join(",");
    let attachments = vec!["{}"; 20_000].join(",");
    for (kind, content, metadata) in [
        ("CMD", format!(r#"{{"command":"A","parameters":{{{keys}}}}}"#), "{}"),
        ("MSG", format!(r#"{{"messageID":"m1","text":"x","attachments":[{attachments}]}}"#), "{}"),
    ] {
        let text = payload(kind, if kind == "CMD" { "SERVER" } else { "bob" }, &content, metadata);
        assert!(text.len() <= Limits::default().max_payload_bytes, "{}", text.len());
        let checked =
            allocation_counter::measure(|| drop(PayloadRef::from_client(&text, &Limits::default())));
        assert!(checked.bytes_max < 1 << 20, "{}", checked.bytes_max);
    }
}

#[test]
fn connection_accepts_a_message_without_allocation() {
    const NOW: Duration = Duration::ZERO;
    let message = |id: &str| {
        payload("MSG", "bob", r#"{"messageID":"m1","text":"Hello"}"#, "{}")
            .replace("01890a5d-ac96-774b-bcce-b302099a8057", id)
    };
    let first = message("p0");
    let ada =
        Identity::new(Username::parse("ada").unwrap(), SessionId::parse("s").unwrap(), Timestamp::UNIX_EPOCH);
    let keys = PayloadKeys::new(BuildHasherDefault::<DefaultHasher>::new());
    let config = Arc::new(ServerConfig::new(keys));
    let mut user = UserState::new(&config.limits);
    let verified = Handshake::new(NOW, config).receive(&first).unwrap().verify(Some(ada)).unwrap();
    let envelope_ids =
        || EnvelopeIds { payload_id: PayloadId::parse("s").unwrap(), timestamp: Timestamp::UNIX_EPOCH };
    let (mut connection, _) = Connection::<()>::open(NOW, verified, Box::new(envelope_ids), &mut user);
    // The first payloads allocate the table of remembered IDs.
    let texts: Vec<_> = (1..9).map(|n| message(&format!("p{n}"))).collect();
    let (last, others) = texts.split_last().unwrap();
    for text in others {
        assert!(matches!(connection.receive(NOW, text, &mut user), Action::Deliver(_)));
    }
    let taken = allocation_counter::measure(|| {
        let Action::Deliver(accepted) = connection.receive(NOW, last, &mut user) else { unreachable!() };
        drop(accepted.payload().pass_on());
    });
    assert_eq!(taken.count_total, 1, "the text that is passed on");
}
