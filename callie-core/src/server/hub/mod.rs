//! The connections of a server in one process, and the deliveries between them.
//!
//! - `request`: what the server has to do for the hub
//! - `deliver`: the delivery of payloads, and their confirmations
//! - `away`: connections that were lost and can be resumed

mod away;
mod deliver;
mod request;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use away::{Away, Kept};
use deliver::Pending;
pub use request::{ConnectionId, Outgoing, Output, Request, Requester};

use super::action::{Accepted, Action};
use super::close::{CloseReason, Closing};
use super::config::ServerConfig;
use super::connection::Connection;
use super::delivery::Part;
use super::handshake::{Handshake, Identity, Verified};
use super::reply::{Answer, Reply};
use super::user::{SharedState as _, UserState};
use crate::code::SysCode;
use crate::command::SIGNAL;
use crate::content::Content;
use crate::name::{self, Username};
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
/// - [`lost`](Self::lost) must be called when a WebSocket is closed, or [`left`](Self::left). After [`Output::Close`] the
///   connection is unknown.
/// - A hub whose configuration offers [`Feature::Resume`](crate::command::Feature::Resume) names its connections with
///   [`with_connection_ids`](Self::with_connection_ids). A lost connection is resumed under the ID of the new one. Lost
///   connections end at a call of [`wake`](Self::wake) or [`accept`](Self::accept).
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
    pending: BTreeMap<u64, Pending>,
    /// The deadlines of pending deliveries, in their order, because all have the same duration.
    deadlines: VecDeque<(Duration, u64)>,
    /// The ends of lost connections, in their order.
    away: VecDeque<(Duration, ConnectionId)>,
    /// Creates the IDs by which clients resume their connections.
    connection_ids: Option<Box<dyn Fn() -> name::ConnectionId + Send + Sync>>,
    last_id: u64,
    out: VecDeque<Output>,
}

/// A delivery by its number, and the recipient's part in it.
type Receipt = (u64, Part);

/// With fewer users, no user is removed.
const FEW: usize = 64;

enum Peer {
    New(Handshake),
    Open(Box<Open>),
}

