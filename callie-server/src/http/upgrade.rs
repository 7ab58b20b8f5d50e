//! From an HTTP request to a WebSocket (RFC 6455, protocol "Transport").

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::http::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE};
use axum::response::{IntoResponse as _, Response};
use callie_core::account::{AccountError, SUBPROTOCOL};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use super::Problem;
use crate::base::config::LiveConfig;
use crate::base::telemetry::{Line, Refusal, Telemetry};
use crate::gateway::{Gateway, Upgraded};
use crate::net::{ClientAddress, Stream, check_origin};

/// The one version of the WebSocket protocol.
const VERSION: &str = "13";

/// What a request for a WebSocket is answered with. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Upgrade {
    /// What takes the connections over.
    pub(crate) gateway: Arc<Gateway>,
    /// The configuration in use.
    pub(crate) config: Arc<LiveConfig>,
    /// Metrics and log limits.
    pub(crate) telemetry: Arc<Telemetry>,
}

/// Answers a request for `/ws`, and hands the connection over once it is upgraded.
///
/// The request has a [`ClientAddress`] as an extension and, once upgraded, a [`Stream`].
pub(super) async fn socket(State(upgrade): State<Upgrade>, request: Request<Body>) -> Response {
    let Upgrade { gateway, config, telemetry } = upgrade;
    let accepted = accept(&request);
    let (parts, _) = request.into_parts();
    let (Some(ClientAddress(address)), upgraded) =
        (parts.extensions.get().copied(), parts.extensions.get::<OnUpgrade>().cloned())
    else {
        return Problem::from(AccountError::InvalidRequest).into_response();
    };
    let accepted = match accepted {
        Ok(accepted) => accepted,
        Err(error) => {
            telemetry.metrics.refused(Refusal::Handshake);
            if telemetry.lines.admit(Line::Handshake) {
                tracing::info!(%address, reason = %error, "refused a WebSocket handshake");
            }
            return match error {
                HandshakeError::Upgrade => upgrade_required(),
                HandshakeError::Request => Problem::from(AccountError::InvalidHandshake).into_response(),
            };
        }
    };
    if let Err(refused) = check_origin(&config.current().cors_origins, &parts) {
        telemetry.metrics.refused(Refusal::Origin);
        if telemetry.lines.admit(Line::Handshake) {
            tracing::warn!(
                %address, origin = refused.origin, host = refused.host,
                "refused a WebSocket handshake: its Origin is not this server's Host and not in cors_origins"
            );
        }
        return Problem::from(refused).into_response();
    }
    let Some(upgraded) = upgraded else {
        return Problem::from(AccountError::InvalidRequest).into_response();
    };
    if gateway.is_stopping() {
        telemetry.metrics.refused(Refusal::Stopping);
        return Problem::from(AccountError::Unavailable).into_response();
    }
    match gateway.accept(address, stream_of(upgraded)) {
        Ok(()) => accepted,
        Err(_) => Problem::from(AccountError::Unavailable).into_response(),
    }
}

/// Waits for the upgrade, and returns the byte stream of the connection.
async fn stream_of(upgraded: OnUpgrade) -> Option<Upgraded> {
    let parts = upgraded.await.ok()?.downcast::<TokioIo<Stream>>().ok()?;
    Some(Upgraded { stream: parts.io.into_inner(), read: parts.read_buf })
}

/// Why a client's half of the handshake is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum HandshakeError {
    /// It does not request a WebSocket of version 13.
    #[error("it does not request a WebSocket of version 13")]
    Upgrade,
    /// Its key is missing or malformed.
    #[error("its Sec-WebSocket-Key is missing or malformed")]
    Request,
}

impl From<Error> for HandshakeError {
    fn from(error: Error) -> Self {
        match error {
            Error::Protocol(
                ProtocolError::MissingSecWebSocketKey | ProtocolError::InvalidSecWebSocketKey,
            ) => Self::Request,
            _ => Self::Upgrade,
        }
    }
}

/// Checks the client's half of the handshake, and returns the answer that accepts it.
fn accept<T>(request: &Request<T>) -> Result<Response, HandshakeError> {
    let mut response = create_response_with_body(request, Body::empty)?;
    // Names of subprotocols are compared with their case.
    let lines = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL).into_iter();
    let mut offered = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    if offered.any(|name| name.trim() == SUBPROTOCOL) {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    Ok(response)
}

fn upgrade_required() -> Response {
    let mut response = Problem::from(AccountError::UpgradeRequired).into_response();
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION));
    response
}

#[cfg(test)]
mod tests {
    use axum::http::header::{HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY};

    use super::*;

    fn request(headers: &[(HeaderName, &str)]) -> Request<()> {
        let empty = Request::builder();
        headers.iter().fold(empty, |request, (name, value)| request.header(name, *value)).body(()).unwrap()
    }

    #[test]
    fn handshake_needs_all_its_parts() {
        let good = [
            (UPGRADE, "websocket"),
            (CONNECTION, "keep-alive, Upgrade"),
            (SEC_WEBSOCKET_VERSION, "13"),
            (SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let accepted = accept(&request(&good)).unwrap();
        assert_eq!(accepted.headers()[SEC_WEBSOCKET_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        for left_out in 0..good.len() {
            let mut rest = good.to_vec();
            rest.remove(left_out);
            assert!(accept(&request(&rest)).is_err(), "{left_out}");
        }
        let mut short = good.to_vec();
        short[3].1 = "c2hvcnQ=";
        assert_eq!(accept(&request(&short)).unwrap_err(), HandshakeError::Request);
        let mut old = good.to_vec();
        old[2].1 = "8";
        assert_eq!(accept(&request(&old)).unwrap_err(), HandshakeError::Upgrade);
    }
}
