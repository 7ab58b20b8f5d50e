//! How the server closes a connection: the SYS and the close code, and whether queued payloads are written before.

use callie_core::command::RemovalReason;
use callie_core::{CloseCode, Notice, SysCode};

/// Why the server closes a connection.
#[derive(Debug, Clone)]
pub(crate) struct CloseReason {
    /// The SYS that is sent before the close, if any.
    pub(crate) notice: Option<Box<Notice>>,
    /// The close code.
    pub(crate) close: u16,
    /// Whether queued payloads are written before it.
    pub(crate) drain: bool,
}

/// RFC 6455: a protocol error.
pub(crate) const PROTOCOL_ERROR: u16 = 1002;
/// RFC 6455: a text message that is not UTF-8.
pub(crate) const NOT_UTF8: u16 = 1007;
/// RFC 6455: the normal closure, which also answers a close without a code.
pub(crate) const NORMAL: u16 = 1000;

impl CloseReason {
    /// A close with `notice`, whose code has a close code.
    pub(crate) fn from_notice(notice: Notice) -> Self {
        // Every code that is used here closes the connection; the table of the protocol has its close code.
        let close = notice.code().closes().map_or(NORMAL, CloseCode::as_u16);
        Self { notice: Some(Box::new(notice)), close, drain: true }
    }

    /// A close with the SYS and the close code of `code`.
    pub(crate) fn new(code: SysCode) -> Self {
        Self::from_notice(Notice::new(code))
    }

    /// The close of the connections of a user whom an admin kicks.
    pub(crate) fn kick(reason: Option<RemovalReason>) -> Self {
        let notice = Notice::new(SysCode::Kicked);
        Self::from_notice(match reason {
            Some(reason) => notice.reason(reason),
            None => notice,
        })
    }

    /// The close after a flood of payloads. RATE_LIMITED by itself does not close a connection.
    pub(crate) fn flooding(notice: Notice) -> Self {
        Self { close: CloseCode::Flooding.as_u16(), ..Self::from_notice(notice) }
    }

    /// A close that RFC 6455 requires, without a SYS.
    pub(crate) fn bare(close: u16) -> Self {
        Self { notice: None, close, drain: false }
    }

    /// The close of a connection that does not read. Queued payloads are dropped.
    pub(crate) fn slow_consumer() -> Self {
        Self { drain: false, ..Self::new(SysCode::SlowConsumer) }
    }
}
