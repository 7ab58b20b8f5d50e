//! A session whose process is killed at random between any two of its outputs, and whose connection is lost at random: no
//! message is accepted twice by the server, and every outcome is true.
//!
//! `CALLIE_SEED` repeats one seed; `CALLIE_SEEDS` is the number of seeds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod desk;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use callie_core::session::{Change, Event, Output, Record, SendOptions, TicketOutcome};
use callie_core::{
    Content, Limits, Message, MessageId, Notice, PayloadId, PayloadRef, PriorOutcome, Recipient, SysCode,
};
use desk::Desk;
use fastrand::Rng;

/// How long the server detects duplicates.
const MEMORY_MS: i64 = 300_000;
/// The clocks advance by at most this at once.
const TICK_MS: u64 = 5_000;

/// The client's side: a desk that is replaced by each kill, and what the kill leaves.
struct Run {
    random: Rng,
    desk: Desk,
    records: BTreeMap<String, Vec<u8>>,
    /// Texts on their way to the server.
    wire: VecDeque<String>,
    online: bool,
    /// The payloads that the server has accepted, with the time.
    accepted: HashMap<PayloadId, i64>,
    /// How often the server has accepted each message.
    arrived: HashMap<MessageId, usize>,
    /// The messages whose send has returned.
    sent: Vec<MessageId>,
    names: HashMap<u64, MessageId>,
    outcomes: Vec<(MessageId, TicketOutcome)>,
}

impl Run {
    fn new(seed: u64) -> Self {
        Self {
            random: Rng::with_seed(seed),
            desk: Desk::restore("ada", BTreeMap::new(), 1_700_000_000_000).unwrap(),
            records: BTreeMap::new(),
            wire: VecDeque::new(),
            online: false,
            accepted: HashMap::new(),
            arrived: HashMap::new(),
            sent: Vec::new(),
            names: HashMap::new(),
            outcomes: Vec::new(),
        }
    }

    /// Performs the outputs, or only some of them before a kill. Returns `false` after a kill.
    fn perform(&mut self, may_be_killed: bool) -> bool {
        let kill_after =
            if may_be_killed && self.random.u8(..10) == 0 { self.random.usize(..6) } else { 1_000 };
        for done in 0.. {
            if done == kill_after {
                self.kill();
                return false;
            }
            let Some(output) = self.desk.session.poll() else { return true };
            match output {
                Output::Store { change: Change::Put(Record { key, value, .. }), .. } => {
                    self.records.insert(key, value);
                }
                Output::Store { change: Change::Delete(key), .. } => drop(self.records.remove(&key)),
                Output::Transmit(text) => self.wire.push_back(text),
                Output::Close | Output::Abort => self.lose_link(),
                Output::Event(Event::Ended(ticket, outcome)) => {
                    self.outcomes.push((self.names[&ticket.number()].clone(), outcome));
                }
                _ => {}
            }
        }
        true
    }

    fn lose_link(&mut self) {
        self.online = false;
        // Some of the texts in transit arrive.
        let arrive = self.random.usize(..=self.wire.len());
        for text in self.wire.drain(..).take(arrive).collect::<Vec<_>>() {
            self.accept(&text);
        }
    }

    fn kill(&mut self) {
        self.lose_link();
        let away = if self.random.bool() { self.random.i64(1..2_000) } else { self.random.i64(1..600_000) };
        let wall_ms = self.desk.wall_ms + away;
        self.desk = Desk::restore("ada", self.records.clone(), wall_ms).unwrap();
        self.records = self.desk.records.clone();
        self.names = self.desk.session.pending().map(|(ticket, id)| (ticket.number(), id.clone())).collect();
        self.perform(false);
    }

    /// The server receives a text. Returns its answer.
    fn accept(&mut self, text: &str) -> Option<Notice> {
        let limits = Limits::default();
        let frame = PayloadRef::from_client(text, &limits).unwrap();
        let id = PayloadId::parse(frame.payload_id()).unwrap();
        let Some(Content::Msg(message)) = frame.to_payload().map(|payload| payload.content().clone()) else {
            return None;
        };
        let now = self.desk.wall_ms;
        let known = self.accepted.get(&id).is_some_and(|at| now - at < MEMORY_MS);
        self.accepted.insert(id.clone(), now);
        if known {
            let duplicate = Notice::builder(SysCode::DuplicatePayload).outcome(PriorOutcome::Delivered);
            return Some(duplicate.in_reply_to(id));
        }
        *self.arrived.entry(message.message_id().clone()).or_default() += 1;
        Some(Notice::builder(SysCode::Delivered).message_id(message.message_id().clone()).in_reply_to(id))
    }

