//! The model server's rates: what it drops, and when it tells of it.

use std::collections::HashMap;
use std::time::Duration;

use callie_core::{Notice, PayloadId, SysCode, Username};

/// A drop is told at once, and then once in this time.
const PAUSE: Duration = Duration::from_secs(1);
/// After so long without a pause a connection is closed.
const FLOOD: Duration = Duration::from_secs(10);

/// What each user may send: at once, and in a second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    pub(crate) payloads: (f64, f64),
    pub(crate) broadcasts: (f64, f64),
    /// `ACK`, PONG and PING to SERVER.
    pub(crate) upkeep: (f64, f64),
    /// How many dropped payloads are named at most; none for a server that names the first alone.
    pub(crate) names: Option<usize>,
}

impl Rates {
    pub(crate) fn narrow() -> Self {
        Self { payloads: (3.0, 2.0), broadcasts: (2.0, 0.5), upkeep: (30.0, 20.0), names: None }
    }

    pub(crate) fn modest() -> Self {
        Self { payloads: (12.0, 8.0), broadcasts: (5.0, 3.0), upkeep: (120.0, 80.0), names: None }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Payload,
    Broadcast,
    Upkeep,
}

#[derive(Default)]
pub(super) struct Buckets(HashMap<(Username, Kind), (f64, Duration)>);

impl Buckets {
    pub(super) fn take(&mut self, now: Duration, rates: &Rates, user: &Username, kind: Kind) -> bool {
        let (burst, per_second) = match kind {
            Kind::Payload => rates.payloads,
            Kind::Broadcast => rates.broadcasts,
            Kind::Upkeep => rates.upkeep,
        };
        let (tokens, filled_at) = self.0.entry((user.clone(), kind)).or_insert((burst, now));
        *tokens = (*tokens + now.saturating_sub(*filled_at).as_secs_f64() * per_second).min(burst);
        *filled_at = now;
        let passes = *tokens >= 1.0;
        *tokens -= f64::from(u8::from(passes));
        passes
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// What was dropped on one connection.
#[derive(Default)]
pub(super) struct Drops {
    untold: Vec<PayloadId>,
    told_at: Option<Duration>,
    since: Duration,
    last: Option<Duration>,
}

impl Drops {
    /// Notes a dropped payload. Returns whether the connection is to be closed.
    pub(super) fn add(&mut self, now: Duration, payload_id: PayloadId) -> bool {
        if self.last.is_none_or(|last| now.saturating_sub(last) >= PAUSE) {
            self.since = now;
        }
        self.last = Some(now);
        self.untold.push(payload_id);
        now.saturating_sub(self.since) >= FLOOD
    }

    /// What is to be told now; `at_once` before an answer to a later payload.
    pub(super) fn tell(&mut self, now: Duration, names: Option<usize>, at_once: bool) -> Option<Notice> {
        let due = self.told_at.is_none_or(|at| now.saturating_sub(at) >= PAUSE);
        // A server that names nothing is silent within the second, whatever it drops.
        if self.untold.is_empty() || !(due || at_once && names.is_some()) {
            if names.is_none() {
                self.untold.clear();
            }
            return None;
        }
        self.told_at = Some(now);
        let dropped = std::mem::take(&mut self.untold);
        let notice = Notice::new(SysCode::RateLimited).retry_after_ms(100).in_reply_to(dropped[0].clone());
        let Some(most) = names else { return Some(notice) };
        let notice = if dropped.len() > most { notice.dropped_count(dropped.len() as u64) } else { notice };
        Some(notice.dropped(dropped.into_iter().take(most).collect()))
    }
}
