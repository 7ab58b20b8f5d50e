//! A model of the server: authentication, routing, duplicates, confirmed delivery, heartbeats and rate.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use super::rates::{Buckets, Drops, Kind, Rates};
use callie_core::command::{Command, Empty};
use callie_core::{
    Content, ContentRef, Frame, Limits, Notice, Outcome, Payload, PayloadId, PayloadType, Recipient,
    RecipientRef, Route, Sender, Stamp, SysCode, Timestamp, Username, route,
};

/// Names one connection, for ever.
pub(super) type Connection = usize;

/// How long a payload is remembered.
const MEMORY: Duration = Duration::from_secs(300);
const CONFIRMATION: Duration = Duration::from_secs(15);
const HEARTBEAT: Duration = Duration::from_secs(30);
const HEARTBEAT_ANSWER: Duration = Duration::from_secs(45);

/// What the server does to a connection.
pub(super) enum Action {
    Write(Connection, String),
    Close(Connection, u16),
}

struct Peer {
    username: Option<Username>,
    heard_at: Duration,
    pinged: bool,
    drops: Drops,
}

/// A message whose confirmation is awaited.
struct Awaited {
    origin: Connection,
    written_to: BTreeSet<Connection>,
    until: Duration,
    sender: Username,
}

pub(super) struct Server {
    limits: Limits,
    peers: BTreeMap<Connection, Peer>,
    memory: HashMap<(Username, String), (Duration, Outcome)>,
    awaited: BTreeMap<String, Awaited>,
    /// How often each command was carried out, by what makes it unlike any other.
    pub(super) carried_out: HashMap<String, usize>,
    /// The texts of messages that were passed on to somebody, or to everyone.
    pub(super) passed_on: HashSet<String>,
    /// The texts of messages that were answered with `RECIPIENT_OFFLINE`.
    pub(super) discarded: HashSet<String>,
    rates: Option<Rates>,
    buckets: Buckets,
    ids: u64,
    now: Duration,
    actions: Vec<Action>,
}

impl Server {
    pub(super) fn new(limits: Limits, rates: Option<Rates>) -> Self {
        Self {
            limits,
            peers: BTreeMap::new(),
            memory: HashMap::new(),
            awaited: BTreeMap::new(),
            carried_out: HashMap::new(),
            passed_on: HashSet::new(),
            discarded: HashSet::new(),
            rates,
            buckets: Buckets::default(),
            ids: 0,
            now: Duration::ZERO,
            actions: Vec::new(),
        }
    }

    pub(super) fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    pub(super) fn accept(&mut self, now: Duration, connection: Connection) {
        self.peers.insert(
            connection,
            Peer { username: None, heard_at: now, pinged: false, drops: Drops::default() },
        );
    }

    /// The server notices that a connection is gone.
    pub(super) fn lost(&mut self, now: Duration, connection: Connection) {
        self.now = now;
        self.peers.remove(&connection);
        let gone: Vec<_> = self
            .awaited
            .iter_mut()
            .filter_map(|(id, awaited)| {
                (awaited.written_to.remove(&connection) && awaited.written_to.is_empty()).then(|| id.clone())
            })
            .collect();
        for id in gone {
            self.confirmed(&id, false);
        }
    }

    /// Closes a connection as a server does that goes away for a moment.
    pub(super) fn send_away(&mut self, now: Duration, connection: Connection) {
        self.now = now;
        if self.peers.contains_key(&connection) {
            self.notify(connection, Notice::new(SysCode::ServerShutdown).retry_after_ms(1_500));
            self.close(connection, 1001);
        }
    }

    /// Stops and starts again, with nothing left of what it knew.
    pub(super) fn restart(&mut self, now: Duration) {
        for connection in self.peers.keys().copied().collect::<Vec<_>>() {
            self.send_away(now, connection);
        }
        self.memory.clear();
        self.awaited.clear();
        self.buckets.clear();
    }

    fn close(&mut self, connection: Connection, code: u16) {
        self.actions.push(Action::Close(connection, code));
        self.lost(self.now, connection);
    }

