//! The outcomes of a session's sends, answer by answer: drops, retries, limits and servers of other versions.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::time::Duration;

mod desk;

use callie_core::command::{Command, PageLimit};
use callie_core::session::{Failure, SendError, SendOptions, SessionConfig, State, TicketOutcome};
use callie_core::{
    Limits, Message, MessageId, Notice, NoticeBuilder, PayloadId, PayloadType, PriorOutcome, Recipient,
    SysCode, Timestamp, Token, Username,
};
use desk::{Desk, Sent, id, millis};

const BOB: &str = "bob";
const GROUP: &str = "group:01890a5d-ac96-774b-bcce-b302099a8057";

fn drops_of(retry_after_ms: u64, ids: Vec<PayloadId>) -> NoticeBuilder {
    Notice::builder(SysCode::RateLimited).retry_after_ms(retry_after_ms).dropped(ids)
}

fn limited(ids: &[&PayloadId]) -> Notice {
    let ids: Vec<_> = ids.iter().copied().cloned().collect();
    let first = ids[0].clone();
    drops_of(100, ids).in_reply_to(first)
}

fn refused(code: SysCode) -> impl Fn(&TicketOutcome) -> bool {
    move |outcome| matches!(outcome, TicketOutcome::Failed(Failure::Refused { code: c, .. }) if c.sys_code() == Some(code))
}

#[test]
fn named_drops_are_resent_in_order() {
    let mut desk = Desk::online();
    for text in ["1", "2", "3", "4"] {
        desk.send(BOB, text, text == "4");
    }
    let first_ping = desk.ping();
    let sent = desk.take_sent();
    desk.answer(limited(&[&sent[1].id, &sent[3].id, &sent[2].id]));
    // The answer to the PING after the first message shows that the message was accepted, but nothing about the others.
    desk.pong(&first_ping);
    assert_eq!(desk.outcomes(), [TicketOutcome::Sent]);
    assert_eq!(desk.texts(), Vec::<String>::new());
    desk.pass(millis(300));
    let ping = desk.ping();
    assert_eq!(desk.texts(), ["2", "3", "4"]);
    assert_eq!(desk.outcomes(), []);
    desk.pong(&ping);
    desk.pass(millis(10));
    assert!(desk.outcomes().iter().all(|outcome| *outcome == TicketOutcome::Sent));
    assert!(desk.notices.is_empty(), "{:?}", desk.notices);
}

#[test]
fn unnamed_drops_are_resent() {
    let mut desk = Desk::online();
    for text in ["1", "2", "3", "4"] {
        desk.send(BOB, text, false);
    }
    let sent = desk.take_sent();
    let named = vec![sent[1].id.clone()];
    desk.answer(drops_of(100, named).dropped_count(2).in_reply_to(sent[1].id.clone()));
    desk.pass(millis(300));
    assert_eq!(desk.texts(), ["2", "3", "4"]);
    assert_eq!(desk.outcomes(), []);
}

/// A server without `dropped` names only the first dropped payload, and its PONG shows nothing about the others.
#[test]
fn older_server_is_asked_since_the_first_drop() {
    let mut desk = Desk::online();
    for text in ["1", "2", "3"] {
        desk.send(BOB, text, false);
    }
    let (ping, sent) = (desk.ping(), desk.take_sent());
    let notice = Notice::builder(SysCode::RateLimited).retry_after_ms(100).in_reply_to(sent[1].id.clone());
    desk.answer(notice);
    desk.pong(&ping);
    assert_eq!(desk.outcomes(), []);
    desk.pass(millis(900));
    assert_eq!(desk.texts(), Vec::<String>::new());
    desk.pass(millis(400));
    assert_eq!(desk.texts(), ["2", "3"]);
}

#[test]
fn broadcasts_have_their_rate_and_delay_nothing() {
    let mut desk = Desk::online();
    for number in 0..8 {
        desk.send("BROADCAST", &format!("all {number}"), false);
    }
    desk.send(BOB, "one", true);
    let ping = desk.ping();
    assert_eq!(desk.texts(), ["all 0", "all 1", "all 2", "all 3", "one"]);
    desk.pong(&ping);
    let ping = desk.ping();
    desk.pong(&ping);
    desk.pass(Duration::from_secs(11));
    assert_eq!(desk.texts(), ["all 4", "all 5", "all 6", "all 7"]);
}

