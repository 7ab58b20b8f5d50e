//! From an HTTP request to a WebSocket (RFC 6455, protocol "Transport").

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use callie_core::account::{AccountError, SUBPROTOCOL};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::Problem;
use crate::base::config::LiveConfig;
use crate::base::telemetry::{Line, Refusal, Telemetry};
use crate::gateway::{Gateway, Upgraded};
use crate::net::{ClientAddress, Stream, check_origin};

/// The one version of the WebSocket protocol.
const VERSION: &str = "13";
/// Bytes of the client's nonce.
const NONCE: usize = 16;

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
    let (parts, _) = request.into_parts();
    let (Some(ClientAddress(address)), upgraded) =
        (parts.extensions.get().copied(), parts.extensions.get::<OnUpgrade>().cloned())
    else {
        return Problem::from(AccountError::InvalidRequest).into_response();
    };
    let accept = match check(&parts.headers) {
        Ok(accept) => accept,
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
        Ok(()) => granted(&accept, &parts.headers),
        Err(_) => Problem::from(AccountError::Unavailable).into_response(),
    }
}

/// Waits for the upgrade, and returns the byte stream of the connection.
async fn stream_of(upgraded: OnUpgrade) -> Option<Upgraded> {
    let parts = upgraded.await.ok()?.downcast::<TokioIo<Stream>>().ok()?;
    Some(Upgraded { stream: parts.io.into_inner(), read: parts.read_buf })
}

/// What is wrong with a client's half of the handshake.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum HandshakeError {
    /// It does not ask for a WebSocket of the version there is.
    #[error("it does not ask for a WebSocket of version 13")]
    Upgrade,
    /// It asks wrongly.
    #[error("its Sec-WebSocket-Key is missing or malformed")]
    Request,
}

/// Checks the client's half of the handshake; what it is to be answered with.
fn check(headers: &HeaderMap) -> Result<String, HandshakeError> {
    if !has_token(headers, &UPGRADE, "websocket") || !has_token(headers, &CONNECTION, "upgrade") {
        return Err(HandshakeError::Upgrade);
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != VERSION) {
        return Err(HandshakeError::Upgrade);
    }
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let (Some(key), None) = (keys.next(), keys.next()) else { return Err(HandshakeError::Request) };
    match STANDARD.decode(key) {
        Ok(nonce) if nonce.len() == NONCE => Ok(derive_accept_key(key.as_bytes())),
        _ => Err(HandshakeError::Request),
    }
}

fn upgrade_required() -> Response {
    let mut response = Problem::from(AccountError::UpgradeRequired).into_response();
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION));
    response
}

fn granted(accept: &str, request: &HeaderMap) -> Response {
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    if let Ok(accept) = HeaderValue::from_str(accept) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    // The name of a protocol, unlike that of a header's option, is told from another in case.
    if words(request, &SEC_WEBSOCKET_PROTOCOL).any(|word| word == SUBPROTOCOL) {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    response
}

/// Whether a header that is a list of words has this one, in whichever case.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    words(headers, name).any(|word| word.eq_ignore_ascii_case(token))
}

/// The words of a header that is a list of them.
fn words<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn a_handshake_needs_all_its_parts() {
        let good = [
            (UPGRADE, "websocket"),
            (CONNECTION, "keep-alive, Upgrade"),
            (SEC_WEBSOCKET_VERSION, "13"),
            (SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        assert_eq!(check(&headers(&good)).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        for left_out in 0..good.len() {
            let mut rest = good.to_vec();
            rest.remove(left_out);
            assert!(check(&headers(&rest)).is_err(), "{left_out}");
        }
        let mut short = good.to_vec();
        short[3].1 = "c2hvcnQ=";
        assert_eq!(check(&headers(&short)), Err(HandshakeError::Request));
        let mut old = good.to_vec();
        old[2].1 = "8";
        assert_eq!(check(&headers(&old)), Err(HandshakeError::Upgrade));
    }
}
