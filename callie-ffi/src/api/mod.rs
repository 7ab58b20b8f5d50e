//! The client as Python, Kotlin and Swift see it, in types that cross the FFI boundary.
//!
//! One concept per file. Calls that wait are async and may be cancelled at any await; errors carry a kind, a
//! stable `code` and a `reason`. Events, outcomes, states and counters are [`callie_client`]'s own types. Nothing here decides anything: see [`callie_client`].

mod batch;
mod callback;
mod client;
mod commands;
mod config;
mod error;
mod log_reader;
mod requests;
mod server;
mod state_store;
mod store_requests;
mod token_requests;
mod validate;
mod values;
mod wakeups;

pub use batch::EventReader;
pub use callback::{Listener, LogLevel, LogSink, TokenSource, set_logger, stop_callbacks};
pub use client::{Client, FetchedEvents, SendOptions, Ticket};
#[cfg(feature = "capi")]
pub(crate) use client::{new_client, send};
pub use config::Config;
#[cfg(feature = "capi")]
pub(crate) use config::read_pin;
pub use error::{CallError, CallbackError};
pub use log_reader::{LogLine, LogReader, stop_logging};
pub use server::{Credentials, Server};
pub use state_store::{StateRecord, StateStore};
pub use store_requests::{StoreReader, StoreRequest};
pub use token_requests::{TokenRequest, answer_token_request, token_request};
pub use validate::{check_payload, check_server_payload, version};
pub use values::{
    BlockedPage, DirectMessages, Group, GroupDetails, GroupPage, GroupSummary, Member, PresenceAudience,
    Profile, Role, ServerStats, SessionInfo, Settings, Visibility,
};
pub use wakeups::{Wakeup, ffi_callie_next_wakeups, ffi_callie_poll};
