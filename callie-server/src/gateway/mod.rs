//! One WebSocket connection, from the upgrade to its close.
//!
//! `accept.rs` takes the socket over. Then `handshake.rs` waits for the first payload, and `handler.rs` does what
//! `callie_core::server` decides for each one (`action.rs`, `request_context.rs`, and `delivery.rs` for what is passed on),
//! `pump.rs` moves payloads both ways (`socket.rs` and `readahead.rs` below it) and `closing.rs` closes the connection.
//! `close_log.rs` logs how it ended.
//! `shared.rs` is what all connections share, `background.rs` what runs beside them, `timing.rs` the times. One task does
//! all of it for one connection; what others have for the connection waits in its outbox.

mod accept;
mod action;
mod background;
mod close_log;
mod closing;
mod delivery;
mod handler;
mod handshake;
mod pump;
mod readahead;
mod request_context;
mod shared;
mod socket;
mod timing;

pub(crate) use accept::Upgraded;
pub(crate) use background::{drain, run};
pub use shared::Gateway;
pub use timing::Timing;
