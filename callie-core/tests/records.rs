//! A session that outlives its process: what it stores, and how the next one continues.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod desk;

use std::collections::BTreeMap;
use std::time::Duration;

use callie_core::session::{
    ClosedBy, Output, RestoreError, SendOptions, Session, SessionConfig, State, TicketOutcome,
};
use callie_core::{Message, MessageId, Notice, PriorOutcome, Recipient, SysCode, Token, Username};
use desk::{Desk, id, millis};

const START: i64 = 1_700_000_000_000;
const MINUTE: i64 = 60_000;

fn begun() -> Desk {
    Desk::restore("ada", BTreeMap::new(), START).unwrap()
}

/// The process is killed, and another one begins after this time.
fn killed(desk: Desk, away_ms: i64) -> Desk {
    let Desk { records, wall_ms, .. } = desk;
    Desk::restore("ada", records, wall_ms + away_ms).unwrap()
}

fn online(mut desk: Desk) -> Desk {
    desk.log_in("{}");
    desk
}

fn pending(desk: &Desk) -> Vec<(u64, MessageId)> {
    desk.session.pending().map(|(ticket, id)| (ticket.number(), id.clone())).collect()
}

fn message(id: &str) -> String {
    format!(
        r#"{{"token":"","sender":"bob","recipient":"ada","timestamp":"2026-01-02T03:04:05.678Z","type":"MSG","content":{{"messageID":"m","text":"x"}},"metadata":{{"ack":true}},"payloadID":"{id}","payloadVersion":"1.0"}}"#
    )
}

/// Receives a message, which the application takes. Returns `false` if it is a duplicate.
fn takes(desk: &mut Desk, id: &str) -> bool {
    let before = desk.receipts.len();
    desk.receive(&message(id));
    let new = desk.receipts.len() > before;
    if let Some(receipt) = desk.receipts.last().copied().filter(|_| new) {
        desk.session.taken(desk.now(), receipt);
        desk.drain();
    }
    new
}

#[test]
fn unsent_messages_are_sent_by_the_next_process() {
    let mut desk = begun();
    let tickets = [desk.send("bob", "1", true), desk.send("bob", "2", false)];
    let before = pending(&desk);
    let mut desk = killed(desk, 90 * MINUTE);
    assert_eq!(pending(&desk), before);
    let third = desk.send("bob", "3", true);
    assert!(tickets.iter().all(|ticket| *ticket < third), "numbers are not used again");
    let mut desk = online(desk);
    assert_eq!(desk.texts(), ["1", "2", "3"]);
}

/// The timeout starts again, because the time between the processes does not count.
#[test]
fn restored_message_has_its_whole_timeout() {
    let mut desk = begun();
    let message = Message::builder(MessageId::parse("m").unwrap()).text("1").build().unwrap();
    let options = SendOptions::default().with_timeout(Some(Duration::from_secs(5)));
    desk.session.send(desk.now(), Recipient::parse("bob").unwrap(), message, &options).unwrap();
    desk.drain();
    desk.pass(millis(4_000));
    let mut desk = killed(desk, MINUTE);
    desk.pass(millis(4_999));
    assert_eq!(desk.outcomes(), []);
    desk.pass(millis(1));
    assert!(matches!(desk.outcomes()[..], [TicketOutcome::Failed(_)]));
    assert_eq!(desk.records.keys().collect::<Vec<_>>(), ["header"]);
}

#[test]
fn sent_message_is_sent_again_with_its_id() {
    let mut desk = online(begun());
    desk.send("bob", "1", true);
    let first = desk.take_sent();
    let mut desk = online(killed(desk, 3 * MINUTE));
    assert_eq!(desk.take_sent(), first);
    let answer = Notice::builder(SysCode::DuplicatePayload).outcome(PriorOutcome::Delivered);
    desk.answer(answer.in_reply_to(first[0].id.clone()));
    assert!(matches!(desk.outcomes()[..], [TicketOutcome::Delivered { .. }]));
    assert_eq!(desk.records.keys().collect::<Vec<_>>(), ["header"]);
}

/// The server detects duplicates for five minutes. A clock that was set back says nothing about the time since.
#[test]
fn old_transmission_is_unconfirmed() {
    for away in [4 * MINUTE + 1, 30 * 24 * 60 * MINUTE, -1, -60 * MINUTE] {
        let mut desk = online(begun());
        desk.send("bob", "1", true);
        let mut desk = killed(desk, away);
        desk.pass(millis(0));
        assert_eq!(desk.outcomes(), [TicketOutcome::Unconfirmed], "{away} ms");
        assert_eq!(online(desk).texts(), Vec::<String>::new());
    }
}

