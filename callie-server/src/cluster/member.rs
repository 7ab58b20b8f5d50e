//! One membership in the cluster: heartbeats, frames, and leaving.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::{Client, Event, Message, StatusCode, Subscriber};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use super::inbound::{Followed, Inbound};
use super::stream::{Frame, PeerStream};
use super::streams::Streams;
use super::wire::{self, FrameHeader, Heartbeat, MessageKind, Place, VERSION};
use crate::router::{Hub, NodeId};

/// How often a node sends a heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How long a node may be silent before it is considered gone. With the time that users have to reconnect, presence
/// follows a crash within 10 s.
const SILENCE: Duration = Duration::from_secs(3);
/// How often nodes are checked for silence.
const TICK: Duration = Duration::from_millis(250);
/// How long a joining node waits for heartbeats of others. They answer immediately, and send the next one within a
/// second.
const SETTLE: Duration = Duration::from_millis(1_200);
/// How long after a frame its sender is told that it was read, so that one reply covers many frames.
const TELL_TAKEN: Duration = Duration::from_millis(5);
/// The most frames that are read before anything else is done.
const AT_ONCE: usize = 64;
/// The most frames that are sent to one node before anything else is done.
const SENT_AT_ONCE: usize = 64;
/// The most bytes of a frame's header, with some reserve.
const HEADER_ROOM: usize = 128;
/// The most nodes that are remembered as lost.
const MOST_LOST: usize = 1_024;
/// How long NATS may take to accept a frame for sending: it accepts frames immediately unless it is gone.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a leaving node waits until the others have read its frames.
pub(super) const LEAVE_TIMEOUT: Duration = Duration::from_millis(500);

/// How a membership ended.
pub(super) enum End {
    /// The server has left.
    Left,
    /// The connection to NATS cannot be used any more.
    Lost(String),
}

/// Waits until the server leaves.
pub(super) async fn leave_is_asked(leaving: &mut watch::Receiver<bool>) {
    // The sender is dropped only together with this task.
    let _ = leaving.wait_for(|leave| *leave).await;
}

/// One membership in the cluster.
pub(super) struct Member {
    hub: Arc<Hub>,
    client: Client,
    streams: Arc<Streams>,
    inbound: Inbound,
    me: NodeId,
    /// The first part of all subjects.
    name: String,
    database: u64,
    /// When each node was last heard. Includes this node, which receives its own heartbeats.
    heard: HashMap<NodeId, Instant>,
    /// The number of streams that were begun.
    begun: u64,
    since: Instant,
    /// When the next heartbeat is due.
    heartbeat_at: Instant,
    /// When other nodes are told how far their streams were read.
    tell_at: Option<Instant>,
    /// When a node of another version was last heard.
    stranger_at: Option<Instant>,
    /// The other versions that were logged.
    strange_versions: HashSet<u8>,
    /// Nodes that were considered gone. A node that was only cut off has missed what happened meanwhile.
    lost: HashSet<NodeId>,
}

impl Member {
    /// Creates the membership of the node `me` in the cluster with this name, on the database with this fingerprint.
    pub(super) fn new(
        hub: Arc<Hub>,
        client: Client,
        me: NodeId,
        streams: Arc<Streams>,
        inbound: Inbound,
        (name, database): (String, u64),
    ) -> Self {
        let (since, heard) = (Instant::now(), HashMap::new());
        Self {
            hub,
            client,
            streams,
            inbound,
            me,
            name,
            database,
            heard,
            begun: 0,
            since,
            heartbeat_at: since,
            tell_at: None,
            stranger_at: None,
            strange_versions: HashSet::new(),
            lost: HashSet::new(),
        }
    }

    /// Returns the subject of frames for a node.
    fn frames(&self, node: NodeId) -> String {
        format!("{}.{node}.frame", self.name)
    }

    /// Subscribes, and sends the first heartbeat.
    pub(super) async fn subscribe(&mut self, heartbeats: &str) -> Result<(Subscriber, Subscriber), String> {
        // Frames without a receiver are returned on the same subscription, see `publish`.
        let frames = self.client.subscribe(format!("{}.{}.>", self.name, self.me)).await;
        let frames = frames.map_err(|e| e.to_string())?;
        let heartbeats = self.client.subscribe(heartbeats.to_owned()).await.map_err(|e| e.to_string())?;
        self.client.flush().await.map_err(|e| e.to_string())?;
        self.heard.insert(self.me, Instant::now());
        self.send_heartbeat(MessageKind::Joining).await?;
        Ok((frames, heartbeats))
    }

