//! The Callie client for Rust programs, on tokio.
//!
//! - [`Server`] registers users and logs them in, over HTTP; a login returns [`Credentials`]
//! - [`Client`] keeps a user connected, across connections: it sends messages and commands and hands out events
//! - [`Config`] holds the server's address, the certificates to trust, and all timeouts
//!
//! The protocol's types in arguments and events are those of `callie_core`, re-exported here.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use callie_client::{Client, Server};
//!
//! let server = Server::new("http://127.0.0.1:8080")?;
//! server.register("ada", "correct horse").await?;
//! let client = Client::open(&server.login("ada", "correct horse", None).await?).await?;
//! println!("{:?}", client.send("bob", "Hello, **Bob**").await?);
//! for event in client.next_events(64, Duration::from_secs(5)).await? {
//!     println!("{event:?}");
//! }
//! client.disconnect().await;
//! # Ok(())
//! # }
//! ```
//!
//! The modules, lowest layer first: `dial` (TCP), `tls` and `stream` (one stream of bytes), `proxy`, `endpoint` and
//! `transport` (the way to the server), `http` (one call), `connect` (an open WebSocket), `link` (one WebSocket,
//! polled), `state` (what outlives the process), `shared` (the session behind a lock), `queue` (events), `ticket` (outcomes), `driver` (the one task between
//! the link and the session), `handle`, `send`, `commands`, `pages`, `events` and `reader` (the [`Client`]).

mod address;
mod clock;
mod commands;
mod config;
mod connect;
mod credentials;
mod dial;
mod driver;
mod endpoint;
mod error;
mod event;
mod events;
#[cfg(feature = "uniffi")]
pub mod foreign;
mod handle;
mod http;
#[cfg(test)]
mod interleavings;
mod link;
mod pages;
mod pending;
pub mod process;
mod proxy;
mod queue;
mod reader;
mod readiness;
mod refresh;
mod send;
mod server;
mod shared;
mod state;
mod stats;
mod stream;
mod sync;
mod ticket;
mod tls;
mod transport;
mod validate;

pub use address::ServerAddress;
pub use callie_core::command::{
    CommandRequest, Conversation, Cursor, DirectMessages, DisplayName, GroupName, MessageText, PageLimit,
    PagedRequest, PresenceAudience, RemovalReason, Role, SignalData, SignalKind, Visibility, request,
};
pub use callie_core::session::Record as StateRecord;
pub use callie_core::{
    Attachment, AttachmentKind, GroupId, JsonObject, Limits, MessageId, Notice, PayloadId, Recipient, Sender,
    SessionId, SysCode, Timestamp, Token, Username,
};
pub use commands::Reply;
pub use config::{CONNECT_TIMEOUT, Config, EVENT_QUEUE, MAX_WAITING, REQUEST_TIMEOUT, SEND_TIMEOUT};
pub use credentials::Credentials;
pub use error::{BoxError, Error, ErrorKind, code};
pub use event::{Closed, ConnectionState, Event, Message};
pub use events::Events;
pub use handle::{Client, Fetched};
pub use pages::Entries;
pub use reader::EventReader;
pub use refresh::TokenSource;
pub use send::SendRequest;
pub use server::Server;
pub use state::StateStore;
pub use stats::Stats;
pub use ticket::{Failure, SendOutcome, Ticket};
pub use validate::{check_payload, check_server_payload};

#[cfg(feature = "uniffi")]
uniffi::setup_scaffolding!("callie_client");
