//! Lost connections that move to another node, because their client came to that node or because their node stops.
//!
//! A connection moves in these steps. *Old* is the node that has it.
//!
//! 1. The new node registers a connection whose outbox is held, which it tells all nodes with [`Entry::Here`].
//! 2. It asks the old node for the connection ([`Entry::Move`]), and every other node for a fence ([`Entry::Fence`]).
//! 3. Each of these confirms to the old node that it knows the connection of the new node ([`Entry::Fenced`]). Everything
//!    that it sent only to the old node comes before, in the same stream.
//! 4. When the old node has all fences, it hands the connection over ([`Entry::Moved`]). It takes no further payloads for
//!    it: whoever sends one has sent it to the new node as well.
//! 5. The new node writes what it was handed, and then what it has queued meanwhile, without what was in both.
//!
//! Answers to payloads that were pending at the old node follow ([`Entry::MovedAnswer`]). Receipts become requests, whose
//! replies settle them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use callie_core::command::Features;
use callie_core::{ConnectionId, SessionId, Username};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc};

use super::node::{NodeId, RequestId};
use super::peers::Peer;

/// How long fences are kept whose move does not arrive.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30);

/// What another node asks of the gateway.
pub(crate) enum MoveJob {
    /// To hand a connection over, once there are enough fences.
    Export {
        /// The node that asks.
        peer: Arc<dyn Peer>,
        /// The node that asks.
        node: NodeId,
        /// The request, for the reply.
        request: RequestId,
        /// The session of the connection.
        session: SessionId,
        /// The connection.
        connection: ConnectionId,
        /// The number of texts that arrived at the client; `None` if its client did not come.
        received: Option<u64>,
        /// The fences that arrived.
        fences: Arc<Semaphore>,
        /// The number of fences to wait for.
        wanted: u32,
    },
    /// To take a connection over from a node that stops.
    Adopt {
        /// The node.
        node: NodeId,
        /// The user.
        user: Username,
        /// The session of the connection.
        session: SessionId,
        /// The connection.
        connection: ConnectionId,
        /// The features that are in force on it.
        features: Features,
    },
    /// To write an answer on a connection that has moved here.
    Answer {
        /// The connection.
        connection: ConnectionId,
        /// The answer.
        text: String,
    },
}

/// The moves that other nodes ask for.
pub(crate) struct Moves {
    jobs: mpsc::UnboundedSender<MoveJob>,
    fences: Mutex<HashMap<(NodeId, RequestId), Fences>>,
}

/// The fences of a move.
struct Fences {
    since: Instant,
    arrived: Arc<Semaphore>,
}

impl Moves {
    /// Creates the moves, and the receiver of what is to do.
    pub(crate) fn new() -> (Arc<Self>, mpsc::UnboundedReceiver<MoveJob>) {
        let (jobs, receiver) = mpsc::unbounded_channel();
        (Arc::new(Self { jobs, fences: Mutex::default() }), receiver)
    }

    /// Adds a job.
    pub(crate) fn ask(&self, job: MoveJob) {
        // Without a receiver the server is stopping.
        let _ = self.jobs.send(job);
    }

    /// Returns the fences of a move.
    pub(crate) fn fences(&self, node: NodeId, request: RequestId) -> Arc<Semaphore> {
        let now = Instant::now();
        let mut fences = self.fences.lock();
        fences.retain(|_, fences| now.saturating_duration_since(fences.since) < FORGOTTEN_AFTER);
        let new = || Fences { since: now, arrived: Arc::new(Semaphore::new(0)) };
        fences.entry((node, request)).or_insert_with(new).arrived.clone()
    }
}