    /// Is a member until the connection is lost or the server leaves.
    pub(super) async fn serve(
        &mut self,
        mut frames: Subscriber,
        mut heartbeats: Subscriber,
        events: &mut mpsc::UnboundedReceiver<Event>,
        leaving: &mut watch::Receiver<bool>,
        converged: &watch::Sender<bool>,
    ) -> End {
        let wake = self.streams.wake();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let tell_at = self.tell_at;
            let tell = async {
                match tell_at {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            let done = tokio::select! {
                frame = frames.next() => match frame {
                    Some(frame) => self.take_frames(frame, &mut frames).await,
                    None => Err("the connection ended".to_owned()),
                },
                () = wake.notified() => {
                    // Lets other tasks add to the same frame, because each frame wakes three processes.
                    tokio::task::yield_now().await;
                    self.flush().await
                }
                () = tell => self.tell_taken().await,
                heartbeat = heartbeats.next() => match heartbeat {
                    Some(heartbeat) => self.hear(&heartbeat.payload).await,
                    None => Err("the connection ended".to_owned()),
                },
                _ = tick.tick() => {
                    // Heartbeats that arrived while this task was busy are read first.
                    while let Some(Some(heartbeat)) = heartbeats.next().now_or_never() {
                        if let Err(reason) = self.hear(&heartbeat.payload).await {
                            return End::Lost(reason);
                        }
                    }
                    self.look_around().await
                }
                event = events.recv() => match event {
                    Some(Event::Disconnected | Event::Closed) | None => Err("disconnected".to_owned()),
                    // Lost frames are detected as gaps.
                    Some(_) => Ok(()),
                },
                () = leave_is_asked(leaving) => return self.leave(&mut frames).await,
            };
            if let Err(reason) = done {
                return End::Lost(reason);
            }
            self.note_converged(converged);
        }
    }

    /// Reads a frame and those that have arrived meanwhile, then sends what follows from them.
    async fn take_frames(&mut self, first: Message, frames: &mut Subscriber) -> Result<(), String> {
        self.take(&first).await?;
        for _ in 1..AT_ONCE {
            let Some(Some(frame)) = frames.next().now_or_never() else { break };
            self.take(&frame).await?;
        }
        self.flush().await
    }

    async fn take(&mut self, message: &Message) -> Result<(), String> {
        if message.status == Some(StatusCode::NO_RESPONDERS) {
            self.refused(&message.subject);
            return Ok(());
        }
        let Ok((header, entries)) = wire::read_header(&message.payload) else {
            tracing::error!("received a frame of another version");
            return Ok(());
        };
        self.heard.insert(header.from, Instant::now());
        let peer = match self.streams.get(header.from) {
            Some(peer) => peer,
            None => self.meet(header.from),
        };
        if header.broken == Some(peer.stream) {
            self.begin_anew(&peer);
        }
        match self.inbound.take(&peer, &header, entries) {
            followed @ (Followed::Well | Followed::Anew) => {
                if followed == Followed::Anew {
                    peer.give_up_answers();
                }
                self.note_taken(&peer, &header);
                self.tell_at.get_or_insert_with(|| Instant::now() + TELL_TAKEN);
                Ok(())
            }
            Followed::Nothing => {
                if header.place.is_none() {
                    self.note_taken(&peer, &header);
                }
                Ok(())
            }
            Followed::Broken(stream) => {
                tracing::warn!(node = %peer.id, "missed a frame of another node, and requested a new stream");
                let header = FrameHeader { broken: Some(stream), ..self.header() };
                self.publish(peer.id, header, Vec::new()).await
            }
        }
    }

    /// Settles what the other node has read. Called after its entries were applied, because replies come before the
    /// confirmation that their request was read.
    fn note_taken(&self, peer: &PeerStream, header: &FrameHeader) {
        if let Some(taken) = header.taken.filter(|taken| taken.stream == peer.stream) {
            peer.taken_until(taken.frame);
        }
    }

    /// Handles the report of NATS that nobody received a frame: the node is gone, and the frame is lost.
    fn refused(&mut self, subject: &str) {
        let mut parts = subject.rsplit('.').map(|part| u64::from_str_radix(part, 16).ok());
        let (Some(Some(frame)), Some(Some(stream)), Some(Some(node))) =
            (parts.next(), parts.next(), parts.next())
        else {
            return;
        };
        if let Some(peer) = self.streams.get(NodeId(node)).filter(|peer| peer.stream == stream) {
            tracing::info!(node = %peer.id, "another node is gone");
            self.lose(peer.id, Some(frame));
        }
    }

    async fn hear(&mut self, bytes: &[u8]) -> Result<(), String> {
        let Ok(heartbeat) = wire::read_heartbeat(bytes) else {
            if let Some(version) = wire::other_version(bytes) {
                self.hear_stranger(version);
            }
            return Ok(());
        };
        if heartbeat.node == self.me {
            self.heard.insert(self.me, Instant::now());
            return Ok(());
        }
        if heartbeat.database != self.database {
            tracing::error!(
                node = %heartbeat.node,
                "a node of this cluster uses another database and is ignored: give one of them another cluster_name"
            );
            return Ok(());
        }
        if heartbeat.kind == MessageKind::Leaving {
            tracing::info!(node = %heartbeat.node, "another node has left");
            self.lose(heartbeat.node, None);
            return Ok(());
        }
        self.heard.insert(heartbeat.node, Instant::now());
        if self.streams.get(heartbeat.node).is_none() {
            self.meet(heartbeat.node);
        }
        if heartbeat.kind == MessageKind::Joining {
            self.send_heartbeat(MessageKind::Here).await?;
        }
        self.flush().await
    }

    /// Notes a node of another version. Its users are not known, so no user is reported offline meanwhile.
    fn hear_stranger(&mut self, version: u8) {
        self.stranger_at = Some(Instant::now());
        if self.strange_versions.insert(version) {
            tracing::error!(
                version,
                ours = VERSION,
                "a node of this cluster has another version and is ignored: run one version on all nodes"
            );
        }
    }

    /// Begins a stream to a node that was not known.
    fn meet(&mut self, node: NodeId) -> Arc<PeerStream> {
        tracing::info!(%node, "found another node");
        if self.lost.remove(&node) {
            self.hub.remote.note_missed_updates();
        }
        let peer = self.new_stream(node);
        self.streams.put(peer.clone());
        self.hub.introduce(&*peer);
        peer
    }

    fn new_stream(&mut self, node: NodeId) -> Arc<PeerStream> {
        self.begun += 1;
        PeerStream::new(node, self.begun, self.streams.wake())
    }

    /// Begins a new stream to a node.
    fn begin_anew(&mut self, peer: &PeerStream) {
        tracing::warn!(node = %peer.id, "beginning a new stream to another node");
        self.hub.remote.note_missed_updates();
        // No user is reported offline while entries may not have reached a node.
        self.hub.remote.set_converged(false);
        let new = self.new_stream(peer.id);
        if let Some(old) = self.streams.put(new.clone()) {
            old.end(None);
        }
        self.hub.introduce(&*new);
    }

    /// Handles that a node is gone.
    fn lose(&mut self, node: NodeId, refused_from: Option<u64>) {
        self.heard.remove(&node);
        if let Some(peer) = self.streams.remove(node) {
            if self.lost.len() < MOST_LOST {
                self.lost.insert(node);
            }
            // The node may only be cut off, and miss changes meanwhile.
            self.hub.remote.note_missed_updates();
            // Its users are removed first: requests that are settled afterwards find them offline.
            self.inbound.forget(node);
            peer.end(refused_from);
        }
    }

    async fn look_around(&mut self) -> Result<(), String> {
        let now = Instant::now();
        let is_silent = |at: &Instant| now.saturating_duration_since(*at) > SILENCE;
        if self.heard.get(&self.me).is_none_or(is_silent) {
            return Err("NATS does not deliver messages".to_owned());
        }
        let silent: Vec<NodeId> =
            self.heard.iter().filter(|(_, at)| is_silent(at)).map(|(id, _)| *id).collect();
        for node in silent {
            tracing::warn!(%node, "another node is silent and considered gone");
            self.lose(node, None);
        }
        for peer in self.streams.all().iter().filter(|peer| peer.is_stuck(now)) {
            self.begin_anew(peer);
        }
        if now >= self.heartbeat_at {
            self.heartbeat_at = now + HEARTBEAT;
            self.send_heartbeat(MessageKind::Here).await?;
        }
        self.flush().await
    }

    fn note_converged(&self, told: &watch::Sender<bool>) {
        let is_strange = self.stranger_at.is_some_and(|at| at.elapsed() <= SILENCE);
        let peers = self.streams.all();
        let is_converged = self.since.elapsed() >= SETTLE && !is_strange && self.inbound.know_all(&peers);
        if is_converged && self.hub.remote.has_missed_updates() && peers.iter().all(|peer| peer.is_idle()) {
            self.hub.remote.clear_missed_updates();
        }
        if is_converged == self.hub.remote.is_converged() {
            return;
        }
        self.hub.remote.set_converged(is_converged);
        if is_converged && !told.send_replace(true) {
            tracing::info!(nodes = self.streams.all().len() + 1, "the cluster is complete");
        }
    }

    /// Sends what is queued for each node.
    async fn flush(&mut self) -> Result<(), String> {
        let now = Instant::now();
        for peer in self.streams.all().iter() {
            for _ in 0..SENT_AT_ONCE {
                // Read each time, because NATS may change it while it runs.
                let most = self.client.max_payload().saturating_sub(HEADER_ROOM);
                if most == 0 {
                    return Err("NATS accepts too little at a time (its max_payload)".to_owned());
                }
                let Some(Frame { number: frame, entries, goes_on, is_last }) = peer.next_frame(now, most)
                else {
                    break;
                };
                let place = Some(Place { stream: peer.stream, frame });
                // Replies to everything that was read are sent by then.
                let taken = if is_last { self.inbound.taken(peer.id, false) } else { None };
                let header = FrameHeader { place, goes_on, taken, ..self.header() };
                self.publish(peer.id, header, entries).await?;
                if is_last {
                    break;
                }
                self.streams.wake().notify_one();
            }
        }
        Ok(())
    }

    /// Tells each node how far its stream was read, unless a frame has told it.
    async fn tell_taken(&mut self) -> Result<(), String> {
        self.tell_at = None;
        self.flush().await?;
        for peer in self.streams.all().iter() {
            if peer.queued() > 0 {
                // The last queued frame tells it.
                continue;
            }
            if let Some(taken) = self.inbound.taken(peer.id, true) {
                let header = FrameHeader { taken: Some(taken), ..self.header() };
                self.publish(peer.id, header, Vec::new()).await?;
            }
        }
        Ok(())
    }

    /// Returns a header without content.
    fn header(&self) -> FrameHeader {
        FrameHeader {
            version: VERSION,
            from: self.me,
            place: None,
            goes_on: false,
            taken: None,
            broken: None,
        }
    }

    async fn publish(&self, node: NodeId, header: FrameHeader, entries: Vec<u8>) -> Result<(), String> {
        let mut bytes = wire::append(&header, Vec::with_capacity(64 + entries.len()));
        bytes.extend_from_slice(&entries);
        let to = self.frames(node);
        let sent = async {
            match header.place {
                Some(Place { stream, frame }) => {
                    let back = format!("{}.{}.refused.{node}.{stream:x}.{frame:x}", self.name, self.me);
                    self.client.publish_with_reply(to, back, bytes.into()).await
                }
                None => self.client.publish(to, bytes.into()).await,
            }
        };
        match tokio::time::timeout(PUBLISH_TIMEOUT, sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("NATS accepts no messages".to_owned()),
        }
    }

    async fn send_heartbeat(&self, kind: MessageKind) -> Result<(), String> {
        let heartbeat = Heartbeat { version: VERSION, node: self.me, database: self.database, kind };
        let bytes = wire::append(&heartbeat, Vec::new());
        let subject = format!("{}.beat", self.name);
        self.client.publish(subject, bytes.into()).await.map_err(|e| e.to_string())
    }

    /// Leaves once the others have read everything, including what this node remembers about payloads.
    async fn leave(&mut self, frames: &mut Subscriber) -> End {
        self.until_taken(frames).await;
        self.hub.give_up_deliveries();
        self.hub.hand_off();
        self.until_taken(frames).await;
        if self.send_heartbeat(MessageKind::Leaving).await.is_ok() {
            // If this is not sent, the others notice the absence.
            let _ = tokio::time::timeout(LEAVE_TIMEOUT, self.client.flush()).await;
        }
        End::Left
    }

    /// Waits until the others have read everything, up to a timeout.
    async fn until_taken(&mut self, frames: &mut Subscriber) {
        let taken = async {
            self.flush().await?;
            self.tell_taken().await?;
            let wake = self.streams.wake();
            while self.streams.all().iter().any(|peer| !peer.is_idle()) {
                tokio::select! {
                    frame = frames.next() => match frame {
                        Some(frame) => self.take_frames(frame, frames).await?,
                        None => return Err("the connection ended".to_owned()),
                    },
                    () = wake.notified() => self.flush().await?,
                    // Another leaving node waits for this node's confirmation.
                    () = tokio::time::sleep(TELL_TAKEN) => self.tell_taken().await?,
                }
            }
            Ok(())
        };
        // What was not read in time is settled like entries for a node that is gone.
        let _: Result<Result<(), String>, _> = tokio::time::timeout(LEAVE_TIMEOUT, taken).await;
    }
}

impl Drop for Member {
    /// Removes all other nodes, for whatever reason the membership has ended.
    fn drop(&mut self) {
        self.hub.remote.set_converged(false);
        for peer in self.streams.all().iter() {
            self.lose(peer.id, None);
        }
    }
}
