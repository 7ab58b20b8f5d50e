//! The Callie client for Rust programs, on tokio.
//!
//! - [`Server`] registers users and logs them in, over HTTP; a login returns a [`Session`]
//! - [`Client`] keeps a session connected, across connections: it sends messages and commands and hands out events
//! - [`Config`] holds the server's address, whom to trust, and all timeouts
//!
//! Types of arguments and events that belong to the protocol are those of `callie_core`, re-exported here.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use callie_client::{Client, SendOptions, Server};
//!
//! let server = Server::new("http://127.0.0.1:8080")?;
//! server.register("ada", "correct horse").await?;
//! let client = Client::open(&server.login("ada", "correct horse", None).await?).await?;
//! let ticket = client.send_text("bob", "Hello, **Bob**", Vec::new(), &SendOptions::default())?;
//! println!("{:?}", ticket.ending().await);
//! for event in client.next_events(64, Duration::from_secs(5)).await? {
//!     println!("{event:?}");
//! }
//! client.disconnect().await;
//! # Ok(())
//! # }
//! ```
//!
//! The modules from the wire up: `dial` (TCP), `tls` and `stream` (one stream of bytes), `proxy` and `transport` (the way to
//! the server), `http` (one call), `connect` (an open WebSocket), `link` (one WebSocket, polled), `shared` (the session behind
//! a lock), `queue` (events), `ticket` (outcomes), `driver` (the one task between the link and the session), `handle` (the
//! [`Client`]).

mod address;
mod clock;
mod commands;
mod config;
mod connect;
mod dial;
mod driver;
mod error;
mod event;
mod handle;
mod http;
#[cfg(test)]
mod interleavings;
mod judge;
mod link;
pub mod process;
mod proxy;
mod queue;
mod reader;
mod readiness;
mod refresh;
mod server;
mod session;
mod shared;
mod stats;
mod stream;
mod sync;
mod ticket;
mod tls;
mod transport;

pub use address::ServerAddress;
pub use callie_core::command::{
    Conversation, Cursor, DirectMessages, DisplayName, GroupName, MessageText, PageLimit, PresenceAudience,
    RemovalReason, Role, SignalData, SignalKind, Visibility,
};
pub use callie_core::session::SendOptions;
pub use callie_core::{
    Attachment, GroupId, JsonObject, Limits, Message, MessageId, Notice, PayloadId, Recipient, Sender,
    SessionId, SysCode, Timestamp, Token, Username,
};
pub use commands::Reply;
pub use config::{CONNECT_TIMEOUT, Config, EVENT_QUEUE, EXCHANGE_TIMEOUT, MAX_WAITING, Proxy, SEND_TIMEOUT};
pub use error::{
    AccountError, BoxError, ConnectError, ErrorKind, Fault, ReceiveError, RequestError, SendError, code,
};
pub use event::{Closed, Envelope, Event, State};
pub use handle::{Client, Fetched};
pub use judge::{check_payload, check_server_payload};
pub use reader::EventReader;
pub use refresh::TokenSource;
pub use server::Server;
pub use session::Session;
pub use stats::Stats;
pub use ticket::{Ending, Failure, Ticket};