/// The server of the first transmission may have restarted since, so a refusal of the second is no outcome.
#[test]
fn refusal_after_a_restart_is_unconfirmed() {
    let mut desk = online(begun());
    desk.send("bob", "1", true);
    let mut desk = online(killed(desk, 1_000));
    let sent = desk.take_sent();
    desk.answer(Notice::builder(SysCode::RecipientUnknown).in_reply_to(sent[0].id.clone()));
    assert_eq!(desk.outcomes(), [TicketOutcome::Unconfirmed]);
}

#[test]
fn dropped_message_counts_as_unsent() {
    let mut desk = online(begun());
    desk.send("bob", "1", true);
    let sent = desk.take_sent();
    let dropped = Notice::builder(SysCode::RateLimited).retry_after_ms(60_000);
    desk.answer(dropped.dropped(vec![sent[0].id.clone()]).in_reply_to(sent[0].id.clone()));
    let mut desk = online(killed(desk, 60 * MINUTE));
    assert_eq!(desk.take_sent(), sent);
}

/// A message whose first transmission failed while its answer was lost has a new ID.
#[test]
fn renewed_message_keeps_its_new_id() {
    let mut desk = online(begun());
    desk.send("bob", "1", true);
    let first = desk.take_sent();
    desk.lose_link();
    desk.pass(millis(30_000));
    desk.authenticate("{}");
    desk.take_sent();
    let answer = Notice::builder(SysCode::DuplicatePayload).outcome(PriorOutcome::Failed);
    desk.answer(answer.in_reply_to(first[0].id.clone()));
    let second = desk.take_sent();
    assert_ne!(first, second);
    assert_eq!(online(killed(desk, 1_000)).take_sent(), second);
}

#[test]
fn taken_message_is_not_delivered_again() {
    let mut desk = online(begun());
    assert!(takes(&mut desk, "p.1"));
    desk.receive(&message("untaken"));
    let mut desk = online(killed(desk, 30 * 24 * 60 * MINUTE));
    assert!(!takes(&mut desk, "p.1"));
    assert!(takes(&mut desk, "untaken"));
    desk.pass(millis(20));
    assert_eq!(desk.confirmed, [id("p.1"), id("untaken")], "both are confirmed now");
    let mut desk = online(killed(desk, 2 * 24 * 60 * MINUTE));
    assert!(takes(&mut desk, "p.1"), "it is remembered for 31 days");
}

/// It is remembered until it is stored, however late the application takes it.
#[test]
fn message_taken_late_is_remembered() {
    let mut desk = online(begun());
    desk.receive(&message("p"));
    for minute in 0..20 {
        desk.pass(Duration::from_secs(60));
        desk.receive(&message(&format!("later-{minute}")));
    }
    let receipt = desk.receipts[0];
    desk.session.taken(desk.now(), receipt);
    desk.drain();
    assert!(!takes(&mut online(killed(desk, 1_000)), "p"));
}

#[test]
fn memory_keeps_the_newest_payloads() {
    let mut desk = online(begun());
    for number in 0..16_390 {
        assert!(takes(&mut desk, &format!("p{number}")));
    }
    assert!(!takes(&mut desk, "p0"), "this process remembers more");
    assert_eq!(desk.records.keys().filter(|key| key.starts_with("received/")).count(), 16_384);
    let mut desk = online(killed(desk, 1_000));
    assert!(!takes(&mut desk, "p16389"));
    assert!(takes(&mut desk, "p0"));
}

/// The memory of what was taken is stored before it is confirmed, and a message before it is transmitted.
#[test]
fn changes_precede_the_texts_that_need_them() {
    let mut desk = online(begun());
    let message = Message::builder(MessageId::parse("m").unwrap()).text("1").build().unwrap();
    let bob = Recipient::parse("bob").unwrap();
    desk.session.send(desk.now(), bob, message, &SendOptions::default()).unwrap();
    let keys: Vec<_> = std::iter::from_fn(|| desk.session.poll()).map(|output| kind(&output)).collect();
    assert_eq!(keys, ["message", "sent", "transmit"]);
    desk.receive(&crate::message("p"));
    desk.session.taken(desk.now(), desk.receipts[0]);
    desk.session.wake(callie_core::session::Now { elapsed: millis(20), ..desk.now() });
    let keys: Vec<_> = std::iter::from_fn(|| desk.session.poll()).map(|output| kind(&output)).collect();
    assert_eq!(keys, ["received", "transmit"]);
}

