//! The client's side of the protocol as a state machine without I/O, clock or randomness.
//!
//! - `config`: the configuration
//! - `event`: the outputs for driver and application
//! - `link`: the connection, with heartbeat and backoff
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
mod drops;
mod event;
mod holds;
mod inbox;
mod link;
mod machine;
mod pacing;
mod send;
mod tickets;
mod transmit;

pub use config::{Backoff, SendOptions, SessionConfig};
pub use event::{Down, Event, Failure, Output, Receipt, State, Ticket, TicketOutcome};
pub use machine::{Now, Random, Session};
pub use send::SendError;
