//! The connections of a server in one process, and the deliveries between them.
//!
//! - `request`: what the server has to do for the hub
//! - `deliver`: the delivery of payloads, and their confirmations

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
use crate::payload::{EnvelopeIds, Payload};

/// The connections of a server in one process: delivers payloads between them, counts confirmations, and answers.
///
/// It is for servers that keep all connections behind one lock or in one thread. It has no groups and executes no
/// commands: it returns those as a [`Request`]. A server with several nodes or locks uses the parts of this type
/// directly.
///
/// # Contract
///
/// - `now` is the time since a fixed moment, and must not decrease.
/// - After every call, [`poll`](Self::poll) must be called until it returns `None`. A text counts as written when it is
///   polled.
/// - [`wake`](Self::wake) must be called for a connection at its [`deadline`](Self::deadline), which every call for
///   that
///   connection can make earlier.
/// - [`lost`](Self::lost) must be called when a WebSocket is closed. After [`Output::Close`] the connection is unknown.
///
/// ```
/// use std::hash::RandomState;
/// use std::sync::Arc;
/// use std::time::Duration;
/// use callie_core::server::{Hub, Identity, Output, PayloadKeys, Request, ServerConfig};
/// use callie_core::{PayloadId, SessionId, EnvelopeIds, SysCode, Timestamp, Username};
///
/// let config = Arc::new(ServerConfig::new(PayloadKeys::new(RandomState::new())));
/// let envelope_ids = || EnvelopeIds { payload_id: PayloadId::parse("s1").unwrap(), timestamp: Timestamp::UNIX_EPOCH };
/// let (name, session) = (Username::parse("ada")?, SessionId::parse("s")?);
/// let ada = Identity::new(name, session, Timestamp::UNIX_EPOCH);
/// let identify = |token: &str| (token == "t").then(|| ada.clone());
/// let mut hub = Hub::new(config, envelope_ids);
/// let id = hub.accept(Duration::ZERO);
/// let first = r#"{"token":"t","sender":"ada","recipient":"SERVER","timestamp":"2026-01-02T03:04:05.678Z","type":"CMD",
///     "content":{"command":"LIST_GROUPS","parameters":{}},"payloadID":"p1","payloadVersion":"1.0"}"#;
/// let Some(request @ Request::Execute(..)) = hub.receive(Duration::ZERO, id, first, identify) else { unreachable!() };
/// hub.refuse(Duration::ZERO, request.requester(), SysCode::Forbidden);
/// let texts: Vec<_> = std::iter::from_fn(|| hub.poll()).collect();
/// assert!(matches!(&texts[0], Output::Write(to, text) if *to == id && text.contains("AUTHENTICATED")));
/// assert!(matches!(&texts[1], Output::Write(to, text) if *to == id && text.contains("FORBIDDEN")));
/// # Ok::<(), callie_core::NameError>(())
/// ```
pub struct Hub {
    config: Arc<ServerConfig>,
    next_ids: Arc<dyn Fn() -> EnvelopeIds + Send + Sync>,
    peers: BTreeMap<ConnectionId, Peer>,
    users: BTreeMap<Username, User>,
    /// The number of users at which users without connections are removed.
    forget_at: usize,
    /// In the order of their deadlines, because all have the same duration.
    pending: BTreeMap<u64, Pending>,
    last_id: u64,
    out: VecDeque<Output>,
}

/// A delivery by its number, and the recipient's part in it.
type Receipt = (u64, Part);

