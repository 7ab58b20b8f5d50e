//! A server in one process with the connections of the core: its users, deliveries, and what it loses when it restarts.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::backend::{Action, Connection, Logins, Records, Server, envelope_ids, text_of};
use super::rates::{Rates, Reports};
use callie_core::command::{Command, Empty};
use callie_core::server::{
    Accepted, Action as Step, Admission, Answer, BucketKind, CloseReason, Closing, Connection as Open,
    Delivery, DeliveryCounts, Denied, Handshake, Identity, Part, PayloadKey, PayloadKeys, Reply,
    ServerConfig, SharedState, UserState,
};
use callie_core::{Limits, PayloadType, PriorOutcome, RecipientRef, SessionId, SysCode, Timestamp, Username};

/// A delivery by its number, and the connection's part in it.
type Receipt = (u64, Part);

enum Peer {
    New(Handshake),
    Open(Box<Open<Receipt>>, Reports),
}

/// The state that the connections of a user share.
struct User {
    state: UserState,
    /// The bucket for upkeep, if its rate is lower than the protocol's.
    upkeep: Option<UserState>,
}

impl User {
    fn new(rates: &Rates) -> Self {
        let upkeep = rates.upkeep.map(|(burst, messages_per_second)| {
            let limits = Limits::default().with_burst(burst).with_messages_per_second(messages_per_second);
            UserState::new(&limits)
        });
        Self { state: UserState::new(&rates.limits), upkeep }
    }
}

impl SharedState for User {
    fn admit(&mut self, now: Duration, mut admission: Admission) -> Result<(), Denied> {
        match &mut self.upkeep {
            Some(upkeep) if admission.bucket == BucketKind::Upkeep => {
                admission.bucket = BucketKind::Payloads;
                upkeep.admit(now, admission)
            }
            _ => self.state.admit(now, admission),
        }
    }

    fn settle(&mut self, key: PayloadKey, outcome: PriorOutcome) {
        self.state.settle(key, outcome);
    }
}

/// A message whose confirmation is pending.
struct Awaited {
    origin: Connection,
    reply: Reply,
    delivery: Delivery,
    until: Duration,
}

pub(super) struct ConnectionServer {
    config: Arc<ServerConfig>,
    rates: Rates,
    peers: BTreeMap<Connection, Peer>,
    users: HashMap<Username, User>,
    awaited: BTreeMap<u64, Awaited>,
    logins: Logins,
    records: Records,
    ids: Arc<AtomicU64>,
    deliveries: u64,
    now: Duration,
    actions: Vec<Action>,
}

impl ConnectionServer {
    pub(super) fn new(limits: Limits, rates: Option<Rates>) -> Self {
        let keys = PayloadKeys::new(BuildHasherDefault::<DefaultHasher>::new());
        Self {
            config: Arc::new(ServerConfig::new(keys).with_limits(limits)),
            rates: rates.unwrap_or_else(Rates::unlimited),
            peers: BTreeMap::new(),
            users: HashMap::new(),
            awaited: BTreeMap::new(),
            logins: Logins::default(),
            records: Records::default(),
            ids: Arc::default(),
            deliveries: 0,
            now: Duration::ZERO,
            actions: Vec::new(),
        }
    }

    fn act(&mut self, connection: Connection, step: Step<'_, Receipt>) {
        match step {
            Step::Deliver(accepted) if accepted.payload().recipient() == RecipientRef::Broadcast => {
                self.records.passed_on.insert(text_of(accepted.payload()));
                for other in self.online().filter(|(other, _)| *other != connection).collect::<Vec<_>>() {
                    self.actions.push(Action::Write(other.0, accepted.payload().pass_on()));
                }
            }
            Step::Deliver(accepted) => self.deliver(connection, &accepted),
            Step::Execute(command, accepted) => self.execute(connection, &command, &accepted),
            Step::Confirm(receipts) => {
                for (number, part) in receipts {
                    self.settle(number, |delivery| delivery.confirmed(part));
                }
            }
            Step::Answer(answer) => {
                let of_a_session = [None, Some(SysCode::DuplicatePayload)];
                assert!(of_a_session.contains(&answer.code()), "a session was answered {answer:?}");
                self.answer(connection, answer);
            }
            Step::Taken(_) | Step::Dropped(_) => {}
            Step::Ignored => panic!("the server is not draining"),
            Step::Close(reason) => self.close(connection, reason),
        }
    }

    fn online(&self) -> impl Iterator<Item = (Connection, Username)> {
        self.peers.iter().filter_map(|(connection, peer)| match peer {
            Peer::New(_) => None,
            Peer::Open(open, _) => Some((*connection, open.username().clone())),
        })
    }

