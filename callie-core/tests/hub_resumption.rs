//! A hub keeps what is addressed to a lost connection, and answers truly when that is gone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use callie_core::command::{Feature, Features, Push};
use callie_core::server::{
    CloseReason, ConnectionId, Hub, Identity, Output, PayloadKeys, Request, ServerConfig,
};
use callie_core::{
    EnvelopeIds, Notice, PayloadId, PayloadRef, Recipient, SessionId, SysCode, Timestamp, Username, times,
};

const GROUP: &str = "group:01890a5d-ac96-774b-bcce-b302099a8057";

fn envelope_ids() -> EnvelopeIds {
    EnvelopeIds { payload_id: PayloadId::parse("s").unwrap(), timestamp: Timestamp::UNIX_EPOCH }
}

fn name(name: &str) -> Username {
    Username::parse(name).unwrap()
}

/// The token of a user is the user's name.
fn identify(token: &str) -> Option<Identity> {
    Some(Identity::new(Username::parse(token).ok()?, SessionId::parse(token).ok()?, Timestamp::UNIX_EPOCH))
}

struct Desk {
    now: Duration,
    hub: Hub,
}

impl Desk {
    fn new() -> Self {
        let keys = PayloadKeys::new(BuildHasherDefault::<DefaultHasher>::new());
        let config = ServerConfig::new(keys).with_features(Features::NONE.with(Feature::Resume));
        let last = AtomicU32::new(0);
        let next = move || format!("c{}", last.fetch_add(1, Ordering::Relaxed) + 1).parse().unwrap();
        let hub = Hub::new(Arc::new(config.with_max_kept_bytes(4_000)), envelope_ids);
        Self { now: Duration::ZERO, hub: hub.with_connection_ids(next) }
    }

    /// Logs in; the n-th connection that is not resumed can be resumed as `c<n>`.
    fn login(&mut self, user: &str) -> ConnectionId {
        let id = self.hub.accept(self.now);
        self.greet(id, user, "");
        assert_eq!(self.take(id), ["AUTHENTICATED false"]);
        id
    }

