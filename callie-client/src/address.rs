//! The address of a server.

use std::fmt;

use callie_core::account::path;
use hyper::Uri;
use rustls::pki_types::ServerName;

use crate::error::{Error, code};

/// The form of a server's address, as a phrase that follows "must be".
const EXPECTED: &str =
    "a URL such as https://chat.example.org or http://127.0.0.1:8080, without user info, query or fragment";

/// The address of a server, read from a URL: `https` (or `wss`) for TLS, `http` (or `ws`) without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    /// The name that the server's certificate must have, with TLS.
    tls_name: Option<ServerName<'static>>,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
    /// Host and port in the form of the `Host` header.
    authority: String,
    /// The prefix of the protocol's paths: empty, or starts with `/` and does not end with one.
    prefix: String,
}

impl ServerAddress {
    /// Parses `url`.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when `url` is not the URL of a server.
    pub fn parse(url: &str) -> Result<Self, Error> {
        read(url).ok_or_else(|| {
            // Probably a host, or a host and a port.
            let bare = !url.contains("://")
                && ["http", "https"].iter().any(|s| read(&format!("{s}://{url}")).is_some());
            if bare {
                let reason = format_args!(
                    "the server's address has no scheme: write https://{url}, or http://{url} without TLS"
                );
                Error::invalid(code::INVALID_ARGUMENT, reason)
            } else {
                Error::argument("the server's address", EXPECTED)
            }
        })
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.tls_name.is_some()
    }

    /// The name that the server's certificate must have; none without TLS.
    pub(crate) fn tls_name(&self) -> Option<&ServerName<'static>> {
        self.tls_name.as_ref()
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The host in the form that precedes a port: an IPv6 address has brackets.
    pub(crate) fn bracketed_host(&self) -> &str {
        // The address has no user info, so the authority contains no `@`.
        self.authority
            .rsplit_once(':')
            .filter(|(_, port)| !port.contains(']'))
            .map_or(&self.authority, |(host, _)| host)
    }

    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// The path of an HTTP call on this server.
    pub(crate) fn call(&self, call: &str) -> String {
        format!("{}{call}", self.prefix)
    }

    /// The URL of the WebSocket.
    pub(crate) fn socket(&self) -> String {
        let scheme = if self.is_secure() { "wss" } else { "ws" };
        format!("{scheme}://{}{}{}", self.authority, self.prefix, path::SOCKET)
    }
}

fn read(url: &str) -> Option<ServerAddress> {
    // The HTTP library would drop a fragment silently.
    if url.contains('#') {
        return None;
    }
    let uri: Uri = url.parse().ok()?;
    let secure = match uri.scheme_str()? {
        "https" | "wss" => true,
        "http" | "ws" => false,
        _ => return None,
    };
    let authority = uri.authority()?;
    if authority.as_str().contains('@') || uri.query().is_some() {
        return None;
    }
    let host = authority.host();
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    // The HTTP library parses an invalid port as no port.
    let port = match authority.as_str().strip_prefix(host)?.strip_prefix(':') {
        Some(digits) => digits.parse().ok().filter(|&port| port != 0)?,
        None if secure => 443,
        None => 80,
    };
    let tls_name = if secure { Some(ServerName::try_from(bare.to_owned()).ok()?) } else { None };
    (!bare.is_empty()).then(|| ServerAddress {
        tls_name,
        host: bare.to_owned(),
        port,
        authority: authority.as_str().to_owned(),
        prefix: uri.path().trim_end_matches('/').to_owned(),
    })
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure() { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_built_from_the_address() {
        for (url, socket, call, host, port) in [
            ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/ws", "/x", "127.0.0.1", 8080),
            ("https://chat.example.org/", "wss://chat.example.org/ws", "/x", "chat.example.org", 443),
            ("ws://[::1]:81/chat/", "ws://[::1]:81/chat/ws", "/chat/x", "::1", 81),
            ("wss://h/a/b", "wss://h/a/b/ws", "/a/b/x", "h", 443),
        ] {
            let address = ServerAddress::parse(url).unwrap();
            assert_eq!(address.socket(), socket);
            assert_eq!(address.call("/x"), call);
            assert_eq!((address.host(), address.port()), (host, port));
        }
    }

    #[test]
    fn missing_scheme_is_named() {
        for bare in ["localhost:8080", "chat.example.org", "127.0.0.1:8080", "[::1]:80", "h/chat"] {
            let fault = ServerAddress::parse(bare).unwrap_err();
            assert!(fault.reason().contains(&format!("write https://{bare}, or")), "{fault}");
        }
        assert!(!ServerAddress::parse("/ws").unwrap_err().reason().contains("scheme"));
    }

    #[test]
    fn invalid_address_is_refused() {
        for bad in [
            "",
            "127.0.0.1:8080",
            "ftp://a",
            "http://",
            "http://u:p@h",
            "http://h?q",
            "http://h#f",
            "http://h:99999",
            "http://h:0",
            "http://h:x",
            "http://:80",
            "http://a b",
            "/ws",
            "\u{0}",
        ] {
            let fault = ServerAddress::parse(bad).expect_err(bad);
            assert_eq!(fault.code(), crate::error::code::INVALID_ARGUMENT);
        }
    }
}
