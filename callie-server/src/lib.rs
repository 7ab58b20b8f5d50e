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
//! - [`config`]: what an operator can set.
//! - [`store`]: what outlives the process: users, sessions, groups, settings.
//! - [`http`]: connections, accounts and sessions over HTTP.
//! - [`gateway`]: one WebSocket connection, from the upgrade to its close.
//! - `cluster`: what several servers tell each other.
//! - [`server`]: all of it put together.

pub mod cli;
pub mod clock;
mod cluster;
mod commands;
pub mod config;
pub mod gateway;
pub mod http;
mod password;
mod router;
pub mod server;
pub mod store;
mod tasks;
pub mod telemetry;
mod tls;

pub use cluster::JoinError;
pub use config::Config;
pub use server::{App, ReloadError, Server, StartError};
pub use tls::TlsError;
