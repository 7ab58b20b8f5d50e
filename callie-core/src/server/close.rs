//! The end of a connection: the SYS before the close, the close code, and whether queued payloads are still written.

use std::time::Duration;

use crate::close::{CloseCode, is_resumable};
use crate::code::SysCode;
use crate::command::RemovalReason;
use crate::notice::Notice;
use crate::party::Recipient;
use crate::payload::EnvelopeIds;
use crate::timestamp::Timestamp;

/// RFC 6455: a normal closure.
const NORMAL: u16 = 1000;
/// RFC 6455: a protocol error.
const PROTOCOL_ERROR: u16 = 1002;
/// RFC 6455: a text message that is not UTF-8.
const NOT_UTF8: u16 = 1007;

/// Why a server closes a connection.
///
/// ```
/// use callie_core::SysCode;
/// use callie_core::server::CloseReason;
///
/// let reason = CloseReason::slow_consumer();
/// assert_eq!((reason.sys_code(), reason.code()), (Some(SysCode::SlowConsumer), 4431));
/// assert!(!reason.writes_queued());
/// ```
#[derive(Debug, Clone)]
pub struct CloseReason {
    notice: Option<Box<Notice>>,
    code: u16,
    writes_queued: bool,
    detail: Option<&'static str>,
}

/// What must be written to end a connection, in the order of the fields.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closing {
    /// Pending payloads of the connection itself, such as the report of payloads that were dropped because of the rate.
    pub first: Vec<String>,
    /// Whether the payloads that the server has queued for the connection are written next. Otherwise they are
    /// discarded.
    pub write_queued: bool,
    /// The SYS before the close frame, if there is one.
    pub last: Option<String>,
    /// The code of the close frame.
    pub code: u16,
}

impl Closing {
    /// Returns the text messages, for a server without queued payloads.
    pub fn into_texts(self) -> impl Iterator<Item = String> {
        self.first.into_iter().chain(self.last)
    }
}

impl CloseReason {
    /// The first payload did not arrive in time.
    #[must_use]
    pub fn auth_timeout() -> Self {
        Self::from_code(SysCode::AuthTimeout)
    }

    /// The session of the connection has expired.
    #[must_use]
    pub fn session_expired() -> Self {
        Self::from_code(SysCode::SessionExpired)
    }

    /// The session of the connection was revoked.
    #[must_use]
    pub fn session_revoked() -> Self {
        Self::from_code(SysCode::SessionRevoked)
    }

    /// A server admin closed the user's connections.
    #[must_use]
    pub fn kicked(reason: Option<RemovalReason>) -> Self {
        let notice = Notice::builder(SysCode::Kicked);
        let notice = match reason {
            Some(reason) => notice.reason(reason),
            None => notice,
        };
        Self::from_notice(notice.statement())
    }

    /// A server admin banned the user, permanently or until an instant.
    #[must_use]
    pub fn banned(reason: Option<RemovalReason>, until: Option<Timestamp>) -> Self {
        let mut notice = Notice::builder(SysCode::Banned);
        if let Some(reason) = reason {
            notice = notice.reason(reason);
        }
        if let Some(until) = until {
            notice = notice.until(until);
        }
        Self::from_notice(notice.statement())
    }

    /// The server is stopping. The client may reconnect after `retry_after`, which should differ between clients.
    #[must_use]
    pub fn shutting_down(retry_after: Duration) -> Self {
        Self::from_notice(
            Notice::builder(SysCode::ServerShutdown).retry_after_ms(millis(retry_after)).statement(),
        )
    }

    /// The server has reached a limit, or cannot look up the session. The client may reconnect after `retry_after`,
    /// which should differ between clients.
    #[must_use]
    pub fn overloaded(retry_after: Duration) -> Self {
        Self::from_notice(
            Notice::builder(SysCode::Overloaded).retry_after_ms(millis(retry_after)).statement(),
        )
    }

    /// The client does not read its connection. Queued payloads are discarded.
    #[must_use]
    pub fn slow_consumer() -> Self {
        Self { writes_queued: false, ..Self::from_code(SysCode::SlowConsumer) }
    }

    /// The client sent a binary message.
    #[must_use]
    pub fn unsupported_frame() -> Self {
        Self::from_code(SysCode::UnsupportedFrame)
    }

    /// The client sent a message over the size limit.
    #[must_use]
    pub fn payload_too_large() -> Self {
        Self::from_code(SysCode::PayloadTooLarge)
    }

    /// The client sent a text message that is not UTF-8. RFC 6455 requires an immediate close, so queued payloads are
    /// discarded.
    #[must_use]
    pub fn not_utf8() -> Self {
        Self::bare(NOT_UTF8)
    }

    /// The client violated RFC 6455, which requires an immediate close, so queued payloads are discarded.
    #[must_use]
    pub fn protocol_error() -> Self {
        Self::bare(PROTOCOL_ERROR)
    }

