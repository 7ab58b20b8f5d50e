//! Where a checked payload goes: who is connected, and the way to them.
//!
//! `hub.rs` knows every connection of this server; `user.rs`, `link.rs` and `group.rs` are what it knows,
//! `membership.rs` what it takes from the database. A payload to
//! a user goes through `direct.rs`, to a group or to everyone through `fanout.rs`; all end in an `outbox.rs`. `rate.rs`,
//! `duplicates.rs`, `delivery.rs` and `receipt.rs` are the rules on the way, `presence.rs` tells who came and went.
//!
//! Where there are other nodes, `mirror.rs` keeps what they say of their users, `passage.rs` is a payload on its way to
//! them, and `arrival.rs` takes what comes from them.

mod arrival;
mod delivery;
mod direct;
mod duplicates;
mod fanout;
mod farewell;
mod group;
mod hub;
mod link;
mod membership;
mod mirror;
mod outbox;
mod passage;
mod presence;
mod rate;
mod receipt;
mod user;

pub(crate) use arrival::{Arrival, Audience};
pub(crate) use delivery::{Asker, Counts, Delivery, Part, Request};
pub(crate) use direct::{Direct, Last, Parcel};
pub(crate) use duplicates::{AlreadyHashed, Keys, Note, PayloadKey};
pub(crate) use fanout::Reach;
pub(crate) use farewell::{Farewell, NORMAL, NOT_UTF8, PROTOCOL_ERROR};
pub(crate) use group::Group;
pub(crate) use hub::{Allowance, Entrance, Hub, Known, Origin, Place};
pub(crate) use link::{Link, Owed};
pub(crate) use outbox::{Item, Outbox};
pub(crate) use passage::{Passage, Passed};
pub(crate) use rate::{Bucket, Quotas};
pub(crate) use receipt::Receipt;
pub(crate) use user::{Barred, Groups, Privacy};
