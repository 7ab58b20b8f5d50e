//! The client's side of the conversation as a state machine without I/O, clock or randomness.
//!
//! - `config`: what the application can choose
//! - `event`: what the session tells the application
//! - `link`: the way from one connection to the next, with backoff and heartbeat
//! - `tickets`: what was sent and is not over yet
//! - `holds`: what waits behind a message that is tried again
//! - `drops`: what the server dropped for its rate
//! - `inbox`: what was received: once each, and confirmed
//! - `pacing`: not faster than the server allows
//! - `machine`: the session itself, what goes in and comes out
//! - `send`: what the application sends
//! - `answers`: what a received payload means for it
//! - `transmit`: what it sends by itself, and when

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