/// With fewer users, no user is removed.
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
    /// Creates a hub without connections. `next_ids` provides the server's clock and randomness.
    #[must_use]
    pub fn new(
        config: Arc<ServerConfig>,
        next_ids: impl Fn() -> EnvelopeIds + Send + Sync + 'static,
    ) -> Self {
        Self {
            config,
            next_ids: Arc::new(next_ids),
            peers: BTreeMap::new(),
            users: BTreeMap::new(),
            forget_at: FEW,
            pending: BTreeMap::new(),
            last_id: 0,
            out: VecDeque::new(),
        }
    }

    /// Adds a connection after its upgrade.
    pub fn accept(&mut self, now: Duration) -> ConnectionId {
        let id = ConnectionId(self.next_id());
        self.peers.insert(id, Peer::New(Handshake::new(now, self.config.clone())));
        id
    }

    /// Handles a text message of a connection. For the first one, `identify` looks up the token and returns the live
    /// session that it belongs to, or `None`.
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
                        self.end(id, reason.unauthenticated(self.envelope_ids()));
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
        let next_ids = self.next_ids.clone();
        let (connection, action) =
            Connection::open(now, verified, Box::new(move || next_ids()), &mut user.state);
        user.connections.push(id);
        self.peers.insert(id, Peer::Open(Box::new(connection)));
        action
    }

    /// Writes the answer to a payload, and records its outcome.
    pub fn answer(&mut self, now: Duration, requester: &Requester, answer: Answer) {
        self.settle_payload(&requester.reply, answer.outcome());
        self.write(now, requester.connection, answer);
    }

    /// Records that a command without an answer (`SIGNAL`) was executed.
    pub fn done(&mut self, requester: &Requester) {
        self.settle_payload(&requester.reply, PriorOutcome::Sent);
    }

    /// Refuses a payload with this code.
    pub fn refuse(&mut self, now: Duration, requester: &Requester, code: SysCode) {
        let answer = requester.reply.refuse(code, self.envelope_ids());
        self.answer(now, requester, answer);
    }

    /// Writes a payload of the server, such as a notice or a push, to all connections of a user. Returns their number.
    pub fn send(&mut self, name: &Username, payload: &Payload) -> usize {
        let (text, recipients) = (payload.encode(), self.connections_of(name));
        let count = recipients.len();
        self.out.extend(recipients.into_iter().map(|id| Output::Write(id, text.clone())));
        count
    }

    /// Closes a connection, if it exists.
    pub fn close(&mut self, now: Duration, id: ConnectionId, reason: CloseReason) {
        match self.peers.remove(&id) {
            Some(Peer::New(_)) => self.end(id, reason.unauthenticated(self.envelope_ids())),
            Some(Peer::Open(mut connection)) => {
                self.end(id, connection.close(now, reason));
                self.leave(now, id, *connection);
            }
            None => {}
        }
    }

    /// Handles that the WebSocket of a connection is closed. An unknown connection, such as a closed one, is not an
    /// error.
    pub fn lost(&mut self, now: Duration, id: ConnectionId) {
        if let Some(Peer::Open(connection)) = self.peers.remove(&id) {
            self.leave(now, id, *connection);
        }
    }

    /// Returns when [`wake`](Self::wake) must be called for a connection, or `None` for an unknown one.
    #[must_use]
    pub fn deadline(&self, id: ConnectionId) -> Option<Duration> {
        let connection = match self.peers.get(&id)? {
            Peer::New(handshake) => handshake.deadline(),
            Peer::Open(connection) => connection.deadline(),
        };
        let delivery = self.pending.first_key_value().map(|(_, pending)| pending.until);
        Some(delivery.map_or(connection, |delivery| delivery.min(connection)))
    }

    /// Handles the passing of time, for this connection and for all pending confirmations.
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

    /// Returns the next output.
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

    /// Queues the texts of a connection.
    fn flush(&mut self, now: Duration, id: ConnectionId) {
        if let Some(Peer::Open(connection)) = self.peers.get_mut(&id) {
            self.out.extend(std::iter::from_fn(|| connection.poll(now)).map(|text| Output::Write(id, text)));
        }
    }

    /// Queues the last texts and the close of a connection.
    fn end(&mut self, id: ConnectionId, closing: Closing) {
        let code = closing.code;
        self.out.extend(closing.into_texts().map(|text| Output::Write(id, text)));
        self.out.push_back(Output::Close(id, code));
    }

    /// Handles that a connection is closed: it can no longer confirm payloads.
    fn leave(&mut self, now: Duration, id: ConnectionId, mut connection: Connection<Receipt>) {
        if let Some(user) = self.users.get_mut(connection.username()) {
            user.connections.retain(|other| *other != id);
        }
        self.give_back(now, connection.input_ended(now));
    }

    fn connections_of(&self, name: &Username) -> Vec<ConnectionId> {
        self.users.get(name).map(|user| user.connections.clone()).unwrap_or_default()
    }

    /// Removes users without connections and recent payloads, so rarely that the cost per user is bounded.
    fn forget_users(&mut self, now: Duration) {
        if self.users.len() >= self.forget_at {
            self.users.retain(|_, user| !user.connections.is_empty() || !user.state.recent.forget(now));
            self.forget_at = FEW.max(2 * self.users.len());
        }
    }

    fn envelope_ids(&self) -> EnvelopeIds {
        (self.next_ids)()
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
