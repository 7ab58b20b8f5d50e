//! Heartbeats, confirmations, waits and metadata of a session.

use std::time::Duration;

use super::machine::MOST_PATIENCE;
use super::{ClosedBy, Event, Now, Output, Receipt, SendError, SendOptions, Session, SessionConfig, State};
use crate::code::{CodeName, SysCode};
use crate::command::Command;
use crate::content::CommandCall;
use crate::json::JsonObject;
use crate::limits::Limits;
use crate::name::{PayloadId, Username};
use crate::notice::Notice;
use crate::party::Recipient;
use crate::payload::EnvelopeIds;
use crate::timestamp::Timestamp;
use crate::token::Token;

fn at(seconds: u64) -> Now {
    Now { elapsed: Duration::from_secs(seconds), wall: Timestamp::UNIX_EPOCH }
}

fn texts(session: &mut Session) -> Vec<String> {
    let outputs = std::iter::from_fn(|| session.poll());
    outputs.filter_map(|output| if let Output::Transmit(text) = output { Some(text) } else { None }).collect()
}

/// Returns a session that is online.
fn online() -> Session {
    let (username, token) = (Username::parse("ada").unwrap(), Token::parse("t").unwrap());
    let mut random = 0;
    let count = move || {
        random += 1;
        random
    };
    let mut session = Session::new(SessionConfig::new(username, token), Box::new(count));
    session.start(at(0)).unwrap();
    session.opened(at(0));
    let asked = texts(&mut session).pop().unwrap();
    let frame = crate::PayloadRef::from_client(&asked, &Limits::default()).unwrap();
    let id = PayloadId::parse(frame.payload_id()).unwrap();
    let ids = EnvelopeIds { payload_id: PayloadId::parse("s").unwrap(), timestamp: Timestamp::UNIX_EPOCH };
    let welcome = Notice::builder(SysCode::Authenticated).in_reply_to(id);
    session.received(at(0), &welcome.to_payload(Recipient::parse("ada").unwrap(), ids).encode());
    session
}

fn is_online(session: &Session) -> bool {
    matches!(session.state(), State::Online { .. })
}

#[test]
fn silence_ends_a_connection_unless_reading_is_paused() {
    for read_paused in [false, true] {
        let mut session = online();
        let mut asked = 0;
        for second in 1..=120 {
            if read_paused {
                session.read_paused(at(second));
            }
            session.wake(at(second));
            asked += texts(&mut session).len();
        }
        assert_eq!(is_online(&session), read_paused);
        assert!(!read_paused || asked >= 2, "the server hears from it all the same");
    }
}

fn message(id: &str) -> String {
    format!(
        r#"{{"token":"","sender":"bob","recipient":"ada","timestamp":"2026-01-02T03:04:05.678Z","type":"MSG","content":{{"messageID":"m","text":"x"}},"metadata":{{"ack":true}},"payloadID":"{id}","payloadVersion":"1.0"}}"#
    )
}

/// Returns what happened since the last call: receipts of messages, and payload IDs of confirmations.
fn seen(session: &mut Session) -> (Vec<Receipt>, Vec<String>) {
    let (mut receipts, mut confirmed) = (Vec::new(), Vec::new());
    while let Some(output) = session.poll() {
        match output {
            Output::Event(Event::Message(_, receipt)) => receipts.push(receipt),
            Output::Transmit(text) => {
                let limits = Limits::default();
                let frame = crate::PayloadRef::from_client(&text, &limits).unwrap();
                if let Some(Ok(Command::Ack { payloads, .. })) = frame.command(&limits) {
                    confirmed.extend(payloads.iter().map(|entry| entry.payload_id.to_string()));
                }
            }
            _ => {}
        }
    }
    (receipts, confirmed)
}

