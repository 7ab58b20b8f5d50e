//! Accounts: register, log in, log out, change the password.

use std::net::IpAddr;
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

use super::body::{bearer, read, require_json};
use super::{ClientAddress, Problem};
use crate::clock;
use crate::config::Registration;
use crate::password::PasswordError;
use crate::server::App;
use crate::store::{NotWritable, StoreError, TokenHash};
use crate::telemetry::{Line, LoginOutcome};

/// What every call answers.
pub(super) type Answer = Result<Response, Problem>;

pub(super) async fn register(
    State(app): State<Arc<App>>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    request: Request<Body>,
) -> Answer {
    let request = require_json(request).await?;
    let refused = |reason: &'static str| {
        if app.lines.admit(Line::Registration) {
            tracing::info!(%address, reason, "refused a registration");
        }
    };
    let attempts = app.attempts();
    attempts.registration(address).inspect_err(|_| refused(OF_ADDRESS))?;
    let Credentials { username, password } = read(request).await?;
    let attempt = attempts.registration_of(&username, address).inspect_err(|_| refused(OF_NAME))?;
    if app.config().registration == Registration::Closed {
        refused("registration is closed");
        return Err(AccountError::RegistrationClosed.into());
    }
    let name = Username::parse(&username).ok().filter(|name| !account::is_reserved(name));
    let Some(name) = name else {
        refused("the name is invalid or reserved");
        return Err(AccountError::InvalidUsername.into());
    };
    if !account::is_acceptable_password(&password) {
        refused("the password is too short or too long");
        return Err(AccountError::WeakPassword.into());
    }
    check_in_place(&app)?;
    // Checked before the hashing, which is expensive. The insertion checks again.
    let made = !app.store.user_exists(&name).await? && {
        let hash = app.passwords.hash(password).await?;
        app.store.create_user(&name, &hash, clock::now()).await?
    };
    if !made {
        // A program that registers at each start finds its own name taken, and guesses nothing.
        attempt.does_not_count();
        if app.lines.admit(Line::Registration) {
            tracing::info!(user = %name, %address, reason = "the name is taken", "refused a registration");
        }
        return Err(AccountError::UsernameTaken.into());
    }
    app.metrics.registered();
    tracing::info!(user = %name, %address, "registered");
    Ok(json(StatusCode::CREATED, &Registered { username: name }))
}

pub(super) async fn login(
    State(app): State<Arc<App>>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    request: Request<Body>,
) -> Answer {
    let answer = log_in(&app, address, request).await;
    if answer.as_ref().is_err_and(|problem| problem.error == AccountError::Unavailable) {
        app.metrics.login(LoginOutcome::Unavailable);
    }
    answer
}

async fn log_in(app: &App, address: IpAddr, request: Request<Body>) -> Answer {
    let refused = |outcome, user: &str, reason: &'static str| {
        app.metrics.login(outcome);
        if app.lines.admit(Line::Login) {
            tracing::info!(user, %address, reason, "refused a login");
        }
    };
    let request = require_json(request).await?;
    let attempts = app.attempts();
    attempts.login(address).inspect_err(|_| refused(LoginOutcome::RateLimited, UNKNOWN, OF_ADDRESS))?;
    let LoginRequest { username, password, device } = read(request).await?;
    let name = Username::parse(&username).ok();
    let attempt = match attempts.login_of(&username, address) {
        Ok(attempt) => attempt,
        Err(limited) => {
            refused(LoginOutcome::RateLimited, &known(app, name.as_ref()).await, OF_NAME);
            return Err(limited);
        }
    };
    let now = clock::now();
    let user = match &name {
        Some(name) => app.store.user(name, now).await?,
        None => None,
    };
    let fits = app.passwords.fits(password, user.as_ref().map(|u| u.password.as_str())).await?;
    let Some(user) = user else {
        refused(LoginOutcome::Failed, UNKNOWN, "unknown user");
        return Err(AccountError::InvalidCredentials.into());
    };
    if !fits {
        refused(LoginOutcome::Failed, user.name.as_str(), "wrong password");
        return Err(AccountError::InvalidCredentials.into());
    }
    attempt.does_not_count();
    if user.ban.is_some() {
        refused(LoginOutcome::Banned, user.name.as_str(), "the user is banned");
        return Err(AccountError::Banned.into());
    }
    check_in_place(app)?;
    let (token, id) = (new_token()?, SessionId::from_uuid(clock::new_uuid()));
    let hash = TokenHash::of(token.expose());
    let Some(session) = app.store.create_session(&id, &hash, &user, device.as_ref(), now).await? else {
        refused(LoginOutcome::Failed, user.name.as_str(), "the password or a ban changed meanwhile");
        return Err(AccountError::InvalidCredentials.into());
    };
    app.metrics.login(LoginOutcome::Succeeded);
    tracing::info!(user = %user.name, session = %session.id, %address, "logged in");
    let expires_at = clock::timestamp(session.expires);
    Ok(json(StatusCode::OK, &Login { token, username: user.name, session_id: session.id, expires_at }))
}

/// Refuses a change that would be confirmed and lost: it would go to a file that is gone.
fn check_in_place(app: &App) -> Result<(), Problem> {
    if app.store.file_is_in_place() { Ok(()) } else { Err(Problem::unavailable(&NotWritable::Replaced)) }
}

/// Why a limit refused a call.
const OF_ADDRESS: &str = "too many attempts from this address";
const OF_NAME: &str = "too many failed attempts on this name from this address";
/// What a log line has for a name that is no user's. People type passwords into the field of the name, so no other name
/// than a user's is logged.
const UNKNOWN: &str = "(unknown)";

/// The name as a log line may have it.
async fn known(app: &App, name: Option<&Username>) -> String {
    let Some(name) = name else { return UNKNOWN.to_owned() };
    match app.store.user_exists(name).await {
        Ok(true) => name.to_string(),
        Ok(false) | Err(_) => UNKNOWN.to_owned(),
    }
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
    let request = require_json(request).await?;
    let refused = |reason: &'static str| {
        if app.lines.admit(Line::Login) {
            tracing::info!(user = %session.user, %address, reason, "refused a change of password");
        }
    };
    let attempts = app.attempts();
    attempts.login(address).inspect_err(|_| refused(OF_ADDRESS))?;
    let PasswordChange { old_password, new_password } = read(request).await?;
    let attempt = attempts.login_of(session.user.as_str(), address);
    let attempt = attempt.inspect_err(|_| refused(OF_NAME))?;
    let user = app.store.user(&session.user, clock::now()).await?.ok_or(AccountError::Unauthorized)?;
    if !app.passwords.fits(old_password, Some(&user.password)).await? {
        refused("wrong old password");
        return Err(AccountError::WrongPassword.into());
    }
    attempt.does_not_count();
    if !account::is_acceptable_password(&new_password) {
        refused("the new password is too short or too long");
        return Err(AccountError::WeakPassword.into());
    }
    check_in_place(&app)?;
    let hash = app.passwords.hash(new_password).await?;
    let now = clock::now();
    if !app.store.change_password(&user.name, &user.password, &hash, &session.id, now).await? {
        // Another change was faster: the old password is no longer the one that was checked.
        refused("another change was faster");
        return Err(AccountError::WrongPassword.into());
    }
    tracing::info!(user = %user.name, %address, "changed the password");
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
            PasswordError::Busy => Self { retry_after: Some(SOON), ..AccountError::Unavailable.into() },
            PasswordError::Hash(_) => Self::unavailable(&error),
        }
    }
}
