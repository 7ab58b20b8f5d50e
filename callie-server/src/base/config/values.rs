//! The types of keys that are more than a number or a text. Their values are valid once parsed.
//!
//! No error shows the value that was refused, which may be a secret that was meant for another key.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use axum::http::uri::Authority;
use ipnet::IpNet;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Why a value is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(&'static str);

/// What is logged: a level, or levels of parts of the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogFilter(String);

impl LogFilter {
    /// Returns the filter for `info` and above.
    #[must_use]
    pub fn info() -> Self {
        Self("info".to_owned())
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for LogFilter {
    type Err = ValueError;

    /// Stricter than the filter of `tracing-subscriber`, which takes an unknown word for the name of a part of the
    /// program and then logs nothing else.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
        const WRONG: ValueError = ValueError(
            "a level is error, warn, info, debug, trace or off; a filter is a list such as info,callie_server=debug",
        );
        let is_level = |word: &str| LEVELS.contains(&word);
        let is_target =
            |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-'));
        let text = text.trim().to_ascii_lowercase();
        let mut levels = 0;
        for part in text.split(',') {
            match part.split_once('=') {
                None if is_level(part) => levels += 1,
                Some((target, level)) if !target.is_empty() && is_target(target) && is_level(level) => {}
                _ => return Err(WRONG),
            }
        }
        if levels > 1 {
            return Err(ValueError("a filter has at most one level that is not of a part of the program"));
        }
        Ok(Self(text))
    }
}

/// A web origin, as browsers write it in the `Origin` header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WebOrigin(String);

impl WebOrigin {
    /// Returns the origin as browsers write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WebOrigin {
    type Err = ValueError;

    /// Normalises case and default ports, as browsers do. Origins that no browser sends are refused.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let text = text.trim();
        let Some((scheme, at)) = text.split_once("://") else {
            return Err(ValueError("an origin is a scheme and a host, such as https://chat.example"));
        };
        if at.contains(',') {
            return Err(ValueError("each origin is an entry of its own in the list"));
        }
        if at.contains('*') {
            return Err(ValueError("an origin has no wildcard: list each host"));
        }
        if at.contains(['/', '?', '#']) {
            return Err(ValueError("an origin has no path: it ends after the host or its port"));
        }
        if at.contains('@') {
            return Err(ValueError("an origin has no user and no password"));
        }
        if !at.is_ascii() {
            return Err(ValueError("an origin's host is written as browsers send it, in its xn-- form"));
        }
        let scheme = scheme.to_ascii_lowercase();
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
        let authority = at.to_ascii_lowercase().parse::<Authority>();
        let (true, Ok(authority)) = (is_scheme, authority) else {
            return Err(ValueError("an origin is a scheme and a host, such as https://chat.example"));
        };
        if authority.host().is_empty() {
            return Err(ValueError("an origin has a host, such as https://chat.example"));
        }
        if authority.as_str() != authority.host() && authority.port_u16().is_none() {
            return Err(ValueError("an origin's port is a number to 65535"));
        }
        let own_port = match scheme.as_str() {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        };
        Ok(Self(match authority.port_u16().filter(|port| Some(*port) != own_port) {
            Some(port) => format!("{scheme}://{}:{port}", authority.host()),
            None => format!("{scheme}://{}", authority.host()),
        }))
    }
}

/// A network, or a single address.
struct Network(IpNet);

impl FromStr for Network {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let text = text.trim();
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(Self).map_err(|_| ValueError("a proxy is an address or a network, such as 10.0.0.0/8"))
    }
}

macro_rules! from_text {
    ($type:ty) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Text;

                impl Visitor<'_> for Text {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a text")
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                }

                from.deserialize_str(Text)
            }
        }
    };
}

from_text!(LogFilter);
from_text!(WebOrigin);

/// Reads a list, which is separated by commas in an environment variable.
struct List<T>(std::marker::PhantomData<T>);

impl<'de, T: FromStr<Err = ValueError>> Visitor<'de> for List<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of texts")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<T>, E> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| part.parse().map_err(E::custom)).collect()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut values = Vec::new();
        while let Some(text) = list.next_element::<String>()? {
            values.push(text.parse().map_err(A::Error::custom)?);
        }
        Ok(values)
    }
}

/// Reads a list of origins.
pub(super) fn origins<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<WebOrigin>, D::Error> {
    from.deserialize_any(List(std::marker::PhantomData))
}

/// Reads a list of networks.
pub(super) fn networks<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<IpNet>, D::Error> {
    let networks: Vec<Network> = from.deserialize_any(List(std::marker::PhantomData))?;
    Ok(networks.into_iter().map(|network| network.0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_filter_refuses_unknown_words() {
        for good in ["info", "WARN", "off", "info,callie_server=debug", "callie_server::store=trace,error"] {
            assert!(good.parse::<LogFilter>().is_ok(), "{good}");
        }
        for bad in ["WARNING", "loud", "", "info,loud", "callie=loud", "=info", "info,debug", "a b=info"] {
            assert!(bad.parse::<LogFilter>().is_err(), "{bad}");
        }
    }

    #[test]
    fn origin_is_spelled_as_browsers_spell_it() {
        for (given, spelled) in [
            ("https://Chat.Example", "https://chat.example"),
            ("HTTPS://chat.example:443", "https://chat.example"),
            ("http://chat.example:80", "http://chat.example"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("https://[::1]:8443", "https://[::1]:8443"),
            ("capacitor://localhost", "capacitor://localhost"),
        ] {
            assert_eq!(given.parse::<WebOrigin>().unwrap().as_str(), spelled);
        }
        for bad in [
            "chat.example",
            "null",
            "https://chat.example/",
            "https://chat.example/path",
            "https://*.example",
            "https://a, https://b",
            "https://u:p@chat.example",
            "https://",
            "https://:8080",
            "https://chat.example:99999",
            "https://bücher.example",
            "://chat.example",
        ] {
            assert!(bad.parse::<WebOrigin>().is_err(), "{bad}");
        }
    }

    #[test]
    fn single_address_is_a_network() {
        assert_eq!("10.0.0.1".parse::<Network>().unwrap().0, "10.0.0.1/32".parse().unwrap());
        assert_eq!(" ::1 ".parse::<Network>().unwrap().0, "::1/128".parse().unwrap());
        assert!("10.0.0.0/99".parse::<Network>().is_err());
    }
}
