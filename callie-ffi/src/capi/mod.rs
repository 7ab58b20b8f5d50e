//! The interface for C and C++: the client behind opaque handles and blocking calls.
//!
//! - `status`: the status that calls return, and the last error of a thread
//! - `ffi_guard`: the only places where foreign pointers are dereferenced and panics are caught
//! - `registry`: handles are numbers, not addresses: a freed or invalid handle is recognized
//! - `held`: the object behind a client's handle; `tickets`: sent messages, by number; `rows`: events in the form that
//!   C reads
//! - `config`, `server`, `client`, `send`, `receive`, `figures`, `attachment`, `commands`, `outcome`, `event`,
//!   `events`, `json`,
//!   `callback`, `store`, `validate`, `text`: types and functions, as the header shows them
//!
//! The header `bindings/c/include/callie.h` is written by cbindgen from here; its opening says what every function asks
//! of its caller.

#![allow(unsafe_code, reason = "C hands over raw pointers; each block says why it may follow them")]
#![allow(
    clippy::missing_safety_doc,
    reason = "the opening of the header states the one promise that all ask for"
)]

mod attachment;
mod callback;
mod client;
mod commands;
mod config;
mod event;
mod events;
mod ffi_guard;
mod figures;
mod held;
mod json;
mod outcome;
mod receive;
mod registry;
mod rows;
mod send;
mod server;
mod status;
mod store;
mod text;
mod tickets;
mod validate;

pub use attachment::*;
pub use callback::*;
pub use client::*;
pub use commands::*;
pub use config::*;
pub use event::*;
pub use events::*;
pub use figures::*;
pub use held::CallieClient;
pub use json::*;
pub use outcome::*;
pub use receive::*;
pub use send::*;
pub use server::*;
pub use status::*;
pub use store::*;
pub use text::*;
pub use validate::*;
