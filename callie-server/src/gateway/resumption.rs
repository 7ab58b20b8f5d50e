//! The connections that can be resumed, and how a new WebSocket reaches the task of one.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use callie_core::server::Resuming;
use callie_core::{ConnectionId, SessionId};
use dashmap::DashMap;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::moved::Exported;
use super::socket::Socket;
use crate::net::ConnectionPermit;
use crate::router::{Link, NodeId};
use crate::store::Session;

/// The random bytes of a connection's ID: 192 bits.
const ID_BYTES: usize = 24;

/// The connections that can be resumed, by their IDs.
#[derive(Default)]
pub(super) struct Resumables {
    connections: DashMap<ConnectionId, Arc<Resumable>>,
    /// How many of them are away.
    away: AtomicUsize,
}

/// A connection that can be resumed, as other tasks see it.
pub(super) struct Resumable {
    link: Arc<Link>,
    requests: Mutex<Requests>,
}

#[derive(Default)]
struct Requests {
    /// Whether the connection has ended.
    ended: bool,
    waiting: Vec<Ask>,
}

/// What another task asks of the task of a connection.
pub(super) enum Ask {
    /// To continue on a new WebSocket.
    Continue(Box<Handover>),
    /// To hand the connection over to another node.
    Export {
        /// The node.
        node: NodeId,
        /// The number of texts that arrived at the client, if it came to that node.
        received: Option<u64>,
        /// Receives the connection.
        reply: oneshot::Sender<Option<Exported>>,
    },
}

impl Ask {
    /// Refuses what was asked.
    fn refuse(self) {
        match self {
            Self::Continue(handover) => handover.refuse(),
            // Without a reply, there is no such connection.
            Self::Export { .. } => {}
        }
    }
}

/// A new WebSocket for a connection. It was authenticated for the connection's user.
pub(super) struct Handover {
    pub(super) resuming: Resuming,
    pub(super) session: Session,
    pub(super) address: IpAddr,
    pub(super) arrived: Arrived,
    /// Returns the WebSocket if the connection cannot be resumed.
    refuse: oneshot::Sender<Arrived>,
}

/// A WebSocket, and its place among all connections.
pub(super) struct Arrived {
    pub(super) socket: Socket,
    pub(super) permit: ConnectionPermit,
}

impl Handover {
    /// Creates the handover of a WebSocket, and where the WebSocket is returned if it is refused.
    pub(super) fn new(
        resuming: Resuming,
        session: Session,
        address: IpAddr,
        arrived: Arrived,
    ) -> (Self, oneshot::Receiver<Arrived>) {
        let (refuse, refused) = oneshot::channel();
        (Self { resuming, session, address, arrived, refuse }, refused)
    }

    /// Returns the WebSocket to the task that accepted it, which opens a new connection.
    pub(super) fn refuse(self) {
        // Without a receiver the server is stopping.
        let _ = self.refuse.send(self.arrived);
    }
}

impl Resumables {
    /// Adds a connection.
    pub(super) fn add(&self, id: ConnectionId, link: Arc<Link>) -> Arc<Resumable> {
        let resumable = Arc::new(Resumable { link, requests: Mutex::default() });
        self.connections.insert(id, resumable.clone());
        resumable
    }

    /// Removes a connection. Its requests are refused by [`Resumable::end`].
    pub(super) fn remove(&self, id: &ConnectionId) {
        self.connections.remove(id);
    }

    /// Hands a WebSocket to the connection that the client asks to resume. Returns the WebSocket if that connection does
    /// not exist, belongs to another session, or cannot be resumed.
    pub(super) async fn hand_over(
        &self,
        resuming: Resuming,
        session: &Session,
        address: IpAddr,
        arrived: Arrived,
    ) -> Result<(), Arrived> {
        let found = self.connections.get(resuming.connection_id()).map(|found| found.clone());
        let Some(found) = found.filter(|found| found.link.session == session.id) else { return Err(arrived) };
        let (handover, refused) = Handover::new(resuming, session.clone(), address, arrived);
        found.ask(Ask::Continue(Box::new(handover)));
        match refused.await {
            Ok(arrived) => Err(arrived),
            // The connection has kept the WebSocket.
            Err(_) => Ok(()),
        }
    }

    /// Takes a connection out, for another node; `None` if there is none of this session that can be resumed.
    pub(super) async fn export(
        &self,
        id: &ConnectionId,
        session: &SessionId,
        node: NodeId,
        received: Option<u64>,
    ) -> Option<Exported> {
        let found = self.connections.get(id).map(|found| found.clone());
        let found = found.filter(|found| found.link.session == *session)?;
        let (reply, replied) = oneshot::channel();
        found.ask(Ask::Export { node, received, reply });
        replied.await.ok()?
    }

    /// Queues an answer for a connection.
    pub(super) fn answer(&self, id: &ConnectionId, text: &Utf8Bytes) {
        if let Some(found) = self.connections.get(id) {
            found.link.send(text);
        }
    }

    /// Returns all connections.
    pub(super) fn all(&self) -> Vec<(ConnectionId, Arc<Link>)> {
        self.connections.iter().map(|entry| (entry.key().clone(), entry.link.clone())).collect()
    }

    /// Returns the number of connections that are away.
    pub(super) fn away(&self) -> usize {
        self.away.load(Ordering::Relaxed)
    }

    /// Counts a connection that goes away.
    pub(super) fn went_away(&self) {
        self.away.fetch_add(1, Ordering::Relaxed);
    }

    /// Removes a connection from the count of those that are away.
    pub(super) fn is_not_away(&self) {
        self.away.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Resumable {
    fn ask(&self, ask: Ask) {
        let mut requests = self.requests.lock();
        if requests.ended {
            drop(requests);
            return ask.refuse();
        }
        requests.waiting.push(ask);
        drop(requests);
        self.link.outbox.wake();
    }

    /// Returns `true` if something is asked. A task that is about to wait checks this after it has parked the outbox.
    pub(super) fn is_asked(&self) -> bool {
        !self.requests.lock().waiting.is_empty()
    }

    /// Takes what is asked, in its order.
    pub(super) fn take(&self) -> Vec<Ask> {
        std::mem::take(&mut self.requests.lock().waiting)
    }

    /// Refuses everything from now on.
    pub(super) fn end(&self) {
        let waiting = {
            let mut requests = self.requests.lock();
            requests.ended = true;
            std::mem::take(&mut requests.waiting)
        };
        waiting.into_iter().for_each(Ask::refuse);
    }
}

/// Returns a new ID for a connection; `None` if the system provides no random bytes.
pub(super) fn new_connection_id() -> Option<ConnectionId> {
    let mut bytes = [0; ID_BYTES];
    getrandom::fill(&mut bytes).ok()?;
    ConnectionId::parse(&BASE64_URL_SAFE_NO_PAD.encode(bytes)).ok()
}
