//! The web pages of other origins that may read the answers: those of `cors_origins`.
//!
//! tower-http's layer answers every OPTIONS request itself. Here, only preflight requests of listed origins are answered; all
//! other requests get the answer that they get without CORS.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderValue, Method, Request, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::base::config::LiveConfig;
use crate::net::is_listed;

/// Tells browsers that web pages of listed origins may read the answers.
pub(super) async fn cors(
    State(config): State<Arc<LiveConfig>>,
    request: Request<Body>,
    next: Next,
) -> Response {
    let listed = |origin: &&HeaderValue| {
        origin.to_str().is_ok_and(|origin| is_listed(&config.current().cors_origins, origin))
    };
    let origin = request.headers().get(ORIGIN).filter(listed).cloned();
    let Some(origin) = origin else { return next.run(request).await };
    let asks_first =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response =
        if asks_first { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(VARY, HeaderValue::from_static("origin"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
    if asks_first {
        for (name, value) in [
            (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE"),
            (ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
            // An hour in seconds, during which a page need not ask before each call.
            (ACCESS_CONTROL_MAX_AGE, "3600"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}
