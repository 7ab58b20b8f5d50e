//! A session whose connection is lost and resumed, or not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::time::Duration;

mod desk;

use callie_core::command::{Command, Features, PageLimit, ResumeRequest};
use callie_core::session::{SessionConfig, State, TicketOutcome};
use callie_core::{Limits, Notice, PayloadType, PriorOutcome, SysCode, Timestamp, Token, Username};
use desk::{Desk, Sent, id, millis};

const NEW: &str =
    r#"{"features":["resume","offline"],"connectionID":"c1","resumeSeconds":60,"resumed":false}"#;
const RESUMED: &str =
    r#"{"features":["resume","offline"],"connectionID":"c1","resumeSeconds":60,"resumed":true}"#;

fn online() -> Desk {
    let mut desk = Desk::new();
    desk.log_in(NEW);
    desk
}

/// Returns the last request to resume: the connection and the number of texts.
fn asked(desk: &Desk) -> Option<(String, u64)> {
    let last = desk.resumes.last().expect("it has authenticated");
    last.as_ref().map(|ResumeRequest { connection_id, received }| (connection_id.to_string(), received.get()))
}

fn c1(received: u64) -> Option<(String, u64)> {
    Some(("c1".to_owned(), received))
}

fn is_resumed(desk: &Desk) -> bool {
    match desk.states.last() {
        Some(State::Online { resumed, .. }) => *resumed,
        other => panic!("{other:?}"),
    }
}

fn reconnect(desk: &mut Desk, welcome: &str) {
    desk.lose_link();
    desk.log_in(welcome);
}

fn answer(desk: &mut Desk, code: SysCode, sent: &Sent) {
    desk.answer(Notice::builder(code).in_reply_to(sent.id.clone()));
}

fn joined() -> Notice {
    Notice::user_joined(Username::parse("bob").unwrap(), None)
}