/// A connection that has authenticated.
struct Open {
    connection: Connection<Receipt>,
    /// The ID of the connection before it was resumed. Pending answers are addressed to this ID.
    first: ConnectionId,
    /// Set while the connection is away.
    away: Option<Away>,
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
            deadlines: VecDeque::new(),
            away: VecDeque::new(),
            connection_ids: None,
            last_id: 0,
            out: VecDeque::new(),
        }
    }

    /// Sets how the IDs are created by which clients resume their connections: at least 128 random bits each.
    #[must_use]
    pub fn with_connection_ids(
        self,
        connection_ids: impl Fn() -> name::ConnectionId + Send + Sync + 'static,
    ) -> Self {
        Self { connection_ids: Some(Box::new(connection_ids)), ..self }
    }

    /// Adds a connection after its upgrade.
    pub fn accept(&mut self, now: Duration) -> ConnectionId {
        self.end_away(now);
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
                    Ok(verified) => self.open_or_resume(now, id, verified)?,
                    Err(reason) => {
                        self.end(id, reason.unauthenticated(self.envelope_ids()));
                        return None;
                    }
                }
            }
            Peer::Open(mut open) => {
                let user = self.users.get_mut(open.connection.username())?;
                let action = open.connection.receive(now, text, &mut user.state);
                self.peers.insert(id, Peer::Open(open));
                action
            }
        };
        let request = self.act(now, id, action);
        self.flush(now, id);
        request
    }

    /// Opens a connection, or resumes the one that the client asks for, which needs no further action.
    fn open_or_resume<'t>(
        &mut self,
        now: Duration,
        id: ConnectionId,
        verified: Verified<'t>,
    ) -> Option<Action<'t, Receipt>> {
        if let Some(resuming) = verified.resuming()
            && let Some(old) = self.resumable(&resuming)
        {
            self.resume(now, old, id, resuming);
            return None;
        }
        Some(self.open(now, id, verified))
    }

    fn open<'t>(&mut self, now: Duration, id: ConnectionId, verified: Verified<'t>) -> Action<'t, Receipt> {
        self.forget_users(now);
        let verified = match &self.connection_ids {
            Some(connection_ids) => verified.with_connection_id(connection_ids()),
            None => verified,
        };
        let limits = &self.config.limits;
        let new = || User { state: UserState::new(limits), connections: Vec::new() };
        let user = self.users.entry(verified.identity().username.clone()).or_insert_with(new);
        let next_ids = self.next_ids.clone();
        let (connection, action) =
            Connection::open(now, verified, Box::new(move || next_ids()), &mut user.state);
        user.connections.push(id);
        self.peers.insert(id, Peer::Open(Box::new(Open { connection, first: id, away: None })));
        action
    }

    /// Writes the answer to a payload, and records its outcome.
    pub fn answer(&mut self, now: Duration, requester: &Requester, answer: Answer) {
        self.settle_payload(&requester.reply, answer.outcome());
        if let Some(connection) = self.current(requester) {
            self.write(now, connection, answer);
        }
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
    /// A connection that is away counts; it receives the payload when it is resumed, unless it is a `SIGNAL`.
    pub fn send(&mut self, now: Duration, name: &Username, payload: &Payload) -> usize {
        let (text, recipients) = (payload.encode(), self.connections_of(name));
        let count = recipients.len();
        for id in recipients {
            self.send_text(now, id, &text, is_fleeting(payload));
        }
        count
    }

    /// Writes a payload that nobody waits for. A fleeting one is not kept for a connection that is away.
    fn send_text(&mut self, now: Duration, id: ConnectionId, text: &str, is_fleeting: bool) {
        if !is_fleeting || !self.is_away(id) {
            self.keep_or_write(now, id, Kept { text: text.to_owned(), receipt: None, asks: None });
        }
    }

    fn is_away(&self, id: ConnectionId) -> bool {
        matches!(self.peers.get(&id), Some(Peer::Open(open)) if open.away.is_some())
    }

    /// Closes a connection, if it exists. One that can be resumed is away afterwards, if the reason allows it.
    pub fn close(&mut self, now: Duration, id: ConnectionId, reason: CloseReason) {
        let is_away = self.is_away(id);
        match self.peers.get_mut(&id) {
            Some(Peer::New(_)) => {
                self.peers.remove(&id);
                self.end(id, reason.unauthenticated(self.envelope_ids()));
            }
            Some(Peer::Open(_)) if is_away => self.leave(now, id),
            Some(Peer::Open(open)) => {
                if reason.is_resumable() && open.connection.connection_id().is_some() {
                    return self.go_away(now, id, Some(&reason));
                }
                let closing = open.connection.close(now, reason);
                self.end(id, closing);
                self.leave(now, id);
            }
            None => {}
        }
    }

    /// Handles that the WebSocket of a connection is closed or lost, without the client's close code 1000. A connection
    /// that can be resumed is away afterwards. An unknown connection, such as a closed one, is not an error.
    pub fn lost(&mut self, now: Duration, id: ConnectionId) {
        match self.peers.get(&id) {
            Some(Peer::Open(open)) if open.away.is_none() => self.go_away(now, id, None),
            Some(Peer::New(_)) => drop(self.peers.remove(&id)),
            _ => {}
        }
    }

    /// Handles that the client has closed the WebSocket of a connection with code 1000: the connection is gone.
    pub fn left(&mut self, now: Duration, id: ConnectionId) {
        match self.peers.get(&id) {
            Some(Peer::Open(open)) if open.away.is_none() => self.leave(now, id),
            Some(Peer::New(_)) => drop(self.peers.remove(&id)),
            _ => {}
        }
    }

    /// Returns when [`wake`](Self::wake) must be called for a connection, or `None` for an unknown one.
    #[must_use]
    pub fn deadline(&self, id: ConnectionId) -> Option<Duration> {
        let connection = match self.peers.get(&id)? {
            Peer::New(handshake) => handshake.deadline(),
            Peer::Open(open) if open.away.is_some() => return None,
            Peer::Open(open) => open.connection.deadline(),
        };
        let delivery = self.deadlines.front().map(|(until, _)| *until);
        let away = self.away.front().map(|(until, _)| *until);
        Some([delivery, away].into_iter().flatten().fold(connection, Duration::min))
    }

    /// Handles the passing of time, for this connection, for all pending confirmations and for lost connections.
    pub fn wake(&mut self, now: Duration, id: ConnectionId) {
        while let Some((_, number)) = self.deadlines.pop_front_if(|(until, _)| *until <= now) {
            self.settle(now, number, |delivery| delivery.expire(now));
        }
        self.end_away(now);
        let due = match self.peers.get_mut(&id) {
            Some(Peer::New(handshake)) => handshake.wake(now),
            Some(Peer::Open(open)) if open.away.is_none() => open.connection.wake(now),
            _ => None,
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
        let Peer::Open(open) = self.peers.get(&connection)? else { return None };
        Some(Requester { connection: open.first, reply: open.connection.reply(accepted) })
    }

    fn settle_payload(&mut self, reply: &Reply, outcome: PriorOutcome) {
        if let (Some(key), Some(user)) = (reply.key(), self.users.get_mut(reply.username())) {
            user.state.settle(key, outcome);
        }
    }

    /// Returns the present ID of the connection whose payload is answered.
    fn current(&self, requester: &Requester) -> Option<ConnectionId> {
        let user = self.users.get(requester.reply.username())?;
        user.connections.iter().copied().find(|id| match self.peers.get(id) {
            Some(Peer::Open(open)) => open.first == requester.connection,
            _ => false,
        })
    }

    /// Writes an answer. For a connection that is away, it is kept.
    fn write(&mut self, now: Duration, id: ConnectionId, answer: Answer) {
        if let Some(Peer::Open(open)) = self.peers.get_mut(&id) {
            open.connection.answer(now, answer);
            self.flush(now, id);
        }
    }

    /// Queues the texts of a connection.
    fn flush(&mut self, now: Duration, id: ConnectionId) {
        if let Some(Peer::Open(open)) = self.peers.get_mut(&id)
            && open.away.is_none()
        {
            let texts = std::iter::from_fn(|| open.connection.poll(now));
            self.out.extend(texts.map(|text| Output::Write(id, text)));
        }
    }

    /// Queues the last texts and the close of a connection.
    fn end(&mut self, id: ConnectionId, closing: Closing) {
        let code = closing.code;
        self.out.extend(closing.into_texts().map(|text| Output::Write(id, text)));
        self.out.push_back(Output::Close(id, code));
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

/// Returns `true` for a PING and a `SIGNAL`, which are not kept for a connection that is away.
fn is_fleeting(payload: &Payload) -> bool {
    match payload.content() {
        Content::Ping => true,
        Content::Cmd(call) => call.command().as_str() == SIGNAL,
        _ => false,
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