#[test]
fn dropped_broadcast_delays_nothing_else() {
    let mut desk = Desk::online();
    desk.send("BROADCAST", "all", false);
    let sent = desk.take_sent();
    desk.answer(drops_of(2_000, vec![sent[0].id.clone()]).in_reply_to(sent[0].id.clone()));
    desk.send(BOB, "one", true);
    assert_eq!(desk.texts(), ["one"]);
    desk.pass(Duration::from_secs(8));
    assert_eq!(desk.texts(), ["all"]);
}

#[test]
fn dropped_command_and_ping_are_resent() {
    let mut desk = Desk::online();
    let limit = PageLimit::new(10).unwrap();
    desk.session.command(desk.now(), &Command::ListGroups { limit, after: None }).unwrap();
    desk.session.ping(desk.now(), Recipient::parse(BOB).unwrap()).unwrap();
    desk.drain();
    let ids: Vec<_> = desk.sent.drain(..).map(|sent| sent.id).collect();
    desk.answer(limited(&[&ids[0], &ids[1]]));
    desk.pass(millis(500));
    let kinds: Vec<_> = desk.sent.iter().map(|sent| sent.kind).collect();
    assert_eq!(kinds, [PayloadType::Cmd, PayloadType::Ping]);
}

/// A message to bob that was sent again after a lost connection: its first and only text so far.
fn resent(confirm: bool) -> (Desk, Vec<Sent>) {
    let mut desk = Desk::online();
    desk.send(BOB, "1", confirm);
    let first = desk.take_sent();
    desk.session.suspend(desk.now()).unwrap();
    desk.session.resume(desk.now()).unwrap();
    desk.log_in("{}");
    assert_eq!(desk.take_sent(), first);
    (desk, first)
}

/// The first attempt failed and the answer was lost. The retry under a new ID receives the reason.
#[test]
fn resent_message_to_an_offline_user_ends_offline() {
    for confirm in [true, false] {
        let (mut desk, first) = resent(confirm);
        let failed = Notice::builder(SysCode::DuplicatePayload).outcome(PriorOutcome::Failed);
        desk.answer(failed.in_reply_to(first[0].id.clone()));
        let again = desk.take_sent();
        assert_eq!((again.len(), &again[0].text), (1, &first[0].text));
        assert_ne!(again[0].id, first[0].id);
        desk.answer(Notice::builder(SysCode::RecipientOffline).in_reply_to(again[0].id.clone()));
        assert_eq!(desk.outcomes(), [TicketOutcome::Offline]);
    }
}

/// A server that knows the first transmission answers `DUPLICATE_PAYLOAD`. One that was restarted does not, although the first
/// one may have arrived.
#[test]
fn refusal_of_a_resent_message_leaves_it_unconfirmed() {
    for code in [SysCode::RecipientOffline, SysCode::RecipientUnknown, SysCode::Forbidden] {
        for confirm in [true, false] {
            let (mut desk, first) = resent(confirm);
            desk.answer(Notice::builder(code).in_reply_to(first[0].id.clone()));
            assert_eq!(desk.outcomes(), [TicketOutcome::Unconfirmed]);
        }
    }
}

#[test]
fn pending_duplicate_is_retried_with_growing_delay() {
    let waits = |desk: &mut Desk, sent: &Sent, count| {
        let mut waits = Vec::new();
        for _ in 0..count {
            let pending = Notice::builder(SysCode::DuplicatePayload).outcome(PriorOutcome::Pending);
            desk.answer(pending.in_reply_to(sent.id.clone()));
            let since = desk.now;
            while desk.take_sent().is_empty() {
                desk.pass(millis(50));
            }
            waits.push((desk.now - since).as_millis());
        }
        waits
    };
    let (mut desk, first) = resent(true);
    assert_eq!(waits(&mut desk, &first[0], 7), [100, 200, 400, 800, 1_600, 2_000, 2_000]);
    // On the connection on which it was sent, its answer comes without a question.
    let mut desk = Desk::online();
    desk.send(BOB, "1", true);
    let first = desk.take_sent();
    assert_eq!(waits(&mut desk, &first[0], 2), [20_000, 20_000]);
}

