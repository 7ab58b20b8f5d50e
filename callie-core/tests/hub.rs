//! A hub delivers payloads between connections, counts confirmations and answers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::time::Duration;

use callie_core::command::{Command, Empty, Push};
use callie_core::server::{
    CloseReason, ConnectionId, Hub, Identity, Output, PayloadKeys, Request, ServerConfig,
};
use callie_core::{
    EnvelopeIds, Notice, PayloadId, PayloadRef, PriorOutcome, Recipient, SessionId, SysCode, Timestamp,
    Username, times,
};

const GROUP: &str = "group:01890a5d-ac96-774b-bcce-b302099a8057";
const HELLO: &str = r#"{"messageID":"m1","text":"Hello"}"#;

fn envelope_ids() -> EnvelopeIds {
    EnvelopeIds { payload_id: PayloadId::parse("s").unwrap(), timestamp: Timestamp::UNIX_EPOCH }
}

fn name(name: &str) -> Username {
    Username::parse(name).unwrap()
}

/// The token of a user is the user's name.
fn identify(token: &str) -> Option<Identity> {
    Some(Identity::new(Username::parse(token).ok()?, SessionId::parse("s").ok()?, Timestamp::UNIX_EPOCH))
}

/// A hub, and the texts that it wrote.
struct Desk {
    now: Duration,
    hub: Hub,
}

impl Desk {
    fn new() -> Self {
        let keys = PayloadKeys::new(BuildHasherDefault::<DefaultHasher>::new());
        Self { now: Duration::ZERO, hub: Hub::new(Arc::new(ServerConfig::new(keys)), envelope_ids) }
    }

    fn login(&mut self, user: &str) -> ConnectionId {
        let id = self.hub.accept(self.now);
        let content = r#"{"command":"AUTHENTICATE","parameters":{}}"#;
        assert!(self.send(id, user, "CMD", "SERVER", content, "greeting").is_none());
        assert_eq!(self.take(), [(id, "AUTHENTICATED".to_owned())]);
        id
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

    fn confirm(&mut self, id: ConnectionId, user: &str, payload_id: &str) {
        let content = format!(
            r#"{{"command":"ACK","parameters":{{"payloads":[{{"sender":"ada","payloadID":"{payload_id}"}}]}}}}"#
        );
        assert!(self.send(id, user, "CMD", "SERVER", &content, "confirms").is_none());
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.hub.poll()).collect()
    }

    /// Returns what was written since the last call: the recipient, and the code or type.
    fn take(&mut self) -> Vec<(ConnectionId, String)> {
        let outputs = self.outputs().into_iter().map(|output| match output {
            Output::Write(id, text) => {
                let frame = PayloadRef::from_server(&text).unwrap();
                let code = Notice::read(&frame).map(|notice| notice.code().as_str());
                (id, code.unwrap_or(frame.payload_type().as_str()).to_owned())
            }
            Output::Close(id, code) => (id, code.to_string()),
        });
        outputs.collect()
    }

    /// Returns the only notice that was written since the last call.
    fn notice(&mut self) -> Notice {
        let outputs = self.outputs();
        let [Output::Write(_, text)] = &outputs[..] else { panic!("{outputs:?}") };
        Notice::read(&PayloadRef::from_server(text).unwrap()).unwrap()
    }
}

fn to(ids: &[ConnectionId], what: &str) -> Vec<(ConnectionId, String)> {
    ids.iter().map(|id| (*id, what.to_owned())).collect()
}

#[test]
fn message_reaches_every_connection_of_both_users() {
    let mut desk = Desk::new();
    let (ada, tablet, bob, phone, cyd) =
        (desk.login("ada"), desk.login("ada"), desk.login("bob"), desk.login("bob"), desk.login("cyd"));
    assert!(desk.send(ada, "ada", "MSG", "bob", HELLO, "p1").is_none());
    assert_eq!(desk.take(), to(&[bob, phone, tablet], "MSG"));
    desk.send(tablet, "ada", "MSG", "ada", HELLO, "p2");
    assert_eq!(desk.take(), to(&[ada, tablet], "MSG"), "a message to oneself has no further copies");
    desk.send(cyd, "cyd", "MSG", "BROADCAST", HELLO, "p3");
    assert_eq!(desk.take(), to(&[ada, tablet, bob, phone], "MSG"));
    desk.send(ada, "ada", "PING", "bob", "{}", "p4");
    assert_eq!(desk.take(), to(&[bob, phone], "PING"), "a PING has no copies");
}

