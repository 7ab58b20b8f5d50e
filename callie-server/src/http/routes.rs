//! The paths, and what answers them.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use callie_core::account::{AccountError, path};

use super::Problem;
use crate::gateway;
use crate::server::App;

/// Everything that the public address answers.
pub(crate) fn routes(app: Arc<App>) -> Router {
    Router::new()
        .route(path::SOCKET, get(socket))
        .method_not_allowed_fallback(|| async {
            Problem::from(AccountError::MethodNotAllowed).into_response()
        })
        .fallback(|| async { Problem::from(AccountError::NotFound).into_response() })
        .with_state(app)
}

async fn socket(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    gateway::upgrade(app, request).await
}
