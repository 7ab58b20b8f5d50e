//! One HTTP call (protocol, "Accounts and sessions").

use std::time::Duration;

use callie_core::Token;
use callie_core::account::Problem;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;

use crate::config::Config;
use crate::error::{AccountError, Fault};
use crate::transport;

/// The largest answer that is read: every one of the protocol is far smaller.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// What is asked.
pub(crate) struct Call<'a, T> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) token: Option<&'a Token>,
    pub(crate) body: Option<&'a T>,
    /// The status of an answer that is not a refusal.
    pub(crate) good: StatusCode,
}

impl<T: Serialize + Sync> Call<'_, T> {
    /// Makes the call, within the times of `config`.
    pub(crate) async fn send(self, config: &Config) -> Result<Bytes, AccountError> {
        let good = self.good;
        let exchange = exchange(config, self.request(config)?);
        let (status, retry_after, answer) =
            tokio::time::timeout(config.exchange_timeout, exchange)
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

    fn request(self, config: &Config) -> Result<Request<Full<Bytes>>, AccountError> {
        let internal = |e: &dyn std::fmt::Display| AccountError::Internal(Fault::internal(e));
        let body = self.body.map(serde_json::to_vec).transpose().map_err(|e| internal(&e))?;
        let mut request = Request::builder()
            .method(self.method)
            .uri(config.address.call(self.path))
            .header(HOST, config.address.authority());
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(token) = self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
        }
        request.body(Full::new(Bytes::from(body.unwrap_or_default()))).map_err(|e| internal(&e))
    }
}

type Answer = (StatusCode, Option<Duration>, Bytes);

async fn exchange(config: &Config, request: Request<Full<Bytes>>) -> Result<Answer, AccountError> {
    let stream = transport::open(config).await?;
    let broken = |error| broken(config, error);
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
    let retry_after = retry_after(response.headers());
    let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES)
        .collect()
        .await
        .map_err(|e| AccountError::BadAnswer(Fault::bad_answer(e)))?;
    Ok((status, retry_after, body.to_bytes()))
}

/// How long the server wants to be left alone, where it says so in seconds.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// What an answer means that is no HTTP: without TLS, most often that the port is one with TLS.
pub(crate) fn no_http(config: &Config, error: impl std::error::Error + Send + Sync + 'static) -> Fault {
    let advice =
        if config.address.is_secure() { "" } else { "; the URL of a server with TLS begins with https://" };
    Fault::bad_answer(format_args!("it does not speak HTTP on this port{advice} ({error})"))
        .with_source(error)
}

fn broken(config: &Config, error: hyper::Error) -> AccountError {
    if error.is_parse() {
        AccountError::BadAnswer(no_http(config, error))
    } else {
        let fault = Fault::unreachable(format_args!("the link to the server broke: {error}"));
        AccountError::Unreachable(fault.with_source(error))
    }
}
