//! The Callie client.
//!
//! - [`client`]: in plain Rust, for Rust programs
//! - [`api`]: the same for Python, Kotlin and Swift, through uniffi
//! - [`capi`]: the same for C and C++, through the header that cbindgen writes
//!
//! ```no_run
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use callie::client::{Client, SendOptions, Server};
//!
//! let server = Server::new("http://127.0.0.1:8080")?;
//! server.register("ada", "correct horse").await?;
//! let client = Client::open(&server.login("ada", "correct horse", None).await?).await?;
//! let ticket = client.send_text("bob", "Hello, **Bob**", Vec::new(), &SendOptions::default())?;
//! println!("{:?}", ticket.ending().await);
//! for event in client.next_events(64, Duration::from_secs(5)).await? {
//!     println!("{event:?}");
//! }
//! client.disconnect().await;
//! # Ok(())
//! # }
//! ```

pub mod api;
mod callbacks;
#[cfg(feature = "capi")]
pub mod capi;
pub mod client;
mod gate;
mod logging;
mod process;
mod runtime;
mod threads;

uniffi::setup_scaffolding!("callie");