#[test]
fn first_confirmation_of_a_user_is_the_answer() {
    let mut desk = Desk::new();
    let (ada, bob, phone) = (desk.login("ada"), desk.login("bob"), desk.login("bob"));
    desk.send(ada, "ada", "MSG", "bob", HELLO, "ack1");
    assert_eq!(desk.take(), to(&[bob, phone], "MSG"));
    desk.confirm(phone, "bob", "ack1");
    assert_eq!(desk.take(), to(&[ada], "DELIVERED"));
    desk.confirm(bob, "bob", "ack1");
    assert_eq!(desk.take(), []);
    // A duplicate is answered with the outcome.
    desk.send(ada, "ada", "MSG", "bob", HELLO, "ack1");
    assert_eq!(desk.notice().metadata().outcome, Some(PriorOutcome::Delivered));
}

#[test]
fn message_to_nobody_is_offline() {
    let mut desk = Desk::new();
    let ada = desk.login("ada");
    for payload_id in ["p1", "ack1"] {
        desk.send(ada, "ada", "MSG", "bob", HELLO, payload_id);
        let notice = desk.notice();
        assert_eq!(notice.code(), SysCode::RecipientOffline);
        assert_eq!(notice.metadata().in_reply_to.as_ref().unwrap(), payload_id);
    }
}

#[test]
fn message_is_unconfirmed_once_its_recipient_is_gone_or_its_time_is_over() {
    let mut desk = Desk::new();
    let (ada, bob) = (desk.login("ada"), desk.login("bob"));
    desk.send(ada, "ada", "MSG", "bob", HELLO, "ack1");
    desk.hub.lost(desk.now, bob);
    assert_eq!(desk.take(), [(bob, "MSG".to_owned()), (ada, "DELIVERY_UNCONFIRMED".to_owned())]);
    let bob = desk.login("bob");
    desk.send(ada, "ada", "MSG", "bob", HELLO, "ack2");
    assert_eq!(desk.take(), to(&[bob], "MSG"));
    assert_eq!(desk.hub.deadline(ada), Some(times::CONFIRMATION));
    desk.now = times::CONFIRMATION;
    desk.hub.wake(desk.now, bob);
    assert_eq!(desk.take(), to(&[ada], "DELIVERY_UNCONFIRMED"));
    desk.confirm(bob, "bob", "ack2");
    assert_eq!(desk.take(), [], "it comes too late");
}

#[test]
fn group_message_is_counted_by_member() {
    let mut desk = Desk::new();
    let (ada, bob, cyd) = (desk.login("ada"), desk.login("bob"), desk.login("cyd"));
    let members = ["ada", "bob", "cyd", "dan"].map(name);
    for payload_id in ["p1", "ack1"] {
        let request = desk.send(ada, "ada", "MSG", GROUP, HELLO, payload_id);
        let Some(Request::ToGroup(id, payload)) = request else { panic!("{request:?}") };
        assert_eq!(id.to_string(), GROUP);
        desk.hub.deliver(desk.now, payload, &members);
        let written = desk.outputs();
        let reached = |id| written.iter().any(|output| matches!(output, Output::Write(to, _) if *to == id));
        assert!(reached(bob) && reached(cyd), "{written:?}");
        if payload_id == "p1" {
            let Output::Write(to, text) = &written[2] else { panic!("{written:?}") };
            let notice = Notice::read(&PayloadRef::from_server(text).unwrap()).unwrap();
            assert_eq!((*to, notice.code()), (ada, SysCode::PartiallyDelivered));
            assert_eq!((notice.metadata().delivered, notice.metadata().offline_count), (Some(2), Some(1)));
        }
    }
    desk.confirm(bob, "bob", "ack1");
    assert_eq!(desk.take(), []);
    desk.hub.close(desk.now, cyd, CloseReason::kicked(None));
    let said = desk.outputs();
    let [Output::Write(kicked, _), Output::Close(_, 4503), Output::Write(to, text)] = &said[..] else {
        panic!("{said:?}")
    };
    assert_eq!((*kicked, *to), (cyd, ada));
    let notice = Notice::read(&PayloadRef::from_server(text).unwrap()).unwrap();
    let counts = notice.metadata();
    assert_eq!(notice.code(), SysCode::Delivered);
    assert_eq!((counts.delivered, counts.unconfirmed, counts.offline_count), (Some(1), Some(1), Some(1)));
}

