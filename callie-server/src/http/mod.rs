//! HTTP: accepting connections, the calls of the protocol about accounts, the chat page, and the upgrade to WebSocket.
//!
//! `listen.rs` accepts connections and serves them, `slots.rs` limits them. `routes.rs` has the paths; `accounts.rs`,
//! `own_account.rs` and `sessions.rs` are the calls, `api.rs` is what they use. `body.rs` reads the body of a request,
//! `problem.rs` is the answer for every error. `passwords.rs` hashes and verifies passwords, `attempts.rs` limits
//! guessing. `cors.rs` says which web pages may read answers, `host.rs` checks `Host`, `upgrade.rs` answers requests
//! for a WebSocket, `ops.rs` the tools of an operator. `page/` is the chat page.

mod accounts;
mod api;
mod attempts;
mod body;
mod cors;
mod host;
mod listen;
mod ops;
mod own_account;
mod page;
mod passwords;
mod problem;
mod routes;
mod sessions;
mod slots;
mod upgrade;

pub(crate) use api::Api;
pub(crate) use listen::{Listener, Serving, serve};
pub(crate) use ops::{Ops, ops_routes};
pub(crate) use passwords::Passwords;
use problem::Problem;
pub(crate) use routes::routes;
pub(crate) use upgrade::Upgrade;
