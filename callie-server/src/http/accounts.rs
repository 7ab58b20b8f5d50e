//! Accounts: registration, login, logout.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, body};
use callie_core::account::{self, AccountError, Credentials, Login, LoginRequest, Registered};
use callie_core::{SessionId, Token, Username};
use serde::Serialize;

use super::Problem;
use super::api::Api;
use super::body::{bearer, read, require_json};
use super::passwords::PasswordError;
use crate::base::config::Registration;
use crate::base::telemetry::{Line, LoginOutcome};
use crate::base::{clock, ids};
use crate::net::ClientAddress;
use crate::store::{Invited, NotWritable, StoreError, TokenHash};

/// The answer of a call.
pub(super) type Answer = Result<Response, Problem>;

pub(super) async fn register(
    State(api): State<Arc<Api>>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    request: Request<Body>,
) -> Answer {
    let request = require_json(request).await?;
    let refused = |reason: &'static str| {
        if api.telemetry.lines.admit(Line::Registration) {
            tracing::info!(%address, reason, "refused a registration");
        }
    };
    let attempts = api.attempts();
    attempts.registration(address).inspect_err(|_| refused(OF_ADDRESS))?;
    let Credentials { username, password, invite, .. } = read(request).await?;
    let attempt = attempts.registration_of(&username, address).inspect_err(|_| refused(OF_NAME))?;
    let invite = match (api.config.current().registration, invite) {
        (Registration::Open, _) => None,
        (Registration::Invite, Some(invite)) => Some(TokenHash::of(&invite)),
        (Registration::Invite, None) => {
            refused("an invitation is required");
            return Err(AccountError::InviteRequired.into());
        }
        (Registration::Closed, _) => {
            refused("registration is closed");
            return Err(AccountError::RegistrationClosed.into());
        }
    };
    let not_invited = || {
        refused("the invitation is not valid");
        Problem::from(AccountError::InviteInvalid)
    };
    let name = account::check_registration(&username, &password).inspect_err(|error| {
        refused(match error {
            AccountError::WeakPassword => "the password is too short or too long",
            _ => "the name is invalid or reserved",
        });
    })?;
    check_in_place(&api)?;
    // Both are checked before the password is hashed, which is expensive. The insertion checks them again. Without an
    // invitation, nobody learns whether a name is taken.
    if let Some(invite) = &invite
        && !api.invitations.is_valid(invite, clock::now()).await?
    {
        return Err(not_invited());
    }
    let made = !api.accounts.is_taken(&name).await? && {
        let hash = api.passwords.hash(password).await?;
        match &invite {
            None => api.accounts.create(&name, &hash, clock::now()).await?,
            Some(invite) => match api.invitations.register(invite, &name, &hash, clock::now()).await? {
                Invited::Created => true,
                Invited::NameTaken => false,
                Invited::NotValid => return Err(not_invited()),
            },
        }
    };
    if !made {
        // A program that registers at each start finds its own name taken. That is not guessing.
        attempt.does_not_count();
        if api.telemetry.lines.admit(Line::Registration) {
            tracing::info!(user = %name, %address, reason = "the name is taken", "refused a registration");
        }
        return Err(AccountError::UsernameTaken.into());
    }
    api.telemetry.metrics.registered();
    tracing::info!(user = %name, %address, "registered");
    Ok(json(StatusCode::CREATED, &Registered::new(name)))
}

pub(super) async fn login(
    State(api): State<Arc<Api>>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    request: Request<Body>,
) -> Answer {
    let answer = log_in(&api, address, request).await;
    if answer.as_ref().is_err_and(|problem| problem.error == AccountError::Unavailable) {
        api.telemetry.metrics.login(LoginOutcome::Unavailable);
    }
    answer
}

