//! One membership in the cluster: the loop that reads and sends heartbeats and frames, and leaving.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::{Event, Message, StatusCode, Subscriber};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use super::inbound::{Followed, Inbound};
use super::liveness::Liveness;
use super::publisher::{Publisher, Subscriptions};
use super::stream::{Frame, PeerStream};
use super::streams::Streams;
use super::wire::{self, FrameHeader, MessageKind, Position};
use crate::router::{Hub, NodeId};

/// How often a node sends a heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How often nodes are checked for silence.
const TICK: Duration = Duration::from_millis(250);
/// How long a joining node waits for heartbeats of others. They answer immediately, and send the next one within a
/// second.
const SETTLE: Duration = Duration::from_millis(1_200);
/// The delay before a read frame is confirmed, so that one confirmation covers many frames.
const CONFIRM_DELAY: Duration = Duration::from_millis(5);
/// The most frames that are read in a row.
const READ_AT_ONCE: usize = 64;
/// The most frames that are sent to one node in a row.
const SENT_AT_ONCE: usize = 64;
/// How long a leaving node waits until the others have read its frames.
pub(super) const LEAVE_TIMEOUT: Duration = Duration::from_millis(500);

/// How a membership ended.
pub(super) enum End {
    /// The server has left.
    Left,
    /// The connection to NATS can no longer be used.
    Lost(String),
}

/// Waits until the server leaves.
pub(super) async fn wait_for_leave(leaving: &mut watch::Receiver<bool>) {
    // The sender is dropped only together with this task.
    let _ = leaving.wait_for(|leave| *leave).await;
}

/// One membership in the cluster.
pub(super) struct Member {
    hub: Arc<Hub>,
    publisher: Publisher,
    streams: Arc<Streams>,
    inbound: Inbound,
    liveness: Liveness,
    /// The number of streams that were started.
    started: u64,
    since: Instant,
    /// When the next heartbeat is due.
    heartbeat_at: Instant,
    /// When the frames that were read are confirmed.
    confirm_at: Option<Instant>,
}

impl Member {
    /// Creates the membership of the node that `publisher` sends for.
    pub(super) fn new(hub: Arc<Hub>, publisher: Publisher, streams: Arc<Streams>, inbound: Inbound) -> Self {
        let since = Instant::now();
        Self {
            hub,
            publisher,
            streams,
            inbound,
            liveness: Liveness::default(),
            started: 0,
            since,
            heartbeat_at: since,
            confirm_at: None,
        }
    }

    /// Subscribes, and sends the first heartbeat.
    pub(super) async fn subscribe(&mut self) -> Result<Subscriptions, String> {
        let subscriptions = self.publisher.subscribe().await?;
        self.liveness.heard(self.publisher.me());
        self.publisher.send_heartbeat(MessageKind::Joining).await?;
        Ok(subscriptions)
    }

