//! The requests of the protocol.

use callie_core::Username;

use crate::hostile::Kind;

/// A request of a test. `main.rs` documents each.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Server,
    Strict,
    Direct,
    Cut,
    Refuse,
    Accept,
    Hold,
    Release,
    Kill,
    Start,
    Revoke(Username),
    Tls,
    Hostile(Kind),
    Origin(String),
    Nobody,
    Vectors,
}

/// Why a line is not a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadRequest {
    #[error("unknown request, or wrong arguments: {0:?}")]
    Unknown(String),
    #[error("the username must be {0}")]
    Username(callie_core::NameError),
    #[error("the kind of a hostile server must be one of {}", Kind::NAMES.map(|(name, _)| name).join(", "))]
    Kind,
}

impl Request {
    pub(crate) fn parse(line: &str) -> Result<Self, BadRequest> {
        let words: Vec<&str> = line.split_whitespace().collect();
        Ok(match words[..] {
            ["server"] => Self::Server,
            ["strict"] => Self::Strict,
            ["direct"] => Self::Direct,
            ["cut"] => Self::Cut,
            ["refuse"] => Self::Refuse,
            ["accept"] => Self::Accept,
            ["hold"] => Self::Hold,
            ["release"] => Self::Release,
            ["kill"] => Self::Kill,
            ["start"] => Self::Start,
            ["revoke", name] => Self::Revoke(Username::parse(name).map_err(BadRequest::Username)?),
            ["tls"] => Self::Tls,
            ["hostile", kind] => Self::Hostile(Kind::parse(kind).ok_or(BadRequest::Kind)?),
            ["origin", origin] => Self::Origin(origin.to_owned()),
            ["nobody"] => Self::Nobody,
            ["vectors"] => Self::Vectors,
            _ => return Err(BadRequest::Unknown(line.to_owned())),
        })
    }
}