    fn connections_of(&self, name: &str) -> Vec<Connection> {
        self.online().filter(|(_, user)| user == name).map(|(connection, _)| connection).collect()
    }

    fn reply(&self, connection: Connection, accepted: &Accepted<'_>) -> Reply {
        let Some(Peer::Open(open, _)) = self.peers.get(&connection) else { unreachable!() };
        open.reply(accepted)
    }

    fn deliver(&mut self, connection: Connection, accepted: &Accepted<'_>) {
        let payload = accepted.payload();
        let RecipientRef::User(name) = payload.recipient() else { unreachable!() };
        let recipients = self.connections_of(name);
        let mut copies = self.connections_of(payload.sender());
        copies.retain(|copy| *copy != connection);
        let is_message = payload.payload_type() == PayloadType::Msg;
        let reply = self.reply(connection, accepted);
        if recipients.is_empty() {
            if is_message {
                self.records.discarded.insert(text_of(payload));
            }
            let offline = match Delivery::to_user(self.now).handed_out(1) {
                Some(counts) if payload.wants_ack() => reply.delivery(&counts, envelope_ids(&self.ids)),
                _ => reply.refuse(SysCode::RecipientOffline, envelope_ids(&self.ids)),
            };
            assert_eq!(offline.code(), Some(SysCode::RecipientOffline), "nobody was online");
            return self.answer_and_settle(connection, &reply, offline);
        }
        if is_message {
            self.records.passed_on.insert(text_of(payload));
        }
        if payload.wants_ack() {
            self.await_confirmation(connection, accepted, reply, &recipients);
        }
        for other in recipients.into_iter().chain(copies) {
            self.actions.push(Action::Write(other, payload.pass_on()));
        }
    }

    fn await_confirmation(
        &mut self,
        origin: Connection,
        accepted: &Accepted<'_>,
        reply: Reply,
        recipients: &[Connection],
    ) {
        let key = accepted.key().unwrap();
        self.deliveries += 1;
        let until = self.now + self.config.times.confirmation;
        let mut delivery = Delivery::to_user(until);
        let part = delivery.begin(1, recipients.len());
        for recipient in recipients {
            let Some(Peer::Open(open, _)) = self.peers.get_mut(recipient) else { unreachable!() };
            delivery.written(part);
            assert!(open.written(self.now, key, (self.deliveries, part)).is_none(), "it was written before");
        }
        assert!(delivery.handed_out(0).is_none());
        self.awaited.insert(self.deliveries, Awaited { origin, reply, delivery, until });
    }

    fn execute(&mut self, connection: Connection, command: &Command, accepted: &Accepted<'_>) {
        let name = match command {
            Command::CreateGroup { name, .. } => name.as_str(),
            Command::GetProfile { username } => username.as_str(),
            Command::Signal { kind, .. } => kind.as_str(),
            other => panic!("a session sent {}", other.name()),
        };
        *self.records.carried_out.entry(name.to_owned()).or_default() += 1;
        let reply = self.reply(connection, accepted);
        if let Command::Signal { .. } = command {
            let key = accepted.key().unwrap();
            return self.users.get_mut(reply.username()).unwrap().settle(key, PriorOutcome::Sent);
        }
        let done = reply.result(&Empty {}, envelope_ids(&self.ids));
        self.answer_and_settle(connection, &reply, done);
    }

    /// Changes a delivery, and answers its sender if that settles it.
    fn settle(&mut self, number: u64, change: impl FnOnce(&mut Delivery) -> Option<DeliveryCounts>) {
        let Some(awaited) = self.awaited.get_mut(&number) else { return };
        let Some(counts) = change(&mut awaited.delivery) else { return };
        let Some(Awaited { origin, reply, .. }) = self.awaited.remove(&number) else { return };
        let answer = reply.delivery(&counts, envelope_ids(&self.ids));
        self.answer_and_settle(origin, &reply, answer);
    }

    fn give_back(&mut self, receipts: Vec<Receipt>) {
        for (number, part) in receipts {
            self.settle(number, |delivery| delivery.returned(part));
        }
    }

    fn answer_and_settle(&mut self, connection: Connection, reply: &Reply, answer: Answer) {
        if let (Some(key), Some(user)) = (reply.key(), self.users.get_mut(reply.username())) {
            user.settle(key, answer.outcome());
        }
        self.answer(connection, answer);
    }

    fn answer(&mut self, connection: Connection, answer: Answer) {
        if let Some(Peer::Open(open, _)) = self.peers.get_mut(&connection) {
            open.answer(self.now, answer);
            self.flush(connection);
        }
    }