    pub(super) fn tick(&mut self, now: Duration) {
        self.now = now;
        let late: Vec<_> = self
            .awaited
            .iter()
            .filter(|(_, awaited)| now >= awaited.until)
            .map(|(id, _)| id.clone())
            .collect();
        for id in late {
            self.confirmed(&id, false);
        }
        for connection in self.peers.keys().copied().collect::<Vec<_>>() {
            self.tell_drops(connection, false);
            let peer = self.peers.get_mut(&connection).unwrap();
            let quiet = now.saturating_sub(peer.heard_at);
            if quiet >= HEARTBEAT + HEARTBEAT_ANSWER {
                self.notify(connection, Notice::new(SysCode::HeartbeatMissed));
                self.close(connection, 4408);
            } else if quiet >= HEARTBEAT && !peer.pinged {
                peer.pinged = true;
                let recipient = peer.username.clone().map_or(Recipient::Unauthenticated, Recipient::User);
                let ping = Payload::new(self.stamp(), Sender::Server, recipient, Content::Ping);
                self.actions.push(Action::Write(connection, ping.encode()));
            }
        }
    }

    pub(super) fn received(&mut self, now: Duration, connection: Connection, text: &str) {
        self.now = now;
        let Some(peer) = self.peers.get_mut(&connection) else { return };
        peer.heard_at = now;
        peer.pinged = false;
        let limits = self.limits;
        assert!(text.len() <= limits.max_payload_bytes, "over the limit that was announced");
        let frame = Frame::from_client(text, &limits).expect("a session sends valid payloads");
        let payload_id = PayloadId::parse(frame.payload_id()).unwrap();
        let Some(username) = peer.username.clone() else {
            assert!(matches!(frame.command(&limits), Some(Ok(Command::Authenticate { .. }))));
            peer.username = Some(Username::parse(frame.sender()).unwrap());
            let welcome = Notice::new(SysCode::Authenticated).heartbeat_seconds(30).limits(limits);
            return self.notify(connection, welcome.in_reply_to(payload_id));
        };
        assert_eq!((frame.sender(), frame.token()), (username.as_str(), "token"));
        let command = frame.command(&limits).map(|command| command.expect("a session sends valid commands"));
        let acks = matches!(command, Some(Command::Ack { .. }));
        let counted = matches!(frame.payload_type(), PayloadType::Msg | PayloadType::Cmd) && !acks;
        let upkeep = acks
            || frame.payload_type() == PayloadType::Pong
            || frame.payload_type() == PayloadType::Ping && frame.recipient() == RecipientRef::Server;
        let everyone = frame.recipient() == RecipientRef::Broadcast;
        let kinds: &[Kind] = match (upkeep, everyone) {
            (true, _) => &[Kind::Upkeep],
            (_, true) => &[Kind::Payload, Kind::Broadcast],
            (_, false) => &[Kind::Payload],
        };
        if !self.within_rates(connection, &username, &payload_id, kinds) {
            return;
        }
        let key = (username.clone(), frame.payload_id().to_owned());
        if counted
            && let Some((at, outcome)) = self.memory.get(&key)
            && now < *at + MEMORY
        {
            let notice = Notice::new(SysCode::DuplicatePayload).outcome(*outcome);
            return self.notify(connection, notice.in_reply_to(payload_id));
        }
        match route(frame.payload_type(), frame.recipient().kind().unwrap()) {
            Route::AnswerPong => {
                let pong = Payload::new(self.stamp(), Sender::Server, username.into(), Content::Pong);
                let pong = pong.with_in_reply_to(&payload_id).unwrap();
                self.tell_drops(connection, true);
                self.actions.push(Action::Write(connection, pong.encode()));
            }
            Route::Take => {}
            Route::Execute => self.execute(connection, key, command.unwrap()),
            Route::ToUser => self.deliver(connection, key, &frame),
            Route::ToEveryone => {
                self.memory.insert(key, (now, Outcome::Sent));
                self.passed_on.insert(text_of(&frame));
                for other in self.online().filter(|(other, _)| *other != connection).collect::<Vec<_>>() {
                    self.actions.push(Action::Write(other.0, frame.pass_on()));
                }
            }
            other => panic!("a session sent something for {other:?}"),
        }
    }

    fn online(&self) -> impl Iterator<Item = (Connection, Username)> {
        self.peers.iter().filter_map(|(connection, peer)| Some((*connection, peer.username.clone()?)))
    }

