//! The membership of this server in its cluster: joining, reconnecting, and leaving.

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
use super::member::{End, LEAVE_TIMEOUT, Member, wait_for_leave};
use super::nats::Nats;
use super::publisher::Publisher;
use super::streams::Streams;
use crate::base::config::Config;
use crate::router::{Check, NodeId};

/// How long a starting server waits for its cluster. Then it serves without the cluster, and logs a warning.
const JOIN_TIMEOUT: Duration = Duration::from_secs(3);
/// The shortest time between two attempts to connect to NATS. The longest is twice as long.
const RETRY: Duration = Duration::from_millis(250);

/// The settings to join the configured cluster.
pub(crate) struct Invitation(Nats);

impl Invitation {
    /// Reads the settings from the configuration; `None` for a server on its own.
    pub(crate) fn read(config: &Config) -> Result<Option<Self>, JoinError> {
        Ok(Nats::read(config)?.map(Self))
    }
}

/// The membership of this server in its cluster. Dropping it ends the membership without a message.
#[derive(Debug)]
pub(crate) struct Cluster {
    leave: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Cluster {
    /// Joins the cluster. If that takes long, it continues in the background, and the server is on its own until it has
    /// joined.
    ///
    /// # Errors
    /// [`JoinError::NatsLimit`] if NATS answers in time and accepts too little.
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
                Ok(error) = refused => Err(error),
                // Fails if the node has ended, which it does after a refusal: the other branch returns that.
                Ok(_) = is_converged.wait_for(|converged| *converged) => Ok(()),
                else => Ok(()),
            }
        };
        match tokio::time::timeout(JOIN_TIMEOUT, joined).await {
            Ok(joined) => joined?,
            Err(_) => tracing::warn!("cannot join the cluster yet; serving without it"),
        }
        Ok(made)
    }

    /// Leaves the cluster once the other nodes have received everything. Each step has its own timeout.
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
    /// Set when this node knows all others.
    converged: watch::Sender<bool>,
    /// Receives what keeps the server from starting, while it starts.
    refuse: Option<oneshot::Sender<JoinError>>,
}

impl Node {
    async fn run(mut self) {
        let mut reported = false;
        loop {
            let connected = tokio::select! {
                connected = self.nats.connect() => connected,
                () = wait_for_leave(&mut self.leaving) => return,
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
                        // A running server continues, with payloads in several frames.
                        tracing::error!("{fault}");
                    }
                    self.refuse = None;
                    let membership = AssertUnwindSafe(self.serve_member(client, events)).catch_unwind();
                    match membership
                        .await
                        .unwrap_or_else(|_| End::Lost("a task of this server panicked".to_owned()))
                    {
                        End::Left => return,
                        End::Lost(reason) => {
                            tracing::warn!(
                                reason,
                                "lost the connection to the cluster: users of other nodes cannot be reached"
                            );
                        }
                    }
                }
                Err(reason) if !reported => {
                    reported = true;
                    tracing::warn!(reason, "cannot reach NATS; trying again");
                }
                Err(_) => {}
            }
            // Nodes that lost the connection at the same time must not reconnect at the same time.
            let wait =
                RETRY + RETRY.mul_f64(getrandom::u32().map_or(0.5, |n| f64::from(n) / f64::from(u32::MAX)));
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = wait_for_leave(&mut self.leaving) => return,
            }
        }
    }

    /// Is a member until the connection is lost or the server leaves.
    async fn serve_member(&mut self, client: Client, mut events: mpsc::UnboundedReceiver<Event>) -> End {
        // There may be changes from before this server was a member.
        self.local.checks.ask(Check::All);
        let me = match getrandom::u64() {
            Ok(me) => NodeId(me),
            Err(error) => return End::Lost(error.to_string()),
        };
        let publisher = Publisher::new(client, me, self.nats.name.clone(), self.database);
        let inbound = Inbound::new(self.local.clone());
        let mut member = Member::new(self.local.hub.clone(), publisher, self.streams.clone(), inbound);
        let end = match member.subscribe().await {
            Ok(subscriptions) => {
                member.serve(subscriptions, &mut events, &mut self.leaving, &self.converged).await
            }
            Err(reason) => End::Lost(reason),
        };
        self.converged.send_replace(false);
        end
    }
}
