//! Connections, and the calls of protocol §2 over HTTP.
//!
//! `listen.rs` accepts connections and serves them; `stream.rs` is one of them, with or without TLS; `routes.rs` has the paths;
//! `accounts.rs` and `sessions.rs` are the calls; `body.rs` reads what they carry; `problem.rs` is every error's answer.
//! `address.rs` tells clients apart, `attempts.rs` bounds their guessing, `cors.rs` and `origin.rs` tell whose web
//! pages may call, `host.rs` checks `Host`, `places.rs` bounds connections, `ops.rs` answers an operator's tools,
//! `page/` is the chat page.

mod accounts;
mod address;
mod attempts;
mod body;
mod cors;
mod host;
mod listen;
mod ops;
mod origin;
mod page;
mod places;
mod problem;
mod routes;
mod sessions;
mod stream;

pub use address::{ClientAddress, ThroughProxy};
pub use origin::{OriginRefused, check_origin};
pub use problem::Problem;
pub use sessions::session_list;
pub use stream::Stream;

pub(crate) use attempts::Attempts;
pub(crate) use listen::{Listener, serve};
pub(crate) use ops::ops_routes;
pub(crate) use routes::routes;
