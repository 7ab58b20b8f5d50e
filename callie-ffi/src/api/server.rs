//! Registering and logging in.

use std::sync::Arc;

use callie_core::SessionId;

use super::config::Config;
use super::error::{AccountError, ConnectError};
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
    pub fn new(config: Config) -> Result<Self, AccountError> {
        let config = config.read()?;
        Ok(Self { inner: client::Server::with_config(config)? })
    }

    /// Makes a new user.
    pub async fn register(&self, username: String, password: String) -> Result<(), AccountError> {
        Ok(within(self.inner.register(&username, &password)).await??)
    }

    /// Logs a user in; `device` is what the list of the user's sessions calls this one.
    #[uniffi::method(default(device = None))]
    pub async fn login(
        &self,
        username: String,
        password: String,
        device: Option<String>,
    ) -> Result<Arc<Session>, AccountError> {
        let inner = within(self.inner.login(&username, &password, device.as_deref())).await??;
        Ok(Arc::new(Session { inner }))
    }

    /// Logs a user in, and makes the user first where there is none. `INVALID_CREDENTIALS` where the name is taken and the
    /// password is not its user's.
    #[uniffi::method(default(device = None))]
    pub async fn register_and_login(
        &self,
        username: String,
        password: String,
        device: Option<String>,
    ) -> Result<Arc<Session>, AccountError> {
        let work = self.inner.register_and_login(&username, &password, device.as_deref());
        Ok(Arc::new(Session { inner: within(work).await?? }))
    }

    /// Ends a session: its connections close and its token is dead.
    pub async fn logout(&self, session: Arc<Session>) -> Result<(), AccountError> {
        Ok(within(self.inner.logout(&session.inner)).await??)
    }

    /// Gives the user of a session another password; the user's other sessions end.
    pub async fn change_password(
        &self,
        session: Arc<Session>,
        old_password: String,
        new_password: String,
    ) -> Result<(), AccountError> {
        Ok(within(self.inner.change_password(&session.inner, &old_password, &new_password)).await??)
    }

    /// All sessions of a session's user, the newest first.
    pub async fn sessions(&self, session: Arc<Session>) -> Result<Vec<SessionInfo>, AccountError> {
        let sessions = within(self.inner.sessions(&session.inner)).await??;
        Ok(sessions.into_iter().map(SessionInfo::from).collect())
    }

    /// Ends one of the user's sessions, by its ID.
    pub async fn end_session(&self, session: Arc<Session>, session_id: String) -> Result<(), AccountError> {
        let session_id =
            SessionId::parse(&session_id).map_err(|e| client::Error::argument("the session ID", e))?;
        Ok(within(self.inner.revoke_session(&session.inner, &session_id)).await??)
    }
}

/// A user's session on one server: what a client connects with. Its text form never shows the token.
#[derive(Debug, uniffi::Object)]
pub struct Session {
    pub(super) inner: client::Credentials,
}

#[uniffi::export]
impl Session {
    /// A session kept from an earlier login. Whether its token is alive shows when connecting.
    #[uniffi::constructor]
    pub fn resume(config: Config, username: String, token: String) -> Result<Self, ConnectError> {
        let config = config.read()?;
        Ok(Self { inner: client::Credentials::new(config, &username, &token)? })
    }

    /// The user.
    pub fn username(&self) -> String {
        self.inner.username().to_string()
    }

    /// The token, to keep in a safe place: who has it is the user.
    pub fn token(&self) -> String {
        self.inner.token().expose().to_owned()
    }
}
