//! The connections of a server of one process, and what is on its way between them.
//!
//! - `request`: what the server has to do
//! - `deliver`: passing payloads on, and their confirmations

mod deliver;
mod request;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deliver::Pending;
pub use request::{ConnectionId, Outgoing, Output, Request, Requester};

use super::action::{Accepted, Action};
use super::close::{CloseReason, Closing};
use super::config::ServerConfig;
use super::connection::Connection;
use super::delivery::{Delivery, Part};
use super::handshake::{Handshake, Identity, Verified};
use super::reply::{Answer, Reply};
use super::user::{SharedState as _, UserState};
use crate::code::SysCode;
use crate::name::Username;
use crate::notice::PriorOutcome;
use crate::payload::{Payload, Stamp};

/// The connections of a server of one process: passes payloads on from one to the other, counts confirmations, and answers.
///
/// It is for servers that keep all connections behind one lock or in one thread. It knows no groups and carries out no
/// commands: those it hands back as a [`Request`]. A server of several nodes or locks uses the parts that this is made of.
///
/// # Contract
///
/// - `now` is the time since any fixed moment, and never goes back.
/// - After every call, [`poll`](Self::poll) is called until it returns nothing. A text counts as written when it is polled.
/// - [`wake`](Self::wake) is called for a connection at its [`deadline`](Self::deadline), which every call for that
///   connection can bring forward.
/// - A connection whose WebSocket is gone is [`lost`](Self::lost). After [`Output::Close`] the hub knows it no more.
///
/// ```
/// use std::hash::RandomState;
/// use std::sync::Arc;
/// use std::time::Duration;
/// use callie_core::server::{Hub, Identity, Output, PayloadKeys, Request, ServerConfig};
/// use callie_core::{PayloadId, SessionId, Stamp, SysCode, Timestamp, Username};
///
/// let config = Arc::new(ServerConfig::new(PayloadKeys::new(RandomState::new())));
/// let stamp = || Stamp { payload_id: PayloadId::parse("s1").unwrap(), timestamp: Timestamp::UNIX_EPOCH };
/// let identify = |token: &str| (token == "t").then(|| Identity {
///     username: Username::parse("ada").unwrap(),
///     session_id: SessionId::parse("s").unwrap(),
///     expires_at: Timestamp::UNIX_EPOCH,
/// });
/// let mut hub = Hub::new(config, stamp);
/// let ada = hub.accept(Duration::ZERO);
/// let first = r#"{"token":"t","sender":"ada","recipient":"SERVER","timestamp":"2026-01-02T03:04:05.678Z","type":"CMD",
///     "content":{"command":"LIST_GROUPS","parameters":{}},"payloadID":"p1","payloadVersion":"1.0"}"#;
/// let Some(request @ Request::Execute(..)) = hub.receive(Duration::ZERO, ada, first, identify) else { unreachable!() };
/// hub.refuse(Duration::ZERO, request.requester(), SysCode::Forbidden);
/// let texts: Vec<_> = std::iter::from_fn(|| hub.poll()).collect();
/// assert!(matches!(&texts[0], Output::Write(id, text) if *id == ada && text.contains("AUTHENTICATED")));
/// assert!(matches!(&texts[1], Output::Write(id, text) if *id == ada && text.contains("FORBIDDEN")));
/// ```
pub struct Hub {
    config: Arc<ServerConfig>,
    stamps: Arc<dyn Fn() -> Stamp + Send + Sync>,
    peers: BTreeMap<ConnectionId, Peer>,
    users: BTreeMap<Username, User>,
    /// The number of users at which those are forgotten who are gone.
    forget_at: usize,
    /// In the order of their deadlines, since all have the same time.
    pending: BTreeMap<u64, Pending>,
    last_id: u64,
    out: VecDeque<Output>,
}

/// A delivery by its number, and the recipient's part in it.
type Receipt = (u64, Part);

/// With fewer users nobody is forgotten.
const FEW: usize = 64;

enum Peer {
    New(Handshake),
    Open(Box<Connection<Receipt>>),
}

struct User {
    state: UserState,
    connections: Vec<ConnectionId>,
}

