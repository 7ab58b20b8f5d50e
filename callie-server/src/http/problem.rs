//! Errors as problem documents (RFC 9457).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use callie_core::account::{AccountError, PROBLEM_MEDIA_TYPE};

use crate::base::telemetry::{Line, Telemetry};
use crate::net::OriginRefused;
use crate::store::StoreError;

/// The answer to a call that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The error.
    pub(crate) error: AccountError,
    /// The seconds after which the client may try again.
    pub(crate) retry_after: Option<u64>,
    /// More about the error and how to fix it than its own description says.
    pub(crate) detail: Option<String>,
    /// What failed in the server, for its log only.
    pub(super) cause: Option<String>,
}

/// What failed in the server: an extension of the answer, which is logged where the answer is counted.
#[derive(Debug, Clone)]
struct Cause(String);

/// Counts answers with status 503, and logs what failed.
pub(super) async fn note_unavailable(
    State(telemetry): State<Arc<Telemetry>>,
    response: Response,
) -> Response {
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        telemetry.metrics.http_unavailable();
        if let Some(Cause(error)) = response.extensions().get()
            && telemetry.lines.admit(Line::Unavailable)
        {
            tracing::error!(error, "cannot carry out a call");
        }
    }
    response
}

impl Problem {
    /// Returns the answer to a call that the server cannot carry out.
    pub(super) fn unavailable(error: &dyn std::error::Error) -> Self {
        Self { cause: Some(error.to_string()), ..AccountError::Unavailable.into() }
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        Self { error, retry_after: None, detail: None, cause: None }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::unavailable(&error)
    }
}

impl From<OriginRefused> for Problem {
    fn from(OriginRefused { origin, host }: OriginRefused) -> Self {
        let detail = format!(
            "web pages of the origin '{origin}' may not connect, as the request is for the host '{host}'; \
             let the proxy pass on Host, or add the origin to cors_origins"
        );
        Self { detail: Some(detail), ..AccountError::OriginRefused.into() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut problem = self.error.problem();
        if let Some(detail) = self.detail {
            problem.detail = detail;
        }
        // A struct of texts and a number can always be serialised.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() =
            StatusCode::from_u16(self.error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(Cause(cause));
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_MEDIA_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.error.status() == StatusCode::UNAUTHORIZED.as_u16() {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
