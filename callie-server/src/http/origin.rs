//! Which web pages may open a socket: those of the server's own host, and those of `cors_origins`.

use axum::http::header::{FORWARDED, HOST, HeaderMap, HeaderName, ORIGIN};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use callie_core::account::AccountError;

use super::{Problem, ThroughProxy};
use crate::server::App;
use crate::telemetry::clip;

/// The header in which proxies name the host that the client asked for.
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// A web page may not open a socket: its origin is neither the server's own nor listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginRefused {
    /// The page's origin.
    pub origin: String,
    /// The host that the request was for, and those that trusted proxies named.
    pub host: String,
}

impl From<OriginRefused> for Problem {
    fn from(OriginRefused { origin, host }: OriginRefused) -> Self {
        let detail = format!(
            "web pages of the origin '{origin}' may not connect, as the request is for the host '{host}'; \
             let the proxy pass on Host, or add the origin to cors_origins"
        );
        Self { detail: Some(detail), ..AccountError::OriginRefused.into() }
    }
}

/// Checks the web page that sends a request for a socket, which browsers let every page open. A request without an origin
/// comes from no browser and passes: its sender could name any.
///
/// # Errors
/// [`OriginRefused`] when the page is of another host and not of an origin in `cors_origins`.
pub fn check_origin(app: &App, request: &Parts) -> Result<(), OriginRefused> {
    let headers = &request.headers;
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let hosts = hosts(headers, request.extensions.get::<ThroughProxy>().is_some());
    let admitted = origin
        .to_str()
        .is_ok_and(|origin| is_listed(app, origin) || hosts.iter().any(|host| is_origin_of(origin, host)));
    if admitted {
        return Ok(());
    }
    let host = clip(hosts.join(", ").as_bytes());
    Err(OriginRefused { origin: clip(origin.as_bytes()), host })
}

/// Whether `origin` is in `cors_origins`.
pub(super) fn is_listed(app: &App, origin: &str) -> bool {
    app.config().cors_origins.iter().any(|listed| listed.as_str() == origin)
}

/// The hosts that a request may be for: that of `Host`, and those that proxies saw, where they are trusted. Nothing but a
/// browser is bound by the answer, and no web page can set these headers, so any of them will do.
fn hosts(headers: &HeaderMap, through_proxy: bool) -> Vec<&str> {
    let values = |name| headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    let mut hosts: Vec<&str> = values(HOST).collect();
    if through_proxy {
        hosts.extend(values(FORWARDED_HOST).flat_map(|line| line.split(',')).map(str::trim));
        let elements = values(FORWARDED).flat_map(|line| line.split([',', ';']));
        hosts.extend(elements.filter_map(|element| {
            let (name, value) = element.split_once('=')?;
            name.trim().eq_ignore_ascii_case("host").then(|| value.trim().trim_matches('"'))
        }));
    }
    hosts
}

/// Whether pages of `origin` are those of `host`. A proxy may have ended TLS, so only the origin tells the scheme, and
/// with it the port that stands for none.
fn is_origin_of(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return false,
    };
    let place = |text: &str| {
        let authority: Authority = text.parse().ok()?;
        Some((authority.host().to_ascii_lowercase(), authority.port_u16().unwrap_or(default_port)))
    };
    place(authority).is_some_and(|of_page| place(host).is_some_and(|of_host| of_page == of_host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_ports_equal_absent_ones() {
        for (origin, host, same) in [
            ("https://chat.example", "chat.example", true),
            ("https://chat.example", "Chat.Example:443", true),
            ("http://chat.example", "chat.example:80", true),
            ("http://chat.example:8080", "chat.example:8080", true),
            ("http://[::1]:8080", "[::1]:8080", true),
            ("https://chat.example", "chat.example:80", false),
            ("http://chat.example:8080", "chat.example", false),
            ("http://chat.example", "evil.example", false),
            ("http://chat.example.evil.example", "chat.example", false),
            ("http://chat.example@evil.example", "chat.example", false),
            ("null", "null", false),
            ("http://", "", false),
        ] {
            assert_eq!(is_origin_of(origin, host), same, "{origin} {host}");
        }
    }

    #[test]
    fn forwarded_hosts_count_behind_a_trusted_proxy() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (HOST, "127.0.0.1:8080"),
            (FORWARDED_HOST, "chat.example, inner.example"),
            (FORWARDED, "for=192.0.2.1;Host=\"other.example:8443\";proto=https, for=10.0.0.1"),
        ] {
            headers.append(name, value.parse().unwrap());
        }
        assert_eq!(hosts(&headers, false), ["127.0.0.1:8080"]);
        let all = ["127.0.0.1:8080", "chat.example", "inner.example", "other.example:8443"];
        assert_eq!(hosts(&headers, true), all);
    }
}
