//! HTTP calls of the protocol ("Accounts and sessions").

use std::time::Duration;

use callie_core::Token;
use callie_core::account::Problem;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

use crate::address::ServerAddress;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::transport;

/// The maximum size of an answer. The protocol's answers are far smaller.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// A request.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) token: Option<&'a Token>,
    /// The JSON body; empty for none.
    pub(crate) body: String,
    /// The status of success.
    pub(crate) good: StatusCode,
}

impl Call<'_> {
    /// Makes the call, within the timeouts of the configuration, and returns the body of the answer.
    pub(crate) async fn send(self, endpoint: &Endpoint) -> Result<Bytes, Error> {
        let good = self.good;
        let exchange = exchange(endpoint, self.request(&endpoint.config().address)?);
        let (status, retry_after, answer) = tokio::time::timeout(endpoint.config().request_timeout, exchange)
            .await
            .map_err(|_| Error::timed_out("the server's answer took too long"))??;
        if status == good {
            return Ok(answer);
        }
        let problem: Problem = serde_json::from_slice(&answer)
            .map_err(|_| Error::bad_answer(format_args!("HTTP {status} without a problem document")))?;
        let wait = retry_after.map(|s| format!(" (again in {} s)", s.as_secs())).unwrap_or_default();
        Err(Error::refused(problem.code, format!("{}{wait}", problem.detail)))
    }

    fn request(self, address: &ServerAddress) -> Result<Request<Full<Bytes>>, Error> {
        let mut request = Request::builder()
            .method(self.method)
            .uri(address.call(self.path))
            .header(HOST, address.authority());
        if !self.body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(token) = self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
        }
        request.body(Full::new(Bytes::from(self.body))).map_err(Error::internal)
    }
}

type Answer = (StatusCode, Option<Duration>, Bytes);

async fn exchange(endpoint: &Endpoint, request: Request<Full<Bytes>>) -> Result<Answer, Error> {
    let stream = transport::open(endpoint).await?;
    let address = &endpoint.config().address;
    let broken = |error| broken(address, error);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let ask = async {
        let response = sender.send_request(request).await.map_err(broken)?;
        read(response).await
    };
    // The connection is part of this future, so that dropping the call closes it.
    tokio::pin!(ask);
    tokio::select! {
        answer = &mut ask => answer,
        ended = connection => match ended {
            Ok(()) => ask.await,
            Err(error) => Err(broken(error)),
        },
    }
}

async fn read(response: Response<hyper::body::Incoming>) -> Result<Answer, Error> {
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let body =
        Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await.map_err(Error::bad_answer)?;
    Ok((status, retry_after, body.to_bytes()))
}

/// The server's `Retry-After`, if given in seconds.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// The error for an answer that is not HTTP. Without TLS, the port usually expects TLS.
pub(crate) fn no_http(
    address: &ServerAddress,
    error: impl std::error::Error + Send + Sync + 'static,
) -> Error {
    let advice = if address.is_secure() { "" } else { "; the URL of a server with TLS begins with https://" };
    Error::bad_answer(format_args!("it does not speak HTTP on this port{advice} ({error})"))
        .with_source(error)
}

fn broken(address: &ServerAddress, error: hyper::Error) -> Error {
    if error.is_parse() {
        no_http(address, error)
    } else {
        Error::unreachable(format_args!("the link to the server broke: {error}")).with_source(error)
    }
}
