//! What Python, Kotlin and Swift are shown: the client in the types that cross the border.
//!
//! One concept per file. Calls are async and may be cancelled at any await; times are milliseconds; errors carry a
//! stable `code` and a `reason`. Nothing here decides anything: see [`client`](crate::client).

mod client;
mod config;
mod error;
mod event;
mod payload;
mod server;

pub use client::{Client, Group, GroupPage, GroupSummary, Sent};
pub use config::Config;
pub use error::{AccountError, ConnectError, ReceiveError, RequestError, SendError};
pub use event::Event;
pub use payload::{Attachment, AttachmentKind};
pub use server::{Server, Session};
