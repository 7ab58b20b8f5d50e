//! The rates of users, and servers that name fewer dropped payloads than this one.

use std::time::Duration;

use callie_core::times::RATE_REPORT;
use callie_core::{EnvelopeIds, Limits, Notice, PayloadId, PayloadRef, SysCode};

/// The rates of each user, and how drops are reported.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    pub(crate) limits: Limits,
    /// The burst and the rate for `ACK`, PONG and PING to SERVER, if they are lower than the protocol's.
    pub(crate) upkeep: Option<(u32, u32)>,
    /// The most dropped payloads that are named; `None` for a server that names only the first.
    pub(crate) names: Option<usize>,
}

impl Rates {
    pub(crate) fn narrow() -> Self {
        Self::of(
            Limits::default()
                .with_burst(3)
                .with_messages_per_second(2)
                .with_broadcast_burst(2)
                .with_broadcasts_per_minute(30),
        )
    }

    pub(crate) fn modest() -> Self {
        Self::of(
            Limits::default()
                .with_burst(12)
                .with_messages_per_second(8)
                .with_broadcast_burst(5)
                .with_broadcasts_per_minute(180),
        )
    }

    /// A limit that no simulated user reaches.
    pub(super) fn unlimited() -> Self {
        let most = u32::MAX;
        Self::of(
            Limits::default()
                .with_burst(most)
                .with_messages_per_second(most)
                .with_broadcast_burst(most)
                .with_broadcasts_per_minute(most),
        )
    }

    fn of(limits: Limits) -> Self {
        Self { limits, upkeep: None, names: Some(callie_core::MAX_DROPPED_NAMES) }
    }
}

/// Rewrites the reports of one connection like a server that names fewer payloads.
#[derive(Default)]
pub(super) struct Reports(Option<Duration>);

impl Reports {
    /// Returns the text that replaces `text`, if any is written.
    pub(super) fn rewrite(&mut self, now: Duration, names: Option<usize>, text: String) -> Option<String> {
        let frame = PayloadRef::from_server(&text).unwrap();
        let Some(notice) = Notice::read(&frame).filter(|notice| notice.code() == SysCode::RateLimited) else {
            return Some(text);
        };
        let metadata = notice.metadata();
        let dropped = metadata.dropped.clone().unwrap();
        let first = dropped[0].clone();
        let mut rewritten =
            Notice::builder(SysCode::RateLimited).retry_after_ms(metadata.retry_after_ms.unwrap());
        match names {
            Some(most) if dropped.len() > most => {
                rewritten = rewritten
                    .dropped_count(dropped.len() as u64)
                    .dropped(dropped.into_iter().take(most).collect());
            }
            Some(_) => return Some(text),
            // A server without names sends no second report within a second.
            None if self.0.is_some_and(|at| now.saturating_sub(at) < RATE_REPORT) => return None,
            None => self.0 = Some(now),
        }
        let ids = EnvelopeIds {
            payload_id: PayloadId::parse(frame.payload_id()).unwrap(),
            timestamp: frame.timestamp(),
        };
        Some(rewritten.in_reply_to(first).to_payload(frame.recipient().try_into().unwrap(), ids).encode())
    }
}