    /// Resumes a connection, and returns what is written on the new one.
    fn resume(&mut self, user: &str, connection: &str, received: u64) -> (ConnectionId, Vec<String>) {
        let id = self.hub.accept(self.now);
        let resume = format!(r#","resume":{{"connectionID":"{connection}","received":{received}}}"#);
        self.greet(id, user, &resume);
        (id, self.take(id))
    }

    fn greet(&mut self, id: ConnectionId, user: &str, more: &str) {
        let content = format!(r#"{{"command":"AUTHENTICATE","parameters":{{"features":["resume"]{more}}}}}"#);
        assert!(self.send(id, user, "CMD", "SERVER", &content, "greeting").is_none());
    }

    fn send(
        &mut self,
        id: ConnectionId,
        user: &str,
        kind: &str,
        to: &str,
        content: &str,
        payload_id: &str,
    ) -> Option<Request> {
        let metadata = if payload_id.starts_with("ack") { r#"{"ack":true}"# } else { "{}" };
        let text = format!(
            r#"{{"token":"{user}","sender":"{user}","recipient":"{to}","timestamp":"2026-01-02T03:04:05.678Z","type":"{kind}","content":{content},"metadata":{metadata},"payloadID":"{payload_id}","payloadVersion":"1.0"}}"#
        );
        self.hub.receive(self.now, id, &text, identify)
    }

    /// Sends a message whose text is its payload's ID.
    fn message(&mut self, id: ConnectionId, user: &str, to: &str, payload_id: &str) -> Option<Request> {
        let content = format!(r#"{{"messageID":"m1","text":"{payload_id}"}}"#);
        self.send(id, user, "MSG", to, &content, payload_id)
    }

    fn confirm(&mut self, id: ConnectionId, user: &str, sender: &str, payload_id: &str) {
        let content = format!(
            r#"{{"command":"ACK","parameters":{{"payloads":[{{"sender":"{sender}","payloadID":"{payload_id}"}}]}}}}"#
        );
        assert!(self.send(id, user, "CMD", "SERVER", &content, "confirms").is_none());
    }

    fn lost(&mut self, id: ConnectionId) {
        self.hub.lost(self.now, id);
        assert_eq!(self.take(id), Vec::<String>::new());
    }

    fn pass(&mut self, time: Duration, awake: ConnectionId) {
        self.now += time;
        self.hub.wake(self.now, awake);
    }

    /// Returns what was written on one connection since the last call; nothing may have been written on others.
    fn take(&mut self, expected: ConnectionId) -> Vec<String> {
        let outputs: Vec<_> = std::iter::from_fn(|| self.hub.poll()).collect();
        outputs.into_iter().map(|output| described(output, expected)).collect()
    }
}

/// Describes a message by its text, a notice by its code, a close by its code.
fn described(output: Output, expected: ConnectionId) -> String {
    let (id, text) = match output {
        Output::Write(id, text) => (id, text),
        Output::Close(id, code) => {
            assert_eq!(id, expected);
            return code.to_string();
        }
    };
    assert_eq!(id, expected, "{text}");
    let frame = PayloadRef::from_server(&text).unwrap();
    match (Notice::read(&frame), frame.in_reply_to()) {
        (Some(notice), _) if notice.code() == SysCode::Authenticated => {
            format!("AUTHENTICATED {}", notice.metadata().resumed.unwrap())
        }
        (Some(notice), Some(id)) => format!("{} {id}", notice.code().as_str()),
        (Some(notice), None) => notice.code().as_str().to_owned(),
        (None, _) if frame.message_id().is_some() => frame.payload_id().to_owned(),
        (None, _) => frame.payload_type().as_str().to_owned(),
    }
}

#[test]
fn messages_to_lost_connection_follow_in_order() {
    let mut desk = Desk::new();
    let (ada, bob) = (desk.login("ada"), desk.login("bob"));
    desk.message(ada, "ada", "bob", "p1");
    desk.message(ada, "ada", "bob", "p2");
    assert_eq!(desk.take(bob), ["p1", "p2"]);
    desk.lost(bob);
    desk.message(ada, "ada", "bob", "p3");
    desk.send(ada, "ada", "PING", "bob", "{}", "ping");
    desk.message(ada, "ada", "bob", "p4");
    assert_eq!(desk.take(ada), Vec::<String>::new());
    let (bob, texts) = desk.resume("bob", "c2", 1);
    assert_eq!(texts, ["AUTHENTICATED true", "p2", "p3", "p4"]);
    desk.message(bob, "bob", "ada", "b1");
    assert_eq!(desk.take(ada), ["b1"]);
    desk.lost(bob);
    assert_eq!(desk.resume("bob", "c2", 4).1, ["AUTHENTICATED true"]);
}

#[test]
fn open_connection_is_closed_before_it_is_resumed() {
    let mut desk = Desk::new();
    let (ada, bob) = (desk.login("ada"), desk.login("bob"));
    desk.message(ada, "ada", "bob", "ack1");
    assert_eq!(desk.take(bob), ["ack1"]);
    let new = desk.hub.accept(desk.now);
    desk.greet(new, "bob", r#","resume":{"connectionID":"c2","received":0}"#);
    let outputs: Vec<_> = std::iter::from_fn(|| desk.hub.poll()).collect();
    let (old, rest) = outputs.split_at(2);
    let closed: Vec<_> = old.iter().map(|output| described(output.clone(), bob)).collect();
    assert_eq!(closed, ["HEARTBEAT_MISSED", "4408"]);
    let written: Vec<_> = rest.iter().map(|output| described(output.clone(), new)).collect();
    assert_eq!(written, ["AUTHENTICATED true", "ack1"]);
    desk.lost(bob);
    desk.confirm(new, "bob", "ada", "ack1");
    assert_eq!(desk.take(ada), ["DELIVERED ack1"]);
}

#[test]
fn wrong_resumption_opens_a_connection() {
    let mut desk = Desk::new();
    let (_, bob) = (desk.login("ada"), desk.login("bob"));
    desk.lost(bob);
    for (user, connection, received) in
        [("ada", "c2", 0), ("bob", "c1", 0), ("bob", "c9", 0), ("bob", "c2", 1)]
    {
        let (id, texts) = desk.resume(user, connection, received);
        assert_eq!(texts, ["AUTHENTICATED false"]);
        desk.hub.left(desk.now, id);
    }
    assert_eq!(desk.resume("bob", "c2", 0).1, ["AUTHENTICATED true"]);
}

#[test]
fn closed_connection_cannot_be_resumed() {
    let mut desk = Desk::new();
    let ada = desk.login("ada");
    type End = fn(&mut Desk, ConnectionId);
    let ends: [End; 3] = [
        |desk, bob| desk.hub.left(desk.now, bob),
        |desk, bob| desk.hub.close(desk.now, bob, CloseReason::kicked(None)),
        |desk, bob| {
            desk.lost(bob);
            desk.hub.close(desk.now, bob, CloseReason::session_revoked());
        },
    ];
    for (n, end) in ends.into_iter().enumerate() {
        let bob = desk.login("bob");
        end(&mut desk, bob);
        desk.take(bob);
        desk.message(ada, "ada", "bob", &format!("p{n}"));
        assert_eq!(desk.take(ada), [format!("RECIPIENT_OFFLINE p{n}")]);
        let (new, texts) = desk.resume("bob", &format!("c{}", 2 * n + 2), 0);
        assert_eq!(texts, ["AUTHENTICATED false"]);
        desk.hub.left(desk.now, new);
    }
}

#[test]
fn confirmation_has_its_time_after_the_resumption() {
    let mut desk = Desk::new();
    let (ada, bob) = (desk.login("ada"), desk.login("bob"));
    desk.message(ada, "ada", "bob", "ack1");
    assert_eq!(desk.take(bob), ["ack1"]);
    desk.lost(bob);
    desk.message(ada, "ada", "bob", "ack2");
    desk.pass(2 * times::CONFIRMATION, ada);
    desk.take(ada);
    let (bob, texts) = desk.resume("bob", "c2", 1);
    assert_eq!(texts, ["AUTHENTICATED true", "ack2"]);
    desk.pass(times::CONFIRMATION - Duration::from_secs(1), bob);
    desk.confirm(bob, "bob", "ada", "ack1");
    assert_eq!(desk.take(ada), ["DELIVERED ack1"]);
    desk.pass(Duration::from_secs(1), ada);
    assert_eq!(desk.take(ada), ["DELIVERY_UNCONFIRMED ack2"]);
}

#[test]
fn window_that_passes_is_answered_truly() {
    let mut desk = Desk::new();
    let (ada, bob) = (desk.login("ada"), desk.login("bob"));
    desk.message(ada, "ada", "bob", "p1");
    desk.message(ada, "ada", "bob", "ack2");
    assert_eq!(desk.take(bob), ["p1", "ack2"]);
    desk.lost(bob);
    desk.message(ada, "ada", "bob", "p3");
    desk.message(ada, "ada", "bob", "ack4");
    desk.pass(times::RESUMPTION - Duration::from_millis(1), bob);
    assert_eq!(desk.take(ada), Vec::<String>::new());
    desk.pass(Duration::from_millis(1), bob);
    let mut answers = desk.take(ada);
    answers.sort();
    assert_eq!(answers, ["DELIVERY_UNCONFIRMED ack2", "RECIPIENT_OFFLINE ack4", "RECIPIENT_OFFLINE p3"]);
    assert_eq!(desk.resume("bob", "c2", 2).1, ["AUTHENTICATED false"]);
}

#[test]
fn too_many_bytes_end_a_lost_connection() {
    let mut desk = Desk::new();
    let (ada, bob) = (desk.login("ada"), desk.login("bob"));
    desk.lost(bob);
    let mut answers = Vec::new();
    let mut sent = 0;
    while answers.is_empty() {
        sent += 1;
        desk.message(ada, "ada", "bob", &format!("p{sent}"));
        answers = desk.take(ada);
    }
    assert_eq!(answers, (1..=sent).map(|n| format!("RECIPIENT_OFFLINE p{n}")).collect::<Vec<_>>());
    assert_eq!(desk.resume("bob", "c2", 0).1, ["AUTHENTICATED false"]);
}

#[test]
fn other_connection_of_the_user_receives_meanwhile() {
    let mut desk = Desk::new();
    let (ada, bob, phone) = (desk.login("ada"), desk.login("bob"), desk.login("bob"));
    desk.lost(bob);
    desk.message(ada, "ada", "bob", "p1");
    desk.message(ada, "ada", "bob", "ack2");
    assert_eq!(desk.take(phone), ["p1", "ack2"]);
    desk.confirm(phone, "bob", "ada", "ack2");
    assert_eq!(desk.take(ada), ["DELIVERED ack2"]);
    desk.pass(times::RESUMPTION, bob);
    assert_eq!(desk.take(ada), Vec::<String>::new());
}

#[test]
fn group_is_answered_when_lost_members_are_settled() {
    let mut desk = Desk::new();
    let (ada, bob, cyd) = (desk.login("ada"), desk.login("bob"), desk.login("cyd"));
    let members = ["ada", "bob", "cyd", "dan"].map(name);
    let send = |desk: &mut Desk, payload_id: &str| {
        let Some(Request::ToGroup(_, outgoing)) = desk.message(ada, "ada", GROUP, payload_id) else {
            panic!()
        };
        desk.hub.deliver(desk.now, outgoing, &members);
    };
    desk.lost(cyd);
    send(&mut desk, "p1");
    send(&mut desk, "ack2");
    assert_eq!(desk.take(bob), ["p1", "ack2"]);
    desk.confirm(bob, "bob", "ada", "ack2");
    let new = desk.hub.accept(desk.now);
    desk.greet(new, "cyd", r#","resume":{"connectionID":"c3","received":0}"#);
    let outputs: Vec<_> = std::iter::from_fn(|| desk.hub.poll()).collect();
    let (here, answers): (Vec<_>, Vec<_>) =
        outputs.into_iter().partition(|output| matches!(output, Output::Write(id, _) if *id == new));
    let here: Vec<_> = here.into_iter().map(|output| described(output, new)).collect();
    assert_eq!(here, ["AUTHENTICATED true", "p1", "ack2"]);
    let answers: Vec<_> = answers.into_iter().map(|output| described(output, ada)).collect();
    assert_eq!(answers, ["PARTIALLY_DELIVERED p1"], "dan is offline, and the other one waits for cyd");
    desk.confirm(new, "cyd", "ada", "ack2");
    assert_eq!(desk.take(ada), ["DELIVERED ack2"]);

    desk.lost(new);
    desk.lost(bob);
    send(&mut desk, "p3");
    desk.pass(times::RESUMPTION, bob);
    assert_eq!(desk.take(ada), ["RECIPIENT_OFFLINE p3"]);
}

#[test]
fn answers_follow_to_the_resumed_connection() {
    let mut desk = Desk::new();
    let ada = desk.login("ada");
    let content = r#"{"command":"LIST_GROUPS","parameters":{}}"#;
    let request = desk.send(ada, "ada", "CMD", "SERVER", content, "list").unwrap();
    desk.lost(ada);
    let (ada, texts) = desk.resume("ada", "c1", 0);
    assert_eq!(texts, ["AUTHENTICATED true"]);
    desk.hub.refuse(desk.now, request.requester(), SysCode::Conflict);
    assert_eq!(desk.take(ada), ["CONFLICT list"]);
    let request = desk.send(ada, "ada", "CMD", "SERVER", content, "again").unwrap();
    desk.lost(ada);
    desk.hub.refuse(desk.now, request.requester(), SysCode::Conflict);
    assert_eq!(desk.resume("ada", "c1", 1).1, ["AUTHENTICATED true", "CONFLICT again"]);
}

#[test]
fn signals_are_not_kept() {
    let mut desk = Desk::new();
    let bob = desk.login("bob");
    desk.lost(bob);
    let push = Push::read("SIGNAL", r#"{"from":"ada","recipient":"bob","kind":"typing"}"#).unwrap();
    desk.hub.send(desk.now, &name("bob"), &push.to_payload(Recipient::User(name("bob")), envelope_ids()));
    desk.hub.send(
        desk.now,
        &name("bob"),
        &Notice::announcement(&"Hello".parse().unwrap()).to_payload(Recipient::Broadcast, envelope_ids()),
    );
    assert_eq!(desk.resume("bob", "c1", 0).1, ["AUTHENTICATED true", "ANNOUNCEMENT"]);
}
