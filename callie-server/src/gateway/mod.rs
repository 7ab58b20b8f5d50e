//! One WebSocket connection, from the upgrade to its close.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use axum::response::{IntoResponse as _, Response};
use callie_core::account::AccountError;

use crate::config::Config;
use crate::http::Problem;
use crate::server::App;

/// What all connections share.
#[derive(Debug)]
pub struct Gateway {}

impl Gateway {
    /// The gateway of a server that has no connection yet.
    #[must_use]
    pub fn new(_config: &Config) -> Self {
        Self {}
    }
}

/// Answers a request for `/ws`, and takes the connection over once it is upgraded.
///
/// The request carries a [`ClientAddress`](crate::http::ClientAddress) and, once upgraded, a
/// [`Stream`](crate::http::Stream).
pub async fn upgrade(_app: Arc<App>, _request: Request<Body>) -> Response {
    Problem::from(AccountError::Unavailable).into_response()
}

/// Works beside the connections until the server stops.
pub async fn run(_app: Arc<App>) {}

/// Ends all connections: called once, when no new one comes any more. The server waits at most
/// [`DRAIN_TIMEOUT`](crate::server::DRAIN_TIMEOUT).
pub async fn drain(_app: Arc<App>) {}