#[test]
fn counts_of_a_delivery_are_exact_or_absent() {
    let delivered = |confirmed, unconfirmed, offline, stored| TicketOutcome::Delivered {
        confirmed,
        unconfirmed,
        offline,
        stored,
    };
    let cases = [
        (BOB, Notice::builder(SysCode::Delivered), delivered(Some(1), Some(0), Some(0), Some(0))),
        (GROUP, Notice::builder(SysCode::Delivered).delivered(3), delivered(Some(3), None, None, Some(0))),
        (
            GROUP,
            Notice::builder(SysCode::Delivered).delivered(3).offline_count(2).stored(1),
            delivered(Some(3), None, Some(2), Some(1)),
        ),
        (
            GROUP,
            Notice::builder(SysCode::DuplicatePayload).outcome(PriorOutcome::Delivered),
            delivered(None, None, None, None),
        ),
        (
            BOB,
            Notice::builder(SysCode::DuplicatePayload).outcome(PriorOutcome::Delivered),
            delivered(Some(1), Some(0), Some(0), Some(0)),
        ),
    ];
    for (to, notice, outcome) in cases {
        let mut desk = Desk::online();
        desk.send(to, "1", true);
        let sent = desk.take_sent();
        desk.answer(notice.in_reply_to(sent[0].id.clone()));
        assert_eq!(desk.outcomes(), [outcome]);
    }
}

#[test]
fn stored_message_is_reported_and_delivered_late() {
    let mut desk = Desk::online();
    desk.send(BOB, "1", true);
    let sent = desk.take_sent();
    let message_id = MessageId::parse("m1").unwrap();
    let stored = Notice::builder(SysCode::Stored).message_id(message_id.clone());
    desk.answer(stored.in_reply_to(sent[0].id.clone()));
    assert_eq!(desk.outcomes(), [TicketOutcome::Stored]);
    let late = Notice::builder(SysCode::Delivered).message_id(message_id.clone()).late(true);
    desk.answer(late.in_reply_to(sent[0].id.clone()));
    assert_eq!(desk.late, [(sent[0].id.clone(), message_id)]);
}

#[test]
fn kept_message_is_confirmed_without_a_request() {
    let mut desk = Desk::online();
    desk.answer(Notice::backlog(1, Timestamp::UNIX_EPOCH));
    assert_eq!(desk.notices, [SysCode::Backlog]);
    for (id, text) in [("k1", "kept"), ("k2", "live")] {
        desk.receive(&format!(
            r#"{{"token":"","sender":"bob","recipient":"ada","timestamp":"2026-01-02T03:04:05.678Z","type":"MSG","content":{{"messageID":"{id}","text":"{text}"}},"metadata":{{}},"payloadID":"{id}","payloadVersion":"1.0"}}"#
        ));
    }
    let last = *desk.receipts.last().unwrap();
    desk.session.taken(desk.now(), last);
    desk.pass(Duration::from_secs(1));
    assert_eq!(desk.confirmed, [id("k1")]);
}

#[test]
fn duplicate_of_a_stored_message_is_stored() {
    let mut desk = Desk::online();
    desk.send(BOB, "1", true);
    let sent = desk.take_sent();
    let duplicate = Notice::builder(SysCode::DuplicatePayload).outcome(PriorOutcome::Stored);
    desk.answer(duplicate.in_reply_to(sent[0].id.clone()));
    assert_eq!(desk.outcomes(), [TicketOutcome::Stored]);
}

