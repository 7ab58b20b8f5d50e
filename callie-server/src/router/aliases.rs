//! The generic types of the router, with receipts of confirmed deliveries on queued payloads.
//!
//! A queued payload may carry a receipt, which belongs to a delivery, which holds the connection and the user of the
//! sender. `outbox.rs`, `link.rs` and `user.rs` are generic over the receipt, so that they need not know deliveries.

use super::delivery::Receipt;
use super::{link, outbox, user};

/// A queued payload.
pub(crate) type Item = outbox::Item<Receipt>;
/// The queue of one connection.
pub(crate) type Outbox = outbox::Outbox<Receipt>;
/// One connection.
pub(crate) type Link = link::Link<Receipt>;
/// A payload whose answer is pending.
pub(crate) type PendingAnswer = link::PendingAnswer<Receipt>;
/// The connections of one user.
pub(crate) type Links = user::Links<Receipt>;
/// A user.
pub(crate) type User = user::User<Receipt>;
/// The part of a user that changes.
pub(crate) type UserState = user::UserState<Receipt>;
/// The ways to a user.
pub(crate) type Ways = user::Ways<Receipt>;
/// A connection and its user.
pub(crate) type Origin = user::Origin<Receipt>;
