//! The way from one connection to the next.

use std::time::Duration;

use super::config::Backoff;
use crate::name::PayloadId;
use crate::token::Token;

/// What the application wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// To be connected.
    Connected,
    /// To be connected later.
    Suspended,
    /// Nothing.
    Nothing,
}

/// The connection as it is.
#[derive(Debug)]
pub(super) enum Link {
    /// None, and none is coming.
    Down,
    /// None until then.
    Waiting { until: Duration },
    /// The driver opens one.
    Opening { deadline: Duration },
    /// It is open, and the server is asked to authenticate it.
    Authenticating { deadline: Duration, payload_id: PayloadId, token: Token },
    /// It is authenticated, with this token.
    Online(Online),
}

#[derive(Debug)]
pub(super) struct Online {
    pub(super) token: Token,
    pub(super) since: Duration,
    /// Whether it replaces a connection that was lost.
    pub(super) returned: bool,
    /// Without anything heard for so long, the link is asked for a sign of life.
    pub(super) quiet: Duration,
    pub(super) heard_at: Duration,
    /// A sign of life was asked for and must come before then.
    pub(super) answer_by: Option<Duration>,
    /// The PING behind everything that the server answers with nothing: its PONG says that all before it was taken.
    pub(super) barrier: Option<Barrier>,
}

#[derive(Debug)]
pub(super) struct Barrier {
    pub(super) payload_id: PayloadId,
    /// When it is sent again if its PONG has not come.
    pub(super) again_at: Duration,
    /// The number of the last transmission before it.
    pub(super) after: u64,
}

/// A PING behind unanswered payloads is sent again if its PONG takes longer than this.
pub(super) const BARRIER_TIMEOUT: Duration = Duration::from_secs(10);

impl Online {
    /// When the link has to be looked after next.
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

/// A connection that held for so long was a good one: the next wait begins at the beginning.
const STEADY: Duration = Duration::from_secs(30);

/// Counts the attempts since the last steady connection.
#[derive(Debug, Default)]
pub(super) struct Attempts(u32);

impl Attempts {
    pub(super) fn reset(&mut self) {
        self.0 = 0;
    }

    /// Forgets earlier failures if the connection that just ended held long enough.
    pub(super) fn ended(&mut self, held: Duration) {
        if held >= STEADY {
            self.reset();
        }
    }

    /// How long to wait now: drawn by `random` between nothing and the bound of this attempt.
    pub(super) fn next_wait(&mut self, backoff: &Backoff, random: u64) -> Duration {
        let doubled = backoff.first.saturating_mul(1u32.checked_shl(self.0.min(20)).unwrap_or(u32::MAX));
        self.0 = self.0.saturating_add(1);
        let bound = doubled.min(backoff.most);
        // The upper 53 bits make an even fraction of one.
        bound.mul_f64((random >> 11) as f64 / (1u64 << 53) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_drawn_below_a_bound_that_doubles_up_to_the_most() {
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
