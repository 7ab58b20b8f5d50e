//! Several servers, one Callie: what the nodes of a cluster tell each other, through NATS.
//!
//! Every node mirrors who is connected to which other node. So it answers senders immediately and exactly as a server on
//! its own does. What it tells another node is one ordered stream (`stream.rs`), queued by the router without waiting and
//! sent by one task (`join.rs`, `member.rs`) through the connection that `nats.rs` makes. `streams.rs` is the list of all
//! streams and implements the traits of the router. `wire.rs` is the encoding of frames and heartbeats. `inbound.rs` follows
//! the streams of the others and applies their entries to this node (`local.rs`).
//!
//! Nodes that a node does not hear are not there. While NATS is away, every node is on its own: it continues to serve its
//! own users and reports no other user as offline, because it does not know.

mod error;
mod inbound;
mod join;
mod local;
mod member;
mod nats;
mod stream;
mod streams;
mod wire;

pub use error::JoinError;
pub(crate) use join::{Cluster, Invitation};
pub(crate) use local::LocalNode;
pub(crate) use streams::Streams;
