//! Ends all sessions of a user through the server's API.

use std::net::SocketAddr;

use bytes::Bytes;
use callie_core::account::{Login, LoginRequest, SessionList, path};
use callie_core::{Token, Username};
use http_body_util::{BodyExt as _, Full};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::Failure;

/// The password of every user of the tests.
const PASSWORD: &str = "correct horse battery";

/// The server refused a call.
#[derive(Debug, thiserror::Error)]
#[error("{path} was answered with {status}")]
struct Refused {
    path: String,
    status: StatusCode,
}

/// Logs in, ends every other session, and then this one.
pub(crate) async fn revoke(server: SocketAddr, username: &Username) -> Result<(), Failure> {
    let request = LoginRequest::new(username.to_string(), PASSWORD);
    let body = serde_json::to_vec(&request)?;
    let login: Login = serde_json::from_slice(&call(server, Method::POST, path::LOGIN, None, body).await?)?;
    let token = Some(&login.token);
    let listed = call(server, Method::GET, path::SESSIONS, token, Vec::new()).await?;
    let listed: SessionList = serde_json::from_slice(&listed)?;
    for session in listed.sessions.iter().filter(|session| !session.current) {
        let path = format!("{}/{}", path::SESSIONS, session.session_id);
        call(server, Method::DELETE, &path, token, Vec::new()).await?;
    }
    call(server, Method::POST, path::LOGOUT, token, Vec::new()).await?;
    Ok(())
}

async fn call(
    server: SocketAddr,
    method: Method,
    path: &str,
    token: Option<&Token>,
    body: Vec<u8>,
) -> Result<Bytes, Failure> {
    let (mut client, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(TcpStream::connect(server).await?)).await?;
    let mut request = Request::builder().method(method).uri(path).header(HOST, server.to_string());
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
    }
    if !body.is_empty() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    let asks = client.send_request(request.body(Full::new(Bytes::from(body)))?);
    // The connection must be polled until the head of the answer has arrived, and then until its body has.
    let mut connection = std::pin::pin!(connection);
    let answer = tokio::select! {
        answer = asks => answer?,
        ended = &mut connection => return Err(ended.err().map_or_else(|| "the server closed".into(), Into::into)),
    };
    let status = answer.status();
    if !status.is_success() {
        return Err(Refused { path: path.to_owned(), status }.into());
    }
    let collects = answer.into_body().collect();
    let (collected, _) = tokio::join!(collects, async {
        drop(client);
        connection.await
    });
    Ok(collected?.to_bytes())
}