impl Hub {
    /// A hub without connections. `stamps` is the server's clock and randomness.
    #[must_use]
    pub fn new(config: Arc<ServerConfig>, stamps: impl Fn() -> Stamp + Send + Sync + 'static) -> Self {
        Self {
            config,
            stamps: Arc::new(stamps),
            peers: BTreeMap::new(),
            users: BTreeMap::new(),
            forget_at: FEW,
            pending: BTreeMap::new(),
            last_id: 0,
            out: VecDeque::new(),
        }
    }

    /// Takes a connection whose upgrade just succeeded.
    pub fn accept(&mut self, now: Duration) -> ConnectionId {
        let id = ConnectionId(self.next_id());
        self.peers.insert(id, Peer::New(Handshake::new(now, self.config.clone())));
        id
    }

    /// Acts on a text message of a connection. If it is the first, `identify` looks up its token: the live session that it
    /// belongs to, or none.
    pub fn receive(
        &mut self,
        now: Duration,
        id: ConnectionId,
        text: &str,
        identify: impl FnOnce(&str) -> Option<Identity>,
    ) -> Option<Request> {
        let action = match self.peers.remove(&id)? {
            Peer::New(handshake) => {
                let authentication = handshake.receive(text);
                let verified = authentication.and_then(|authentication| {
                    let identity = identify(authentication.token());
                    authentication.verify(identity)
                });
                match verified {
                    Ok(verified) => self.open(now, id, verified),
                    Err(reason) => {
                        self.end(id, reason.unauthenticated(self.stamp()));
                        return None;
                    }
                }
            }
            Peer::Open(mut connection) => {
                let user = self.users.get_mut(connection.username())?;
                let action = connection.receive(now, text, &mut user.state);
                self.peers.insert(id, Peer::Open(connection));
                action
            }
        };
        let request = self.act(now, id, action);
        self.flush(now, id);
        request
    }

