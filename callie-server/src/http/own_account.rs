//! The account of the caller: its data, its password, its deletion.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::IntoResponse as _;
use callie_core::account::{self, AccountDeletion, AccountError, PasswordChange};

use super::Problem;
use super::accounts::{Answer, OF_ADDRESS, OF_NAME, check_in_place, json};
use super::api::Api;
use super::body::{bearer, read as read_body, require_json};
use crate::base::clock;
use crate::base::telemetry::Line;
use crate::net::ClientAddress;
use crate::store::{Session, User};

pub(super) async fn read(State(api): State<Arc<Api>>, headers: HeaderMap) -> Answer {
    let session = bearer(&api, &headers).await?;
    let data = api.account_data.get(&session.user, Some(&session.id), clock::now()).await?;
    // The account may have been deleted meanwhile.
    Ok(json(StatusCode::OK, &data.ok_or(AccountError::Unauthorized)?))
}

pub(super) async fn password(
    State(api): State<Arc<Api>>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    request: Request<Body>,
) -> Answer {
    let session = bearer(&api, request.headers()).await?;
    let change = Change { api: &api, session: &session, address, what: "change of password" };
    let request = change.admit(request).await?;
    let PasswordChange { old_password, new_password, .. } = read_body(request).await?;
    let user = change.check_password(old_password).await?;
    if !account::is_acceptable_password(&new_password) {
        return Err(change.refuse(AccountError::WeakPassword, "the new password is too short or too long"));
    }
    check_in_place(&api)?;
    let hash = api.passwords.hash(new_password).await?;
    let now = clock::now();
    if !api.accounts.change_password(&user.name, &user.password, &hash, &session.id, now).await? {
        return Err(change.refuse(AccountError::WrongPassword, OVERTAKEN));
    }
    tracing::info!(user = %user.name, %address, "changed the password");
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The sockets of the user are closed when the store reports the deletion.
pub(super) async fn remove(
    State(api): State<Arc<Api>>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    request: Request<Body>,
) -> Answer {
    let session = bearer(&api, request.headers()).await?;
    let change = Change { api: &api, session: &session, address, what: "deletion of an account" };
    let request = change.admit(request).await?;
    let AccountDeletion { password, .. } = read_body(request).await?;
    let user = change.check_password(password).await?;
    check_in_place(&api)?;
    if !api.deletions.by_user(&user.name, &user.password, clock::now()).await? {
        return Err(change.refuse(AccountError::WrongPassword, OVERTAKEN));
    }
    tracing::info!(user = %user.name, %address, "deleted the account");
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The password that was checked is no longer the one of the user.
const OVERTAKEN: &str = "another change of the account was faster";

/// A change of the caller's account that requires the password.
struct Change<'a> {
    api: &'a Api,
    session: &'a Session,
    address: IpAddr,
    /// What it is called in the log.
    what: &'static str,
}

impl Change<'_> {
    /// Logs the refusal, and returns the answer.
    fn refuse(&self, problem: impl Into<Problem>, reason: &'static str) -> Problem {
        let Self { api, session, address, what } = self;
        if api.telemetry.lines.admit(Line::Login) {
            tracing::info!(user = %session.user, %address, reason, "refused a {what}");
        }
        problem.into()
    }

    /// Counts the attempt before the body is read.
    async fn admit(&self, request: Request<Body>) -> Result<Request<Body>, Problem> {
        let request = require_json(request).await?;
        self.api.attempts().login(self.address).map_err(|limited| self.refuse(limited, OF_ADDRESS))?;
        Ok(request)
    }

    /// Returns the user if the password is right.
    async fn check_password(&self, password: String) -> Result<User, Problem> {
        let Self { api, session, address, .. } = self;
        let attempts = api.attempts();
        let attempt = attempts.login_of(session.user.as_str(), *address);
        let attempt = attempt.map_err(|limited| self.refuse(limited, OF_NAME))?;
        let user = api.accounts.get(&session.user, clock::now()).await?.ok_or(AccountError::Unauthorized)?;
        if !api.passwords.fits(password, Some(&user.password)).await? {
            return Err(self.refuse(AccountError::WrongPassword, "wrong password"));
        }
        attempt.does_not_count();
        Ok(user)
    }
}
