//! The rules of a server's connection, one by one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::time::Duration;

use callie_core::command::Empty;
use callie_core::server::{
    Accepted, Action, CloseReason, Connection, Handshake, Identity, PayloadKey, PayloadKeys, ServerConfig,
    SharedState, UserState,
};
use callie_core::{
    EnvelopeIds, Limits, Notice, PayloadId, PayloadRef, PayloadType, PriorOutcome, SessionId, SysCode,
    Timestamp, Username, times,
};

const TOKEN: &str = "q3Zk8w2M5r7T9yB1nC4vX6sD0fGhJkLpQwErTyUiOpA";
const GROUP: &str = "group:01890a5d-ac96-774b-bcce-b302099a8057";

type Step<'t> = Action<'t, &'static str>;

fn envelope_ids() -> EnvelopeIds {
    EnvelopeIds { payload_id: PayloadId::parse("s").unwrap(), timestamp: Timestamp::UNIX_EPOCH }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn payload(kind: &str, to: &str, content: &str, id: &str) -> String {
    payload_of(TOKEN, "ada", kind, to, content, "{}", id)
}

fn payload_of(
    token: &str,
    sender: &str,
    kind: &str,
    to: &str,
    content: &str,
    metadata: &str,
    id: &str,
) -> String {
    format!(
        r#"{{"token":"{token}","sender":"{sender}","recipient":"{to}","timestamp":"2026-01-02T03:04:05.678Z","type":"{kind}","content":{content},"metadata":{metadata},"payloadID":"{id}","payloadVersion":"1.0"}}"#
    )
}

fn message(to: &str, id: &str) -> String {
    payload("MSG", to, r#"{"messageID":"m1","text":"Hello"}"#, id)
}

fn command(name: &str, parameters: &str, id: &str) -> String {
    payload("CMD", "SERVER", &format!(r#"{{"command":"{name}","parameters":{parameters}}}"#), id)
}

fn ping(id: &str) -> String {
    payload("PING", "SERVER", "{}", id)
}

fn greeting() -> String {
    command("AUTHENTICATE", "{}", "greeting")
}

fn identity(name: &str) -> Identity {
    Identity::new(Username::parse(name).unwrap(), SessionId::parse("session").unwrap(), Timestamp::UNIX_EPOCH)
}

/// The code of a SYS or the type of another payload, and the ID of the payload that it answers.
fn said(text: &str) -> (String, Option<String>) {
    let frame = PayloadRef::from_server(text).unwrap();
    let code = Notice::read(&frame).map(|notice| notice.code().as_str());
    let code = code.unwrap_or(frame.payload_type().as_str()).to_owned();
    (code, frame.in_reply_to().map(str::to_owned))
}

fn notice(text: &str) -> Notice {
    Notice::read(&PayloadRef::from_server(text).unwrap()).unwrap()
}

/// The payloads that a report names.
fn named(text: &str) -> Vec<String> {
    notice(text).metadata().dropped.iter().flatten().map(ToString::to_string).collect()
}

fn config() -> ServerConfig {
    ServerConfig::new(PayloadKeys::new(BuildHasherDefault::<DefaultHasher>::new()))
}

/// A connection of ada, with what its server does by itself.
struct Desk {
    now: Duration,
    keys: PayloadKeys,
    user: UserState,
    connection: Connection<&'static str>,
    written: Vec<String>,
}

impl Desk {
    fn new() -> Self {
        Self::with(config())
    }

    fn with(config: ServerConfig) -> Self {
        let keys = config.keys.clone();
        let mut user = UserState::new(&config.limits);
        let greeting = greeting();
        let authentication = Handshake::new(secs(0), Arc::new(config)).receive(&greeting).unwrap();
        let verified = authentication.verify(Some(identity("ada"))).unwrap();
        let (connection, step) = Connection::open(secs(0), verified, Box::new(envelope_ids), &mut user);
        assert!(matches!(step, Action::Taken(PayloadType::Cmd)), "{step:?}");
        let mut desk = Self { now: secs(0), keys, user, connection, written: Vec::new() };
        assert_eq!(desk.poll(), [("AUTHENTICATED".to_owned(), Some("greeting".to_owned()))]);
        desk
    }

    fn narrow() -> Self {
        let limits = Limits::default().with_messages_per_second(1).with_burst(1);
        Self::with(config().with_limits(limits))
    }

    fn receive<'t>(&mut self, text: &'t str) -> Step<'t> {
        let step = self.connection.receive(self.now, text, &mut self.user);
        if let Action::Answer(answer) = &step {
            self.connection.answer(self.now, answer.clone());
        }
        step
    }

    /// Returns the code of the answer to `text`, which must be answered.
    fn answer(&mut self, text: &str) -> Option<SysCode> {
        match self.receive(text) {
            Action::Answer(answer) => answer.code(),
            other => panic!("{other:?}"),
        }
    }

    fn accept<'t>(&mut self, text: &'t str) -> Accepted<'t> {
        match self.receive(text) {
            Action::Deliver(accepted) | Action::Execute(_, accepted) => accepted,
            other => panic!("{other:?}"),
        }
    }

    fn close(&mut self, text: &str) -> CloseReason {
        match self.receive(text) {
            Action::Close(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    fn poll(&mut self) -> Vec<(String, Option<String>)> {
        let texts: Vec<_> = std::iter::from_fn(|| self.connection.poll(self.now)).collect();
        self.written.extend(texts.iter().cloned());
        texts.iter().map(|text| said(text)).collect()
    }

    fn key(&self, sender: &str, id: &str) -> PayloadKey {
        self.keys.key(sender, id)
    }
}

fn one(code: &str, id: &str) -> Vec<(String, Option<String>)> {
    vec![(code.to_owned(), Some(id.to_owned()))]
}

// Authentication.

fn handshake() -> Handshake {
    Handshake::new(secs(0), Arc::new(config()))
}

#[test]
fn first_payload_must_come_in_time() {
    let handshake = handshake();
    assert_eq!(handshake.deadline(), times::AUTHENTICATION);
    assert!(handshake.wake(secs(9)).is_none());
    let reason = handshake.wake(secs(10)).unwrap();
    assert_eq!((reason.sys_code(), reason.code()), (Some(SysCode::AuthTimeout), 4501));
    let closing = reason.unauthenticated(envelope_ids());
    let last = closing.last.unwrap();
    assert_eq!(said(&last).0, "AUTH_TIMEOUT");
    assert!(last.contains(r#""recipient":"""#));
}

#[test]
fn invalid_first_payload_fails_with_its_path() {
    let text = payload("MSG", "bob", r#"{"messageID":"m1","text":""}"#, "p1");
    let reason = handshake().receive(&text).unwrap_err();
    assert_eq!((reason.code(), reason.detail()), (4501, Some("INVALID_FIELD")));
    let notice = notice(&reason.unauthenticated(envelope_ids()).last.unwrap());
    assert_eq!(notice.code(), SysCode::AuthFailed);
    assert_eq!(notice.metadata().path.as_deref(), Some("/content/text"));
    assert_eq!(notice.metadata().in_reply_to.as_ref().unwrap(), "p1");
}

#[test]
fn invalid_token_and_other_sender_fail() {
    for found in [None, Some(identity("bob"))] {
        let text = greeting();
        let authentication = handshake().receive(&text).unwrap();
        assert_eq!((authentication.token(), authentication.sender()), (TOKEN, "ada"));
        let reason = authentication.verify(found).unwrap_err();
        let notice = notice(&reason.unauthenticated(envelope_ids()).last.unwrap());
        assert_eq!(notice.code(), SysCode::AuthFailed);
        assert_eq!(notice.metadata().in_reply_to.as_ref().unwrap(), "greeting");
        assert_eq!(notice.metadata().command.as_ref().unwrap(), "AUTHENTICATE");
    }
}

#[test]
fn first_payload_of_any_kind_authenticates() {
    for text in [message("bob", "p1"), ping("p1"), command("AUTHENTICATE", r#"{"x":1}"#, "p1")] {
        let mut user = UserState::new(&Limits::default());
        let verified = handshake().receive(&text).unwrap().verify(Some(identity("ada"))).unwrap();
        let (mut connection, step) =
            Connection::<()>::open(secs(0), verified, Box::new(envelope_ids), &mut user);
        match step {
            Action::Answer(answer) => connection.answer(secs(0), answer),
            Action::Deliver(accepted) => assert_eq!(accepted.payload().payload_id(), "p1"),
            other => panic!("{other:?}"),
        }
        assert_eq!(said(&connection.poll(secs(0)).unwrap()).0, "AUTHENTICATED");
    }
}

#[test]
fn authenticated_has_session_and_limits() {
    let desk = Desk::new();
    let welcome = notice(&desk.written[0]);
    let metadata = welcome.metadata();
    assert_eq!(metadata.username.as_ref().unwrap(), "ada");
    assert_eq!(metadata.session_id.as_ref().unwrap(), "session");
    assert_eq!(metadata.expires_at, Some(Timestamp::UNIX_EPOCH));
    assert_eq!(metadata.heartbeat_seconds, Some(30));
    assert_eq!(metadata.limits, Some(Limits::default()));
    assert_eq!(metadata.command.as_ref().unwrap(), "AUTHENTICATE");
}

#[test]
fn later_authenticate_is_answered_again() {
    let mut desk = Desk::new();
    let later = Timestamp::from_unix_millis(1).unwrap();
    desk.connection.set_expires_at(later);
    assert_eq!(desk.answer(&greeting()), Some(SysCode::Authenticated));
    desk.poll();
    assert_eq!(notice(desk.written.last().unwrap()).metadata().expires_at, Some(later));
}

// Token, sender and strikes.

#[test]
fn other_token_and_other_sender_drop_the_payload() {
    let mut desk = Desk::new();
    let content = r#"{"messageID":"m1","text":"Hello"}"#;
    for (token, sender, code) in [
        ("", "ada", SysCode::InvalidToken),
        ("other", "bob", SysCode::InvalidToken),
        (TOKEN, "bob", SysCode::SenderMismatch),
        (TOKEN, "SERVER", SysCode::SenderMismatch),
        (TOKEN, "Not a name", SysCode::SenderMismatch),
    ] {
        let text = payload_of(token, sender, "MSG", "bob", content, "{}", "p1");
        assert_eq!(desk.answer(&text), Some(code));
        assert_eq!(desk.poll(), one(code.as_str(), "p1"));
    }
    // It may be sent again.
    desk.accept(&message("bob", "p1"));
}

#[test]
fn fault_is_answered_with_its_path_without_the_token() {
    let mut desk = Desk::new();
    let text = message("bob", "p1").replace(r#""metadata":{}"#, &format!(r#""metadata":{{}},"{TOKEN}":1"#));
    assert_eq!(desk.answer(&text), Some(SysCode::UnknownField));
    desk.poll();
    assert!(!desk.written.last().unwrap().contains(TOKEN));
    assert_eq!(desk.answer("[]"), Some(SysCode::InvalidJson));
    assert_eq!(desk.poll(), [("INVALID_JSON".to_owned(), None)]);
}

#[test]
fn twentieth_invalid_payload_is_answered_and_closes() {
    let mut desk = Desk::new();
    let stranger = payload_of("other", "ada", "PING", "SERVER", "{}", "{}", "p1");
    for n in 1..20 {
        desk.answer(if n % 2 == 0 { "no JSON" } else { &stranger });
        desk.now += secs(3);
    }
    desk.poll();
    let reason = desk.close(&stranger);
    let closing = desk.connection.close(desk.now, reason);
    assert_eq!((closing.code, closing.write_queued), (4500, true));
    let texts: Vec<_> = closing.into_texts().map(|text| said(&text).0).collect();
    assert_eq!(texts, ["INVALID_TOKEN", "TOO_MANY_INVALID"]);
}

#[test]
fn refusals_are_not_strikes() {
    let mut desk = Desk::new();
    for n in 0..40 {
        assert_eq!(desk.answer(&message("SERVER", &format!("p{n}"))), Some(SysCode::InvalidRecipient));
    }
}

// Routes.

#[test]
fn every_route_has_its_action() {
    let mut desk = Desk::new();
    let refused = |desk: &mut Desk, kind: &str, to: &str, content: &str, code| {
        assert_eq!(
            desk.answer(&payload(kind, to, content, &format!("{kind}{to}"))),
            Some(code),
            "{kind} {to}"
        );
    };
    let settings = r#"{"command":"GET_SETTINGS","parameters":{}}"#;
    let system = r#"{"code":"DELIVERED","description":""}"#;
    let text = r#"{"messageID":"m1","text":"x"}"#;
    for to in ["bob", "ada", GROUP, "BROADCAST"] {
        desk.accept(&message(to, &format!("to {to}").replace(' ', "-")));
        refused(&mut desk, "CMD", to, settings, SysCode::InvalidRecipient);
        refused(&mut desk, "SYS", to, system, SysCode::Forbidden);
    }
    for to in [GROUP, "BROADCAST"] {
        refused(&mut desk, "PING", to, "{}", SysCode::InvalidRecipient);
        refused(&mut desk, "PONG", to, "{}", SysCode::InvalidRecipient);
    }
    refused(&mut desk, "MSG", "SERVER", text, SysCode::InvalidRecipient);
    refused(&mut desk, "SYS", "SERVER", system, SysCode::Forbidden);
    for kind in ["PING", "PONG"] {
        desk.accept(&payload(kind, "bob", "{}", "p"));
    }
    assert!(matches!(desk.receive(&payload("PONG", "SERVER", "{}", "p")), Action::Taken(PayloadType::Pong)));
    desk.poll();
    assert_eq!(desk.answer(&ping("p1")), None);
    assert_eq!(desk.poll(), one("PONG", "p1"));
}

#[test]
fn command_is_read_or_refused_with_its_path() {
    let mut desk = Desk::new();
    let text = command("GET_PROFILE", r#"{"username":"bob"}"#, "p1");
    let Action::Execute(read, accepted) = desk.receive(&text) else { panic!() };
    assert_eq!(read.name(), "GET_PROFILE");
    let done = desk.connection.reply(&accepted).result(&Empty {}, envelope_ids());
    desk.connection.answer(desk.now, done);
    assert_eq!(desk.poll(), one("COMMAND_OK", "p1"));
    assert_eq!(notice(desk.written.last().unwrap()).metadata().command.as_ref().unwrap(), "GET_PROFILE");
    assert_eq!(desk.answer(&command("DANCE", "{}", "p2")), Some(SysCode::UnknownCommand));
    assert_eq!(desk.answer(&command("GET_PROFILE", "{}", "p3")), Some(SysCode::InvalidParameters));
    desk.poll();
    let fault = notice(desk.written.last().unwrap());
    assert_eq!(fault.metadata().path.as_deref(), Some("/content/parameters/username"));
}

#[test]
fn only_answers_about_a_message_name_it() {
    let mut desk = Desk::new();
    let text = message("bob", "p1");
    let accepted = desk.accept(&text);
    let reply = desk.connection.reply(&accepted);
    for (code, names) in [
        (SysCode::RecipientOffline, true),
        (SysCode::RecipientUnknown, true),
        (SysCode::NotAMember, true),
        (SysCode::InternalError, true),
        (SysCode::Delivered, true),
        (SysCode::DuplicatePayload, true),
        (SysCode::Forbidden, false),
        (SysCode::InvalidRecipient, false),
        (SysCode::SenderMismatch, false),
    ] {
        let answer = reply.refuse(code, envelope_ids());
        assert_eq!(notice(answer.text()).metadata().message_id.is_some(), names, "{code}");
        assert_eq!(notice(answer.text()).metadata().in_reply_to.as_ref().unwrap(), "p1");
    }
}

// Duplicates.

#[test]
fn duplicate_is_answered_with_its_outcome() {
    let mut desk = Desk::new();
    let asks =
        payload_of(TOKEN, "ada", "MSG", "bob", r#"{"messageID":"m","text":"x"}"#, r#"{"ack":true}"#, "p2");
    let plain = message("bob", "p1");
    let fetch = command("GET_SETTINGS", "{}", "p3");
    for (text, first) in
        [(&plain, PriorOutcome::Sent), (&asks, PriorOutcome::Pending), (&fetch, PriorOutcome::Pending)]
    {
        let key = desk.accept(text).key().unwrap();
        for outcome in [first, PriorOutcome::Delivered] {
            assert_eq!(desk.answer(text), Some(SysCode::DuplicatePayload));
            desk.poll();
            assert_eq!(notice(desk.written.last().unwrap()).metadata().outcome, Some(outcome));
            desk.user.settle(key, PriorOutcome::Delivered);
        }
    }
    desk.now += times::DUPLICATES + secs(1);
    desk.accept(&plain);
}

#[test]
fn refused_payload_has_failed() {
    let mut desk = Desk::new();
    let nowhere = message("SERVER", "p1");
    let unknown = command("DANCE", "{}", "p2");
    let wrong = command("GET_PROFILE", "{}", "p3");
    for text in [&nowhere, &unknown, &wrong] {
        desk.answer(text);
        assert_eq!(desk.answer(text), Some(SysCode::DuplicatePayload));
        desk.poll();
        assert_eq!(notice(desk.written.last().unwrap()).metadata().outcome, Some(PriorOutcome::Failed));
    }
}

#[test]
fn keepalive_acks_and_authenticate_may_be_repeated() {
    let mut desk = Desk::new();
    let ack = command("ACK", r#"{"payloads":[{"sender":"bob","payloadID":"x"}]}"#, "p1");
    for _ in 0..2 {
        assert_eq!(desk.answer(&ping("p1")), None);
        assert!(matches!(desk.receive(&ack), Action::Confirm(_)));
        assert_eq!(desk.answer(&greeting()), Some(SysCode::Authenticated));
    }
}

#[test]
fn answers_settle_their_payload() {
    let mut desk = Desk::new();
    let (text, fetch) = (message("bob", "p1"), command("GET_SETTINGS", "{}", "p2"));
    let about_message = desk.accept(&text);
    let about_command = desk.accept(&fetch);
    let [message, command] = [&about_message, &about_command].map(|accepted| desk.connection.reply(accepted));
    for (reply, code, outcome) in [
        (&message, SysCode::Delivered, PriorOutcome::Delivered),
        (&message, SysCode::DeliveryUnconfirmed, PriorOutcome::Unconfirmed),
        (&message, SysCode::PartiallyDelivered, PriorOutcome::Sent),
        (&message, SysCode::RecipientOffline, PriorOutcome::Failed),
        (&message, SysCode::InternalError, PriorOutcome::Failed),
        (&command, SysCode::CommandOk, PriorOutcome::Sent),
        (&command, SysCode::Conflict, PriorOutcome::Failed),
        (&command, SysCode::InternalError, PriorOutcome::Unconfirmed),
    ] {
        assert_eq!(reply.refuse(code, envelope_ids()).outcome(), outcome, "{code}");
    }
}

// Rates.

#[test]
fn dropped_payload_is_reported_and_may_be_resent() {
    let mut desk = Desk::narrow();
    desk.accept(&message("bob", "p1"));
    assert!(matches!(desk.receive(&message("bob", "p2")), Action::Dropped(PayloadType::Msg)));
    assert_eq!(desk.poll(), one("RATE_LIMITED", "p2"));
    assert_eq!(notice(desk.written.last().unwrap()).metadata().retry_after_ms, Some(1_001));
    desk.now += secs(1);
    desk.accept(&message("bob", "p2"));
}

#[test]
fn drops_are_reported_once_a_second() {
    let mut desk = Desk::narrow();
    desk.accept(&message("bob", "p0"));
    for n in 1..4 {
        desk.receive(&message("bob", &format!("p{n}")));
        desk.poll();
    }
    assert_eq!(desk.connection.deadline(), secs(1));
    desk.now = secs(1);
    assert_eq!(desk.poll(), one("RATE_LIMITED", "p2"));
    assert_eq!(named(desk.written.last().unwrap()), ["p2", "p3"]);
    assert_eq!(desk.connection.deadline(), times::HEARTBEAT);
}

#[test]
fn drops_are_named_before_any_later_answer() {
    let mut desk = Desk::narrow();
    let text = message("bob", "p0");
    let early = desk.accept(&text);
    let early = desk.connection.reply(&early);
    for n in 1..4 {
        desk.receive(&message("bob", &format!("p{n}")));
        desk.poll();
    }
    // An answer to a payload before the dropped ones needs no report.
    let answer = early.refuse(SysCode::RecipientOffline, envelope_ids());
    assert_eq!(desk.connection.report_before(desk.now, answer.number()), None);
    desk.connection.answer(desk.now, answer);
    assert_eq!(desk.poll(), one("RECIPIENT_OFFLINE", "p0"));
    desk.answer(&ping("later"));
    assert_eq!(desk.poll(), [one("RATE_LIMITED", "p2"), one("PONG", "later")].concat());
    assert_eq!(named(&desk.written[desk.written.len() - 2]), ["p2", "p3"]);
}

#[test]
fn upkeep_has_its_own_bucket() {
    let mut desk = Desk::narrow();
    desk.accept(&message("bob", "p0"));
    let ack = command("ACK", r#"{"payloads":[{"sender":"bob","payloadID":"x"}]}"#, "p1");
    for n in 0..10 {
        match n % 3 {
            0 => assert!(matches!(desk.receive(&ping("p")), Action::Answer(_))),
            1 => assert!(matches!(desk.receive(&ack), Action::Confirm(_))),
            _ => assert!(matches!(desk.receive(&payload("PONG", "bob", "{}", "p")), Action::Deliver(_))),
        }
    }
    assert!(matches!(desk.receive(&ping("p")), Action::Dropped(PayloadType::Ping)));
    desk.now += secs(1);
    assert!(matches!(desk.receive(&payload("PING", "bob", "{}", "p")), Action::Deliver(_)), "a payload");
    assert!(matches!(desk.receive(&payload("PING", "bob", "{}", "p")), Action::Dropped(PayloadType::Ping)));
}

#[test]
fn broadcasts_have_a_stricter_rate() {
    let mut desk = Desk::new();
    for n in 0..5 {
        desk.accept(&message("BROADCAST", &format!("p{n}")));
    }
    assert!(matches!(desk.receive(&message("BROADCAST", "p5")), Action::Dropped(PayloadType::Msg)));
    desk.accept(&message("bob", "p6"));
}

#[test]
fn flood_of_ten_seconds_closes_and_names_what_is_left() {
    let mut desk = Desk::narrow();
    desk.accept(&message("bob", "p0"));
    desk.now = Duration::from_millis(10);
    for n in 0..20 {
        assert!(matches!(desk.receive(&message("bob", "p1")), Action::Dropped(_)), "{n}");
        desk.poll();
        // The bucket is refilled with one a second, which does not end the flood.
        desk.now += Duration::from_millis(500);
        if n % 2 == 1 {
            desk.accept(&message("bob", &format!("q{n}")));
        }
    }
    let reason = desk.close(&message("bob", "p2"));
    let closing = desk.connection.close(desk.now, reason);
    assert_eq!((closing.code, closing.first.len()), (4429, 0));
    assert_eq!(named(&closing.last.unwrap()).last().unwrap(), "p2");
}

#[test]
fn control_frames_are_upkeep() {
    let mut desk = Desk::narrow();
    for _ in 0..10 {
        assert!(desk.connection.control(desk.now, &mut desk.user).is_none());
    }
    assert_eq!(desk.poll(), []);
    assert!(desk.connection.control(desk.now, &mut desk.user).is_none());
    assert_eq!(desk.poll(), [("RATE_LIMITED".to_owned(), None)]);
    assert!(notice(desk.written.last().unwrap()).metadata().dropped.is_none());
    let mut closed = None;
    for _ in 0..200 {
        desk.now += Duration::from_millis(60);
        closed = closed.or_else(|| desk.connection.control(desk.now, &mut desk.user));
        desk.poll();
    }
    assert_eq!(closed.unwrap().code(), 4429);
}

// Heartbeat.

#[test]
fn silence_is_pinged_and_then_closed() {
    let mut desk = Desk::new();
    assert_eq!(desk.connection.deadline(), secs(30));
    desk.now = secs(30);
    assert!(desk.connection.wake(desk.now).is_none());
    assert_eq!(desk.poll(), [("PING".to_owned(), None)]);
    assert_eq!(desk.connection.deadline(), secs(75));
    desk.receive(&payload("PONG", "SERVER", "{}", "p"));
    assert_eq!(desk.connection.deadline(), secs(60));
    desk.now = secs(60);
    assert!(desk.connection.wake(desk.now).is_none());
    desk.now = secs(105);
    let reason = desk.connection.wake(desk.now).unwrap();
    assert_eq!((reason.sys_code(), reason.code()), (Some(SysCode::HeartbeatMissed), 4408));
}

#[test]
fn connection_that_is_not_read_is_not_silent() {
    let mut desk = Desk::new();
    for second in 0..200 {
        desk.now = secs(second);
        desk.connection.read_paused(desk.now);
        assert!(desk.connection.wake(desk.now).is_none());
    }
    assert_eq!(desk.poll(), []);
}

// Confirmations.

fn ack(ids: &[&str]) -> String {
    let entries = ids.iter().map(|id| format!(r#"{{"sender":"bob","payloadID":"{id}"}}"#));
    command("ACK", &format!(r#"{{"payloads":[{}]}}"#, entries.collect::<Vec<_>>().join(",")), "ack")
}

#[test]
fn confirmation_counts_where_the_payload_was_written() {
    let mut desk = Desk::new();
    for id in ["p1", "p2"] {
        let key = desk.key("bob", id);
        assert!(desk.connection.written(desk.now, key, id).is_none());
    }
    let other = desk.key("cyd", "p3");
    assert!(desk.connection.written(desk.now, other, "p3").is_none());
    let text = ack(&["p2", "p3", "p2", "p4"]);
    let Action::Confirm(receipts) = desk.receive(&text) else { panic!() };
    assert_eq!(receipts, ["p2"]);
    let mut left = desk.connection.input_ended(desk.now);
    left.sort_unstable();
    assert_eq!(left, ["p1", "p3"]);
}

#[test]
fn receipt_is_forgotten_after_its_time() {
    let mut desk = Desk::new();
    let key = desk.key("bob", "p1");
    assert!(desk.connection.written(desk.now, key, "p1").is_none());
    desk.now += times::CONFIRMATION + secs(1);
    assert!(desk.connection.wake(desk.now).is_none());
    assert!(matches!(desk.receive(&ack(&["p1"])), Action::Confirm(receipts) if receipts.is_empty()));
}

// The end.

#[test]
fn stopping_server_accepts_confirmations_only() {
    let mut desk = Desk::new();
    let key = desk.key("bob", "p1");
    assert!(desk.connection.written(desk.now, key, "p1").is_none());
    desk.connection.drain();
    for text in [message("bob", "p1"), ping("p2"), "no JSON".to_owned(), greeting()] {
        assert!(matches!(desk.receive(&text), Action::Ignored));
    }
    let strange = ack(&["p1"]).replace(TOKEN, "other");
    assert!(matches!(desk.receive(&strange), Action::Ignored));
    let text = ack(&["p1"]);
    let Action::Confirm(receipts) = desk.receive(&text) else { panic!() };
    assert_eq!(receipts, ["p1"]);
}

#[test]
fn close_writes_queue_report_and_reason() {
    for (reason, expected) in [
        (CloseReason::kicked(None), &["PONG", "RATE_LIMITED", "KICKED"][..]),
        (CloseReason::slow_consumer(), &["SLOW_CONSUMER"]),
        (CloseReason::not_utf8(), &[]),
    ] {
        let mut desk = Desk::narrow();
        desk.accept(&message("bob", "p0"));
        desk.answer(&ping("p1"));
        desk.receive(&message("bob", "p2"));
        let closing = desk.connection.close(desk.now, reason);
        assert_eq!(closing.write_queued, expected.len() > 1);
        let texts: Vec<_> = closing.into_texts().map(|text| said(&text).0).collect();
        assert_eq!(texts, expected);
        assert_eq!(desk.poll(), []);
    }
}

#[test]
fn half_closed_connection_receives_its_drops() {
    let mut desk = Desk::narrow();
    desk.accept(&message("bob", "p0"));
    for n in 1..4 {
        desk.receive(&message("bob", &format!("p{n}")));
        desk.poll();
    }
    desk.connection.input_ended(desk.now);
    assert_eq!(desk.poll(), one("RATE_LIMITED", "p2"));
}