#[test]
fn message_is_resent_in_order_after_a_lost_link() {
    let mut desk = Desk::online();
    desk.pass(Duration::from_secs(1));
    desk.lose_link();
    desk.log_in("{}");
    desk.send(BOB, "1", true);
    for _ in 0..2 {
        let sent = desk.take_sent();
        assert_eq!(sent.iter().map(|sent| sent.text.as_str()).collect::<Vec<_>>(), ["1"]);
        desk.answer(Notice::builder(SysCode::RecipientOffline).in_reply_to(sent[0].id.clone()));
        assert_eq!(desk.outcomes(), []);
        desk.pass(millis(1_990));
        assert_eq!(desk.texts(), Vec::<String>::new());
        if desk.session.waiting() == 1 {
            desk.send(BOB, "2", true);
        }
        desk.send(GROUP, "group", true);
        // Messages to other recipients do not wait.
        assert_eq!(desk.texts(), ["group"]);
        desk.answer(Notice::builder(SysCode::Delivered).in_reply_to(id("unknown")));
        let mut waited = 1_990;
        while desk.sent.is_empty() {
            desk.pass(millis(10));
            waited += 10;
        }
        assert!((2_000..=4_010).contains(&waited), "{waited}");
        desk.sent.retain(|sent| sent.text != "2");
    }
    let sent = desk.take_sent();
    desk.answer(Notice::builder(SysCode::RecipientOffline).in_reply_to(sent[0].id.clone()));
    assert_eq!(desk.outcomes(), [TicketOutcome::Offline]);
}

#[test]
fn offline_is_final_unless_the_link_was_lost() {
    let mut desk = Desk::online();
    desk.send(BOB, "1", true);
    let sent = desk.take_sent();
    desk.answer(Notice::builder(SysCode::RecipientOffline).in_reply_to(sent[0].id.clone()));
    assert_eq!(desk.outcomes(), [TicketOutcome::Offline]);
    desk.lose_link();
    desk.log_in("{}");
    let message = Message::builder(desk.session.message_id(desk.now())).text("2").build().unwrap();
    let options = SendOptions::default().with_timeout(Some(millis(1_500)));
    desk.session.send(desk.now(), Recipient::parse(BOB).unwrap(), message, &options).unwrap();
    desk.drain();
    let sent = desk.take_sent();
    desk.answer(Notice::builder(SysCode::RecipientOffline).in_reply_to(sent[0].id.clone()));
    assert_eq!(desk.outcomes(), [TicketOutcome::Offline]);
}

