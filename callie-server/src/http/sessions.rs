//! Sessions: listed and ended by their user.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use callie_core::SessionId;
use callie_core::account::{AccountError, SessionInfo, SessionList};

use super::accounts::{Answer, json};
use super::body::bearer;
use crate::clock;
use crate::server::App;
use crate::store::Session;

pub(super) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let asking = bearer(&app, &headers).await?;
    let sessions = app.store.list_sessions(&asking.user, clock::now()).await?;
    Ok(json(StatusCode::OK, &session_list(sessions, &asking.id)))
}

pub(super) async fn end(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Answer {
    let asking = bearer(&app, &headers).await?;
    // What cannot be an ID is none of the user's sessions either.
    let Path(id) = id.map_err(|_| AccountError::SessionNotFound)?;
    let id = SessionId::parse(&id).map_err(|_| AccountError::SessionNotFound)?;
    if !app.store.end_session(&asking.user, &id, clock::now()).await? {
        return Err(AccountError::SessionNotFound.into());
    }
    tracing::info!(user = %asking.user, session = %id, "ended a session");
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `sessions` as the protocol lists them to the session `asking`.
#[must_use]
pub fn session_list(sessions: Vec<Session>, asking: &SessionId) -> SessionList {
    let info = |session: Session| SessionInfo {
        current: session.id == *asking,
        session_id: session.id,
        device: session.device,
        created_at: clock::timestamp(session.created),
        last_seen_at: clock::timestamp(session.last_seen),
        expires_at: clock::timestamp(session.expires),
    };
    SessionList { sessions: sessions.into_iter().map(info).collect() }
}
