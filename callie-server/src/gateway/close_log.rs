//! What the operator is told of connections that the server closes: one line each, within a limit.

use std::net::IpAddr;

use callie_core::server::CloseReason;
use callie_core::{SysCode, Username};

use super::shared::Gateway;
use crate::base::telemetry::{CloseLabel, Line};

/// A connection that is being closed.
pub(super) struct Closed<'a> {
    /// Its user; before authentication, the name it claimed, if it is one.
    pub(super) user: Option<&'a Username>,
    /// Where it comes from.
    pub(super) address: IpAddr,
    /// What the log adds to the code: no text of a client.
    pub(super) reason: Option<&'a str>,
}

/// How the operator takes a close.
enum Level {
    /// It is part of every day.
    Ordinary,
    /// Something is wrong with the client, or a limit is reached.
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
    let Closed { user, address, reason } = closed;
    let (close, code) = (why.code(), code.map(SysCode::as_str));
    let user = user.map(Username::as_str);
    match level {
        Level::Ordinary => tracing::info!(close, code, user, %address, reason, "closed a connection"),
        Level::Remarkable => tracing::warn!(close, code, user, %address, reason, "closed a connection"),
    }
}

/// Which lines a close counts among, and how it is told; none for what the operator did.
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