#[test]
fn lost_connection_is_resumed_after_the_texts_that_arrived() {
    let mut desk = online();
    assert_eq!((asked(&desk), is_resumed(&desk)), (None, false));
    desk.receive_message("p1");
    desk.receive("not a payload");
    desk.receive_message("p1");
    reconnect(&mut desk, RESUMED);
    assert_eq!((asked(&desk), is_resumed(&desk)), (c1(3), true));
    desk.receive_message("p2");
    reconnect(&mut desk, RESUMED);
    assert_eq!((asked(&desk), is_resumed(&desk)), (c1(4), true));
    reconnect(&mut desk, NEW);
    assert_eq!((asked(&desk), is_resumed(&desk)), (c1(4), false));
    desk.receive_message("p3");
    reconnect(&mut desk, r#"{"features":["resume"],"connectionID":"c2","resumeSeconds":60}"#);
    assert_eq!((asked(&desk), is_resumed(&desk)), (c1(1), false), "no answer is no resumption");
    reconnect(&mut desk, RESUMED);
    assert_eq!(asked(&desk), Some(("c2".to_owned(), 0)));
}

/// The connection can be lost again before the server's answer arrives.
#[test]
fn resumption_is_asked_for_until_the_server_answers() {
    let mut desk = online();
    desk.receive_message("p1");
    desk.lose_link();
    for _ in 0..3 {
        desk.pass(Duration::from_secs(31));
        desk.session.start(desk.now()).unwrap();
        desk.session.opened(desk.now());
        desk.drain();
        assert_eq!(asked(&desk), c1(1));
        desk.lose_link();
    }
    desk.pass(Duration::from_secs(31));
    desk.log_in(RESUMED);
    assert_eq!((asked(&desk), is_resumed(&desk)), (c1(1), true));
}

#[test]
fn resumption_is_not_asked_for_after_its_time() {
    let mut desk = online();
    desk.lose_link();
    desk.pass(Duration::from_secs(60));
    desk.log_in(RESUMED);
    assert_eq!((asked(&desk), is_resumed(&desk)), (None, false), "it was not asked for");
}

#[test]
fn application_that_leaves_gives_up_the_connection() {
    let mut desk = online();
    desk.session.suspend(desk.now()).unwrap();
    desk.log_in(RESUMED);
    assert_eq!((desk.closes, desk.aborts), (1, 0));
    assert_eq!((asked(&desk), is_resumed(&desk)), (None, false));
    // A connection that is lost already is not closed.
    desk.lose_link();
    desk.session.suspend(desk.now()).unwrap();
    desk.log_in(RESUMED);
    assert_eq!((asked(&desk), is_resumed(&desk)), (c1(0), true));
    // One that may have been resumed is.
    desk.lose_link();
    desk.session.start(desk.now()).unwrap();
    desk.session.opened(desk.now());
    desk.session.suspend(desk.now()).unwrap();
    desk.log_in(RESUMED);
    assert_eq!((asked(&desk), is_resumed(&desk)), (None, false));
}

#[test]
fn close_code_decides_whether_the_connection_is_kept() {
    for (code, kept) in [(1000, true), (1001, true), (1013, true), (4408, true), (4429, false), (4431, false)]
    {
        let mut desk = online();
        desk.session.closed(desk.now(), Some(code), None);
        desk.log_in(NEW);
        assert_eq!(asked(&desk).is_some(), kept, "{code}");
    }
    // If the close frame was lost, the SYS before it determines the code.
    let mut desk = online();
    desk.answer(Notice::builder(SysCode::SlowConsumer).in_reply_to(id("x")));
    reconnect(&mut desk, NEW);
    assert_eq!(asked(&desk), None);
}

/// A SYS that announced the close of an earlier socket is among the texts that follow a resumption.
#[test]
fn replayed_announcement_of_a_close_is_no_close_reason() {
    let mut desk = online();
    reconnect(&mut desk, RESUMED);
    desk.answer(Notice::builder(SysCode::ServerShutdown).retry_after_ms(200_000).in_reply_to(id("x")));
    desk.receive_message("p1");
    desk.lose_link();
    let State::Waiting { retry_in, code } = desk.session.state() else {
        panic!("{:?}", desk.session.state())
    };
    assert_eq!((*code, *retry_in < Duration::from_secs(60)), (1006, true));
}

#[test]
fn silent_connection_is_given_up_without_a_close() {
    let mut desk = online();
    desk.receive_message("p1");
    desk.pass(Duration::from_secs(46));
    assert_eq!((desk.closes, desk.aborts), (0, 1));
    desk.log_in(RESUMED);
    assert_eq!((asked(&desk), is_resumed(&desk)), (c1(1), true));
}

/// The token of another login session cannot resume a connection of this one.
#[test]
fn refreshed_token_resumes_nothing() {
    let mut desk = online();
    desk.session.set_refreshable(true);
    desk.lose_link();
    desk.session.start(desk.now()).unwrap();
    desk.session.opened(desk.now());
    desk.session.closed(desk.now(), Some(4501), None);
    desk.session.token_refreshed(desk.now(), Token::parse("t2").unwrap());
    desk.authenticate(RESUMED);
    assert_eq!((asked(&desk), is_resumed(&desk)), (None, false));
}

#[test]
fn session_that_does_not_want_the_feature_ignores_it() {
    let config = SessionConfig::new(Username::parse("ada").unwrap(), Token::parse("t").unwrap());
    let mut desk = Desk::with(config.with_features(Features::NONE));
    desk.log_in(NEW);
    desk.receive_message("p1");
    desk.take();
    desk.pass(Duration::from_secs(10));
    assert_eq!((desk.confirmed.len(), desk.stated.len()), (1, 0));
    reconnect(&mut desk, RESUMED);
    assert_eq!((asked(&desk), is_resumed(&desk)), (None, false));
}

#[test]
fn taken_texts_are_counted_with_the_confirmations() {
    let mut desk = online();
    for id in ["p1", "p2"] {
        desk.receive_message(id);
    }
    desk.answer(joined());
    desk.pass(Duration::from_secs(10));
    assert_eq!(desk.stated, [0; 0], "the first text is not taken");
    desk.session.taken(desk.now(), desk.receipts[0]);
    desk.pass(millis(20));
    assert_eq!((&desk.confirmed[..], &desk.stated[..]), (&[id("p1")][..], &[1][..]));
    desk.take();
    desk.pass(millis(20));
    assert_eq!((&desk.confirmed[1..], &desk.stated[1..]), (&[id("p2")][..], &[3][..]));
}

#[test]
fn texts_without_messages_are_counted_at_intervals() {
    let mut desk = online();
    for _ in 0..63 {
        desk.answer(joined());
    }
    desk.pass(millis(4_990));
    assert_eq!(desk.stated, [0; 0]);
    desk.pass(millis(10));
    assert_eq!(desk.stated, [63]);
    desk.pass(Duration::from_secs(20));
    for _ in 0..64 {
        desk.answer(joined());
    }
    assert_eq!(desk.stated, [63, 127]);
    desk.pass(Duration::from_secs(10));
    assert_eq!(desk.stated, [63, 127], "there is nothing new");
}

#[test]
fn confirmations_count_after_a_resumption_only() {
    for resumed in [true, false] {
        let mut desk = online();
        for id in ["p1", "p2"] {
            desk.receive_message(id);
        }
        desk.session.taken(desk.now(), desk.receipts[0]);
        desk.lose_link();
        // The application takes it while there is no connection.
        desk.take();
        desk.log_in(if resumed { RESUMED } else { NEW });
        desk.pass(millis(20));
        let expected = if resumed { vec![id("p1"), id("p2")] } else { vec![] };
        assert_eq!(desk.confirmed, expected);
    }
}

#[test]
fn confirmation_that_may_be_lost_is_sent_again() {
    let mut desk = online();
    desk.receive_message("p1");
    desk.take();
    desk.pass(millis(20));
    assert_eq!(desk.confirmed, [id("p1")]);
    desk.send("bob", "1", false);
    let ping = desk.ping();
    desk.receive_message("p2");
    desk.take();
    desk.pass(millis(20));
    // The server has what precedes the answered PING.
    desk.pong(&ping);
    for _ in 0..2 {
        desk.confirmed.clear();
        reconnect(&mut desk, RESUMED);
        assert_eq!(desk.confirmed, [id("p2")]);
    }
}

#[test]
fn server_is_asked_whether_it_has_many_confirmations() {
    let mut desk = online();
    for number in 0..1_024 {
        desk.receive_message(&format!("p{number}"));
    }
    desk.take();
    desk.pass(millis(20));
    let ping = desk.ping();
    desk.sent.clear();
    desk.receive_message("last");
    desk.take();
    desk.pass(millis(20));
    assert!(desk.sent.iter().all(|sent| sent.kind != PayloadType::Ping), "one is in transit");
    desk.pong(&ping);
    desk.confirmed.clear();
    reconnect(&mut desk, RESUMED);
    assert_eq!(desk.confirmed, [id("last")]);
}

#[test]
fn backlog_continues_after_a_resumption_only() {
    for resumed in [true, false] {
        let mut desk = online();
        desk.answer(Notice::backlog(1, Timestamp::UNIX_EPOCH));
        reconnect(&mut desk, if resumed { RESUMED } else { NEW });
        desk.receive(
            r#"{"token":"","sender":"bob","recipient":"ada","timestamp":"2026-01-02T03:04:05.678Z","type":"MSG","content":{"messageID":"k1","text":"kept"},"metadata":{},"payloadID":"k1","payloadVersion":"1.0"}"#,
        );
        desk.take();
        desk.pass(millis(20));
        assert_eq!(desk.confirmed.len(), usize::from(resumed));
    }
}

/// The server has answered the first transmission, or the second is the first that arrives. It remembers both.
#[test]
fn refusal_after_a_resumption_is_certain() {
    for resumed in [true, false] {
        let mut desk = online();
        desk.send("bob", "1", true);
        let first = desk.take_sent();
        reconnect(&mut desk, if resumed { RESUMED } else { NEW });
        assert_eq!(desk.take_sent(), first, "it is sent again with the same ID");
        answer(&mut desk, SysCode::RecipientUnknown, &first[0]);
        let outcome = desk.outcomes().pop().unwrap();
        assert_eq!(outcome == TicketOutcome::Unconfirmed, !resumed, "{outcome:?}");
        // The answer to the second transmission.
        let failed = Notice::builder(SysCode::DuplicatePayload).outcome(PriorOutcome::Failed);
        desk.answer(failed.in_reply_to(first[0].id.clone()));
        assert_eq!((desk.outcomes(), desk.notices.len()), (vec![], 0));
    }
}

/// After a restart of the server, a former connection says nothing about what happened on it.
#[test]
fn refusal_is_uncertain_if_a_connection_before_was_not_resumed() {
    let mut desk = online();
    desk.send("bob", "1", true);
    let first = desk.take_sent();
    reconnect(&mut desk, NEW);
    reconnect(&mut desk, RESUMED);
    answer(&mut desk, SysCode::RecipientUnknown, &first[0]);
    assert_eq!(desk.outcomes(), [TicketOutcome::Unconfirmed]);
}

#[test]
fn failed_duplicate_is_sent_anew_after_resumptions() {
    let mut desk = online();
    desk.send("bob", "1", true);
    let first = desk.take_sent();
    for _ in 0..3 {
        reconnect(&mut desk, RESUMED);
        assert_eq!(desk.take_sent(), first);
    }
    let failed = Notice::builder(SysCode::DuplicatePayload).outcome(PriorOutcome::Failed);
    desk.answer(failed.in_reply_to(first[0].id.clone()));
    let again = desk.take_sent();
    assert_ne!(again[0].id, first[0].id);
    answer(&mut desk, SysCode::RecipientUnknown, &again[0]);
    assert!(matches!(desk.outcomes()[..], [TicketOutcome::Failed(_)]));
}

/// A command that only reads is sent under a new ID each time, and the answers to all of them may come.
#[test]
fn answers_to_many_earlier_ids_cause_no_events() {
    let mut desk = online();
    let limit = PageLimit::new(10).unwrap();
    desk.session.command(desk.now(), &Command::ListGroups { limit, after: None }).unwrap();
    desk.drain();
    let mut sent = desk.take_sent();
    for _ in 0..20 {
        reconnect(&mut desk, RESUMED);
        sent.extend(desk.take_sent());
    }
    for sent in sent {
        let done = Notice::builder(SysCode::CommandOk).result(&Limits::default());
        desk.answer(done.in_reply_to(sent.id));
    }
    assert_eq!((desk.notices.len(), desk.outcomes().len()), (0, 1));
}

#[test]
fn payloads_without_an_answer_are_sent_after_the_new_pong() {
    let mut desk = online();
    desk.send("bob", "1", false);
    let (before, first) = (desk.ping(), desk.take_sent());
    reconnect(&mut desk, RESUMED);
    let after = desk.ping();
    assert_eq!(desk.take_sent(), first);
    desk.pong(&before);
    assert_eq!(desk.outcomes(), [], "the message may have been lost after that PONG");
    desk.pong(&after);
    assert_eq!(desk.outcomes(), [TicketOutcome::Sent]);
}

/// A drop on the connection before is reported after the payload was sent again. It is sent a third time, which may be a
/// duplicate.
#[test]
fn replayed_drop_keeps_the_outcome_true() {
    let mut desk = online();
    desk.send("bob", "1", true);
    let first = desk.take_sent();
    reconnect(&mut desk, RESUMED);
    assert_eq!(desk.take_sent(), first);
    let drops = vec![first[0].id.clone()];
    let limited = Notice::builder(SysCode::RateLimited).retry_after_ms(100).dropped(drops);
    desk.answer(limited.in_reply_to(first[0].id.clone()));
    desk.pass(millis(200));
    assert_eq!(desk.take_sent(), first);
    answer(&mut desk, SysCode::Delivered, &first[0]);
    assert!(matches!(desk.outcomes()[..], [TicketOutcome::Delivered { .. }]));
}

#[test]
fn servers_that_break_the_rules_are_survived() {
    // Texts that are repeated after a resumption.
    let mut desk = online();
    desk.receive_message("p1");
    reconnect(&mut desk, RESUMED);
    desk.receive_message("p1");
    assert_eq!((desk.receipts.len(), desk.session.duplicates()), (1, 1));
    // A resumption without another one after it, and a name that changes.
    for (metadata, next) in [
        (r#"{"resumed":true}"#, None),
        (r#"{"features":["resume"],"connectionID":"c1","resumed":true}"#, None),
        (r#"{"features":["resume"],"connectionID":"c1","resumeSeconds":0,"resumed":true}"#, None),
        (r#"{"features":["resume"],"connectionID":"","resumeSeconds":60,"resumed":true}"#, None),
        (r#"{"features":[],"connectionID":"c1","resumeSeconds":60,"resumed":true}"#, None),
        (
            r#"{"features":["resume"],"connectionID":"c9","resumeSeconds":4294967295,"resumed":true}"#,
            Some(("c9".to_owned(), 0)),
        ),
    ] {
        let mut desk = online();
        reconnect(&mut desk, metadata);
        assert!(is_resumed(&desk), "{metadata}");
        reconnect(&mut desk, NEW);
        assert_eq!(asked(&desk), next, "{metadata}");
    }
}
