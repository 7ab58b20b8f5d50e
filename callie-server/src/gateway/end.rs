//! How a connection ends.

use callie_core::server::CloseReason;

use crate::base::telemetry::{CloseLabel, Discarded};

/// RFC 6455: a normal closure.
const NORMAL_CLOSE: u16 = 1000;

/// How a connection ended.
pub(super) enum End {
    /// By the server.
    Close(CloseReason),
    /// By the client, or because the connection was lost.
    Gone(CloseLabel),
    /// The client half-closed the connection and has received all answers.
    HalfClosed,
    /// By the client, with close code 1000.
    Left,
    /// The connection was away for too long.
    Expired,
    /// The connection has moved to another node.
    Moved,
}

impl End {
    /// The client sent a close frame with this code. After 1000 the connection cannot be resumed.
    pub(super) fn closed_by_client(code: Option<u16>) -> Self {
        if code == Some(NORMAL_CLOSE) { Self::Left } else { Self::Gone(CloseLabel::Client) }
    }

    /// Returns why queued payloads are discarded, or `None` if they are still written.
    pub(super) fn discards(&self) -> Option<Discarded> {
        match self {
            Self::Close(reason) if reason.writes_queued() => None,
            Self::Close(reason) if reason.sys_code().is_some() => Some(Discarded::SlowConsumer),
            // The client violated the WebSocket protocol, or the connection is lost.
            Self::Close(_) | Self::Gone(_) | Self::HalfClosed | Self::Left | Self::Expired | Self::Moved => {
                Some(Discarded::LinkLost)
            }
        }
    }
}
