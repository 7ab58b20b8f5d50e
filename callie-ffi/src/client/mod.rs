//! The client in plain Rust: what the foreign languages and C are shown is made from this.
//!
//! - [`Server`] registers and logs in, over HTTP; the answer is a [`Session`]
//! - [`Client`] is a session's conversation, across connections: send, ask, take events
//! - [`Config`] says where the server is, how it is to be trusted, and how long to wait for it
//!
//! The types of arguments and events that belong to the protocol are `callie_core`'s, and are here too.
//!
//! Below them, from the wire up: `dial` (TCP), `tls`, `proxy` and `transport` (streams), `http` (one call), `connect` (to an open
//! WebSocket), `link` (one WebSocket, polled), `driver` (the one task between links and the session of the core), `shared`
//! (what the driver and the handle share), `queue` (events), `ticket` (endings).

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
mod listen;
mod proxy;
mod queue;
mod readiness;
mod refresh;
mod server;
mod session;
mod shared;
mod stats;
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
pub use config::{CONNECT_TIMEOUT, Config, EVENT_QUEUE, EXCHANGE_TIMEOUT, MAX_WAITING, Proxy, SEND_TIMEOUT};
pub use error::{
    AccountError, BoxError, ConnectError, ErrorKind, Fault, ReceiveError, RequestError, SendError, code,
};
pub use event::{Closed, Envelope, Event, State};
pub use handle::{Client, Fetched};
pub use judge::{check_payload, check_server_payload};
pub use listen::EventReader;
pub use refresh::TokenSource;
pub use server::Server;
pub use session::Session;
pub use stats::Stats;
pub use ticket::{Ending, Failure, Ticket};
