//! Which web pages may use the server: its own, and those of `cors_origins`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HOST, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::server::App;

/// Whether the web page that sends the request, if one does, is of this server or an admitted origin. What is no browser
/// sends no origin and is let through: it could send any.
///
/// For `/ws`, which browsers let every page open.
#[must_use]
pub fn origin_is_admitted(app: &App, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    // A proxy may have ended TLS, so the scheme does not tell.
    let own = origin.split_once("://").is_some_and(|(_, at)| at.eq_ignore_ascii_case(host));
    own || is_listed(app, origin)
}

fn is_listed(app: &App, origin: &str) -> bool {
    app.config().cors_origins.iter().any(|listed| listed.as_str() == origin)
}

/// Tells browsers that pages of admitted origins may read the answers.
pub(super) async fn cors(State(app): State<Arc<App>>, request: Request<Body>, next: Next) -> Response {
    let origin =
        request.headers().get(ORIGIN).filter(|o| o.to_str().is_ok_and(|o| is_listed(&app, o))).cloned();
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
            // An hour, in seconds: a page need not ask before each call.
            (ACCESS_CONTROL_MAX_AGE, "3600"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}
