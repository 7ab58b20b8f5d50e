//! Callie's reference server, as a library: a test or another program can start one inside itself.
//!
//! ```no_run
//! # async fn run() -> Result<(), callie_server::StartError> {
//! use callie_server::{Config, Server};
//!
//! let config = Config { listen: "127.0.0.1:0".into(), database: ":memory:".into(), ..Config::default() };
//! let server = Server::start(config).await?;
//! println!("listening on {}", server.addr());
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! The folders of the crate are layers. Each imports only from those above it in this list:
//! - `base`: the clock, IDs, the [`config`], logs and metrics ([`telemetry`])
//! - `net`: byte streams, TLS, addresses, origins
//! - [`store`]: what outlives the process: users, sessions, groups, settings
//! - `router`: who is connected, the ways to them, the delivery of payloads
//! - `cache`: what the router has from the store, kept equal to it
//! - `cluster`: other servers, over NATS
//! - `commands`: what a command does
//! - [`gateway`]: one WebSocket connection, from the upgrade to its close
//! - `http`: accounts and sessions over HTTP, the chat page, the upgrade
//! - [`server`]: all parts together
//! - [`cli`]: the command line

mod base;
mod cache;
pub mod cli;
mod cluster;
mod commands;
pub mod gateway;
mod http;
mod net;
mod router;
pub mod server;
pub mod store;

pub use base::{clock, config, telemetry};
pub use cluster::JoinError;
pub use config::Config;
pub use net::TlsError;
pub use server::{ReloadError, Server, StartError};
