//! Who is connected, the ways to them, and the delivery of payloads.
//!
//! `hub.rs` knows every connection of this server: it consists of `users.rs` (`user.rs`, `link.rs`), `groups.rs`
//! (`group.rs`), `watchers.rs`, `departures.rs` and `deliveries.rs`. `membership.rs`, `group_changes.rs` and
//! `privacy.rs` are what it takes from the database. A payload to a user goes through `direct.rs`, to a group or to
//! everyone through `fanout.rs`; all end in an `outbox.rs`. `delivery.rs` counts confirmations, `keys.rs` computes the
//! keys of payloads, `presence.rs` notifies users of the presence of others. `kept.rs` and `holds.rs` bring
//! messages that were kept for a user to the user's connections.
//!
//! Other nodes are reached through the traits in `peers.rs` and `pending_reply.rs`, which the cluster implements.
//! `entry.rs` is what nodes send each other, `mirror.rs` keeps what they report about their users, `remote_delivery.rs`
//! is a payload on its way to them, `moves.rs` moves connections (`moved_state.rs`), and `arrival.rs` takes what comes from them.

mod aliases;
mod arrival;
mod deliveries;
mod delivery;
mod departures;
mod direct;
mod entry;
mod fanout;
mod group;
mod group_changes;
mod groups;
mod holds;
mod hub;
mod kept;
mod keys;
mod link;
mod membership;
mod mirror;
mod moved_state;
mod moves;
mod node;
mod outbox;
mod peers;
mod pending_reply;
mod presence;
mod privacy;
mod remote_delivery;
mod user;
mod users;
mod watchers;

pub(crate) use aliases::{Item, Link, Origin, Outbox, PendingAnswer};
pub(crate) use arrival::{Arrival, Audience};
pub(crate) use delivery::{Delivery, Finish, Receipt, Request, Requester};
pub(crate) use direct::{Direct, Outgoing, RecipientCache};
pub(crate) use entry::{Check, Entry, GroupChange, Keep, PrivacyChange};
pub(crate) use fanout::Delivered;
pub(crate) use group::Group;
pub(crate) use hub::{Allowance, Hub, JoinResult, Registration, UserSnapshot};
pub(crate) use kept::{EndedMessages, KeptEnd, KeptItem, KeptReceipt};
pub(crate) use keys::payload_keys;
pub(crate) use moved_state::{MovedItem, MovedKept, MovedState};
pub(crate) use moves::{MoveJob, Moves};
pub(crate) use node::{NO_REPLY, NodeId, Nodes, RequestId};
pub(crate) use outbox::Pausable;
pub(crate) use peers::{Peer, Peers, RemoteNodes};
pub(crate) use pending_reply::{PendingReply, ReplyStatus, Requests};
pub(crate) use privacy::{Blocked, GroupIds, Privacy};
pub(crate) use remote_delivery::{RemoteDelivery, RemoteOutcome};
