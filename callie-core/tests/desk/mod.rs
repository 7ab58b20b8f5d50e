//! One session, for which the test plays the server.

#![allow(dead_code, reason = "each test program uses some of it")]

use std::collections::BTreeMap;
use std::time::Duration;

use callie_core::command::{Command, ResumeRequest, TextCount};
use callie_core::session::{
    Attempt, AttemptFailure, Change, Event, Now, Output, Random, Receipt, Record, Refusal, RestoreError,
    SendOptions, Session, SessionConfig, State, Ticket, TicketOutcome,
};
use callie_core::{
    Content, EnvelopeIds, Limits, Message, MessageId, Notice, Payload, PayloadId, PayloadRef, PayloadType,
    Recipient, Sender, SysCode, Timestamp, Token, Username,
};

/// What was transmitted: its ID and type, and a message's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) id: PayloadId,
    pub(crate) kind: PayloadType,
    pub(crate) text: String,
}

/// One session and whoever plays its server.
pub(crate) struct Desk {
    pub(crate) session: Session,
    pub(crate) now: Duration,
    pub(crate) sent: Vec<Sent>,
    pub(crate) ended: Vec<(Ticket, TicketOutcome)>,
    pub(crate) notices: Vec<SysCode>,
    pub(crate) late: Vec<(PayloadId, MessageId)>,
    /// The receipts of received messages.
    pub(crate) receipts: Vec<Receipt>,
    /// The payloads that were confirmed.
    pub(crate) confirmed: Vec<PayloadId>,
    /// The numbers of taken texts that were stated.
    pub(crate) stated: Vec<u64>,
    /// What the authentications asked to resume.
    pub(crate) resumes: Vec<Option<ResumeRequest>>,
    pub(crate) states: Vec<State>,
    pub(crate) attempts: Vec<(Attempt, Result<(), AttemptFailure>)>,
    /// Tokens that the session asked for.
    pub(crate) refreshes: Vec<Refusal>,
    pub(crate) closes: usize,
    pub(crate) aborts: usize,
    /// The records that the session stored.
    pub(crate) records: BTreeMap<String, Vec<u8>>,
    /// The clock of the system, which stands still, in milliseconds since 1970.
    pub(crate) wall_ms: i64,
}

