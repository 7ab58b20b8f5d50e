//! Not faster than the server allows: the token bucket of the protocol, kept on the client's side so that nothing is
//! dropped on the server's.

use std::time::Duration;

use crate::limits::Limits;

/// The part of the server's rate that one session uses: another device of the same user, and clocks that run unevenly,
/// need room too.
const SHARE: f64 = 0.8;

#[derive(Debug)]
pub(super) struct Pacing {
    rate: f64,
    burst: f64,
    tokens: f64,
    refilled_at: Duration,
    /// The server said to be quiet until then.
    paused_until: Duration,
}

impl Pacing {
    pub(super) fn new(limits: &Limits) -> Self {
        let mut pacing = Self {
            rate: 1.0,
            burst: 1.0,
            tokens: 0.0,
            refilled_at: Duration::ZERO,
            paused_until: Duration::ZERO,
        };
        pacing.set_limits(limits);
        pacing.tokens = pacing.burst;
        pacing
    }

    pub(super) fn set_limits(&mut self, limits: &Limits) {
        self.rate = (f64::from(limits.messages_per_second) * SHARE).max(0.1);
        self.burst = (f64::from(limits.burst) * SHARE).max(1.0);
        self.tokens = self.tokens.min(self.burst);
    }

    pub(super) fn pause(&mut self, until: Duration) {
        self.paused_until = self.paused_until.max(until);
        self.tokens = 0.0;
        self.refilled_at = self.paused_until;
    }

    /// Takes the right to send one payload now, or tells when to ask again.
    pub(super) fn take(&mut self, now: Duration) -> Result<(), Duration> {
        if now < self.paused_until {
            return Err(self.paused_until);
        }
        let elapsed = now.saturating_sub(self.refilled_at).as_secs_f64();
        self.tokens = (self.tokens + elapsed * self.rate).min(self.burst);
        self.refilled_at = self.refilled_at.max(now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        // A millisecond more, so that rounding cannot make the same instant too early again.
        let wait = Duration::from_secs_f64((1.0 - self.tokens) / self.rate) + Duration::from_millis(1);
        Err(now + wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_at_once_and_the_rest_at_the_rate() {
        let limits = Limits { messages_per_second: 10, burst: 5, ..Limits::default() };
        let mut pacing = Pacing::new(&limits);
        let mut now = Duration::ZERO;
        for _ in 0..4 {
            assert_eq!(pacing.take(now), Ok(()));
        }
        let mut sent = 0;
        while now < Duration::from_secs(10) {
            match pacing.take(now) {
                Ok(()) => sent += 1,
                Err(at) => now = at,
            }
        }
        assert!((75..=81).contains(&sent), "{sent} payloads in 10 s at 8 a second");
    }

    #[test]
    fn a_pause_holds() {
        let mut pacing = Pacing::new(&Limits::default());
        pacing.pause(Duration::from_secs(3));
        assert_eq!(pacing.take(Duration::from_secs(2)), Err(Duration::from_secs(3)));
    }
}
