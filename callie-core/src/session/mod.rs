//! The client's side of the protocol as a state machine without I/O, clock or randomness.
//!
//! # States
//!
//! | from | to | cause |
//! | --- | --- | --- |
//! | `Suspended` | `Connecting` | [`start`](Session::start), [`connect`](Session::connect), [`resume`](Session::resume) |
//! | `Suspended` | `RefreshingToken` | the same, while a token is being fetched |
//! | `Connecting` | `Online` | the server authenticates the connection |
//! | `Connecting` | `Suspended` | the connection fails, and one attempt was all that the application asked for |
//! | `Connecting`, `Online` | `Waiting` | the connection fails or is lost |
//! | `Connecting`, `Online` | `RefreshingToken` | the server refuses the token, and the driver can fetch another |
//! | `Waiting` | `Connecting` | the wait is over, `start`, `connect`, [`network_changed`](Session::network_changed) |
//! | `RefreshingToken` | `Connecting` | [`token_refreshed`](Session::token_refreshed) |
//! | all but `Closed` | `Suspended` | [`suspend`](Session::suspend) |
//! | all but `Closed` | `Closed` | [`disconnect`](Session::disconnect), [`abandon`](Session::abandon), a refusal, no other token |
//!
//! - [`Session::connect`] makes one attempt. Each [`Attempt`] has exactly one outcome ([`Event::Attempted`]), and each
//!   [`Ticket`] exactly one ([`Event::Ended`]).
//! - A suspended session still awaits a token that is being fetched, and uses it when it is resumed. If there is no token in
//!   time, it is closed.
//! - A closed session stays closed. Requests fail with [`SessionClosed`]. `disconnect` and the reports of the driver have no
//!   effect.
//!
//! # Contract
//!
//! - [`Now::elapsed`] must not decrease from call to call.
//! - After each call, the driver must call [`Session::poll`] until it returns `None`, perform the outputs in order, and call
//!   [`Session::wake`] at the next [`Session::deadline`].
//! - [`Output::Open`] is answered by [`Session::opened`] and later [`Session::closed`], or by `closed` alone.
//!   [`Session::received`] comes between them. After [`Output::Close`], the driver must report nothing more of that connection.
//! - [`Output::RefreshToken`] is answered by [`Session::token_refreshed`] or [`Session::token_refresh_failed`].
//!
//! # Records
//!
//! A session of [`Session::restore`] outlives its process: it hands out changes of its [records](Record), which the
//! driver stores, and the next process gives them back.
//!
//! - The driver stores changes in their order. It accepts a send from the application when the changes up to then are
//!   stored, and transmits a text when all changes before it are. So a message that was accepted is known to the next
//!   process, with the time of its first transmission, and a message that was confirmed is not delivered twice.
//! - If changes cannot be stored, the driver stores none of the later ones, transmits no text after them, and calls
//!   [`Session::store_failed`].
//! - Messages keep their tickets and IDs. Their timeouts start again. A message that was transmitted is sent again until four
//!   minutes after its first transmission, by the clock of the system, because the server detects duplicates for five; then
//!   it is unconfirmed, as if the clock was set back to before that transmission. Commands and PINGs end with the process.
//! - The 16,384 payloads that the application took last are remembered for 31 days.
//!
//! # Files
//!
//! - `config`: the configuration
//! - `event`: the outputs for driver and application
//! - `state`: the connection state
//! - `desired`: the state that the application wants
//! - `requests`: its requests about the connection
//! - `connection`: the reports about the connection
//! - `refresh`: another token after the server has refused one
//! - `link`: the connection, with heartbeat and backoff
//! - `outgoing`: payloads, encoded once
//! - `ticket`: the handles of sent payloads and received messages
//! - `tickets`: payloads without an outcome
//! - `holds`: messages that wait for the retry of another one
//! - `drops`: payloads that the server dropped because of the rate
//! - `inbox`: received payloads: duplicates and confirmations
//! - `resumption`: the connection that can be resumed, and the texts that arrived on it
//! - `memory`: the memory of received payloads that outlives the process
//! - `records`: the records in which a session outlives its process
//! - `restore`: the changes of these records, and the session that continues from them
//! - `pacing`: the rate of transmission
//! - `machine`: the session itself: its inputs, outputs and deadlines
//! - `send`, `send_error`: what the application sends, and why it is refused
//! - `answers`: the handling of received payloads
//! - `transmit`: the transmission of queued payloads, confirmations and heartbeats

mod answers;
mod config;
mod connection;
mod desired;
mod drops;
mod event;
mod holds;
mod inbox;
mod link;
mod machine;
mod memory;
mod outgoing;
mod pacing;
mod records;
mod refresh;
mod requests;
mod restore;
mod resumption;
mod send;
mod send_error;
mod state;
#[cfg(test)]
mod tests;
mod ticket;
mod tickets;
mod transmit;

pub use config::{Backoff, SendOptions, SessionConfig};
pub use event::{Attempt, AttemptFailure, Event, Failure, Output, TicketOutcome};
pub use machine::{Now, Random, Session};
pub use records::{Change, Record, RestoreError};
pub use send_error::SendError;
pub use state::{ClosedBy, Refusal, SessionClosed, State};
pub use ticket::{Receipt, Ticket};
