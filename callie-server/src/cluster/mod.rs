//! Several servers, one Callie: what the nodes of a cluster tell each other, through NATS.
//!
//! Every node knows who is connected to which other node, as `wire.rs` says it: so it answers senders at once and as
//! exactly as a server on its own. What it tells another node is one ordered stream (`peer.rs`), queued by the router
//! without waiting and sent by one task (`join.rs`, `member.rs`) through the connection that `nats.rs` makes.
//! `inbound.rs` follows the streams of the others and hands what comes to the router. `peers.rs` is the list of nodes,
//! `awaited.rs` what waits for their answers.
//!
//! Nodes that a node cannot hear are not there. While NATS is away every node is on its own: it goes on serving those who
//! are connected to it, and says of nobody else that they are offline, for it does not know.

mod awaited;
mod inbound;
mod join;
mod member;
mod nats;
mod peer;
mod peers;
mod wire;

pub use join::JoinError;

pub(crate) use join::{Cluster, Invitation};

pub(crate) use awaited::{Awaited, Fate};
pub(crate) use peer::Peer;
pub(crate) use peers::{Nodes, Peers};
pub(crate) use wire::{Entry, GroupChange, Memory, NOBODY_ASKS, NodeId, Privacy, PrivacyChange, Ticket};
