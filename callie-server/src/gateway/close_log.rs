//! Log lines about connections that the server closes: one each, up to a limit.

use std::net::IpAddr;

use callie_core::command::ClientInfo;
use callie_core::server::CloseReason;
use callie_core::{SysCode, Username};

use super::shared::Gateway;
use crate::base::telemetry::{CloseLabel, Line};

/// A connection that is being closed.
pub(super) struct Closed<'a> {
    /// The user. Before authentication, the name that the client claimed, if it is valid.
    pub(super) user: Option<&'a Username>,
    /// The client's address.
    pub(super) address: IpAddr,
    /// The client program, if it has introduced itself.
    pub(super) client: Option<&'a ClientInfo>,
    /// A detail for the log, which never contains a client's text.
    pub(super) reason: Option<&'a str>,
}

/// The log level of a close.
enum Level {
    /// `info`: it happens in normal operation.
    Ordinary,
    /// `warn`: the client misbehaves, or a limit is reached.
    Remarkable,
}

/// Counts and logs a close.
pub(super) fn closed(gateway: &Gateway, why: &CloseReason, closed: &Closed<'_>) {
    gateway.telemetry.metrics.closed(CloseLabel::of(why.code()));
    let code = why.sys_code();
    let Some((line, level)) = kind(code) else { return };
    if !gateway.telemetry.lines.admit(line) {
        return;
    }
    let Closed { user, address, client, reason } = closed;
    let (client, version) = (client.map(|c| c.name.as_str()), client.map(|c| c.version.as_str()));
    let (close, code) = (why.code(), code.map(SysCode::as_str));
    let user = user.map(Username::as_str);
    match level {
        Level::Ordinary => {
            tracing::info!(close, code, user, %address, client, version, reason, "closed a connection")
        }
        Level::Remarkable => {
            tracing::warn!(close, code, user, %address, client, version, reason, "closed a connection")
        }
    }
}

/// Returns the kind and the level of the line about a close; `None` for a shutdown, which the operator caused.
fn kind(code: Option<SysCode>) -> Option<(Line, Level)> {
    Some(match code {
        Some(SysCode::ServerShutdown) => return None,
        Some(SysCode::AuthFailed | SysCode::AuthTimeout) => (Line::Authentication, Level::Ordinary),
        Some(SysCode::Overloaded) => (Line::Full, Level::Remarkable),
        Some(SysCode::RateLimited | SysCode::SlowConsumer | SysCode::TooManyInvalid) => {
            (Line::Closed, Level::Remarkable)
        }
        Some(SysCode::SessionExpired | SysCode::SessionRevoked | SysCode::Kicked | SysCode::Banned) => {
            (Line::Ended, Level::Ordinary)
        }
        _ => (Line::Closed, Level::Ordinary),
    })
}
