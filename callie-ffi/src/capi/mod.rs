//! What C and C++ are shown: the client behind opaque handles and blocking calls.
//!
//! - `status`: what a call returns, and the last error of a thread
//! - `ffi_guard`: the only places where a foreign pointer is followed, and where a panic ends
//! - `registry`: handles are names, not addresses: one that was freed, or never given, is told from a live one
//! - `tickets`: what was sent, by number
//! - `server`, `client`, `attachment`, `commands`, `ending`, `event`, `json`, `callback`, `validate`, `text`: the
//!   functions, as the header shows them
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
mod ending;
mod event;
mod ffi_guard;
mod json;
mod registry;
mod server;
mod status;
mod text;
mod tickets;
mod validate;

pub use attachment::*;
pub use callback::*;
pub use client::*;
pub use commands::*;
pub use ending::*;
pub use event::*;
pub use json::*;
pub use server::*;
pub use status::*;
pub use text::*;
pub use validate::*;
