//! Accounts and sessions (protocol, "Accounts and sessions").

use callie_core::account::{
    AccountError as Refusal, Credentials as Registration, DeviceName, Login, LoginRequest, PasswordChange,
    SessionInfo, SessionList, path,
};
use callie_core::{SessionId, Token};
use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::config::Config;
use crate::credentials::Credentials;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::http::Call;

/// A server to register with and to log in to.
#[derive(Debug, Clone)]
pub struct Server {
    endpoint: Endpoint,
}

impl Server {
    /// The server at `url`, with the default [`Config`].
    ///
    /// # Errors
    /// As [`with_config`](Self::with_config), and when `url` is not the URL of a server.
    pub fn new(url: &str) -> Result<Self, Error> {
        Self::with_config(Config::new(url)?)
    }

    /// The server that `config` names. All that can be checked without a connection is checked here, and the environment's
    /// proxy is looked up. Nothing is sent.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) names the setting that cannot be used, such as an extra root that
    /// is not a certificate; with the code [`PROXY_FAILED`](crate::code::PROXY_FAILED) the environment variable of a proxy.
    pub fn with_config(config: Config) -> Result<Self, Error> {
        Ok(Self { endpoint: Endpoint::new(config)? })
    }

    /// The configuration of everything that comes of this server.
    #[must_use]
    pub fn config(&self) -> &Config {
        self.endpoint.config()
    }

    /// Registers a new user.
    ///
    /// # Errors
    /// [`Error`]; refused with `USERNAME_TAKEN`, `INVALID_USERNAME`, `WEAK_PASSWORD` or `REGISTRATION_CLOSED` among others.
    pub async fn register(&self, username: &str, password: &str) -> Result<(), Error> {
        let body = Registration::new(username, password);
        self.post(path::REGISTER, None, write(&body)?, StatusCode::CREATED).await.map(drop)
    }

    /// Logs a user in. `device` is the name of the login session in the user's list of sessions.
    ///
    /// If the future is dropped, a login session that the server creates all the same is ended in the background.
    ///
    /// # Errors
    /// [`Error`]; refused with `INVALID_CREDENTIALS`, `BANNED` or `RATE_LIMITED` among others.
    pub async fn login(
        &self,
        username: &str,
        password: &str,
        device: Option<&str>,
    ) -> Result<Credentials, Error> {
        let device =
            device.map(DeviceName::parse).transpose().map_err(|e| Error::argument("the device", e))?;
        let body = write(&LoginRequest::new(username, password).with_device(device))?;
        let server = self.clone();
        let login = async move {
            let login: Login = read(&server.post(path::LOGIN, None, body, StatusCode::OK).await?)?;
            Ok(Credentials::of(server.endpoint, login.username, login.token))
        };
        PendingLogin::start(self, login)?.receive().await
    }

    /// Logs a user in, and registers the user first if there is none.
    ///
    /// It logs in before it registers, so that a second start costs none of the attempts that the server allows.
    ///
    /// # Errors
    /// [`Error`]; refused with `INVALID_CREDENTIALS` when the name is taken and the password is not its user's.
    pub async fn register_and_login(
        &self,
        username: &str,
        password: &str,
        device: Option<&str>,
    ) -> Result<Credentials, Error> {
        let wrong = Refusal::InvalidCredentials.code();
        let is = |error: &Error, code| error.kind() == ErrorKind::Refused && error.code() == code;
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
                Error::refused(wrong, reason)
            } else {
                error
            }
        })
    }

    /// Ends the login session of `credentials`: its connections close and its token becomes invalid.
    ///
    /// # Errors
    /// [`Error`]; refused with `UNAUTHORIZED` when the session has ended already.
    pub async fn logout(&self, credentials: &Credentials) -> Result<(), Error> {
        let token = Some(credentials.token());
        self.post(path::LOGOUT, token, String::new(), StatusCode::NO_CONTENT).await.map(drop)
    }

    /// Ends a login session that nobody has received.
    async fn end_unwanted(&self, credentials: &Credentials) {
        if let Err(error) = self.logout(credentials).await {
            log::warn!("a session that is not needed could not be ended: {error}");
        }
    }

    /// Changes the user's password and ends the user's other login sessions.
    ///
    /// # Errors
    /// [`Error`]; refused with `INVALID_CREDENTIALS` or `WEAK_PASSWORD` among others.
    pub async fn change_password(
        &self,
        credentials: &Credentials,
        old: &str,
        new: &str,
    ) -> Result<(), Error> {
        let body = PasswordChange::new(old, new);
        let token = Some(credentials.token());
        self.post(path::PASSWORD, token, write(&body)?, StatusCode::NO_CONTENT).await.map(drop)
    }

    /// Returns all login sessions of the user, the newest first.
    ///
    /// # Errors
    /// [`Error`]; refused with `UNAUTHORIZED` when the session has ended.
    pub async fn sessions(&self, credentials: &Credentials) -> Result<Vec<SessionInfo>, Error> {
        let token = Some(credentials.token());
        let call = Call {
            method: Method::GET,
            path: path::SESSIONS,
            token,
            body: String::new(),
            good: StatusCode::OK,
        };
        Ok(read::<SessionList>(&call.send(&self.endpoint).await?)?.sessions)
    }

    /// Ends one of the user's login sessions, by its ID: its connections close and its token becomes invalid.
    ///
    /// # Errors
    /// [`Error`]; refused with `SESSION_NOT_FOUND` when the user has no such session.
    pub async fn revoke_session(
        &self,
        credentials: &Credentials,
        session_id: &SessionId,
    ) -> Result<(), Error> {
        let (token, good) = (Some(credentials.token()), StatusCode::NO_CONTENT);
        let path = &format!("{}/{session_id}", path::SESSIONS);
        let call = Call { method: Method::DELETE, path, token, body: String::new(), good };
        call.send(&self.endpoint).await.map(drop)
    }

    async fn post(
        &self,
        path: &str,
        token: Option<&Token>,
        body: String,
        good: StatusCode,
    ) -> Result<Bytes, Error> {
        Call { method: Method::POST, path, token, body, good }.send(&self.endpoint).await
    }
}

fn write(body: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(body).map_err(Error::internal)
}

fn read<T: DeserializeOwned>(answer: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(answer).map_err(Error::bad_answer)
}

/// A login that runs to its end even when nobody waits for it any more: the login session that it creates is ended then.
struct PendingLogin {
    received: oneshot::Receiver<Result<Credentials, Error>>,
    server: Server,
    runtime: Handle,
}

impl PendingLogin {
    fn start(
        server: &Server,
        login: impl Future<Output = Result<Credentials, Error>> + Send + 'static,
    ) -> Result<Self, Error> {
        let runtime = Handle::try_current().map_err(Error::internal)?;
        let (send, received) = oneshot::channel();
        let unwanted = server.clone();
        runtime.spawn(async move {
            if let Err(Ok(credentials)) = send.send(login.await) {
                unwanted.end_unwanted(&credentials).await;
            }
        });
        Ok(Self { received, server: server.clone(), runtime })
    }

    async fn receive(mut self) -> Result<Credentials, Error> {
        (&mut self.received).await.unwrap_or_else(|e| Err(Error::internal(e)))
    }
}

impl Drop for PendingLogin {
    fn drop(&mut self) {
        self.received.close();
        // It may have come just before.
        if let Ok(Ok(credentials)) = self.received.try_recv() {
            let server = self.server.clone();
            self.runtime.spawn(async move { server.end_unwanted(&credentials).await });
        }
    }
}
