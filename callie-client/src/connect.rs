//! Opens a WebSocket: transport and upgrade.

use std::time::Duration;

use callie_core::account::{Problem, SUBPROTOCOL};
use hyper::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, handshake};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::address::ServerAddress;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::http;
use crate::stream::Stream;
use crate::transport;

/// The maximum size of a received message: far above the protocol's default limit, as a server may allow more,
/// and low enough to bound memory.
const MAX_INCOMING_BYTES: usize = 1024 * 1024;
/// The size of the read buffer. The library's default of 128 KiB would be most of a client's memory.
const READ_BUFFER_BYTES: usize = 16 * 1024;

/// An open WebSocket.
pub(crate) type Socket = WebSocketStream<Stream>;

/// Why a WebSocket could not be opened.
#[derive(Debug)]
pub(crate) struct NoSocket {
    pub(crate) error: Error,
    /// How long the server asks to wait before the next attempt (`Retry-After`).
    pub(crate) retry_after: Option<Duration>,
}

impl From<Error> for NoSocket {
    fn from(error: Error) -> Self {
        Self { error, retry_after: None }
    }
}

/// Opens a WebSocket, within the timeouts of the configuration.
pub(crate) async fn open(endpoint: &Endpoint) -> Result<Socket, NoSocket> {
    let config = endpoint.config();
    let stream = transport::open(endpoint).await?;
    tokio::time::timeout(config.request_timeout, upgrade(&config.address, stream))
        .await
        .map_err(|_| Error::timed_out("the server's answer took too long"))?
}

async fn upgrade(address: &ServerAddress, stream: Stream) -> Result<Socket, NoSocket> {
    let mut request = address.socket().into_client_request().map_err(broken)?;
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    let settings = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(Some(MAX_INCOMING_BYTES))
        .max_frame_size(Some(MAX_INCOMING_BYTES));
    let upgraded = client_async_with_config(request, stream, Some(settings)).await;
    upgraded.map(|(socket, _)| socket).map_err(|error| refused_upgrade(address, error))
}

/// Why an open connection broke.
pub(crate) fn broken(error: tungstenite::Error) -> Error {
    let broken = match &error {
        tungstenite::Error::Io(_)
        | tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed
        | tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)
        | tungstenite::Error::Protocol(tungstenite::error::ProtocolError::HandshakeIncomplete) => {
            Error::unreachable(format_args!("the link to the server broke: {error}"))
        }
        other => Error::bad_answer(other),
    };
    broken.with_source(error)
}

fn refused_upgrade(address: &ServerAddress, error: tungstenite::Error) -> NoSocket {
    let tungstenite::Error::Http(response) = &error else {
        let no_http = matches!(
            error,
            tungstenite::Error::HttpFormat(_)
                | tungstenite::Error::Protocol(tungstenite::error::ProtocolError::HttparseError(_))
        );
        return if no_http { http::no_http(address, error) } else { broken(error) }.into();
    };
    let error = match problem(response) {
        Some(problem) => Error::refused(problem.code, problem.detail),
        None => Error::bad_answer(format_args!("HTTP {} in place of a WebSocket", response.status())),
    };
    NoSocket { error, retry_after: http::retry_after(response.headers()) }
}

fn problem(response: &handshake::client::Response) -> Option<Problem> {
    serde_json::from_slice(response.body().as_deref()?).ok()
}
