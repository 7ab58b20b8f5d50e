//! The WebSocket close codes of the protocol, and after which of them a client reconnects.

use crate::convert::NameError;

/// A WebSocket close code of the protocol (protocol, "Transport").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
#[non_exhaustive]
pub enum CloseCode {
    /// 1001: the server is shutting down.
    ShuttingDown = 1001,
    /// 1003: a binary message.
    UnsupportedFrame = 1003,
    /// 1009: a message exceeds the size limit.
    PayloadTooLarge = 1009,
    /// 1013: the server is overloaded.
    Overloaded = 1013,
    /// 4408: the client was silent for too long.
    HeartbeatMissed = 4408,
    /// 4429: a flood of payloads.
    Flooding = 4429,
    /// 4431: the connection reads too slowly.
    SlowConsumer = 4431,
    /// 4500: too many invalid payloads.
    TooManyInvalid = 4500,
    /// 4501: authentication failed or timed out, or the session ended.
    Authentication = 4501,
    /// 4503: kicked or banned.
    Removed = 4503,
}

/// 1006, which is never sent: the connection was lost without a close frame.
pub const LINK_LOST: u16 = 1006;

impl CloseCode {
    /// All codes, in ascending order.
    pub const ALL: [Self; 10] = [
        Self::ShuttingDown,
        Self::UnsupportedFrame,
        Self::PayloadTooLarge,
        Self::Overloaded,
        Self::HeartbeatMissed,
        Self::Flooding,
        Self::SlowConsumer,
        Self::TooManyInvalid,
        Self::Authentication,
        Self::Removed,
    ];

    /// Returns the number in the close frame.
    #[must_use]
    pub const fn as_u16(self) -> u16 {
        self as u16
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.as_u16()
    }
}

impl TryFrom<u16> for CloseCode {
    type Error = NameError;

    /// # Errors
    /// [`NameError`] for a number that the protocol does not use.
    fn try_from(number: u16) -> Result<Self, NameError> {
        let known = Self::ALL.into_iter().find(|code| code.as_u16() == number);
        known.ok_or(NameError { expected: "a close code of the protocol" })
    }
}

impl std::fmt::Display for CloseCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_u16().fmt(f)
    }
}

/// Returns `true` if a client reconnects after a close with this code, after a backoff. Otherwise it ends.
///
/// A client does not reconnect after codes that report an error of the client: 1002, 1003, 1007 to 1010, and 4500 to
/// 4999. Every other code, including 1000 and unassigned ones, means that a proxy, a server or the network has closed
/// the connection.
///
/// ```
/// use callie_core::{CloseCode, LINK_LOST, should_reconnect};
///
/// assert!(should_reconnect(LINK_LOST) && should_reconnect(1012) && should_reconnect(CloseCode::HeartbeatMissed.as_u16()));
/// assert!(!should_reconnect(CloseCode::Authentication.as_u16()));
/// ```
#[must_use]
pub const fn should_reconnect(code: u16) -> bool {
    !matches!(code, 1002 | 1003 | 1007..=1010 | 4500..=4999)
}

/// Returns `true` if a connection that the server closes with this code can be resumed.
pub(crate) const fn is_resumable(code: u16) -> bool {
    !(code == CloseCode::Flooding as u16
        || code == CloseCode::SlowConsumer as u16
        || matches!(code, 4500..=4999))
}
