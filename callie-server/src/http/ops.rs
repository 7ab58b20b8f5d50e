//! The endpoints for an operator's tools, on an address of their own: `/healthz`, `/readyz`, `/metrics`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use callie_core::account::AccountError;

use super::Problem;
use super::host::require_host;
use crate::base::Shutdown;
use crate::base::telemetry::Telemetry;
use crate::router::RemoteNodes;
use crate::store::{Health, NotWritable};

/// The media type of OpenMetrics.
const METRICS_MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the operator's address reports.
#[derive(Clone)]
pub(crate) struct Ops {
    /// The state of the database.
    pub(crate) health: Health,
    /// The other nodes of the cluster.
    pub(crate) remote: Arc<RemoteNodes>,
    /// The metrics.
    pub(crate) telemetry: Arc<Telemetry>,
    /// The signal that the server is stopping.
    pub(crate) shutdown: Shutdown,
}

/// Returns everything that the operator's address answers.
pub(crate) fn ops_routes(ops: Ops) -> Router {
    Router::new()
        // The process answers, which is all that "alive" means.
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .method_not_allowed_fallback(|| async {
            Problem::from(AccountError::MethodNotAllowed).into_response()
        })
        .fallback(|| async { Problem::from(AccountError::NotFound).into_response() })
        .layer(middleware::from_fn(require_host))
        .with_state(ops)
}

/// Reports whether the server is ready: not stopping, with a database that can be read and written, and with all other
/// nodes of the cluster known.
async fn ready(State(ops): State<Ops>) -> Response {
    let not_ready = |why| (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    if ops.shutdown.has_begun() {
        return not_ready("stopping\n");
    }
    if let Err(error) = ops.health.ping().await {
        tracing::warn!(%error, "not ready");
        return not_ready("the database does not answer\n");
    }
    match ops.health.check_writable().await {
        Ok(()) => {}
        Err(NotWritable::Replaced) => {
            return not_ready("the database file was deleted or replaced: restart the server\n");
        }
        Err(_) => return not_ready("cannot write to the database\n"),
    }
    if !ops.remote.is_converged() {
        return not_ready("the cluster does not answer\n");
    }
    "ok\n".into_response()
}

async fn metrics(State(ops): State<Ops>) -> Response {
    // Updates the metric. `/readyz` and the log report the error.
    let _ = ops.health.check_writable().await;
    ([("content-type", METRICS_MEDIA_TYPE)], ops.telemetry.metrics.text()).into_response()
}
