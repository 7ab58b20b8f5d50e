//! Accounts and sessions (protocol, "Accounts and sessions").

use callie_core::account::{
    AccountError as Refusal, Credentials, DeviceName, Login, LoginRequest, PasswordChange, SessionInfo,
    SessionList, path,
};
use callie_core::{SessionId, Token};
use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::config::Config;
use crate::error::{AccountError, Fault};
use crate::http::Call;
use crate::session::Session;

/// A server to register with and to log in to.
#[derive(Debug, Clone)]
pub struct Server {
    config: Config,
}

impl Server {
    /// The server at `url`, with the default [`Config`].
    ///
    /// # Errors
    /// [`AccountError::InvalidArgument`] when `url` is not the URL of a server.
    pub fn new(url: &str) -> Result<Self, AccountError> {
        Config::new(url).map(Self::with_config).map_err(AccountError::InvalidArgument)
    }

    /// The server that `config` names.
    #[must_use]
    pub fn with_config(config: Config) -> Self {
        Self { config }
    }

    /// Where the server is and how long to wait for it.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Makes a new user.
    ///
    /// # Errors
    /// [`AccountError`]; refused with `USERNAME_TAKEN`, `INVALID_USERNAME`, `WEAK_PASSWORD` or `REGISTRATION_CLOSED` among others.
    pub async fn register(&self, username: &str, password: &str) -> Result<(), AccountError> {
        let body = Credentials { username: username.to_owned(), password: password.to_owned() };
        self.post(path::REGISTER, None, Some(&body), StatusCode::CREATED).await.map(drop)
    }

    /// Logs a user in; `device` is what the list of the user's sessions calls this one.
    ///
    /// If the future is dropped, a session that the server makes all the same is ended in the background.
    ///
    /// # Errors
    /// [`AccountError`]; refused with `INVALID_CREDENTIALS`, `BANNED` or `RATE_LIMITED` among others.
    pub async fn login(
        &self,
        username: &str,
        password: &str,
        device: Option<&str>,
    ) -> Result<Session, AccountError> {
        let device = device
            .map(DeviceName::parse)
            .transpose()
            .map_err(|e| AccountError::InvalidArgument(Fault::argument("the device", e)))?;
        let body = LoginRequest { username: username.to_owned(), password: password.to_owned(), device };
        let server = self.clone();
        let login = async move {
            let answer = server.post(path::LOGIN, None, Some(&body), StatusCode::OK).await?;
            let login: Login =
                serde_json::from_slice(&answer).map_err(|e| AccountError::BadAnswer(Fault::bad_answer(e)))?;
            Ok(Session::new(server.config, login.username, login.token))
        };
        PendingLogin::start(self, login)?.receive().await
    }

    /// Logs a user in, and makes the user first where there is none: for programs that must not care whether they ran before.
    ///
    /// It logs in before it registers, so that starting again costs none of the attempts that the server allows.
    ///
    /// # Errors
    /// [`AccountError`]; refused with `INVALID_CREDENTIALS` when the name is taken and the password is not its user's.
    pub async fn register_and_login(
        &self,
        username: &str,
        password: &str,
        device: Option<&str>,
    ) -> Result<Session, AccountError> {
        let wrong = Refusal::InvalidCredentials.code();
        let is = |error: &AccountError, code| matches!(error, AccountError::Refused(fault) if fault.code() == code);
        match self.login(username, password, device).await {
            Err(error) if is(&error, wrong) => {}
            done => return done,
        }
        let taken = match self.register(username, password).await {
            // Another may have registered meanwhile, with the same password.
            Err(error) if is(&error, Refusal::UsernameTaken.code()) => true,
            done => done.map(|()| false)?,
        };
        self.login(username, password, device).await.map_err(|error| {
            if taken && is(&error, wrong) {
                let reason = format!("the name {username} is taken, and the password is not its user's");
                AccountError::Refused(Fault::new(wrong, reason))
            } else {
                error
            }
        })
    }