    /// The client has half-closed the connection and received all answers.
    #[must_use]
    pub fn normal() -> Self {
        Self::bare(NORMAL)
    }

    /// The first payload did not authenticate the connection.
    pub(super) fn auth_failed(notice: Notice, detail: &'static str) -> Self {
        Self { detail: Some(detail), ..Self::from_notice(notice) }
    }

    /// The client was silent for too long.
    #[must_use]
    pub fn heartbeat_missed() -> Self {
        Self::from_code(SysCode::HeartbeatMissed)
    }

    /// The client sent too many invalid payloads.
    pub(super) fn too_many_invalid() -> Self {
        Self::from_code(SysCode::TooManyInvalid)
    }

    /// The client exceeded the rate for too long. `RATE_LIMITED` alone does not close a connection.
    pub(super) fn flooding(rate_limited: Notice) -> Self {
        Self { code: CloseCode::Flooding.as_u16(), ..Self::from_notice(rate_limited) }
    }

    fn from_code(code: SysCode) -> Self {
        Self::from_notice(Notice::builder(code).statement())
    }

    fn from_notice(notice: Notice) -> Self {
        // Every code used here closes the connection, so the table of codes has its close code.
        let code = notice.code().closes().map_or(NORMAL, CloseCode::as_u16);
        Self { notice: Some(Box::new(notice)), code, writes_queued: true, detail: None }
    }

    fn bare(code: u16) -> Self {
        Self { notice: None, code, writes_queued: false, detail: None }
    }

    /// Replaces the description, for people.
    #[must_use]
    pub fn describe(mut self, description: &'static str) -> Self {
        self.notice = self.notice.map(|notice| Box::new(notice.describe(description)));
        self
    }

    /// Returns the code of the SYS before the close, if there is one.
    #[must_use]
    pub fn sys_code(&self) -> Option<SysCode> {
        self.notice.as_ref().map(|notice| notice.code())
    }

    /// Returns the close code.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.code
    }

    /// Returns `true` if a connection on which `resume` is in force can be resumed after a close for this reason.
    #[must_use]
    pub fn is_resumable(&self) -> bool {
        is_resumable(self.code)
    }

    /// Returns `true` if queued payloads are still written.
    #[must_use]
    pub fn writes_queued(&self) -> bool {
        self.writes_queued
    }

    /// Returns a detail for the server's log, if more than the code is known. It never contains a client's text.
    #[must_use]
    pub fn detail(&self) -> Option<&'static str> {
        self.detail
    }

    /// Returns what must be written to a connection that has not authenticated.
    #[must_use]
    pub fn unauthenticated(self, ids: EnvelopeIds) -> Closing {
        let last = self.encode(Recipient::Unauthenticated, ids);
        Closing { first: Vec::new(), write_queued: self.writes_queued, last, code: self.code }
    }

    /// Returns the SYS before the close.
    pub(super) fn encode(&self, recipient: Recipient, ids: EnvelopeIds) -> Option<String> {
        Some(self.notice.as_ref()?.to_payload(recipient, ids).encode())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_the_close_code_of_the_protocol() {
        let later = Duration::from_secs(1);
        for (reason, sys_code, code, writes_queued) in [
            (CloseReason::auth_timeout(), Some(SysCode::AuthTimeout), 4501, true),
            (CloseReason::session_expired(), Some(SysCode::SessionExpired), 4501, true),
            (CloseReason::session_revoked(), Some(SysCode::SessionRevoked), 4501, true),
            (CloseReason::kicked(None), Some(SysCode::Kicked), 4503, true),
            (CloseReason::banned(None, None), Some(SysCode::Banned), 4503, true),
            (CloseReason::shutting_down(later), Some(SysCode::ServerShutdown), 1001, true),
            (CloseReason::overloaded(later), Some(SysCode::Overloaded), 1013, true),
            (CloseReason::heartbeat_missed(), Some(SysCode::HeartbeatMissed), 4408, true),
            (CloseReason::too_many_invalid(), Some(SysCode::TooManyInvalid), 4500, true),
            (CloseReason::unsupported_frame(), Some(SysCode::UnsupportedFrame), 1003, true),
            (CloseReason::payload_too_large(), Some(SysCode::PayloadTooLarge), 1009, true),
            (CloseReason::slow_consumer(), Some(SysCode::SlowConsumer), 4431, false),
            (
                CloseReason::flooding(Notice::builder(SysCode::RateLimited).statement()),
                Some(SysCode::RateLimited),
                4429,
                true,
            ),
            (CloseReason::not_utf8(), None, 1007, false),
            (CloseReason::protocol_error(), None, 1002, false),
            (CloseReason::normal(), None, 1000, false),
        ] {
            assert_eq!(reason.is_resumable(), !matches!(code, 4429 | 4431 | 4500..), "{code}");
            assert_eq!(
                (reason.sys_code(), reason.code(), reason.writes_queued()),
                (sys_code, code, writes_queued)
            );
        }
    }
}