    fn send(&mut self, number: usize) {
        let id = MessageId::parse(&format!("m{number}")).unwrap();
        let message = Message::builder(id.clone()).text("x").build().unwrap();
        let bob = Recipient::parse("bob").unwrap();
        let now = self.desk.now();
        let ticket = self.desk.session.send(now, bob, message, &SendOptions::default()).unwrap();
        self.names.insert(ticket.number(), id.clone());
        if self.perform(true) {
            self.sent.push(id);
        }
    }

    fn connect(&mut self) {
        self.desk.session.start(self.desk.now()).unwrap();
        if !self.perform(false) || self.online {
            return;
        }
        self.desk.session.opened(self.desk.now());
        self.perform(false);
        let Some(greeting) = self.wire.pop_back() else { return };
        let limits = Limits::default();
        let frame = PayloadRef::from_client(&greeting, &limits).unwrap();
        let id = PayloadId::parse(frame.payload_id()).unwrap();
        self.online = true;
        self.answer(&Notice::builder(SysCode::Authenticated).in_reply_to(id), true);
    }

    fn answer(&mut self, notice: &Notice, may_be_killed: bool) {
        let payload = notice.to_payload(Recipient::parse("ada").unwrap(), desk::envelope_ids());
        self.desk.session.received(self.desk.now(), &payload.encode());
        self.perform(may_be_killed);
    }

    fn serve(&mut self, may_be_killed: bool) {
        if let Some(text) = self.wire.pop_front().filter(|_| self.online)
            && let Some(notice) = self.accept(&text)
        {
            self.answer(&notice, may_be_killed);
        }
    }

    fn pass(&mut self, millis: u64) {
        let mut left = millis;
        while left > 0 {
            let tick = left.min(TICK_MS);
            left -= tick;
            self.desk.now += Duration::from_millis(tick);
            self.desk.wall_ms += i64::try_from(tick).unwrap();
            self.desk.session.wake(self.desk.now());
            self.perform(false);
        }
    }

    fn lose(&mut self) {
        if self.online {
            self.lose_link();
            self.desk.session.closed(self.desk.now(), None, None);
            self.perform(true);
        }
    }
}

fn run(seed: u64) {
    let mut run = Run::new(seed);
    run.records = run.desk.records.clone();
    for step in 0..120 {
        match run.random.u8(..10) {
            0..3 => run.send(step),
            3..7 => run.serve(true),
            7 => run.connect(),
            8 => {
                let millis = if run.random.u8(..8) == 0 { 100_000 } else { 500 };
                let millis = run.random.u64(..millis);
                run.pass(millis);
            }
            _ => run.lose(),
        }
    }
    // Everything ends: without faults, and then by its deadline.
    for _ in 0..200 {
        run.connect();
        run.serve(false);
    }
    run.pass(400_000);
    assert_eq!(run.desk.session.pending().count(), 0, "seed {seed}");
    assert_eq!(run.records.keys().collect::<Vec<_>>(), ["header"], "seed {seed}");
    for (id, times) in &run.arrived {
        assert_eq!(*times, 1, "seed {seed}: {id} arrived {times} times");
    }
    for (id, outcome) in &run.outcomes {
        let arrived = run.arrived.contains_key(id);
        match outcome {
            TicketOutcome::Delivered { .. } => assert!(arrived, "seed {seed}: {id} is not delivered"),
            TicketOutcome::Failed(_) | TicketOutcome::Offline => {
                assert!(!arrived, "seed {seed}: {id} has not failed");
            }
            TicketOutcome::Unconfirmed => {}
            other => panic!("seed {seed}: {id} ends as {other:?}"),
        }
    }
    for id in &run.sent {
        assert!(run.outcomes.iter().any(|(ended, _)| ended == id), "seed {seed}: {id} has no outcome");
    }
}

#[test]
fn killed_session_sends_each_message_once() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    if let Some(seed) = number("CALLIE_SEED") {
        return run(seed);
    }
    for seed in 0..number("CALLIE_SEEDS").unwrap_or(2_000) {
        run(seed);
    }
}
