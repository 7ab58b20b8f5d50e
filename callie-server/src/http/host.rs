//! The `Host` of a request (RFC 9112, section 3.2).

use axum::body::Body;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Request, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use callie_core::account::AccountError;

use super::Problem;

/// Refuses a request without exactly one host: two programs that read it may use different ones.
pub(super) async fn require_host(request: Request<Body>, next: Next) -> Response {
    let mut hosts = request.headers().get_all(HOST).iter();
    let fits = match (hosts.next(), hosts.next()) {
        (None, _) => request.version() == Version::HTTP_10,
        (Some(host), None) => is_host(host),
        (Some(_), Some(_)) => false,
    };
    if fits { next.run(request).await } else { Problem::from(AccountError::InvalidHost).into_response() }
}

/// Returns `true` if the value is a host with or without a port, or empty, as for a target without a host.
fn is_host(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else { return false };
    text.is_empty() || (!text.contains('@') && text.parse::<Authority>().is_ok())
}