    /// Writes the texts of the connection.
    fn flush(&mut self, connection: Connection) {
        let Some(Peer::Open(open, reports)) = self.peers.get_mut(&connection) else { return };
        while let Some(text) = open.poll(self.now) {
            let text = reports.rewrite(self.now, self.rates.names, text);
            self.actions.extend(text.map(|text| Action::Write(connection, text)));
        }
    }

    fn close(&mut self, connection: Connection, reason: CloseReason) {
        let closing = match self.peers.remove(&connection) {
            None => return,
            Some(Peer::New(_)) => reason.unauthenticated(envelope_ids(&self.ids)),
            Some(Peer::Open(mut open, _)) => {
                let closing = open.close(self.now, reason);
                self.give_back(open.input_ended(self.now));
                closing
            }
        };
        self.say_goodbye(connection, closing);
    }

    fn say_goodbye(&mut self, connection: Connection, closing: Closing) {
        let code = closing.code;
        self.actions.extend(closing.into_texts().map(|text| Action::Write(connection, text)));
        self.actions.push(Action::Close(connection, code));
    }
}

impl Server for ConnectionServer {
    fn accept(&mut self, now: Duration, connection: Connection) {
        self.now = now;
        self.peers.insert(connection, Peer::New(Handshake::new(now, self.config.clone())));
    }

    fn received(&mut self, now: Duration, connection: Connection, text: &str) {
        self.now = now;
        let rates = self.rates;
        let step = match self.peers.remove(&connection) {
            None => return,
            Some(Peer::New(handshake)) => {
                let authentication = handshake.receive(text).expect("a session sends valid payloads");
                let identity = Identity::new(
                    Username::parse(authentication.sender()).unwrap(),
                    SessionId::parse("session").unwrap(),
                    Timestamp::UNIX_EPOCH,
                );
                let name = identity.username.clone();
                let is_live = authentication.token() == self.token(&name);
                let verified = match authentication.verify(is_live.then_some(identity)) {
                    Ok(verified) => verified,
                    Err(reason) => {
                        let closing = reason.unauthenticated(envelope_ids(&self.ids));
                        return self.say_goodbye(connection, closing);
                    }
                };
                let user = self.users.entry(name).or_insert_with(|| User::new(&rates));
                let ids = self.ids.clone();
                let (open, step) = Open::open(now, verified, Box::new(move || envelope_ids(&ids)), user);
                self.peers.insert(connection, Peer::Open(Box::new(open), Reports::default()));
                step
            }
            Some(Peer::Open(mut open, reports)) => {
                let user = self.users.entry(open.username().clone()).or_insert_with(|| User::new(&rates));
                let step = open.receive(now, text, user);
                self.peers.insert(connection, Peer::Open(open, reports));
                step
            }
        };
        self.act(connection, step);
        self.flush(connection);
    }

    fn ended(&mut self, now: Duration, connection: Connection, _left: bool) {
        self.now = now;
        if let Some(Peer::Open(mut open, _)) = self.peers.remove(&connection) {
            self.give_back(open.input_ended(now));
        }
    }

    fn send_away(&mut self, now: Duration, connection: Connection) {
        self.now = now;
        self.close(connection, CloseReason::shutting_down(Duration::from_millis(1_500)));
    }

    fn token(&self, user: &Username) -> String {
        self.logins.token(user)
    }

    fn end_logins(&mut self, now: Duration, user: &Username) {
        self.now = now;
        self.logins.end(user);
        for connection in self.connections_of(user.as_str()) {
            self.close(connection, CloseReason::session_revoked());
        }
    }

    fn restart(&mut self, now: Duration) {
        for connection in self.peers.keys().copied().collect::<Vec<_>>() {
            self.send_away(now, connection);
        }
        self.users.clear();
        self.awaited.clear();
    }

    fn tick(&mut self, now: Duration) {
        self.now = now;
        let late = self.awaited.iter().filter(|(_, awaited)| now >= awaited.until);
        for number in late.map(|(number, _)| *number).collect::<Vec<_>>() {
            self.settle(number, |delivery| delivery.expire(now));
        }
        for connection in self.peers.keys().copied().collect::<Vec<_>>() {
            let due = match self.peers.get_mut(&connection) {
                Some(Peer::New(handshake)) => handshake.wake(now),
                Some(Peer::Open(open, _)) => open.wake(now),
                None => None,
            };
            match due {
                Some(reason) => self.close(connection, reason),
                None => self.flush(connection),
            }
        }
    }

    fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    fn records(&self) -> &Records {
        &self.records
    }
}