#[test]
fn message_is_confirmed_when_it_is_taken() {
    let mut session = online();
    for id in ["p1", "p2", "p3"] {
        session.received(at(1), &message(id));
    }
    session.received(at(1), &message("p1"));
    session.wake(at(2));
    let (receipts, confirmed) = seen(&mut session);
    assert_eq!((receipts.len(), confirmed), (3, vec![]));
    session.taken(at(2), receipts[1]);
    session.wake(at(3));
    assert_eq!(seen(&mut session).1, ["p1", "p2"]);
    // Taken messages are confirmed again immediately, others are not.
    session.taken(at(3), receipts[0]);
    session.received(at(3), &message("p2"));
    session.received(at(3), &message("p3"));
    session.wake(at(4));
    assert_eq!(seen(&mut session), (vec![], vec!["p2".to_owned()]));
    session.taken(at(4), receipts[2]);
    session.suspend(at(4)).unwrap();
    assert_eq!(seen(&mut session).1, ["p3"]);
}

#[test]
fn state_is_exact_before_its_event_is_polled() {
    let mut session = online();
    assert!(matches!(session.state(), State::Online { .. }));
    session.suspend(at(1)).unwrap();
    assert_eq!(*session.state(), State::Suspended);
    session.start(at(1)).unwrap();
    assert_eq!(*session.state(), State::Connecting);
    session.closed(at(2), None, Some(Duration::from_secs(9)));
    let State::Waiting { retry_in, .. } = session.state() else { panic!("{:?}", session.state()) };
    assert_eq!(*retry_in, Duration::from_secs(9));
    session.disconnect(at(3));
    assert_eq!(*session.state(), State::Closed(ClosedBy::Application));
}

#[test]
fn network_change_keeps_the_delay_of_the_server() {
    let mut session = online();
    session.closed(at(1), Some(1013), Some(Duration::from_secs(9)));
    session.network_changed(at(2));
    assert!(matches!(session.state(), State::Waiting { .. }));
    session.network_changed(at(10));
    assert_eq!(*session.state(), State::Connecting);
}

#[test]
fn delay_of_the_server_is_at_most_five_minutes() {
    let mut session = online();
    session.closed(at(1), Some(1013), Some(Duration::MAX));
    let State::Waiting { retry_in, .. } = session.state() else { panic!("{:?}", session.state()) };
    assert_eq!(*retry_in, MOST_PATIENCE);
}

#[test]
fn metadata_of_a_received_message_is_sent_again() {
    let mut session = online();
    texts(&mut session);
    let send = |session: &mut Session, metadata, confirm| {
        let metadata = JsonObject::parse(metadata).unwrap();
        let message = crate::Message::builder(session.message_id(at(1))).text("x").build().unwrap();
        let options = SendOptions { confirm, metadata, ..Default::default() };
        session.send(at(1), Recipient::parse("bob").unwrap(), message, &options)?;
        Ok::<_, SendError>(texts(session).remove(0))
    };
    let text = send(&mut session, r#"{"ack":true,"inReplyTo":"p1","a":1}"#, false).unwrap();
    assert!(text.contains(r#""metadata":{"inReplyTo":"p1","a":1}"#), "{text}");
    let text = send(&mut session, r#"{"a":1,"ack":"no"}"#, true).unwrap();
    assert!(text.contains(r#""metadata":{"a":1,"ack":true}"#), "{text}");
    for wrong in [r#"{"inReplyTo":"p 1"}"#, r#"{"inReplyTo":1}"#, r#"{"inReplyTo":null}"#] {
        let refused = send(&mut session, wrong, true).unwrap_err();
        assert!(refused.to_string().starts_with("the metadata's inReplyTo must be"), "{refused}");
    }
}

#[test]
fn commands_of_the_session_are_refused() {
    let mut session = online();
    texts(&mut session);
    let call = |name: &'static str, parameters| {
        CommandCall::new(CodeName::parse(name).unwrap(), JsonObject::parse(parameters).unwrap())
    };
    session.call(at(1), call("OF_LATER", r#"{"a":1}"#)).unwrap();
    session.call(at(1), call("LIST_GROUPS", r#"{"limit":9999}"#)).unwrap();
    assert_eq!(texts(&mut session).len(), 2);
    let own = [call("AUTHENTICATE", "{}"), call("ACK", r#"{"payloads":[{"sender":"bob","payloadID":"p"}]}"#)];
    for call in own {
        assert_eq!(session.call(at(1), call), Err(SendError::OwnCommand));
    }
}