pub(crate) fn id(text: &str) -> PayloadId {
    PayloadId::parse(text).unwrap()
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn envelope_ids() -> EnvelopeIds {
    EnvelopeIds { payload_id: id("s"), timestamp: Timestamp::UNIX_EPOCH }
}

fn random(seed: u64) -> Random {
    let mut random = seed;
    Box::new(move || {
        random += 1;
        random.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    })
}

impl Desk {
    pub(crate) fn new() -> Self {
        let config = SessionConfig::new(Username::parse("ada").unwrap(), Token::parse("t").unwrap());
        Self::with(config)
    }

    pub(crate) fn with(config: SessionConfig) -> Self {
        Self::of(Session::new(config, random(0)))
    }

    fn of(session: Session) -> Self {
        Self {
            session,
            now: Duration::ZERO,
            sent: Vec::new(),
            ended: Vec::new(),
            notices: Vec::new(),
            late: Vec::new(),
            receipts: Vec::new(),
            confirmed: Vec::new(),
            stated: Vec::new(),
            resumes: Vec::new(),
            states: Vec::new(),
            attempts: Vec::new(),
            refreshes: Vec::new(),
            closes: 0,
            aborts: 0,
            records: BTreeMap::new(),
            wall_ms: 0,
        }
    }

    /// A session of `user` that stores records, and continues from these.
    pub(crate) fn restore(
        user: &str,
        records: BTreeMap<String, Vec<u8>>,
        wall_ms: i64,
    ) -> Result<Self, RestoreError> {
        let config = SessionConfig::new(Username::parse(user).unwrap(), Token::parse("t").unwrap());
        let given: Vec<_> =
            records.iter().map(|(key, value)| Record::new(key.clone(), value.clone())).collect();
        let now = Now { elapsed: Duration::ZERO, wall: Timestamp::from_unix_millis(wall_ms).unwrap() };
        let seed = u64::try_from(wall_ms).unwrap();
        let session = Session::restore(config, random(seed), now, "https://chat.example", &given)?;
        let mut desk = Self { records, wall_ms, ..Self::of(session) };
        desk.drain();
        Ok(desk)
    }

    pub(crate) fn now(&self) -> Now {
        Now { elapsed: self.now, wall: Timestamp::from_unix_millis(self.wall_ms).unwrap() }
    }

    pub(crate) fn online() -> Self {
        let mut desk = Self::new();
        desk.log_in("{}");
        desk
    }

    /// Connects, with this metadata in the server's answer beside what it answers.
    pub(crate) fn log_in(&mut self, metadata: &str) {
        self.session.start(self.now()).unwrap();
        self.authenticate(metadata);
    }

    /// The connection opens, and the server welcomes the session.
    pub(crate) fn authenticate(&mut self, metadata: &str) {
        self.session.opened(self.now());
        self.drain();
        let asked = self.sent.pop().unwrap();
        let more = metadata.trim_start_matches('{');
        let comma = if more == "}" { "" } else { "," };
        self.receive(&format!(
            r#"{{"token":"","sender":"SERVER","recipient":"ada","timestamp":"2026-01-02T03:04:05.678Z","type":"SYS","content":{{"code":"AUTHENTICATED","description":"welcome"}},"metadata":{{"inReplyTo":"{}"{comma}{more},"payloadID":"s","payloadVersion":"1.0"}}"#,
            asked.id
        ));
    }

    pub(crate) fn receive(&mut self, text: &str) {
        self.session.received(self.now(), text);
        self.drain();
    }

    pub(crate) fn answer(&mut self, notice: Notice) {
        self.receive(&notice.to_payload(Recipient::parse("ada").unwrap(), envelope_ids()).encode());
    }

    pub(crate) fn pong(&mut self, ping: &PayloadId) {
        let recipient = Recipient::parse("ada").unwrap();
        let pong = Payload::new(envelope_ids(), Sender::Server, recipient, Content::Pong)
            .with_in_reply_to(ping)
            .unwrap();
        self.receive(&pong.encode());
    }

    pub(crate) fn send(&mut self, to: &str, text: &str, confirm: bool) -> Ticket {
        let message = Message::builder(self.session.message_id(self.now())).text(text).build().unwrap();
        let options = SendOptions::default().with_confirm(confirm);
        let ticket = self.session.send(self.now(), Recipient::parse(to).unwrap(), message, &options).unwrap();
        self.drain();
        ticket
    }

    /// Lets time pass, waking the session whenever it asks for it.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.session.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.session.wake(self.now());
            self.drain();
        }
        self.now = end;
    }

    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Transmit(text) => {
                    let limits = Limits::default();
                    let frame = PayloadRef::from_client(&text, &limits).unwrap();
                    match frame.command(&limits) {
                        Some(Ok(Command::Ack { payloads, received })) => {
                            self.confirmed.extend(payloads.into_iter().map(|entry| entry.payload_id));
                            self.stated.extend(received.map(TextCount::get));
                        }
                        Some(Ok(Command::Authenticate { resume, .. })) => self.resumes.push(resume),
                        _ => {}
                    }
                    let text = match frame.to_payload().unwrap().content() {
                        Content::Msg(message) => message.text().to_owned(),
                        Content::Cmd(call) => call.command().to_string(),
                        _ => String::new(),
                    };
                    self.sent.push(Sent { id: id(frame.payload_id()), kind: frame.payload_type(), text });
                }
                Output::Store { change: Change::Put(Record { key, value, .. }), .. } => {
                    self.records.insert(key, value);
                }
                Output::Store { change: Change::Delete(key), .. } => {
                    self.records.remove(&key);
                }
                Output::Close => self.closes += 1,
                Output::Abort => self.aborts += 1,
                Output::RefreshToken(refusal) => self.refreshes.push(refusal),
                Output::Event(Event::State(state)) => self.states.push(state),
                Output::Event(Event::Attempted(attempt, outcome)) => self.attempts.push((attempt, outcome)),
                Output::Event(Event::Ended(ticket, outcome)) => self.ended.push((ticket, outcome)),
                Output::Event(Event::DeliveredLate { payload_id, message_id }) => {
                    self.late.push((payload_id, message_id));
                }
                Output::Event(Event::Message(_, receipt)) => self.receipts.push(receipt),
                Output::Event(Event::Notice(notice)) => self.notices.push(notice.code()),
                _ => {}
            }
        }
    }

    /// What was transmitted since the last call, but for the signs of life.
    pub(crate) fn take_sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent).into_iter().filter(|sent| sent.kind != PayloadType::Ping).collect()
    }

    pub(crate) fn texts(&mut self) -> Vec<String> {
        self.take_sent().into_iter().map(|sent| sent.text).collect()
    }

    pub(crate) fn ping(&self) -> PayloadId {
        self.sent.iter().rev().find(|sent| sent.kind == PayloadType::Ping).unwrap().id.clone()
    }

    pub(crate) fn outcomes(&mut self) -> Vec<TicketOutcome> {
        std::mem::take(&mut self.ended).into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// A message by bob arrives that asks for a confirmation.
    pub(crate) fn receive_message(&mut self, id: &str) {
        self.receive(&format!(
            r#"{{"token":"","sender":"bob","recipient":"ada","timestamp":"2026-01-02T03:04:05.678Z","type":"MSG","content":{{"messageID":"{id}","text":"x"}},"metadata":{{"ack":true}},"payloadID":"{id}","payloadVersion":"1.0"}}"#
        ));
    }

    /// The application takes everything that arrived.
    pub(crate) fn take(&mut self) {
        if let Some(last) = self.receipts.last() {
            self.session.taken(self.now(), *last);
            self.drain();
        }
    }

    pub(crate) fn lose_link(&mut self) {
        self.session.closed(self.now(), None, None);
        self.drain();
    }
}
