//! The paths, and what answers them.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::http::{HeaderValue, Request};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post};
use callie_core::account::{AccountError, path};

use super::problem::note_unavailable;
use super::{Problem, accounts, cors, host, page, sessions};
use crate::gateway;
use crate::server::App;

/// Everything that the public address answers.
pub(crate) fn routes(app: Arc<App>) -> Router {
    let page = if app.config().web_page { page::page_routes() } else { Router::new() };
    page.route(path::REGISTER, post(accounts::register))
        .route(path::LOGIN, post(accounts::login))
        .route(path::LOGOUT, post(accounts::logout))
        .route(path::PASSWORD, post(accounts::password))
        .route(path::SESSIONS, get(sessions::list))
        .route(&format!("{}/{{id}}", path::SESSIONS), delete(sessions::end))
        .route(path::SOCKET, get(socket))
        .method_not_allowed_fallback(|| async {
            Problem::from(AccountError::MethodNotAllowed).into_response()
        })
        .fallback(|| async { Problem::from(AccountError::NotFound).into_response() })
        .layer(middleware::from_fn_with_state(Arc::clone(&app), cors::cors))
        .layer(middleware::from_fn(host::require_host))
        .layer(middleware::map_response(no_sniffing))
        .layer(middleware::map_response_with_state(Arc::clone(&app), note_unavailable))
        .with_state(app)
}

/// An answer is what its type says: browsers must not guess.
async fn no_sniffing(mut response: Response) -> Response {
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn socket(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    gateway::upgrade(app, request).await
}
