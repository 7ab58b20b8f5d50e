//! The labels of metrics. Each has a fixed set of values.

use std::fmt;

use callie_core::CloseCode;
use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};

/// Defines an enum whose values are the values of a label.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// All values.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns the value of the label.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
                EncodeLabelValue::encode(&self.as_str(), encoder)
            }
        }
    };
}

label!(
    /// The outcome of a received payload.
    PayloadOutcome {
        /// It was handled or delivered.
        Taken = "taken",
        /// It was answered with a code that counts as invalid, see `SysCode::counts_as_invalid`.
        Invalid = "invalid",
        /// It is valid and was refused.
        Refused = "refused",
        /// The server could not handle it, and answered with `INTERNAL_ERROR`.
        Failed = "failed",
        /// Its recipient is not connected.
        Offline = "offline",
        /// It is a duplicate.
        Duplicate = "duplicate",
        /// Its sender exceeded the rate.
        RateLimited = "rate_limited",
    }
);

label!(
    /// Why a payload was discarded.
    Discarded {
        /// The outbox of a connection was full.
        SlowConsumer = "slow_consumer",
        /// Its sender exceeded the rate.
        RateLimited = "rate_limited",
        /// The connection broke with payloads in its outbox.
        LinkLost = "link_lost",
    }
);

label!(
    /// What happened to a message that is kept for a user who is offline.
    KeptChange {
        /// It was stored.
        Stored = "stored",
        /// It was confirmed, or written to a client that does not confirm it.
        Delivered = "delivered",
        /// Its recipient does not take it any more.
        Dropped = "dropped",
        /// It was too old.
        Expired = "expired",
    }
);

label!(
    /// How a login ended.
    LoginOutcome {
        /// It succeeded.
        Succeeded = "succeeded",
        /// Unknown user or wrong password.
        Failed = "failed",
        /// The password was right, and the user is banned.
        Banned = "banned",
        /// Too many attempts.
        RateLimited = "rate_limited",
        /// The database did not answer or could not be written.
        Unavailable = "unavailable",
    }
);

label!(
    /// The result of a client's request to resume a connection.
    Resumption {
        /// The connection was resumed.
        Resumed = "resumed",
        /// The connection could not be resumed, and a new one was opened.
        Refused = "refused",
    }
);

label!(
    /// Why a connection was refused before its user was authenticated.
    Refusal {
        /// The handshake is invalid.
        Handshake = "handshake",
        /// The origin of the web page is not allowed.
        Origin = "origin",
        /// `max_connections` is reached.
        Total = "max_connections",
        /// `max_connections_per_address` is reached.
        Address = "max_connections_per_address",
        /// `max_unauthenticated` is reached.
        Unauthenticated = "max_unauthenticated",
        /// `max_connections_per_user` is reached.
        User = "max_connections_per_user",
        /// The database did not answer.
        Unavailable = "unavailable",
        /// The server is stopping.
        Stopping = "stopping",
        /// The TLS handshake failed.
        Tls = "tls",
        /// It was dropped when it was accepted: the limit on connections that are not WebSockets yet, in all or of one
        /// address, is reached.
        Dropped = "dropped",
    }
);

label!(
    /// How a WebSocket connection ended: the close code that the server sent, or the client.
    CloseLabel {
        /// The client closed it.
        Client = "client",
        /// 1000: the client half-closed the connection and has received all answers.
        HalfClosed = "1000",
        /// 1001.
        ShuttingDown = "1001",
        /// 1002: a violation of the WebSocket protocol.
        ProtocolError = "1002",
        /// 1003.
        UnsupportedFrame = "1003",
        /// 1006: the connection was lost without a close frame.
        Lost = "1006",
        /// 1007: a text message that is not UTF-8.
        NotUtf8 = "1007",
        /// 1009.
        PayloadTooLarge = "1009",
        /// 1013.
        Overloaded = "1013",
        /// 4408.
        HeartbeatMissed = "4408",
        /// 4429.
        Flooding = "4429",
        /// 4431.
        SlowConsumer = "4431",
        /// 4500.
        TooManyInvalid = "4500",
        /// 4501.
        Authentication = "4501",
        /// 4503.
        Removed = "4503",
        /// Any other code.
        Other = "other",
    }
);

impl CloseLabel {
    /// Returns the label of a close code that the server sends.
    #[must_use]
    pub fn of(code: u16) -> Self {
        match code {
            1000 => Self::HalfClosed,
            1002 => Self::ProtocolError,
            1007 => Self::NotUtf8,
            _ => match CloseCode::ALL.into_iter().find(|known| known.as_u16() == code) {
                Some(CloseCode::ShuttingDown) => Self::ShuttingDown,
                Some(CloseCode::UnsupportedFrame) => Self::UnsupportedFrame,
                Some(CloseCode::PayloadTooLarge) => Self::PayloadTooLarge,
                Some(CloseCode::Overloaded) => Self::Overloaded,
                Some(CloseCode::HeartbeatMissed) => Self::HeartbeatMissed,
                Some(CloseCode::Flooding) => Self::Flooding,
                Some(CloseCode::SlowConsumer) => Self::SlowConsumer,
                Some(CloseCode::TooManyInvalid) => Self::TooManyInvalid,
                Some(CloseCode::Authentication) => Self::Authentication,
                Some(CloseCode::Removed) => Self::Removed,
                _ => Self::Other,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_close_code_of_the_protocol_has_a_label() {
        for code in CloseCode::ALL {
            assert_ne!(CloseLabel::of(code.as_u16()), CloseLabel::Other, "{code:?}");
        }
        assert_eq!(CloseLabel::of(4999), CloseLabel::Other);
    }
}
