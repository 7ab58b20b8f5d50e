//! Registering and logging in, over HTTP (protocol, "Accounts and sessions").

use std::time::Duration;

use callie_core::Token;
use callie_core::account::{
    AccountError as Refusal, Credentials, DeviceName, Login, LoginRequest, Problem, path,
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;

use super::config::Config;
use super::error::{AccountError, Fault};
use super::session::Session;
use super::transport::{self, LinkError};

/// The largest answer that is read: every one of the protocol is far smaller.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

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
        self.call(path::REGISTER, None, Some(&body), StatusCode::CREATED).await.map(drop)
    }

    /// Logs a user in; `device` is what the list of the user's sessions calls this one.
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
        let answer = self.call(path::LOGIN, None, Some(&body), StatusCode::OK).await?;
        let login: Login =
            serde_json::from_slice(&answer).map_err(|e| AccountError::BadAnswer(Fault::bad_answer(e)))?;
        Ok(Session::new(self.config.clone(), login.username, login.token))
    }

    /// Makes a new user unless the name is taken, then logs in: for programs that must not care whether they ran before.
    ///
    /// # Errors
    /// [`AccountError`]; refused with `INVALID_CREDENTIALS` when the name is taken and the password is another's.
    pub async fn register_and_login(
        &self,
        username: &str,
        password: &str,
        device: Option<&str>,
    ) -> Result<Session, AccountError> {
        match self.register(username, password).await {
            Err(AccountError::Refused(fault)) if fault.code() == Refusal::UsernameTaken.code() => {}
            done => done?,
        }
        self.login(username, password, device).await
    }

    /// Ends a session: its connections close and its token is dead.
    ///
    /// # Errors
    /// [`AccountError`]; refused with `UNAUTHORIZED` when the session has ended already.
    pub async fn logout(&self, session: &Session) -> Result<(), AccountError> {
        self.call::<()>(path::LOGOUT, Some(session.token()), None, StatusCode::NO_CONTENT).await.map(drop)
    }

    async fn call<T: Serialize + Sync>(
        &self,
        call: &str,
        token: Option<&Token>,
        body: Option<&T>,
        good: StatusCode,
    ) -> Result<Bytes, AccountError> {
        let body = body
            .map(serde_json::to_vec)
            .transpose()
            .map_err(|e| AccountError::Internal(Fault::internal(e)))?;
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.config.address.call(call))
            .header(HOST, self.config.address.authority());
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
        }
        let request = request
            .body(Full::new(Bytes::from(body.unwrap_or_default())))
            .map_err(|e| AccountError::Internal(Fault::internal(e)))?;
        let exchange = exchange(&self.config, request);
        let (status, retry_after, answer) = tokio::time::timeout(self.config.exchange_timeout, exchange)
            .await
            .map_err(|_| AccountError::TimedOut(Fault::timed_out("the server's answer")))??;
        if status == good {
            return Ok(answer);
        }
        let problem: Problem = serde_json::from_slice(&answer).map_err(|_| {
            AccountError::BadAnswer(Fault::bad_answer(format_args!(
                "HTTP {status} without a problem document"
            )))
        })?;
        let wait = retry_after.map(|s| format!(" (again in {} s)", s.as_secs())).unwrap_or_default();
        Err(AccountError::Refused(Fault::new(problem.code, format!("{}{wait}", problem.detail))))
    }
}

type Answer = (StatusCode, Option<Duration>, Bytes);

async fn exchange(config: &Config, request: Request<Full<Bytes>>) -> Result<Answer, AccountError> {
    let stream = transport::open(config).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let ask = async {
        let response = sender.send_request(request).await.map_err(broken)?;
        read(response).await
    };
    // The connection lives in this future, so that giving the call up closes it.
    tokio::pin!(ask);
    tokio::select! {
        answer = &mut ask => answer,
        ended = connection => match ended {
            Ok(()) => ask.await,
            Err(error) => Err(broken(error)),
        },
    }
}

async fn read(response: Response<hyper::body::Incoming>) -> Result<Answer, AccountError> {
    let status = response.status();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.parse().ok())
        .map(Duration::from_secs);
    let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES)
        .collect()
        .await
        .map_err(|e| AccountError::BadAnswer(Fault::bad_answer(e)))?;
    Ok((status, retry_after, body.to_bytes()))
}

fn broken(error: hyper::Error) -> AccountError {
    if error.is_parse() {
        AccountError::BadAnswer(Fault::bad_answer(error))
    } else {
        AccountError::Unreachable(Fault::unreachable(format_args!("the link to the server broke: {error}")))
    }
}

impl From<LinkError> for AccountError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::TimedOut(fault) => Self::TimedOut(fault),
            LinkError::Unreachable(fault) => Self::Unreachable(fault),
        }
    }
}
