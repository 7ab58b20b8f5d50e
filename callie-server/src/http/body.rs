//! Reading the body of a call, one JSON object with exactly the expected members, and its bearer token.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, Request};
use callie_core::account::AccountError;
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;

use super::Problem;
use super::api::Api;
use crate::base::clock;
use crate::store::Session;

/// The largest body in bytes: two passwords of 1,024 bytes with every byte escaped as `\u00xx`, and room for the rest.
const MAX_BODY_BYTES: usize = 16 * 1024;
/// Up to this size, a body that is too large is read and discarded before it is refused.
const MAX_DISCARDED_BYTES: usize = 1024 * 1024;
/// How long a client may take to send its body. A bad link needs a second or two.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Refuses a body whose type is not JSON. Browsers send bodies of other types for every web page without a preflight,
/// so a page could make its visitors register and guess passwords here.
pub(super) async fn require_json(request: Request<Body>) -> Result<Request<Body>, Problem> {
    if is_json(request.headers()) {
        return Ok(request);
    }
    // The body is read all the same, for the reason given at `collect`.
    let _ = tokio::time::timeout(BODY_TIMEOUT, collect(request.into_body())).await;
    Err(AccountError::UnsupportedMediaType.into())
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (values.next(), values.next()) else { return false };
    let media_type = only.to_str().ok().and_then(|value| value.split(';').next());
    media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}

/// Reads the body as one JSON object with exactly the members of `T`.
pub(super) async fn read<T: DeserializeOwned>(request: Request<Body>) -> Result<T, Problem> {
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > MAX_DISCARDED_BYTES as u64) {
        return Err(AccountError::PayloadTooLarge.into());
    }
    let body = tokio::time::timeout(BODY_TIMEOUT, collect(request.into_body())).await;
    parse(&body.map_err(|_| AccountError::InvalidRequest)??)
}

/// Reads the whole body, unless it is too large. A body that is not much too large is read to its end: a client that is
/// still sending when the connection is closed would not receive the answer.
async fn collect(mut body: Body) -> Result<Vec<u8>, Problem> {
    let (mut bytes, mut length) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        // The body ended early, or its chunks are invalid.
        let frame = frame.map_err(|_| AccountError::InvalidRequest)?;
        let Some(data) = frame.data_ref() else { continue };
        length += data.len();
        if length <= MAX_BODY_BYTES {
            bytes.extend_from_slice(data);
        } else if length > MAX_DISCARDED_BYTES {
            break;
        }
    }
    if length > MAX_BODY_BYTES { Err(AccountError::PayloadTooLarge.into()) } else { Ok(bytes) }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // serde would also accept an array for a struct.
    let is_object = bytes.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{');
    let parsed = if is_object { serde_json::from_slice(bytes).ok() } else { None };
    parsed.ok_or_else(|| AccountError::InvalidRequest.into())
}

/// Returns the live session of the bearer token.
pub(super) async fn bearer(api: &Api, headers: &HeaderMap) -> Result<Session, Problem> {
    let token = bearer_token(headers).ok_or(AccountError::Unauthorized)?;
    let session = api.sessions.authenticate(token, clock::now()).await?;
    session.ok_or_else(|| AccountError::Unauthorized.into())
}

fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (only, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use callie_core::account::{Credentials, LoginRequest};

    use super::*;

    #[test]
    fn body_is_one_object_with_exact_members() {
        let ok: Credentials = parse(br#" {"password":"p\u0061ss","username":"alice"} "#).unwrap();
        assert_eq!((ok.username.as_str(), ok.password.as_str()), ("alice", "pass"));
        for bad in [
            "",
            "null",
            "[\"alice\",\"password\"]",
            "{}",
            r#"{"username":"alice"}"#,
            r#"{"username":"alice","password":"x","password":"x"}"#,
            r#"{"username":"alice","password":"x","more":1}"#,
            r#"{"username":"alice","password":7}"#,
            r#"{"username":"alice","password":null}"#,
            r#"{"username":"alice","password":"x"}}"#,
            r#"{"username":"alice","password":"\ud800"}"#,
            "{\"username\":\"alice\",\"password\":\"\u{1}\"}",
        ] {
            assert!(parse::<Credentials>(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(parse::<Credentials>(b"{\"username\":\"alice\",\"password\":\"\xff\"}").is_err());
        let null_device = br#"{"username":"alice","password":"x","device":null}"#;
        assert!(parse::<LoginRequest>(null_device).is_err());
    }

    #[test]
    fn bearer_token_is_given_exactly_once() {
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, value.parse().unwrap());
            }
            bearer_token(&headers).map(str::to_owned)
        };
        assert_eq!(of(&["Bearer abc"]).as_deref(), Some("abc"));
        assert_eq!(of(&["bearer  abc "]).as_deref(), Some("abc"));
        for bad in [&[][..], &["abc"], &["Basic abc"], &["Bearerabc"], &["Bearer a", "Bearer a"]] {
            assert_eq!(of(bad), None, "{bad:?}");
        }
    }
}