    /// Ends a session: its connections close and its token is dead.
    ///
    /// # Errors
    /// [`AccountError`]; refused with `UNAUTHORIZED` when the session has ended already.
    pub async fn logout(&self, session: &Session) -> Result<(), AccountError> {
        self.post::<()>(path::LOGOUT, Some(session.token()), None, StatusCode::NO_CONTENT).await.map(drop)
    }

    /// Ends a session that nobody has received.
    async fn end_unwanted(&self, session: &Session) {
        if let Err(error) = self.logout(session).await {
            log::warn!("a session that is not needed could not be ended: {error}");
        }
    }

    /// Gives the user of a session another password; the user's other sessions end.
    ///
    /// # Errors
    /// [`AccountError`]; refused with `INVALID_CREDENTIALS` or `WEAK_PASSWORD` among others.
    pub async fn change_password(&self, session: &Session, old: &str, new: &str) -> Result<(), AccountError> {
        let body = PasswordChange { old_password: old.to_owned(), new_password: new.to_owned() };
        self.post(path::PASSWORD, Some(session.token()), Some(&body), StatusCode::NO_CONTENT).await.map(drop)
    }

    /// All sessions of a session's user, the newest first.
    ///
    /// # Errors
    /// [`AccountError`]; refused with `UNAUTHORIZED` when the session has ended.
    pub async fn sessions(&self, session: &Session) -> Result<Vec<SessionInfo>, AccountError> {
        let call = Call::<()> {
            method: Method::GET,
            path: path::SESSIONS,
            token: Some(session.token()),
            body: None,
            good: StatusCode::OK,
        };
        let list: SessionList = serde_json::from_slice(&call.send(&self.config).await?)
            .map_err(|e| AccountError::BadAnswer(Fault::bad_answer(e)))?;
        Ok(list.sessions)
    }

    /// Ends one of the user's sessions, by its ID: its connections close and its token is dead.
    ///
    /// # Errors
    /// [`AccountError`]; refused with `SESSION_NOT_FOUND` when the user has no such session.
    pub async fn end_session(&self, session: &Session, session_id: &SessionId) -> Result<(), AccountError> {
        let call = Call::<()> {
            method: Method::DELETE,
            path: &format!("{}/{session_id}", path::SESSIONS),
            token: Some(session.token()),
            body: None,
            good: StatusCode::NO_CONTENT,
        };
        call.send(&self.config).await.map(drop)
    }

    async fn post<T: Serialize + Sync>(
        &self,
        path: &str,
        token: Option<&Token>,
        body: Option<&T>,
        good: StatusCode,
    ) -> Result<Bytes, AccountError> {
        Call { method: Method::POST, path, token, body, good }.send(&self.config).await
    }
}

/// A login that runs to its end even when nobody waits for it any more: the session that it makes is ended then.
struct PendingLogin {
    received: oneshot::Receiver<Result<Session, AccountError>>,
    server: Server,
    runtime: Handle,
}

impl PendingLogin {
    fn start(
        server: &Server,
        login: impl Future<Output = Result<Session, AccountError>> + Send + 'static,
    ) -> Result<Self, AccountError> {
        let runtime = Handle::try_current().map_err(|e| AccountError::Internal(Fault::internal(e)))?;
        let (send, received) = oneshot::channel();
        let unwanted = server.clone();
        runtime.spawn(async move {
            if let Err(Ok(session)) = send.send(login.await) {
                unwanted.end_unwanted(&session).await;
            }
        });
        Ok(Self { received, server: server.clone(), runtime })
    }

    async fn receive(mut self) -> Result<Session, AccountError> {
        (&mut self.received).await.unwrap_or_else(|e| Err(AccountError::Internal(Fault::internal(e))))
    }
}

impl Drop for PendingLogin {
    fn drop(&mut self) {
        self.received.close();
        // It may have come just before.
        if let Ok(Ok(session)) = self.received.try_recv() {
            let server = self.server.clone();
            self.runtime.spawn(async move { server.end_unwanted(&session).await });
        }
    }
}
