//! Sessions, as their user lists and ends them.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use callie_core::SessionId;
use callie_core::account::AccountError;

use super::accounts::{Answer, json};
use super::api::Api;
use super::body::bearer;
use crate::base::clock;
use crate::store::Session;

pub(super) async fn list(State(api): State<Arc<Api>>, headers: HeaderMap) -> Answer {
    let asking = bearer(&api, &headers).await?;
    let sessions = api.sessions.list(&asking.user, clock::now()).await?;
    Ok(json(StatusCode::OK, &Session::list(sessions, Some(&asking.id))))
}

pub(super) async fn end(
    State(api): State<Arc<Api>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Answer {
    let asking = bearer(&api, &headers).await?;
    // A text that is not an ID is no session of the user either.
    let Path(id) = id.map_err(|_| AccountError::SessionNotFound)?;
    let id = SessionId::parse(&id).map_err(|_| AccountError::SessionNotFound)?;
    if !api.sessions.end(&asking.user, &id, clock::now()).await? {
        return Err(AccountError::SessionNotFound.into());
    }
    tracing::info!(user = %asking.user, session = %id, "ended a session");
    Ok(StatusCode::NO_CONTENT.into_response())
}