    /// Is a member until the connection is lost or the server leaves.
    pub(super) async fn serve(
        &mut self,
        Subscriptions { mut frames, mut heartbeats }: Subscriptions,
        events: &mut mpsc::UnboundedReceiver<Event>,
        leaving: &mut watch::Receiver<bool>,
        converged: &watch::Sender<bool>,
    ) -> End {
        let wake = self.streams.wake();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let confirm_at = self.confirm_at;
            let confirm = async {
                match confirm_at {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            let done = tokio::select! {
                frame = frames.next() => match frame {
                    Some(frame) => self.read_frames(frame, &mut frames).await,
                    None => Err("the connection ended".to_owned()),
                },
                () = wake.notified() => {
                    // Lets other tasks add to the same frame, because each frame wakes three processes.
                    tokio::task::yield_now().await;
                    self.flush().await
                }
                () = confirm => self.send_confirmations().await,
                heartbeat = heartbeats.next() => match heartbeat {
                    Some(heartbeat) => self.read_heartbeat(&heartbeat.payload).await,
                    None => Err("the connection ended".to_owned()),
                },
                _ = tick.tick() => {
                    // Heartbeats that arrived while this task was busy are read first.
                    while let Some(Some(heartbeat)) = heartbeats.next().now_or_never() {
                        if let Err(reason) = self.read_heartbeat(&heartbeat.payload).await {
                            return End::Lost(reason);
                        }
                    }
                    self.check_nodes().await
                }
                event = events.recv() => match event {
                    Some(Event::Disconnected | Event::Closed) | None => Err("disconnected".to_owned()),
                    // Lost frames are detected as gaps.
                    Some(_) => Ok(()),
                },
                () = wait_for_leave(leaving) => return self.leave(&mut frames).await,
            };
            if let Err(reason) = done {
                return End::Lost(reason);
            }
            self.update_converged(converged);
        }
    }

    /// Reads a frame and those that have arrived meanwhile, then sends the replies.
    async fn read_frames(&mut self, first: Message, frames: &mut Subscriber) -> Result<(), String> {
        self.read_frame(&first).await?;
        for _ in 1..READ_AT_ONCE {
            let Some(Some(frame)) = frames.next().now_or_never() else { break };
            self.read_frame(&frame).await?;
        }
        self.flush().await
    }

    async fn read_frame(&mut self, message: &Message) -> Result<(), String> {
        if message.status == Some(StatusCode::NO_RESPONDERS) {
            self.refused(&message.subject);
            return Ok(());
        }
        let Ok((header, entries)) = wire::read_header(&message.payload) else {
            tracing::error!("received a frame of another version");
            return Ok(());
        };
        self.liveness.heard(header.from);
        let peer = match self.streams.get(header.from) {
            Some(peer) => peer,
            None => self.add_node(header.from),
        };
        if header.broken == Some(peer.stream) {
            self.restart_stream(&peer);
        }
        match self.inbound.take(&peer, &header, entries) {
            followed @ (Followed::Applied | Followed::Restarted) => {
                if followed == Followed::Restarted {
                    peer.abandon_replies();
                }
                self.settle_read(&peer, &header);
                self.confirm_at.get_or_insert_with(|| Instant::now() + CONFIRM_DELAY);
                Ok(())
            }
            Followed::Nothing => {
                if header.position.is_none() {
                    self.settle_read(&peer, &header);
                }
                Ok(())
            }
            Followed::Broken(stream) => {
                tracing::warn!(node = %peer.id, "missed a frame of another node, and requested a new stream");
                let header = FrameHeader { broken: Some(stream), ..self.publisher.header() };
                self.publisher.send_frame(peer.id, header, Vec::new()).await
            }
        }
    }

    /// Settles what the other node has read. Called after its entries were applied, because replies come before the
    /// confirmation that their request was read.
    fn settle_read(&self, peer: &PeerStream, header: &FrameHeader) {
        if let Some(taken) = header.taken.filter(|taken| taken.stream == peer.stream) {
            peer.taken_until(taken.frame);
        }
    }

    /// Handles the report of NATS that nobody received a frame: the node is gone, and the frame is lost.
    fn refused(&mut self, subject: &str) {
        let Some((node, returned)) = Publisher::returned_frame(subject) else { return };
        if let Some(peer) = self.streams.get(node).filter(|peer| peer.stream == returned.stream) {
            tracing::info!(node = %peer.id, "another node is gone");
            self.remove_node(peer.id, Some(returned.frame));
        }
    }

    async fn read_heartbeat(&mut self, bytes: &[u8]) -> Result<(), String> {
        let Ok(heartbeat) = wire::read_heartbeat(bytes) else {
            if let Some(version) = wire::other_version(bytes) {
                self.liveness.heard_version(version);
            }
            return Ok(());
        };
        if heartbeat.node == self.publisher.me() {
            self.liveness.heard(heartbeat.node);
            return Ok(());
        }
        if heartbeat.database != self.publisher.database() {
            tracing::error!(
                node = %heartbeat.node,
                "a node of this cluster uses another database and is ignored: give one of them another cluster_name"
            );
            return Ok(());
        }
        if heartbeat.kind == MessageKind::Leaving {
            tracing::info!(node = %heartbeat.node, "another node has left");
            self.remove_node(heartbeat.node, None);
            return Ok(());
        }
        self.liveness.heard(heartbeat.node);
        if self.streams.get(heartbeat.node).is_none() {
            self.add_node(heartbeat.node);
        }
        if heartbeat.kind == MessageKind::Joining {
            self.publisher.send_heartbeat(MessageKind::Here).await?;
        }
        self.flush().await
    }

    /// Starts a stream to a new node.
    fn add_node(&mut self, node: NodeId) -> Arc<PeerStream> {
        tracing::info!(%node, "found another node");
        if self.liveness.returned(node) {
            self.hub.remote.note_missed_updates();
        }
        let peer = self.new_stream(node);
        self.streams.put(peer.clone());
        self.hub.introduce(&*peer);
        peer
    }

    fn new_stream(&mut self, node: NodeId) -> Arc<PeerStream> {
        self.started += 1;
        PeerStream::new(node, self.started, self.streams.wake())
    }

    /// Replaces the stream to a node by a new one.
    fn restart_stream(&mut self, peer: &PeerStream) {
        tracing::warn!(node = %peer.id, "starting a new stream to another node");
        self.hub.remote.note_missed_updates();
        // No user is reported offline while entries may not have reached a node.
        self.hub.remote.set_converged(false);
        let new = self.new_stream(peer.id);
        if let Some(old) = self.streams.put(new.clone()) {
            old.end(None);
        }
        self.hub.introduce(&*new);
    }

    /// Removes a node that is gone. Frames of the stream from `refused_from` on did not arrive.
    fn remove_node(&mut self, node: NodeId, refused_from: Option<u64>) {
        let peer = self.streams.remove(node);
        self.liveness.gone(node, peer.is_some());
        if let Some(peer) = peer {
            // The node may still run without a connection to NATS, and then misses changes.
            self.hub.remote.note_missed_updates();
            // Its users are removed first: requests that are settled afterwards find them offline.
            self.inbound.forget(node);
            peer.end(refused_from);
        }
    }

    async fn check_nodes(&mut self) -> Result<(), String> {
        let now = Instant::now();
        // This node receives its own heartbeats.
        if self.liveness.is_silent(self.publisher.me(), now) {
            return Err("NATS does not deliver messages".to_owned());
        }
        for node in self.liveness.silent(now) {
            tracing::warn!(%node, "another node is silent and considered gone");
            self.remove_node(node, None);
        }
        for peer in self.streams.all().iter().filter(|peer| peer.is_stuck(now)) {
            self.restart_stream(peer);
        }
        if now >= self.heartbeat_at {
            self.heartbeat_at = now + HEARTBEAT;
            self.publisher.send_heartbeat(MessageKind::Here).await?;
        }
        self.flush().await
    }

    /// Updates whether all users of all nodes are known. No user is reported offline while a node of another version is
    /// there, because its users are not known.
    fn update_converged(&self, reported: &watch::Sender<bool>) {
        let peers = self.streams.all();
        let is_converged = self.since.elapsed() >= SETTLE
            && !self.liveness.has_other_version()
            && self.inbound.is_complete(&peers);
        if is_converged && self.hub.remote.has_missed_updates() && peers.iter().all(|peer| peer.is_idle()) {
            self.hub.remote.clear_missed_updates();
        }
        if is_converged == self.hub.remote.is_converged() {
            return;
        }
        self.hub.remote.set_converged(is_converged);
        if is_converged && !reported.send_replace(true) {
            tracing::info!(nodes = self.streams.all().len() + 1, "the cluster is complete");
        }
    }

    /// Sends what is queued for each node.
    async fn flush(&mut self) -> Result<(), String> {
        let now = Instant::now();
        for peer in self.streams.all().iter() {
            for _ in 0..SENT_AT_ONCE {
                let most = self.publisher.max_entries()?;
                let Some(Frame { number: frame, entries, goes_on, is_last }) = peer.next_frame(now, most)
                else {
                    break;
                };
                let position = Some(Position { stream: peer.stream, frame });
                // Replies to everything that was read are sent by then.
                let taken = if is_last { self.inbound.taken(peer.id, false) } else { None };
                let header = FrameHeader { position, goes_on, taken, ..self.publisher.header() };
                self.publisher.send_frame(peer.id, header, entries).await?;
                if is_last {
                    break;
                }
                self.streams.wake().notify_one();
            }
        }
        Ok(())
    }

    /// Confirms to each node how far its stream was read, unless a queued frame does so.
    async fn send_confirmations(&mut self) -> Result<(), String> {
        self.confirm_at = None;
        self.flush().await?;
        for peer in self.streams.all().iter() {
            if peer.queued() > 0 {
                // The last queued frame contains the confirmation.
                continue;
            }
            if let Some(taken) = self.inbound.taken(peer.id, true) {
                let header = FrameHeader { taken: Some(taken), ..self.publisher.header() };
                self.publisher.send_frame(peer.id, header, Vec::new()).await?;
            }
        }
        Ok(())
    }

    /// Leaves once the others have read everything, including what this node remembers about payloads.
    async fn leave(&mut self, frames: &mut Subscriber) -> End {
        self.wait_until_read(frames).await;
        self.hub.abandon_deliveries();
        self.hub.hand_off();
        self.wait_until_read(frames).await;
        if self.publisher.send_heartbeat(MessageKind::Leaving).await.is_ok() {
            // If this fails, the other nodes detect the silence.
            let _ = tokio::time::timeout(LEAVE_TIMEOUT, self.publisher.flush()).await;
        }
        End::Left
    }

    /// Waits until the others have read everything, up to a timeout.
    async fn wait_until_read(&mut self, frames: &mut Subscriber) {
        let taken = async {
            self.flush().await?;
            self.send_confirmations().await?;
            let wake = self.streams.wake();
            while self.streams.all().iter().any(|peer| !peer.is_idle()) {
                tokio::select! {
                    frame = frames.next() => match frame {
                        Some(frame) => self.read_frames(frame, frames).await?,
                        None => return Err("the connection ended".to_owned()),
                    },
                    () = wake.notified() => self.flush().await?,
                    // Another leaving node waits for this node's confirmation.
                    () = tokio::time::sleep(CONFIRM_DELAY) => self.send_confirmations().await?,
                }
            }
            Ok(())
        };
        // What was not read in time is settled like entries for a node that is gone.
        let _: Result<Result<(), String>, _> = tokio::time::timeout(LEAVE_TIMEOUT, taken).await;
    }
}

impl Drop for Member {
    /// Removes all other nodes.
    fn drop(&mut self) {
        self.hub.remote.set_converged(false);
        for peer in self.streams.all().iter() {
            self.remove_node(peer.id, None);
        }
    }
}
