//! The client's side of the protocol as a state machine without I/O, clock or randomness.
//!
//! # States
//!
//! ```text
//!              start, connect, resume
//!   Suspended ────────────────────────▶ Connecting ──authenticated──▶ Online
//!    ▲  ▲  ▲                             │  │  ▲                        │
//!    │  │  └─── one attempt failed ──────┤  │  └── backoff, start, ──┐  │
//!    │  │                                │  │      network changed   │  │
//!    │  │                        failed  └──┼────────────────────▶ Waiting ◀── lost
//!    │  │                                   │ token refused
//!    │  │                                   ▼
//!    │  └──────── suspend ─────── RefreshingToken ── token refreshed ──▶ Connecting
//!    └── suspend, from any state but Closed
//!
//!   any state ── disconnect, refusal, no token, abandon ──▶ Closed, for ever
//! ```
//!
//! - [`Session::connect`] makes one attempt. Each [`Attempt`] has exactly one outcome ([`Event::Attempted`]), and each
//!   [`Ticket`] exactly one ([`Event::Ended`]).
//! - A token that is being fetched is awaited in every state: it comes, fails or is late whether or not the session is
//!   suspended meanwhile. A token that comes to a suspended session is used when it is resumed.
//! - A closed session stays closed. Its requests fail with [`SessionClosed`]; `disconnect` and reports of the driver do
//!   nothing.
//!
//! # Contract
//!
//! - The time of the calls must not go back.
//! - After each call, the driver takes all [`Session::poll`]s, performs them in order, and calls [`Session::wake`] at the
//!   next [`Session::deadline`].
//! - [`Output::Open`] is answered by [`Session::opened`] and later [`Session::closed`], or by `closed` alone.
//!   [`Session::received`] comes between them. After [`Output::Close`] nothing more is told of that connection.
//! - [`Output::RefreshToken`] is answered by [`Session::token_refreshed`] or [`Session::token_refresh_failed`].
//!
//! # Files
//!
//! - `config`: the configuration
//! - `event`: the outputs for driver and application
//! - `state`: the connection state
//! - `wishes`: the requests of the application
//! - `connection`: the reports about the connection
//! - `refresh`: another token after the server has refused one
//! - `link`: the connection, with heartbeat and backoff
//! - `outgoing`: payloads, encoded once
//! - `tickets`: payloads without an outcome
//! - `holds`: messages that wait for the retry of another one
//! - `drops`: payloads that the server dropped because of the rate
//! - `inbox`: received payloads: duplicates and confirmations
//! - `pacing`: the rate of transmission
//! - `machine`: the session itself: its inputs, outputs and deadlines
//! - `send`: what the application sends
//! - `answers`: the handling of received payloads
//! - `transmit`: the transmission of queued payloads, confirmations and heartbeats

mod answers;
mod config;
mod connection;
mod drops;
mod event;
mod holds;
mod inbox;
mod link;
mod machine;
mod outgoing;
mod pacing;
mod refresh;
mod send;
mod state;
#[cfg(test)]
mod tests;
mod tickets;
mod transmit;
mod wishes;

pub use config::{Backoff, SendOptions, SessionConfig};
pub use event::{Attempt, AttemptFailure, Event, Failure, Output, Receipt, Ticket, TicketOutcome};
pub use machine::{Now, Random, Session};
pub use send::SendError;
pub use state::{ClosedBy, Refusal, SessionClosed, State};