#[test]
fn queued_message_over_announced_limits_is_refused() {
    let mut desk = Desk::new();
    desk.send(BOB, &"x".repeat(100), true);
    desk.send(BOB, &"\u{1}".repeat(50), true);
    desk.send(BOB, "short", true);
    desk.log_in(r#"{"limits":{"maxTextBytes":80,"maxPayloadBytes":500}}"#);
    assert_eq!(desk.texts(), ["short"]);
    let outcomes = desk.outcomes();
    assert_eq!(outcomes.len(), 2);
    assert!(outcomes.iter().all(refused(SysCode::PayloadTooLarge)), "{outcomes:?}");
}

#[test]
fn durations_of_any_length_are_accepted() {
    let config = SessionConfig::new(Username::parse("ada").unwrap(), Token::parse("t").unwrap())
        .with_send_timeout(Duration::MAX)
        .with_open_timeout(Duration::MAX)
        .with_authentication_timeout(Duration::MAX)
        .with_refresh_timeout(Duration::MAX)
        .with_heartbeat_timeout(Duration::MAX)
        .with_ack_delay(Duration::MAX)
        .with_backoff(callie_core::session::Backoff::new(Duration::MAX, Duration::MAX));
    let mut desk = Desk::with(config);
    desk.pass(Duration::from_secs(1));
    desk.session.start(desk.now()).unwrap();
    assert_eq!(desk.session.deadline(), None);
    desk.lose_link();
    desk.log_in(r#"{"heartbeatSeconds":4294967295}"#);
    desk.send(BOB, "1", true);
    desk.pass(Duration::from_secs(1_000));
    assert!(desk.session.deadline().is_some_and(|at| at > desk.now));
    let sent = desk.take_sent();
    desk.answer(
        Notice::builder(SysCode::RateLimited).retry_after_ms(u64::MAX).in_reply_to(sent[0].id.clone()),
    );
    desk.session.suspend(desk.now()).unwrap();
    desk.session.network_changed(desk.now());
    desk.session.disconnect(desk.now());
    desk.drain();
    assert_eq!(desk.session.waiting(), 0);
}

#[test]
fn late_answers_cause_no_events() {
    let mut desk = Desk::online();
    let limit = PageLimit::new(10).unwrap();
    desk.session.command(desk.now(), &Command::ListGroups { limit, after: None }).unwrap();
    desk.drain();
    let first = desk.take_sent();
    desk.pass(Duration::from_secs(11));
    let second = desk.take_sent();
    assert_ne!(first[0].id, second[0].id);
    let ok = |sent: &Sent| {
        Notice::builder(SysCode::CommandOk).result(&Limits::default()).in_reply_to(sent.id.clone())
    };
    desk.answer(ok(&first[0]));
    assert!(matches!(desk.outcomes()[..], [TicketOutcome::Done { result: Some(_) }]));
    desk.answer(ok(&second[0]));
    desk.answer(ok(&first[0]));
    assert!(desk.notices.is_empty() && desk.outcomes().is_empty(), "{:?}", desk.notices);
}

#[test]
fn unknown_metadata_does_not_prevent_login() {
    for metadata in [
        r#"{"heartbeatSeconds":"soon","limits":{"burst":7,"maxTextBytes":"many","of":{"a":1}},"expiresAt":5,"new":[]}"#,
        r#"{"limits":{"burst":7},"sessionID":""}"#,
        r#"{"limits":{"burst":7},"features":["resume"],"connectionID":"x"}"#,
    ] {
        let mut desk = Desk::new();
        desk.log_in(metadata);
        assert!(matches!(desk.session.state(), State::Online { .. }), "{metadata}");
        assert_eq!(*desk.session.limits(), Limits::default().with_burst(7));
    }
    let mut desk = Desk::new();
    desk.log_in(r#"{"limits":7}"#);
    assert_eq!(*desk.session.limits(), Limits::default());
}

/// An answer with unknown metadata has the same effect.
#[test]
fn unknown_metadata_changes_no_outcome() {
    let mut desk = Desk::online();
    desk.send(BOB, "1", true);
    let sent = desk.take_sent();
    desk.receive(&format!(
        r#"{{"token":"","sender":"SERVER","recipient":"ada","timestamp":"2026-01-02T03:04:05.678Z","type":"SYS","content":{{"code":"DELIVERED","description":"x"}},"metadata":{{"inReplyTo":"{}","unconfirmed":-1,"messageID":7}},"payloadID":"s","payloadVersion":"1.0"}}"#,
        sent[0].id
    ));
    assert!(matches!(desk.outcomes()[..], [TicketOutcome::Delivered { .. }]));
}

#[test]
fn message_to_the_server_is_refused_with_a_reason() {
    let mut desk = Desk::online();
    let message = Message::builder(desk.session.message_id(desk.now())).text("x").build().unwrap();
    let refused =
        desk.session.send(desk.now(), Recipient::Server, message, &SendOptions::default()).unwrap_err();
    assert!(matches!(refused, SendError::InvalidRecipient { .. }));
    assert_eq!(refused.to_string(), "a message cannot go to SERVER");
    let refused = desk.session.ping(desk.now(), Recipient::Broadcast).unwrap_err();
    assert_eq!(refused.to_string(), "a PING cannot go to BROADCAST");
}

/// The pause after a flood lasts beyond the close that ends it.
#[test]
fn pause_of_a_flood_is_kept_after_its_close() {
    let mut desk = Desk::online();
    desk.send(BOB, "1", true);
    let sent = desk.take_sent();
    desk.answer(drops_of(20_000, vec![sent[0].id.clone()]).in_reply_to(sent[0].id.clone()));
    desk.session.closed(desk.now(), Some(4429), None);
    let State::Waiting { retry_in, .. } = desk.session.state() else { panic!("{:?}", desk.session.state()) };
    assert!(*retry_in >= Duration::from_secs(20), "{retry_in:?}");
}