async fn log_in(api: &Api, address: IpAddr, request: Request<Body>) -> Answer {
    let refused = |outcome, user: &str, reason: &'static str| {
        api.telemetry.metrics.login(outcome);
        if api.telemetry.lines.admit(Line::Login) {
            tracing::info!(user, %address, reason, "refused a login");
        }
    };
    let request = require_json(request).await?;
    let attempts = api.attempts();
    attempts.login(address).inspect_err(|_| refused(LoginOutcome::RateLimited, UNKNOWN, OF_ADDRESS))?;
    let LoginRequest { username, password, device, .. } = read(request).await?;
    let name = Username::parse(&username).ok();
    let attempt = match attempts.login_of(&username, address) {
        Ok(attempt) => attempt,
        Err(limited) => {
            refused(LoginOutcome::RateLimited, &known(api, name.as_ref()).await, OF_NAME);
            return Err(limited);
        }
    };
    let now = clock::now();
    let user = match &name {
        Some(name) => api.accounts.get(name, now).await?,
        None => None,
    };
    let fits = api.passwords.fits(password, user.as_ref().map(|u| u.password.as_str())).await?;
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
    check_in_place(api)?;
    let (token, id) = (new_token()?, SessionId::from_uuid(ids::new_uuid()));
    let hash = TokenHash::of(token.expose());
    let Some(session) = api.sessions.create(&id, &hash, &user, device.as_ref(), now).await? else {
        refused(LoginOutcome::Failed, user.name.as_str(), "the password or a ban changed meanwhile");
        return Err(AccountError::InvalidCredentials.into());
    };
    api.telemetry.metrics.login(LoginOutcome::Succeeded);
    tracing::info!(user = %user.name, session = %session.id, %address, "logged in");
    let expires_at = clock::timestamp(session.expires);
    Ok(json(StatusCode::OK, &Login::new(token, user.name, session.id, expires_at)))
}

/// Refuses a change that would be lost after it was confirmed, because the file of the database is gone.
pub(super) fn check_in_place(api: &Api) -> Result<(), Problem> {
    if api.health.file_is_in_place() { Ok(()) } else { Err(Problem::unavailable(&NotWritable::Replaced)) }
}

/// The reasons for which a limit refuses a call.
pub(super) const OF_ADDRESS: &str = "too many attempts from this address";
pub(super) const OF_NAME: &str = "too many failed attempts on this name from this address";
/// Stands in log lines for a name that no user has. People type passwords into the field of the name, so only names of
/// users are logged.
const UNKNOWN: &str = "(unknown)";

/// Returns the name as it may be logged.
async fn known(api: &Api, name: Option<&Username>) -> String {
    let Some(name) = name else { return UNKNOWN.to_owned() };
    match api.accounts.exists(name).await {
        Ok(true) => name.to_string(),
        Ok(false) | Err(_) => UNKNOWN.to_owned(),
    }
}

pub(super) async fn logout(State(api): State<Arc<Api>>, headers: HeaderMap) -> Answer {
    let session = bearer(&api, &headers).await?;
    if !api.sessions.end(&session.user, &session.id, clock::now()).await? {
        // Another call has ended it meanwhile.
        return Err(AccountError::Unauthorized.into());
    }
    tracing::info!(user = %session.user, session = %session.id, "logged out");
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Returns a JSON answer that is not cached, because it may contain a token.
pub(super) fn json<T: Serialize>(status: StatusCode, answer: &T) -> Response {
    // Answers are structs of texts and numbers, which can always be serialised.
    let bytes = serde_json::to_vec(answer).unwrap_or_default();
    let headers = [("content-type", "application/json"), (CACHE_CONTROL.as_str(), "no-store")];
    (status, headers, body::Bytes::from(bytes)).into_response()
}

fn new_token() -> Result<Token, StoreError> {
    Token::parse(&ids::new_token()?).map_err(|_| StoreError::Unreadable("new token"))
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        /// The seconds after which passwords that wait now are hashed.
        const SOON: u64 = 5;
        match error {
            PasswordError::Busy => Self { retry_after: Some(SOON), ..AccountError::Unavailable.into() },
            PasswordError::Hash(_) => Self::unavailable(&error),
        }
    }
}
