//! The web pages that may open a socket: those of the server's own host, and those of `cors_origins`.

use axum::http::header::{FORWARDED, HOST, HeaderMap, HeaderName, ORIGIN};
use axum::http::request::Parts;
use axum::http::uri::Authority;

use super::address::ThroughProxy;
use crate::base::config::WebOrigin;
use crate::base::telemetry::clip;

/// The header in which proxies pass on the host that the client asked for.
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The origin of a web page is neither the server's own nor listed: the page may not open a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OriginRefused {
    /// The origin of the page.
    pub(crate) origin: String,
    /// The host that the request was for, and the hosts that trusted proxies passed on.
    pub(crate) host: String,
}

/// Checks the origin of a request for a socket, which browsers let every web page open.
///
/// A request without an origin does not come from a browser. It passes, because its sender could send any origin.
///
/// # Errors
/// [`OriginRefused`] when the origin is that of another host and not in `listed`.
pub(crate) fn check_origin(listed: &[WebOrigin], request: &Parts) -> Result<(), OriginRefused> {
    let headers = &request.headers;
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let hosts = hosts(headers, request.extensions.get::<ThroughProxy>().is_some());
    let admitted = origin
        .to_str()
        .is_ok_and(|origin| is_listed(listed, origin) || hosts.iter().any(|host| is_origin_of(origin, host)));
    if admitted {
        return Ok(());
    }
    let host = clip(hosts.join(", ").as_bytes());
    Err(OriginRefused { origin: clip(origin.as_bytes()), host })
}

/// Returns `true` if `origin` is one of `listed`.
pub(crate) fn is_listed(listed: &[WebOrigin], origin: &str) -> bool {
    listed.iter().any(|listed| listed.as_str() == origin)
}

/// Returns the hosts that a request may be for: the one in `Host`, and those that trusted proxies passed on.
///
/// Only browsers act on the result, and web pages cannot set these headers. So any of the hosts is enough.
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

/// Returns `true` if pages of `origin` belong to `host`.
///
/// A proxy may have terminated TLS. So the scheme, and with it the default port, is taken from the origin.
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