    fn deliver(&mut self, connection: Connection, key: (Username, String), frame: &Frame<'_>) {
        let RecipientRef::User(name) = frame.recipient() else { unreachable!() };
        let recipients: Vec<_> =
            self.online().filter(|(_, user)| user == name).map(|(peer, _)| peer).collect();
        let copies: Vec<_> = self
            .online()
            .filter(|(peer, user)| *user == key.0 && *peer != connection)
            .map(|(peer, _)| peer)
            .collect();
        let counted = frame.payload_type() == PayloadType::Msg;
        if recipients.is_empty() {
            if counted {
                self.memory.insert(key.clone(), (self.now, Outcome::Failed));
                self.discarded.insert(text_of(frame));
            }
            let offline = Notice::new(SysCode::RecipientOffline);
            return self.notify(connection, offline.in_reply_to(PayloadId::parse(&key.1).unwrap()));
        }
        if counted {
            self.passed_on.insert(text_of(frame));
        }
        for peer in recipients.iter().chain(&copies) {
            self.actions.push(Action::Write(*peer, frame.pass_on()));
        }
        if frame.wants_ack() {
            self.memory.insert(key.clone(), (self.now, Outcome::Pending));
            let awaited = Awaited {
                origin: connection,
                written_to: recipients.into_iter().collect(),
                until: self.now + CONFIRMATION,
                sender: key.0,
            };
            self.awaited.insert(key.1, awaited);
        } else if counted {
            self.memory.insert(key, (self.now, Outcome::Sent));
        }
    }

    fn execute(&mut self, connection: Connection, key: (Username, String), command: Command) {
        let payload_id = PayloadId::parse(&key.1).unwrap();
        if let Command::Ack { payloads } = command {
            for entry in payloads {
                let written = self.awaited.get(entry.payload_id.as_str()).is_some_and(|awaited| {
                    awaited.sender == entry.sender && awaited.written_to.contains(&connection)
                });
                if written {
                    self.confirmed(entry.payload_id.as_str(), true);
                }
            }
            return;
        }
        let name = match command {
            Command::CreateGroup { name, .. } => name.as_str().to_owned(),
            Command::GetProfile { username } => username.to_string(),
            Command::Signal { kind, .. } => {
                *self.carried_out.entry(kind.as_str().to_owned()).or_default() += 1;
                self.memory.insert(key, (self.now, Outcome::Sent));
                return;
            }
            other => panic!("a session sent {}", other.name()),
        };
        *self.carried_out.entry(name).or_default() += 1;
        self.memory.insert(key, (self.now, Outcome::Sent));
        let notice = Notice::new(SysCode::CommandOk).result(&Empty {});
        self.notify(connection, notice.in_reply_to(payload_id));
    }

    /// The wait for a confirmation is over.
    fn confirmed(&mut self, id: &str, delivered: bool) {
        let Some(awaited) = self.awaited.remove(id) else { return };
        let (outcome, code) = if delivered {
            (Outcome::Delivered, SysCode::Delivered)
        } else {
            (Outcome::Unconfirmed, SysCode::DeliveryUnconfirmed)
        };
        if let Some((_, known)) = self.memory.get_mut(&(awaited.sender, id.to_owned())) {
            *known = outcome;
        }
        self.notify(awaited.origin, Notice::new(code).in_reply_to(PayloadId::parse(id).unwrap()));
    }

    fn within_rates(
        &mut self,
        connection: Connection,
        username: &Username,
        payload_id: &PayloadId,
        kinds: &[Kind],
    ) -> bool {
        let Some(rates) = self.rates else { return true };
        if kinds.iter().all(|kind| self.buckets.take(self.now, &rates, username, *kind)) {
            return true;
        }
        let peer = self.peers.get_mut(&connection).unwrap();
        if peer.drops.add(self.now, payload_id.clone()) {
            self.tell_drops(connection, true);
            self.close(connection, 4429);
        } else {
            self.tell_drops(connection, false);
        }
        false
    }

    /// Tells a connection what was dropped on it, where it is time.
    fn tell_drops(&mut self, connection: Connection, at_once: bool) {
        let (Some(rates), Some(peer)) = (self.rates, self.peers.get_mut(&connection)) else { return };
        if let Some(notice) = peer.drops.tell(self.now, rates.names, at_once) {
            self.write(connection, &notice);
        }
    }

    fn notify(&mut self, connection: Connection, notice: Notice) {
        self.tell_drops(connection, true);
        self.write(connection, &notice);
    }

    fn write(&mut self, connection: Connection, notice: &Notice) {
        let Some(peer) = self.peers.get(&connection) else { return };
        let recipient = peer.username.clone().map_or(Recipient::Unauthenticated, Recipient::User);
        let text = notice.to_payload(recipient, self.stamp()).encode();
        self.actions.push(Action::Write(connection, text));
    }

    fn stamp(&mut self) -> Stamp {
        self.ids += 1;
        let payload_id = PayloadId::parse(&format!("server-{}", self.ids)).unwrap();
        Stamp { payload_id, timestamp: Timestamp::UNIX_EPOCH }
    }
}

fn text_of(frame: &Frame<'_>) -> String {
    let ContentRef::Msg(message) = frame.content() else { panic!("not a message") };
    message.text().decode().into_owned()
}
