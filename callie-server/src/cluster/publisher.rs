//! What a node sends through NATS, and the subjects.
//!
//! In a cluster named `callie`, heartbeats have the subject `callie.beat`, and frames for a node `callie.NODE.frame`.
//! NATS returns a frame without a receiver to `callie.SENDER.refused.NODE.STREAM.FRAME`.

use std::time::Duration;

use async_nats::{Client, Subscriber};

use super::wire::{self, FrameHeader, Heartbeat, MessageKind, Position, VERSION};
use crate::router::NodeId;

/// The most bytes of a frame's header, with some reserve.
const HEADER_ROOM: usize = 128;
/// How long NATS may take to accept a frame for sending: it accepts frames immediately unless it is gone.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(2);

/// The messages that a node receives.
pub(super) struct Subscriptions {
    /// Frames for this node, and its own frames that nobody received.
    pub(super) frames: Subscriber,
    /// The heartbeats of all nodes, including this one.
    pub(super) heartbeats: Subscriber,
}

/// Sends the messages of one node.
pub(super) struct Publisher {
    client: Client,
    me: NodeId,
    /// The first part of all subjects.
    cluster: String,
    /// The fingerprint of the database.
    database: u64,
}

impl Publisher {
    /// Creates a publisher for the node `me` of `cluster`, on the database with the fingerprint `database`.
    pub(super) fn new(client: Client, me: NodeId, cluster: String, database: u64) -> Self {
        Self { client, me, cluster, database }
    }

    /// Returns the node that this sends for.
    pub(super) fn me(&self) -> NodeId {
        self.me
    }

    /// Returns the fingerprint of the database.
    pub(super) fn database(&self) -> u64 {
        self.database
    }

    /// Returns the subject of heartbeats.
    fn heartbeats(&self) -> String {
        format!("{}.beat", self.cluster)
    }

    /// Subscribes to the frames for this node and to heartbeats.
    pub(super) async fn subscribe(&self) -> Result<Subscriptions, String> {
        // Includes the subject to which NATS returns frames, so that both arrive in order.
        let frames = self.client.subscribe(format!("{}.{}.>", self.cluster, self.me)).await;
        let frames = frames.map_err(|e| e.to_string())?;
        let heartbeats = self.client.subscribe(self.heartbeats()).await.map_err(|e| e.to_string())?;
        self.flush().await?;
        Ok(Subscriptions { frames, heartbeats })
    }

    /// Waits until NATS has everything that was sent.
    pub(super) async fn flush(&self) -> Result<(), String> {
        self.client.flush().await.map_err(|e| e.to_string())
    }

    /// Returns the most bytes of entries that one frame may have. NATS may change its limit while it runs.
    pub(super) fn max_entries(&self) -> Result<usize, String> {
        match self.client.max_payload().saturating_sub(HEADER_ROOM) {
            0 => Err("the max_payload of NATS is too small".to_owned()),
            most => Ok(most),
        }
    }

    /// Returns a header without content.
    pub(super) fn header(&self) -> FrameHeader {
        FrameHeader {
            version: VERSION,
            from: self.me,
            position: None,
            goes_on: false,
            taken: None,
            broken: None,
        }
    }

    /// Sends a frame to a node. NATS returns it if it has a position and nobody receives it.
    pub(super) async fn send_frame(
        &self,
        node: NodeId,
        header: FrameHeader,
        entries: Vec<u8>,
    ) -> Result<(), String> {
        let mut bytes = wire::append(&header, Vec::with_capacity(64 + entries.len()));
        bytes.extend_from_slice(&entries);
        let to = format!("{}.{node}.frame", self.cluster);
        let sent = async {
            match header.position {
                Some(Position { stream, frame }) => {
                    let back = format!("{}.{}.refused.{node}.{stream:x}.{frame:x}", self.cluster, self.me);
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

    /// Reads the node, the stream and the frame from the subject of a frame that NATS returned.
    pub(super) fn returned_frame(subject: &str) -> Option<(NodeId, Position)> {
        let mut parts = subject.rsplit('.').map(|part| u64::from_str_radix(part, 16).ok());
        let (frame, stream, node) = (parts.next()??, parts.next()??, parts.next()??);
        Some((NodeId(node), Position { stream, frame }))
    }

    /// Sends a heartbeat.
    pub(super) async fn send_heartbeat(&self, kind: MessageKind) -> Result<(), String> {
        let heartbeat = Heartbeat { version: VERSION, node: self.me, database: self.database, kind };
        let bytes = wire::append(&heartbeat, Vec::new());
        self.client.publish(self.heartbeats(), bytes.into()).await.map_err(|e| e.to_string())
    }
}