#[test]
fn command_is_handed_back_and_its_answer_is_remembered() {
    let mut desk = Desk::new();
    let ada = desk.login("ada");
    let content = r#"{"command":"GET_SETTINGS","parameters":{}}"#;
    let request = desk.send(ada, "ada", "CMD", "SERVER", content, "p1");
    let Some(Request::Execute(Command::GetSettings {}, requester)) = request else { panic!("{request:?}") };
    assert_eq!(requester.connection(), ada);
    desk.hub.answer(desk.now, &requester, requester.reply().result(&Empty {}, envelope_ids()));
    assert_eq!(desk.take(), to(&[ada], "COMMAND_OK"));
    assert!(desk.send(ada, "ada", "CMD", "SERVER", content, "p1").is_none());
    assert_eq!(desk.notice().metadata().outcome, Some(PriorOutcome::Sent));
}

#[test]
fn signal_reaches_its_recipient_and_is_not_answered() {
    let mut desk = Desk::new();
    let (ada, bob) = (desk.login("ada"), desk.login("bob"));
    let content = r#"{"command":"SIGNAL","parameters":{"recipient":"bob","kind":"typing"}}"#;
    let request = desk.send(ada, "ada", "CMD", "SERVER", content, "p1");
    let Some(Request::Execute(Command::Signal { recipient, kind, data }, requester)) = request else {
        panic!("{request:?}")
    };
    let push = Push::Signal { from: requester.reply().username().clone(), recipient, kind, data };
    assert_eq!(
        desk.hub.send(desk.now, &name("bob"), &push.to_payload(Recipient::User(name("bob")), envelope_ids())),
        1
    );
    desk.hub.done(&requester);
    assert_eq!(desk.take(), to(&[bob], "CMD"));
    assert_eq!(
        desk.hub.send(desk.now, &name("cyd"), &push.to_payload(Recipient::User(name("cyd")), envelope_ids())),
        0
    );
    assert!(desk.send(ada, "ada", "CMD", "SERVER", content, "p1").is_none());
    assert_eq!(desk.notice().metadata().outcome, Some(PriorOutcome::Sent));
}

#[test]
fn connection_that_does_not_authenticate_is_closed() {
    let mut desk = Desk::new();
    let (silent, stranger) = (desk.hub.accept(desk.now), desk.hub.accept(desk.now));
    desk.send(stranger, "X", "PING", "SERVER", "{}", "p1");
    assert_eq!(desk.take(), [(stranger, "AUTH_FAILED".to_owned()), (stranger, "4501".to_owned())]);
    assert_eq!(desk.hub.deadline(stranger), None);
    assert_eq!(desk.hub.deadline(silent), Some(times::AUTHENTICATION));
    desk.now = times::AUTHENTICATION;
    desk.hub.wake(desk.now, silent);
    assert_eq!(desk.take(), [(silent, "AUTH_TIMEOUT".to_owned()), (silent, "4501".to_owned())]);
}

#[test]
fn user_who_returns_is_remembered_for_five_minutes() {
    let mut desk = Desk::new();
    let (bob, ada) = (desk.login("bob"), desk.login("ada"));
    desk.send(ada, "ada", "MSG", "bob", HELLO, "p1");
    desk.hub.lost(desk.now, ada);
    desk.outputs();
    // So many other users that the hub removes users without connections and recent payloads.
    for (seconds, code) in [(299, "DUPLICATE_PAYLOAD"), (700, "MSG")] {
        desk.now = Duration::from_secs(seconds);
        for number in 0..200 {
            let other = desk.login(&format!("user{number}"));
            desk.hub.lost(desk.now, other);
        }
        let ada = desk.login("ada");
        desk.send(ada, "ada", "MSG", "bob", HELLO, "p1");
        assert_eq!(desk.take().pop().unwrap().1, code);
        desk.hub.lost(desk.now, ada);
    }
    desk.hub.lost(desk.now, bob);
}
