//! One WebSocket connection, from the upgrade to its close.
//!
//! `accept.rs` takes the socket over. `handshake.rs` waits for the first payload and authenticates the user. `pump.rs`
//! then moves payloads in both directions, through `socket.rs` and `readahead.rs`. `handler.rs` carries out the actions
//! that `callie_core::server` returns for each payload, with `action.rs`, `request_context.rs` and `delivery.rs`.
//! `source.rs` is where a connection takes what it writes. `keeping.rs` keeps messages that cannot be delivered, and `backlog.rs` brings them to their recipient.
//! `end.rs`, `finish.rs` and `closing.rs` end the connection, and `close_log.rs` logs why. A connection that was lost waits in `away.rs` for its
//! resumption; `resumption.rs` hands it the new WebSocket, and `moving.rs` moves it to
//! another node.
//!
//! `shared.rs` has what all connections share, `background.rs` the work for all of them, `timing.rs` the times. One
//! task runs one connection. Other tasks reach the connection only through its outbox.

mod accept;
mod action;
mod away;
mod background;
mod backlog;
mod close_log;
mod closing;
mod delivery;
mod end;
mod finish;
mod handler;
mod handshake;
mod keeping;
mod moved;
mod moving;
mod pump;
mod readahead;
mod register;
mod request_context;
mod resumption;
mod shared;
mod socket;
mod source;
mod timing;

pub(crate) use accept::Upgraded;
pub(crate) use background::{drain, run};
pub(crate) use moving::{hand_over, run_moves};
pub use shared::Gateway;
pub use timing::Timing;
