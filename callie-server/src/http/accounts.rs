//! Accounts: register, log in, log out, change the password.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, body};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use callie_core::account::{
    self, AccountError, Credentials, Login, LoginRequest, PasswordChange, Registered, TOKEN_BITS,
};
use callie_core::{SessionId, Token, Username};
use serde::Serialize;

use super::body::{bearer, read};
use super::{ClientAddress, Problem};
use crate::clock;
use crate::config::Registration;
use crate::password::PasswordError;
use crate::server::App;
use crate::store::{StoreError, TokenHash};
use crate::telemetry::LoginOutcome;

/// What every call answers.
pub(super) type Answer = Result<Response, Problem>;

pub(super) async fn register(
    State(app): State<Arc<App>>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    request: Request<Body>,
) -> Answer {
    let attempts = app.attempts();
    attempts.registration(address)?;
    let Credentials { username, password } = read(request).await?;
    attempts.registration_of(&username, address)?;
    if app.config().registration == Registration::Closed {
        return Err(AccountError::RegistrationClosed.into());
    }
    let name = Username::parse(&username).ok().filter(|name| !account::is_reserved(name));
    let name = name.ok_or(AccountError::InvalidUsername)?;
    if !account::is_acceptable_password(&password) {
        return Err(AccountError::WeakPassword.into());
    }
    // Asked before the hashing, which is dear; asked again, in effect, by the insertion.
    if app.store.user_exists(&name).await? {
        return Err(AccountError::UsernameTaken.into());
    }
    let hash = app.passwords.hash(password).await?;
    if !app.store.create_user(&name, &hash, clock::now()).await? {
        return Err(AccountError::UsernameTaken.into());
    }
    app.metrics.registered();
    tracing::info!(user = %name, "registered");
    Ok(json(StatusCode::CREATED, &Registered { username: name }))
}

pub(super) async fn login(
    State(app): State<Arc<App>>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    request: Request<Body>,
) -> Answer {
    let attempts = app.attempts();
    let limited = |_: &Problem| app.metrics.login(LoginOutcome::RateLimited);
    attempts.login(address).inspect_err(limited)?;
    let LoginRequest { username, password, device } = read(request).await?;
    let attempt = attempts.login_of(&username, address).inspect_err(limited)?;
    let now = clock::now();
    let user = match Username::parse(&username) {
        Ok(name) => app.store.user(&name, now).await?,
        Err(_) => None,
    };
    let fits = app.passwords.fits(password, user.as_ref().map(|u| u.password.as_str())).await?;
    let Some(user) = user.filter(|_| fits) else {
        app.metrics.login(LoginOutcome::Failed);
        tracing::info!(%address, "a login failed");
        return Err(AccountError::InvalidCredentials.into());
    };
    attempt.was_right();
    if user.ban.is_some() {
        app.metrics.login(LoginOutcome::Banned);
        return Err(AccountError::Banned.into());
    }
    let (token, id) = (new_token()?, SessionId::from_uuid(clock::new_uuid()));
    let hash = TokenHash::of(token.expose());
    let Some(session) = app.store.create_session(&id, &hash, &user, device.as_ref(), now).await? else {
        // The password or the ban changed while this one was being checked: what was true is no longer.
        return Err(AccountError::InvalidCredentials.into());
    };
    app.metrics.login(LoginOutcome::Succeeded);
    tracing::info!(user = %user.name, session = %session.id, "logged in");
    let expires_at = clock::timestamp(session.expires);
    Ok(json(StatusCode::OK, &Login { token, username: user.name, session_id: session.id, expires_at }))
}

pub(super) async fn logout(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let session = bearer(&app, &headers).await?;
    if !app.store.end_session(&session.user, &session.id, clock::now()).await? {
        // Ended by another call in the meantime.
        return Err(AccountError::Unauthorized.into());
    }
    tracing::info!(user = %session.user, session = %session.id, "logged out");
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn password(
    State(app): State<Arc<App>>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    request: Request<Body>,
) -> Answer {
    let session = bearer(&app, request.headers()).await?;
    let attempts = app.attempts();
    attempts.login(address)?;
    let PasswordChange { old_password, new_password } = read(request).await?;
    let attempt = attempts.login_of(session.user.as_str(), address)?;
    let user = app.store.user(&session.user, clock::now()).await?.ok_or(AccountError::Unauthorized)?;
    if !app.passwords.fits(old_password, Some(&user.password)).await? {
        return Err(AccountError::WrongPassword.into());
    }
    attempt.was_right();
    if !account::is_acceptable_password(&new_password) {
        return Err(AccountError::WeakPassword.into());
    }
    let hash = app.passwords.hash(new_password).await?;
    let now = clock::now();
    if !app.store.change_password(&user.name, &user.password, &hash, &session.id, now).await? {
        // Another change was faster: what was the old password is it no longer.
        return Err(AccountError::WrongPassword.into());
    }
    tracing::info!(user = %user.name, "changed the password");
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A JSON answer that no cache keeps: it may hold a token.
pub(super) fn json<T: Serialize>(status: StatusCode, answer: &T) -> Response {
    // Answers are structs of texts and numbers, which always serialise.
    let bytes = serde_json::to_vec(answer).unwrap_or_default();
    let headers = [("content-type", "application/json"), (CACHE_CONTROL.as_str(), "no-store")];
    (status, headers, body::Bytes::from(bytes)).into_response()
}

fn new_token() -> Result<Token, StoreError> {
    let mut bytes = [0; TOKEN_BITS / 8];
    getrandom::fill(&mut bytes)?;
    Token::parse(&URL_SAFE_NO_PAD.encode(bytes)).map_err(|_| StoreError::Unreadable("new token"))
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        /// Seconds after which those who wait now are done.
        const SOON: u64 = 5;
        match error {
            PasswordError::Busy => Self { error: AccountError::Unavailable, retry_after: Some(SOON) },
            PasswordError::Hash(_) => {
                tracing::error!(%error, "a password could not be hashed or checked");
                AccountError::Unavailable.into()
            }
        }
    }
}
