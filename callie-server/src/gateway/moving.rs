//! Connections that move between nodes, see [`crate::router::MoveJob`]: the task that hands one over, and the one that
//! takes it over.

use std::collections::{HashSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use callie_core::command::Features;
use callie_core::server::{CloseReason, Connection, Identity, MovedConnection, PayloadKey};
use callie_core::{ConnectionId, SessionId, Username};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::end::End;
use super::handler::Handler;
use super::moved::{Exported, MovedTo};
use super::pump::Pump;
use super::register::{Joined, register};
use super::shared::Gateway;
use crate::base::clock;
use crate::base::ids::envelope_ids;
use crate::router::{
    Entry, Item, KeptItem, MoveJob, MovedItem, MovedKept, MovedState, NodeId, Origin, Outbox, Peer,
    PendingReply, Receipt,
};

/// How long a node waits for the fences of a move, and a stopping node for its connections to move.
const MOVE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long answers follow a connection that has moved, beyond the deadline of confirmations.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// What was taken over from another node.
pub(super) struct Pulled {
    connection: MovedConnection<Utf8Bytes>,
    receipts: Vec<(PayloadKey, Receipt)>,
    kept: Vec<MovedKept>,
    last_kept: i64,
    queue: VecDeque<Item>,
    left: Duration,
}

impl Pump {
    /// Gives up the connection to another node. `None` if it cannot be resumed after `received` texts.
    pub(super) fn export(&mut self, node: NodeId, received: Option<u64>) -> Option<Exported> {
        let id = self.handler.connection.connection_id().cloned()?;
        if received.is_some_and(|received| !self.handler.connection.can_resume_after(received)) {
            return None;
        }
        if self.arrived.is_some() && self.go_away(End::Close(CloseReason::heartbeat_missed())).is_some() {
            return None;
        }
        let now = Instant::now();
        let left = self.away_until.take()?.saturating_duration_since(now);
        self.gateway.resumables.is_not_away();
        self.gateway.resumables.remove(&id);
        let queue = self.link.outbox.move_away();
        let origin = &self.handler.context.origin;
        self.gateway.hub.depart(&origin.user, &origin.link);
        // What was not written of the messages in the store stays there.
        let last_kept = self.source.stop(&mut self.batch);
        let mut queue: Vec<Item> = self.batch.drain(..).chain(queue).collect();
        let connection = self.handler.connection.move_away(clock::elapsed(now))?;
        let mut receipts = self.handler.connection.take_receipts();
        let deadline = now + self.gateway.timing.protocol.confirmation;
        let queued = queue.iter_mut().filter_map(|item| item.receipt.as_mut());
        for receipt in queued.chain(receipts.iter_mut().map(|(_, receipt)| receipt)) {
            // The other node counts the time from now on.
            self.gateway.hub.resume_confirmation(receipt, deadline);
        }
        let until = deadline + LAST_ANSWERS;
        self.timer.as_mut().reset(until.into());
        self.moved = Some(MovedTo { node, connection: id, until });
        Some(Exported { connection, receipts, last_kept, queue, left })
    }

    /// Forwards answers to a connection that has moved.
    pub(super) fn poll_moved(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let Some(moved) = &self.moved else { return Poll::Pending };
        // There is no WebSocket to close.
        drop(self.link.outbox.socket_close_reason());
        let mut answers = VecDeque::new();
        self.link.outbox.take(&mut answers);
        for Item { text, .. } in &answers {
            let answer = Entry::MovedAnswer { connection: moved.connection.clone(), text };
            self.gateway.hub.remote.send(&[moved.node], &answer);
        }
        self.link.outbox.written(answers.iter().map(Outbox::cost).sum());
        let is_over = self.timer.as_mut().poll(cx).is_ready() && Instant::now() >= moved.until;
        self.link.finish();
        if is_over || !self.link.has_pending() {
            return Poll::Ready(End::Moved);
        }
        if !self.link.outbox.park(cx) || !self.link.has_pending() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

/// Turns the state of a connection into what `node` receives.
fn state_for(exported: Exported, gateway: &Gateway, node: NodeId) -> Box<MovedState> {
    let Exported { connection, receipts: unconfirmed, last_kept, queue, left } = exported;
    let reserve = |receipt| gateway.hub.reserve(node, PendingReply::Receipt(receipt));
    let item = |item: Item| {
        let receipt = item.receipt.and_then(|receipt| match receipt.key() {
            None if gateway.is_stopping() => {
                // Nobody could report its outcome to the sender any more.
                receipt.written();
                None
            }
            key => Some((reserve(receipt), key)),
        });
        MovedItem { text: item.text.as_str().to_owned(), receipt }
    };
    let (mut kept, mut receipts) = (Vec::new(), Vec::new());
    for (key, receipt) in unconfirmed {
        match receipt.kept().cloned() {
            Some(KeptItem { place, sender, payload_id, message_id, .. }) => {
                kept.push(MovedKept { key, place, sender, payload_id, message_id });
            }
            None => receipts.push((key, reserve(receipt))),
        }
    }
    Box::new(MovedState {
        connection: connection.convert(),
        receipts,
        kept,
        last_kept,
        queue: queue.into_iter().map(item).collect(),
        left_ms: u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
    })
}

impl Pulled {
    /// Asks the nodes that the user is connected to for a connection. The outbox of `origin` must be held.
    pub(super) async fn pull(
        gateway: &Gateway,
        origin: &Origin,
        nodes: &[NodeId],
        connection: &ConnectionId,
        received: Option<u64>,
    ) -> Option<Self> {
        for node in nodes {
            let Some(peer) = gateway.hub.remote.peer(*node) else { continue };
            let asked = gateway.hub.ask_for(*node, &origin.link.session, connection, received);
            // Twice, because the other node waits for fences.
            if let Ok(Ok(Some(state))) = tokio::time::timeout(2 * MOVE_TIMEOUT, asked).await {
                return Some(Self::read(gateway, &peer, *state));
            }
        }
        None
    }

    fn read(gateway: &Gateway, peer: &Arc<dyn Peer>, state: MovedState) -> Self {
        let deadline = Instant::now() + gateway.timing.protocol.confirmation;
        let receipt = |request, key| {
            let receipt = Receipt::moved(peer.clone(), request, key, deadline);
            gateway.hub.await_moved(&receipt);
            receipt
        };
        let MovedState { connection, receipts, kept, last_kept, queue, left_ms } = state;
        let written = |(key, request)| {
            let receipt = receipt(request, Some(key));
            receipt.written();
            (key, receipt)
        };
        let item = |MovedItem { text, receipt: moved }| Item {
            text: Utf8Bytes::from(text),
            receipt: moved.map(|(request, key)| receipt(request, key)),
            timed: None,
            answers: None,
        };
        Self {
            connection: connection.convert(),
            receipts: receipts.into_iter().map(written).collect(),
            kept,
            last_kept,
            queue: queue.into_iter().map(item).collect(),
            left: Duration::from_millis(left_ms),
        }
    }

    /// Starts the connection, which is away.
    pub(super) fn start(self, gateway: &Arc<Gateway>, joined: Joined) -> Box<Pump> {
        let Joined { registration, session } = joined;
        let Self { connection, receipts, kept, last_kept, queue, left } = self;
        let link = registration.origin().link.clone();
        let queued: Vec<Utf8Bytes> = queue.iter().map(|item| item.text.clone()).collect();
        let known: HashSet<&str> = connection.texts().chain(queued.iter().map(Utf8Bytes::as_str)).collect();
        link.outbox.prepend(queue, |text| known.contains(text));
        let identity =
            Identity::new(session.user.clone(), session.id.clone(), clock::timestamp(session.expires));
        let now = Instant::now();
        let elapsed = clock::elapsed(now);
        let ids = Box::new(envelope_ids);
        let mut connection = Connection::arrive(elapsed, gateway.server_config(), identity, ids, connection);
        for (key, receipt) in receipts {
            // The other node kept no more of them than this one may.
            drop(connection.written(elapsed, key, receipt));
        }
        let user = session.user.clone();
        let handler = Handler::new(gateway.clone(), registration, connection, session);
        let mut pump = Pump::new(gateway.clone(), None, handler, None);
        for MovedKept { key, place, sender, payload_id, message_id } in kept {
            let item = KeptItem { recipient: user.clone(), place, sender, payload_id, message_id };
            pump.source.continue_after(key, item, &mut pump.handler.connection, &link);
        }
        pump.source.skip_to(last_kept);
        pump.wait_for_resumption(now, now + left);
        if gateway.keeper.is_none()
            && let Some(holds) = link.outbox.held()
        {
            link.outbox.release(holds);
        }
        pump
    }
}

/// Carries out what other nodes ask for.
pub(crate) async fn run_moves(gateway: Arc<Gateway>, mut jobs: mpsc::UnboundedReceiver<MoveJob>) {
    while let Some(job) = jobs.recv().await {
        match job {
            MoveJob::Export { peer, node, request, session, connection, received, fences, wanted } => {
                let gateway = gateway.clone();
                tokio::spawn(async move {
                    let fenced = tokio::time::timeout(MOVE_TIMEOUT, fences.acquire_many(wanted)).await;
                    let exported = match fenced {
                        Ok(_) => gateway.resumables.export(&connection, &session, node, received).await,
                        Err(_) => None,
                    };
                    let state = exported.map(|exported| state_for(exported, &gateway, node));
                    peer.send(&Entry::Moved { request, state });
                });
            }
            MoveJob::Adopt { node, user, session, connection, features } => {
                gateway.tasks.spawn(adopt(gateway.clone(), node, user, session, connection, features));
            }
            MoveJob::Answer { connection, text } => {
                gateway.resumables.answer(&connection, &Utf8Bytes::from(text));
            }
        }
    }
}

/// Takes a connection over from a node that stops.
async fn adopt(
    gateway: Arc<Gateway>,
    node: NodeId,
    user: Username,
    session: SessionId,
    connection: ConnectionId,
    features: Features,
) {
    let endings = gateway.endings();
    let Ok(Some(session)) = gateway.sessions.get(&session, clock::now()).await else { return };
    if session.user != user {
        return;
    }
    let address = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let Ok(joined) = register(&gateway, session, endings, address, None, features, true).await else {
        return;
    };
    let origin = joined.registration.origin().clone();
    let Some(pulled) = Pulled::pull(&gateway, &origin, &[node], &connection, None).await else { return };
    let pump = pulled.start(&gateway, joined);
    drop((gateway, origin));
    pump.run().await;
}

/// Moves all lost connections to other nodes, because this one stops. Those that do not move in time are gone.
pub(crate) async fn hand_over(gateway: &Gateway) {
    let nodes = gateway.hub.remote.nodes();
    if !nodes.is_empty() {
        for (at, (connection, link)) in gateway.resumables.all().into_iter().enumerate() {
            let (user, session, features) = (link.user.clone(), link.session.clone(), link.features());
            gateway
                .hub
                .remote
                .send(&[nodes[at % nodes.len()]], &Entry::Adopt { user, session, connection, features });
        }
        let moved = async {
            while !gateway.resumables.all().is_empty() {
                tokio::time::sleep(super::timing::ANSWERS_TICK).await;
            }
        };
        if tokio::time::timeout(2 * MOVE_TIMEOUT, moved).await.is_err() {
            tracing::warn!(
                connections = gateway.resumables.all().len(),
                "could not hand over lost connections"
            );
        }
    }
    for (_, link) in gateway.resumables.all() {
        link.end(CloseReason::shutting_down(Duration::ZERO));
    }
}
