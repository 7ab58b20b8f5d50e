//! From an HTTP request to a WebSocket (RFC 6455, protocol "Transport").

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use callie_core::account::{AccountError, SUBPROTOCOL};
use callie_core::{Notice, SysCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::admission::{Pass, Verdict};
use super::background::retry_after_ms;
use super::socket::Socket;
use super::timing::UPGRADE_TIMEOUT;
use super::{closing, opening};
use crate::http::{ClientAddress, Problem, Stream, check_origin};
use crate::server::App;
use crate::telemetry::{CloseLabel, Line, Refusal};

/// The one version of the WebSocket protocol.
const VERSION: &str = "13";
/// Bytes of the client's nonce.
const NONCE: usize = 16;

/// Answers a request for `/ws`, and takes the connection over once it is upgraded.
///
/// The request carries a [`ClientAddress`] and, once upgraded, a [`Stream`].
pub async fn upgrade(app: Arc<App>, request: Request<Body>) -> Response {
    let (parts, _) = request.into_parts();
    let (Some(ClientAddress(address)), upgraded) =
        (parts.extensions.get().copied(), parts.extensions.get::<OnUpgrade>().cloned())
    else {
        return Problem::from(AccountError::InvalidRequest).into_response();
    };
    let accept = match check(&parts.headers) {
        Ok(accept) => accept,
        Err(unfit) => {
            app.metrics.refused(Refusal::Handshake);
            if app.lines.admit(Line::Handshake) {
                tracing::info!(%address, reason = %unfit, "refused a WebSocket handshake");
            }
            return match unfit {
                Unfit::Upgrade => upgrade_required(),
                Unfit::Request => Problem::from(AccountError::InvalidHandshake).into_response(),
            };
        }
    };
    if let Err(refused) = check_origin(&app, &parts) {
        app.metrics.refused(Refusal::Origin);
        if app.lines.admit(Line::Handshake) {
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
    if *app.stopping().borrow() {
        app.metrics.refused(Refusal::Stopping);
        return Problem::from(AccountError::Unavailable).into_response();
    }
    let config = app.config();
    match app.gateway.admission.admit(address, &config) {
        Verdict::Welcome(pass) => {
            app.tasks.clone().spawn(serve(app, upgraded, pass, address));
        }
        Verdict::Full(apology, limit) => {
            full(&app, address, limit);
            app.tasks.clone().spawn(async move {
                if let Some(socket) = take_over(&app, upgraded).await {
                    let notice = Notice::new(SysCode::Overloaded).retry_after_ms(retry_after_ms());
                    app.metrics.closed(CloseLabel::Overloaded);
                    closing::turn_away(socket, notice).await;
                }
                drop(apology);
            });
        }
        Verdict::Refused(limit) => {
            full(&app, address, limit);
            return Problem::from(AccountError::Unavailable).into_response();
        }
    }
    granted(&accept, &parts.headers)
}

/// Counts and logs a connection for which there is no room.
fn full(app: &App, address: IpAddr, limit: Refusal) {
    app.metrics.refused(limit);
    if app.lines.admit(Line::Full) {
        tracing::warn!(%address, limit = limit.as_str(), "refused a connection: a limit is reached");
    }
}

/// One connection, from its upgrade to its end.
async fn serve(app: Arc<App>, upgraded: OnUpgrade, mut pass: Pass, address: IpAddr) {
    // Boxed, so that an idle connection does not keep the room that its opening takes.
    let pump = Box::pin(async {
        let socket = take_over(&app, upgraded).await?;
        opening::open(app.clone(), socket, &mut pass, address).await
    })
    .await;
    drop(app);
    if let Some(pump) = pump {
        pump.run().await;
    }
    drop(pass);
}

/// The socket below the HTTP connection, or none if that ended first.
async fn take_over(app: &App, upgraded: OnUpgrade) -> Option<Socket> {
    let upgraded = tokio::time::timeout(UPGRADE_TIMEOUT, upgraded).await.ok()?.ok()?;
    let parts = upgraded.downcast::<TokioIo<Stream>>().ok()?;
    Some(Socket::new(parts.io.into_inner(), parts.read_buf, &app.gateway.limits).await)
}

/// What is wrong with a client's half of the handshake.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Unfit {
    /// It does not ask for a WebSocket of the version there is.
    #[error("it does not ask for a WebSocket of version 13")]
    Upgrade,
    /// It asks wrongly.
    #[error("its Sec-WebSocket-Key is missing or malformed")]
    Request,
}

/// Checks the client's half of the handshake; what it is to be answered with.
fn check(headers: &HeaderMap) -> Result<String, Unfit> {
    if !has_token(headers, &UPGRADE, "websocket") || !has_token(headers, &CONNECTION, "upgrade") {
        return Err(Unfit::Upgrade);
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != VERSION) {
        return Err(Unfit::Upgrade);
    }
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let (Some(key), None) = (keys.next(), keys.next()) else { return Err(Unfit::Request) };
    match STANDARD.decode(key) {
        Ok(nonce) if nonce.len() == NONCE => Ok(derive_accept_key(key.as_bytes())),
        _ => Err(Unfit::Request),
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
        assert_eq!(check(&headers(&short)), Err(Unfit::Request));
        let mut old = good.to_vec();
        old[2].1 = "8";
        assert_eq!(check(&headers(&old)), Err(Unfit::Upgrade));
    }
}
