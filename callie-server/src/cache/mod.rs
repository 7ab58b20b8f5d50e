//! Between memory and the database: what the router holds is read from the store, and kept equal to it.
//!
//! `user_cache.rs` reads users and groups into the router, in the order that `keyed_queue.rs` keeps. `checks.rs` is the
//! queue of what is to be read again. `unreachable.rs` finds out why a payload cannot be delivered, and
//! `keeper.rs` (with `storing.rs`) keeps messages that cannot.

mod checks;
mod keeper;
mod keyed_queue;
mod storing;
mod unreachable;
mod user_cache;

pub(crate) use checks::Checks;
pub(crate) use keeper::{Keeper, Kept, NotKept, Queued};
pub(crate) use keyed_queue::JobFailed;
pub(crate) use unreachable::{Absent, Unreachable, code_of};
pub(crate) use user_cache::{ATTEMPTS, UserCache};