fn kind(output: &Output) -> String {
    match output {
        Output::Store { change: callie_core::session::Change::Put(record), .. } => {
            record.key.split('/').next().unwrap().to_owned()
        }
        Output::Transmit(_) => "transmit".to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn end_of_the_session_keeps_messages_pending() {
    let mut desk = online(begun());
    desk.send("bob", "1", true);
    let sent = desk.take_sent();
    desk.session.disconnect(desk.now());
    desk.drain();
    assert_eq!(desk.outcomes(), [TicketOutcome::Pending]);
    assert_eq!(online(killed(desk, 1_000)).take_sent(), sent);
}

#[test]
fn failed_store_closes_the_session() {
    let mut desk = begun();
    let stored = desk.send("bob", "1", true);
    let message = Message::builder(MessageId::parse("m").unwrap()).text("2").build().unwrap();
    let bob = Recipient::parse("bob").unwrap();
    desk.session.send(desk.now(), bob, message, &SendOptions::default()).unwrap();
    let Some(Output::Store { number, .. }) = desk.session.poll() else { panic!("it is stored") };
    desk.session.store_failed(desk.now(), number - 1, "the disk is full".to_owned());
    desk.drain();
    assert_eq!(desk.ended, [(stored, TicketOutcome::Pending)], "the other was not accepted");
    let by = ClosedBy::NotStored { error: "the disk is full".to_owned() };
    assert_eq!(desk.states.last(), Some(&State::Closed(by)));
}

#[test]
fn commands_end_with_the_process() {
    let mut desk = begun();
    desk.session.ping(desk.now(), Recipient::Server).unwrap();
    desk.drain();
    assert_eq!(desk.records.keys().collect::<Vec<_>>(), ["header"]);
}

#[test]
fn records_contain_no_token() {
    let token = "a-secret-token";
    let config = SessionConfig::new(Username::parse("ada").unwrap(), Token::parse(token).unwrap());
    let mut desk = begun();
    desk.session = Session::restore(config, Box::new(|| 4), desk.now(), "s", &[]).unwrap();
    let mut desk = online(desk);
    desk.send("bob", "1", true);
    takes(&mut desk, "p");
    assert!(desk.records.len() >= 4);
    assert!(desk.records.values().all(|value| !String::from_utf8_lossy(value).contains(token)));
}

#[test]
fn foreign_and_damaged_records_are_refused() {
    let mut desk = online(begun());
    desk.send("bob", "1", true);
    takes(&mut desk, "p");
    let records = desk.records;
    let error = |records, user| Desk::restore(user, records, START).err();
    assert_eq!(error(records.clone(), "ada"), None);
    assert_eq!(error(records.clone(), "bob"), Some(RestoreError::OtherUser { user: "ada".to_owned() }));
    for (header, expected) in [
        ("2 ada https://chat.example", RestoreError::NewerVersion { version: 2 }),
        ("1 ada https://a.example", RestoreError::OtherServer { server: "https://a.example".to_owned() }),
        ("1 ada", RestoreError::Damaged),
        ("", RestoreError::Damaged),
    ] {
        let mut records = records.clone();
        records.insert("header".to_owned(), header.as_bytes().to_vec());
        assert_eq!(error(records, "ada"), Some(expected), "{header}");
    }
    let mut headless = records.clone();
    headless.remove("header");
    assert_eq!(error(headless, "ada"), Some(RestoreError::Damaged));
    for key in ["other", "message/1/2", "message/0", "sent/x", "received/bob", "received/Bob/p"] {
        let mut records = records.clone();
        records.insert(key.to_owned(), vec![0; 12]);
        assert_eq!(error(records, "ada"), Some(RestoreError::Damaged), "{key}");
    }
    for (key, value) in records.iter().filter(|(key, _)| *key != "header") {
        let mut records = records.clone();
        records.insert(key.clone(), value[..value.len() - 1].to_vec());
        assert_eq!(error(records, "ada"), Some(RestoreError::Damaged), "{key} is too short");
    }
}

/// A kill between the deletions of a message leaves this record behind.
#[test]
fn record_of_transmissions_alone_is_removed() {
    let mut desk = online(begun());
    desk.send("bob", "1", true);
    desk.records.retain(|key, _| !key.starts_with("message/"));
    let desk = killed(desk, 1_000);
    assert_eq!(desk.records.keys().collect::<Vec<_>>(), ["header"]);
    assert_eq!(pending(&desk), []);
}
