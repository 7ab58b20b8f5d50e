//! The client in plain Rust: what the foreign languages and C are shown is made from this.
//!
//! - [`Server`] registers and logs in, over HTTP; the answer is a [`Session`]
//! - [`Client`] is the connection of a session: send, ask, take events
//! - [`Config`] says where the server is and how long to wait for it
//!
//! Below them, from the wire up: `transport` (TCP and TLS), `connect` (upgrade, authentication), `conversation` (what the
//! texts mean, without I/O), `driver` (the loop between the socket and the application).

mod address;
mod clock;
mod config;
mod connect;
mod conversation;
mod driver;
mod error;
mod event;
mod handle;
mod login;
mod session;
mod transport;

pub use address::ServerAddress;
pub use config::{ANSWER_TIMEOUT, CONNECT_TIMEOUT, Config, EVENT_QUEUE, EXCHANGE_TIMEOUT};
pub use error::{AccountError, ConnectError, ErrorKind, Fault, ReceiveError, RequestError, SendError, code};
pub use event::{Closed, Envelope, Event};
pub use handle::{Client, Sent};
pub use login::Server;
pub use session::Session;
