//! How a connection ends: the SYS before the close, and how much is still written before it.

use callie_core::command::RemovalReason;
use callie_core::{CloseCode, Notice, SysCode};

/// What a connection is told when the server ends it.
#[derive(Debug, Clone)]
pub(crate) struct Farewell {
    /// The SYS, where one precedes the close.
    pub(crate) notice: Option<Box<Notice>>,
    /// The close code.
    pub(crate) close: u16,
    /// Whether what is queued is written first.
    pub(crate) drain: bool,
}

/// RFC 6455: a protocol error.
pub(crate) const PROTOCOL_ERROR: u16 = 1002;
/// RFC 6455: a text message that is not UTF-8.
pub(crate) const NOT_UTF8: u16 = 1007;
/// RFC 6455: the ordinary end, which answers a close without a code.
pub(crate) const NORMAL: u16 = 1000;

impl Farewell {
    /// A farewell with a SYS whose code has a close code of its own.
    pub(crate) fn from_notice(notice: Notice) -> Self {
        // Every code that is used here closes; the table of the protocol has the number.
        let close = notice.code().closes().map_or(NORMAL, CloseCode::as_u16);
        Self { notice: Some(Box::new(notice)), close, drain: true }
    }

    /// A farewell with this code's SYS and close code.
    pub(crate) fn new(code: SysCode) -> Self {
        Self::from_notice(Notice::new(code))
    }

    /// For a user whom an admin ends the connections of.
    pub(crate) fn kick(reason: Option<RemovalReason>) -> Self {
        let notice = Notice::new(SysCode::Kicked);
        Self::from_notice(match reason {
            Some(reason) => notice.reason(reason),
            None => notice,
        })
    }

    /// The last answer to a flood of payloads: RATE_LIMITED does not close by itself.
    pub(crate) fn flooding(notice: Notice) -> Self {
        Self { close: CloseCode::Flooding.as_u16(), ..Self::from_notice(notice) }
    }

    /// A farewell that RFC 6455 demands, without a payload.
    pub(crate) fn bare(close: u16) -> Self {
        Self { notice: None, close, drain: false }
    }

    /// For a connection that does not read: what is queued is dropped.
    pub(crate) fn slow_consumer() -> Self {
        Self { drain: false, ..Self::new(SysCode::SlowConsumer) }
    }
}
