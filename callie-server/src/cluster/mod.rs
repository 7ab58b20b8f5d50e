//! Several servers as one: what the nodes of a cluster send each other, through NATS.
//!
//! Every node mirrors who is connected to which other node. So it answers senders immediately and exactly as a server
//! on its own does. It sends each other node one ordered stream (`stream.rs`), queued by the router without waiting and
//! sent by one task (`join.rs`, `member.rs`), with `publisher.rs`, through the connection that `nats.rs` makes.
//! `liveness.rs` records which nodes are there. `streams.rs` is the list of all streams and implements the traits of
//! the router. `wire.rs` is the encoding of frames and heartbeats. `inbound.rs` follows the streams of the others and
//! applies their entries to this node (`local.rs`).
//!
//! A node that sends no heartbeats is considered gone. While NATS is unavailable, every node is on its own: it
//! continues to serve its own users and reports no other user as offline, because it cannot know.

mod error;
mod inbound;
mod join;
mod liveness;
mod local;
mod member;
mod nats;
mod publisher;
mod stream;
mod streams;
mod wire;

pub use error::JoinError;
pub(crate) use join::{Cluster, Invitation};
pub(crate) use local::LocalNode;
pub(crate) use streams::Streams;
