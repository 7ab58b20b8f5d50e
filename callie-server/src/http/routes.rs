//! The paths of the public address, and what answers them.

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post};
use callie_core::account::{AccountError, path};

use super::api::Api;
use super::problem::note_unavailable;
use super::upgrade::{Upgrade, socket};
use super::{Problem, accounts, cors, host, own_account, page, sessions};

/// Returns everything that the public address answers.
pub(crate) fn routes(api: Arc<Api>, upgrade: Upgrade) -> Router {
    let (config, telemetry) = (api.config.clone(), api.telemetry.clone());
    let page = if config.current().web_page { page::page_routes() } else { Router::new() };
    let calls = Router::new()
        .route(path::REGISTER, post(accounts::register))
        .route(path::LOGIN, post(accounts::login))
        .route(path::LOGOUT, post(accounts::logout))
        .route(path::PASSWORD, post(own_account::password))
        .route(path::ACCOUNT, get(own_account::read).delete(own_account::remove))
        .route(path::SESSIONS, get(sessions::list))
        .route(&format!("{}/{{id}}", path::SESSIONS), delete(sessions::end))
        .with_state(api);
    page.merge(calls)
        .merge(Router::new().route(path::SOCKET, get(socket)).with_state(upgrade))
        .method_not_allowed_fallback(|| async {
            Problem::from(AccountError::MethodNotAllowed).into_response()
        })
        .fallback(|| async { Problem::from(AccountError::NotFound).into_response() })
        .layer(middleware::from_fn_with_state(config, cors::cors))
        .layer(middleware::from_fn(host::require_host))
        .layer(middleware::map_response(no_sniffing))
        .layer(middleware::map_response_with_state(telemetry, note_unavailable))
}

/// Tells browsers not to guess another content type.
async fn no_sniffing(mut response: Response) -> Response {
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
