//! This server as a node of its cluster: joining, again and again where the connection is lost, and leaving.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, Event};
use futures_util::FutureExt as _;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::error::JoinError;
use super::inbound::Inbound;
use super::local::LocalNode;
use super::member::{End, LEAVE_TIMEOUT, Member, leave_is_asked};
use super::nats::Nats;
use super::streams::Streams;
use crate::base::config::Config;
use crate::router::{Check, NodeId};

/// How long a server that starts waits for its cluster. It then serves without, and says so.
const JOIN_TIMEOUT: Duration = Duration::from_secs(3);
/// The shortest time between two attempts to reach NATS; the longest is twice as long.
const RETRY: Duration = Duration::from_millis(250);

/// How to join the cluster that the configuration names.
pub(crate) struct Invitation(Nats);

impl Invitation {
    /// Reads the configuration; none for a server on its own.
    pub(crate) fn read(config: &Config) -> Result<Option<Self>, JoinError> {
        Ok(Nats::read(config)?.map(Self))
    }
}

/// This server's part in its cluster. Dropping it ends that part without a word.
#[derive(Debug)]
pub(crate) struct Cluster {
    leave: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Cluster {
    /// Joins the cluster. Where that takes long it goes on beside: the server then is on its own until it has joined.
    ///
    /// # Errors
    /// [`JoinError::NatsLimit`] where NATS answers at once and passes on too little.
    pub(crate) async fn join(
        local: LocalNode,
        streams: Arc<Streams>,
        invitation: Invitation,
        database: u64,
    ) -> Result<Self, JoinError> {
        let (leave, leaving) = watch::channel(false);
        let (converged, mut is_converged) = watch::channel(false);
        let (refuse, refused) = oneshot::channel();
        let nats = invitation.0;
        let node = Node { local, streams, nats, database, leaving, converged, refuse: Some(refuse) };
        let made = Self { leave, task: tokio::spawn(node.run()) };
        let joined = async {
            tokio::select! {
                Ok(fault) = refused => Err(fault),
                // Fails where the node has ended, which it does after a refusal: that is for the other branch to tell.
                Ok(_) = is_converged.wait_for(|converged| *converged) => Ok(()),
                else => Ok(()),
            }
        };
        match tokio::time::timeout(JOIN_TIMEOUT, joined).await {
            Ok(joined) => joined?,
            Err(_) => tracing::warn!("serving without the cluster, which cannot be joined yet"),
        }
        Ok(made)
    }

    /// Leaves the cluster, once all that was said has been heard: twice and a goodbye, each in its time.
    pub(crate) async fn leave(mut self) {
        self.leave.send_replace(true);
        if tokio::time::timeout(4 * LEAVE_TIMEOUT, &mut self.task).await.is_err() {
            tracing::warn!("did not leave the cluster in time");
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Node {
    local: LocalNode,
    streams: Arc<Streams>,
    nats: Nats,
    database: u64,
    leaving: watch::Receiver<bool>,
    /// Told when this node knows all others.
    converged: watch::Sender<bool>,
    /// Takes what keeps the server from starting, while it starts.
    refuse: Option<oneshot::Sender<JoinError>>,
}

impl Node {
    async fn run(mut self) {
        let mut reported = false;
        loop {
            let connected = tokio::select! {
                connected = self.nats.connect() => connected,
                () = leave_is_asked(&mut self.leaving) => return,
            };
            match connected {
                Ok((client, events)) => {
                    reported = false;
                    if let Some(fault) = self.nats.limit_fault(&client) {
                        let fault = match self.refuse.take() {
                            Some(refuse) => match refuse.send(fault) {
                                Ok(()) => return,
                                Err(fault) => fault,
                            },
                            None => fault,
                        };
                        // A server that runs goes on, with payloads in pieces.
                        tracing::error!("{fault}");
                    }
                    self.refuse = None;
                    let time = AssertUnwindSafe(self.be_member(client, events)).catch_unwind();
                    match time.await.unwrap_or_else(|_| End::Lost("a fault of this server".to_owned())) {
                        End::Left => return,
                        End::Lost(reason) => {
                            tracing::warn!(
                                reason,
                                "lost the cluster: users of other nodes cannot be reached"
                            );
                        }
                    }
                }
                Err(reason) if !reported => {
                    reported = true;
                    tracing::warn!(reason, "cannot reach NATS, and will try on");
                }
                Err(_) => {}
            }
            // All nodes lost it at the same time, and need not come back at the same.
            let wait =
                RETRY + RETRY.mul_f64(getrandom::u32().map_or(0.5, |n| f64::from(n) / f64::from(u32::MAX)));
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = leave_is_asked(&mut self.leaving) => return,
            }
        }
    }

    /// Is a member until the connection is lost or the server leaves.
    async fn be_member(&mut self, client: Client, mut events: mpsc::UnboundedReceiver<Event>) -> End {
        // Changes were made while this server was on its own, or before it was there: nothing is lost by looking.
        self.local.checks.ask(Check::All);
        let me = match getrandom::u64() {
            Ok(me) => NodeId(me),
            Err(error) => return End::Lost(error.to_string()),
        };
        let inbound = Inbound::new(self.local.clone());
        let mut member = Member::new(
            self.local.hub.clone(),
            client,
            me,
            self.streams.clone(),
            inbound,
            (self.nats.name.clone(), self.database),
        );
        let end = match member.subscribe(&self.nats.heartbeats()).await {
            Ok((frames, heartbeats)) => {
                member.serve(frames, heartbeats, &mut events, &mut self.leaving, &self.converged).await
            }
            Err(reason) => End::Lost(reason),
        };
        self.converged.send_replace(false);
        end
    }
}
