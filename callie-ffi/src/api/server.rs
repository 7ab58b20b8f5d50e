//! Registering and logging in.

use std::sync::Arc;

use callie_core::SessionId;

use super::config::Config;
use super::error::CallError;
use super::values::SessionInfo;
use crate::runtime::within;
use callie_client as client;

/// A server to register with and to log in to.
#[derive(Debug, uniffi::Object)]
pub struct Server {
    inner: client::Server,
}

#[uniffi::export]
impl Server {
    /// The server that `config` names. Nothing is sent yet.
    #[uniffi::constructor]
    pub fn new(config: Config) -> Result<Self, CallError> {
        let config = config.read()?;
        Ok(Self { inner: client::Server::with_config(config)? })
    }

    /// Registers a new user.
    pub async fn register(&self, username: String, password: String) -> Result<(), CallError> {
        Ok(within(self.inner.register(&username, &password)).await??)
    }

    /// Logs a user in. `device` is the name of the login session in the user's list of sessions.
    #[uniffi::method(default(device = None))]
    pub async fn login(
        &self,
        username: String,
        password: String,
        device: Option<String>,
    ) -> Result<Arc<Credentials>, CallError> {
        let inner = within(self.inner.login(&username, &password, device.as_deref())).await??;
        Ok(Arc::new(Credentials { inner }))
    }

    /// Logs a user in, and registers the user first if there is none. `INVALID_CREDENTIALS` where the name is taken and
    /// the password is not its user's.
    #[uniffi::method(default(device = None))]
    pub async fn register_and_login(
        &self,
        username: String,
        password: String,
        device: Option<String>,
    ) -> Result<Arc<Credentials>, CallError> {
        let work = self.inner.register_and_login(&username, &password, device.as_deref());
        Ok(Arc::new(Credentials { inner: within(work).await?? }))
    }

    /// Ends the login session of `credentials`: its connections close and its token becomes invalid.
    pub async fn logout(&self, credentials: Arc<Credentials>) -> Result<(), CallError> {
        Ok(within(self.inner.logout(&credentials.inner)).await??)
    }

    /// Changes the user's password and ends the user's other login sessions.
    pub async fn change_password(
        &self,
        credentials: Arc<Credentials>,
        old_password: String,
        new_password: String,
    ) -> Result<(), CallError> {
        Ok(within(self.inner.change_password(&credentials.inner, &old_password, &new_password)).await??)
    }

    /// Returns all login sessions of the user, the newest first.
    pub async fn sessions(&self, credentials: Arc<Credentials>) -> Result<Vec<SessionInfo>, CallError> {
        let sessions = within(self.inner.sessions(&credentials.inner)).await??;
        Ok(sessions.into_iter().map(SessionInfo::from).collect())
    }

    /// Ends one of the user's login sessions, by its ID.
    pub async fn revoke_session(
        &self,
        credentials: Arc<Credentials>,
        session_id: String,
    ) -> Result<(), CallError> {
        let session_id =
            SessionId::parse(&session_id).map_err(|e| client::Error::argument("the session ID", e))?;
        Ok(within(self.inner.revoke_session(&credentials.inner, &session_id)).await??)
    }
}

/// A username and the token of a login on one server: what a client connects with. Its text form never shows the token.
#[derive(Debug, uniffi::Object)]
pub struct Credentials {
    pub(super) inner: client::Credentials,
}

#[uniffi::export]
impl Credentials {
    /// Credentials from an earlier login. Whether the token is still valid is checked when connecting.
    #[uniffi::constructor]
    pub fn new(config: Config, username: String, token: String) -> Result<Self, CallError> {
        let config = config.read()?;
        Ok(Self { inner: client::Credentials::new(config, &username, &token)? })
    }

    /// The user.
    pub fn username(&self) -> String {
        self.inner.username().to_string()
    }

    /// The token. Keep it secret: it gives access to the user's account.
    pub fn token(&self) -> String {
        self.inner.token().expose().to_owned()
    }
}
