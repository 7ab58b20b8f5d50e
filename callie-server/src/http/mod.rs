//! Connections, and the calls of protocol §2 over HTTP.
//!
//! `listen.rs` accepts connections and serves them; `stream.rs` is one of them, with or without TLS; `routes.rs` has the paths;
//! `problem.rs` is every error's answer; `address.rs` tells clients apart.

mod address;
mod listen;
mod problem;
mod routes;
mod stream;

pub use address::ClientAddress;
pub use problem::Problem;
pub use stream::Stream;

pub(crate) use listen::{Listener, serve};
pub(crate) use routes::routes;