    fn open<'t>(&mut self, now: Duration, id: ConnectionId, verified: Verified<'t>) -> Action<'t, Receipt> {
        self.forget_users(now);
        let limits = &self.config.limits;
        let new = || User { state: UserState::new(limits), connections: Vec::new() };
        let user = self.users.entry(verified.identity().username.clone()).or_insert_with(new);
        let stamps = self.stamps.clone();
        let (connection, action) =
            Connection::open(now, verified, Box::new(move || stamps()), &mut user.state);
        user.connections.push(id);
        self.peers.insert(id, Peer::Open(Box::new(connection)));
        action
    }

    /// Writes the answer to a payload, and notes what became of the payload.
    pub fn answer(&mut self, now: Duration, requester: &Requester, answer: Answer) {
        self.settle_payload(&requester.reply, answer.outcome());
        self.write(now, requester.connection, answer);
    }

    /// Notes that a command was carried out that is not answered then (`SIGNAL`).
    pub fn done(&mut self, requester: &Requester) {
        self.settle_payload(&requester.reply, PriorOutcome::Sent);
    }

    /// Answers a payload that is not acted on, for this reason.
    pub fn refuse(&mut self, now: Duration, requester: &Requester, code: SysCode) {
        let answer = requester.reply.refuse(code, self.stamp());
        self.answer(now, requester, answer);
    }

    /// Writes a payload of the server's own, such as a notice or a push, to all connections of a user. Returns their number.
    pub fn send(&mut self, name: &Username, payload: &Payload) -> usize {
        let (text, recipients) = (payload.encode(), self.connections_of(name));
        let count = recipients.len();
        self.out.extend(recipients.into_iter().map(|id| Output::Write(id, text.clone())));
        count
    }

    /// Closes a connection, if it is still there.
    pub fn close(&mut self, now: Duration, id: ConnectionId, reason: CloseReason) {
        match self.peers.remove(&id) {
            Some(Peer::New(_)) => self.end(id, reason.unauthenticated(self.stamp())),
            Some(Peer::Open(mut connection)) => {
                self.end(id, connection.close(now, reason));
                self.leave(now, id, *connection);
            }
            None => {}
        }
    }

    /// The WebSocket of a connection is gone. A connection that was closed is unknown, which is no error.
    pub fn lost(&mut self, now: Duration, id: ConnectionId) {
        if let Some(Peer::Open(connection)) = self.peers.remove(&id) {
            self.leave(now, id, *connection);
        }
    }

    /// When [`wake`](Self::wake) is to be called for a connection; none for one that is not known.
    #[must_use]
    pub fn deadline(&self, id: ConnectionId) -> Option<Duration> {
        let connection = match self.peers.get(&id)? {
            Peer::New(handshake) => handshake.deadline(),
            Peer::Open(connection) => connection.deadline(),
        };
        let delivery = self.pending.first_key_value().map(|(_, pending)| pending.until);
        Some(delivery.map_or(connection, |delivery| delivery.min(connection)))
    }

    /// Time has passed: for this connection, and for all confirmations that are awaited.
    pub fn wake(&mut self, now: Duration, id: ConnectionId) {
        while let Some((&number, _)) = self.pending.first_key_value().filter(|(_, first)| first.until <= now)
        {
            self.settle(now, number, Delivery::expire);
        }
        let due = match self.peers.get_mut(&id) {
            Some(Peer::New(handshake)) => handshake.wake(now),
            Some(Peer::Open(connection)) => connection.wake(now),
            None => None,
        };
        match due {
            Some(reason) => self.close(now, id, reason),
            None => self.flush(now, id),
        }
    }

    /// What is to be done next.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    fn act(&mut self, now: Duration, id: ConnectionId, action: Action<'_, Receipt>) -> Option<Request> {
        match action {
            Action::Deliver(accepted) => return self.pass_on(now, id, &accepted),
            Action::Execute(command, accepted) => {
                return Some(Request::Execute(command, self.requester(id, &accepted)?));
            }
            Action::Confirm(receipts) => {
                for (number, part) in receipts {
                    self.settle(now, number, |delivery| delivery.confirmed(part));
                }
            }
            Action::Answer(answer) => self.write(now, id, answer),
            Action::Close(reason) => self.close(now, id, reason),
            Action::Taken(_) | Action::Dropped(_) | Action::Ignored => {}
        }
        None
    }

    fn requester(&self, connection: ConnectionId, accepted: &Accepted<'_>) -> Option<Requester> {
        let Peer::Open(peer) = self.peers.get(&connection)? else { return None };
        Some(Requester { connection, reply: peer.reply(accepted) })
    }

    fn settle_payload(&mut self, reply: &Reply, outcome: PriorOutcome) {
        if let (Some(key), Some(user)) = (reply.key(), self.users.get_mut(reply.username())) {
            user.state.settle(key, outcome);
        }
    }

    /// Writes an answer.
    fn write(&mut self, now: Duration, id: ConnectionId, answer: Answer) {
        if let Some(Peer::Open(connection)) = self.peers.get_mut(&id) {
            connection.answer(now, answer);
            self.flush(now, id);
        }
    }

    /// Queues what a connection has to say.
    fn flush(&mut self, now: Duration, id: ConnectionId) {
        if let Some(Peer::Open(connection)) = self.peers.get_mut(&id) {
            self.out.extend(std::iter::from_fn(|| connection.poll(now)).map(|text| Output::Write(id, text)));
        }
    }

    /// Queues the last words to a connection.
    fn end(&mut self, id: ConnectionId, closing: Closing) {
        let code = closing.code;
        self.out.extend(closing.into_texts().map(|text| Output::Write(id, text)));
        self.out.push_back(Output::Close(id, code));
    }

    /// A connection is gone: what it has not confirmed it cannot confirm any more.
    fn leave(&mut self, now: Duration, id: ConnectionId, mut connection: Connection<Receipt>) {
        if let Some(user) = self.users.get_mut(connection.username()) {
            user.connections.retain(|other| *other != id);
        }
        self.give_back(now, connection.input_ended(now));
    }

    fn connections_of(&self, name: &Username) -> Vec<ConnectionId> {
        self.users.get(name).map(|user| user.connections.clone()).unwrap_or_default()
    }

    /// Forgets users who are gone and whose payloads are old, now and then, so that the cost for each is bounded.
    fn forget_users(&mut self, now: Duration) {
        if self.users.len() >= self.forget_at {
            self.users.retain(|_, user| !user.connections.is_empty() || !user.state.recent.forget(now));
            self.forget_at = FEW.max(2 * self.users.len());
        }
    }

    fn stamp(&self) -> Stamp {
        (self.stamps)()
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("connections", &self.peers.len())
            .field("pending", &self.pending.len())
            .finish_non_exhaustive()
    }
}
