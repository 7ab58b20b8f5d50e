//! The connection, its heartbeat, and the wait before the next one.

use std::time::Duration;

use super::config::Backoff;
use crate::name::PayloadId;
use crate::token::Token;

/// The state of the connection.
#[derive(Debug)]
pub(super) enum Link {
    /// No connection and no scheduled attempt.
    Down,
    /// No connection until the next attempt.
    Waiting { until: Duration },
    /// The driver is opening one.
    Opening { deadline: Duration },
    /// It is open, and the authentication was sent, with or without a connection to resume.
    Authenticating { deadline: Duration, payload_id: PayloadId, token: Token, resuming: bool },
    /// It is authenticated, with this token.
    Online(Online),
}

#[derive(Debug)]
pub(super) struct Online {
    pub(super) token: Token,
    pub(super) since: Duration,
    /// Whether it replaces a connection that was lost.
    pub(super) returned: bool,
    /// The silence after which a PING is sent.
    pub(super) quiet: Duration,
    pub(super) heard_at: Duration,
    /// The deadline of the answer to that PING.
    pub(super) answer_by: Option<Duration>,
    /// The PING after payloads without an answer. Its PONG means that the server has all earlier payloads.
    pub(super) barrier: Option<Barrier>,
}

#[derive(Debug)]
pub(super) struct Barrier {
    pub(super) payload_id: PayloadId,
    /// When it is sent again without a PONG.
    pub(super) again_at: Duration,
    /// The number of the last transmission before it.
    pub(super) after: u64,
    /// The number of the last batch of confirmations before it.
    pub(super) after_batch: u64,
}

/// A PING after unanswered payloads is sent again if its PONG takes longer than this.
pub(super) const BARRIER_TIMEOUT: Duration = Duration::from_secs(10);

impl Online {
    /// Returns the next deadline of the connection.
    pub(super) fn deadline(&self) -> Duration {
        let heartbeat = self.answer_by.unwrap_or(self.heard_at.saturating_add(self.quiet));
        self.barrier.as_ref().map_or(heartbeat, |barrier| heartbeat.min(barrier.again_at))
    }

    pub(super) fn barrier_is_late(&self, now: Duration) -> bool {
        self.barrier.as_ref().is_some_and(|barrier| now >= barrier.again_at)
    }
}

impl Link {
    pub(super) fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Down => None,
            Self::Waiting { until } => Some(*until),
            Self::Opening { deadline } | Self::Authenticating { deadline, .. } => Some(*deadline),
            Self::Online(online) => Some(online.deadline()),
        }
    }
}

/// After a connection of this duration, the backoff starts again.
const STEADY: Duration = Duration::from_secs(30);

/// Counts the attempts since the last steady connection.
#[derive(Debug, Default)]
pub(super) struct Attempts(u32);

impl Attempts {
    pub(super) fn reset(&mut self) {
        self.0 = 0;
    }

    /// Resets the count of attempts if the connection that just ended lasted long enough.
    pub(super) fn ended(&mut self, held: Duration) {
        if held >= STEADY {
            self.reset();
        }
    }

    /// Returns the wait: random between 0 and the bound of this attempt.
    pub(super) fn next_wait(&mut self, backoff: &Backoff, random: u64) -> Duration {
        let doubled = backoff.first.saturating_mul(1u32.checked_shl(self.0.min(20)).unwrap_or(u32::MAX));
        self.0 = self.0.saturating_add(1);
        let bound = doubled.min(backoff.most);
        // The upper 53 bits give a uniform fraction of one.
        bound.mul_f64((random >> 11) as f64 / (1u64 << 53) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_random_below_a_doubling_bound() {
        let backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(5) };
        let mut attempts = Attempts::default();
        let longest: Vec<_> =
            (0..5).map(|_| attempts.next_wait(&backoff, u64::MAX).as_secs_f64().round()).collect();
        assert_eq!(longest, [1.0, 2.0, 4.0, 5.0, 5.0]);
        assert_eq!(attempts.next_wait(&backoff, 0), Duration::ZERO);
        attempts.ended(Duration::from_secs(29));
        assert!(attempts.next_wait(&backoff, u64::MAX) > Duration::from_secs(4));
        attempts.ended(STEADY);
        assert!(attempts.next_wait(&backoff, u64::MAX) <= Duration::from_secs(1));
        for _ in 0..100 {
            attempts.next_wait(&backoff, u64::MAX);
        }
    }
}
