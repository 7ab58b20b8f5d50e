//! The rate of transmission: the token buckets of the protocol on the client's side, so that the server drops little.
//! If other devices of the user send too, the session uses a smaller share of them.

use std::time::Duration;

use crate::limits::Limits;

/// The largest share of the server's rate that one session uses, which leaves room for differences of the clocks.
const SHARE: f64 = 0.8;
/// The smallest share, however often the server drops payloads.
const LEAST_SHARE: f64 = 0.02;
/// The share of the server's rate that a session regains in a second without drops.
const RECOVERY: f64 = 0.04;
/// The lowest rate, in payloads a second.
const LEAST_RATE: f64 = 0.02;

/// One of the server's buckets.
#[derive(Debug)]
pub(super) struct Bucket {
    rate: f64,
    burst: f64,
    /// The share of `rate` that this session uses. It is halved when the server drops something, and regained slowly,
    /// so that any number of devices of one user share the rate.
    share: f64,
    tokens: f64,
    refilled_at: Duration,
}

impl Bucket {
    fn new(rate: f64, burst: u32) -> Self {
        let burst = (f64::from(burst) * SHARE).max(1.0);
        Self { rate, burst, share: SHARE, tokens: burst, refilled_at: Duration::ZERO }
    }

    fn set(&mut self, rate: f64, burst: u32) {
        self.rate = rate;
        self.burst = (f64::from(burst) * SHARE).max(1.0);
        self.tokens = self.tokens.min(self.burst);
    }

    /// Sends nothing until then.
    fn pause(&mut self, until: Duration) {
        self.tokens = 0.0;
        self.refilled_at = self.refilled_at.max(until);
    }

    fn halve_share(&mut self) {
        self.share = (self.share / 2.0).max(LEAST_SHARE);
    }

    /// Returns whether a payload may be sent now, or when to try again.
    fn check(&mut self, now: Duration) -> Result<(), Duration> {
        let elapsed = now.saturating_sub(self.refilled_at).as_secs_f64();
        let rate = (self.rate * self.share).max(LEAST_RATE);
        self.tokens = (self.tokens + elapsed * rate).min(self.burst);
        self.share = (self.share + elapsed * RECOVERY).min(SHARE);
        self.refilled_at = self.refilled_at.max(now);
        if self.tokens >= 1.0 {
            return Ok(());
        }
        // A millisecond more, so that rounding does not make the next try too early again.
        let wait = Duration::from_secs_f64((1.0 - self.tokens) / rate) + Duration::from_millis(1);
        Err(self.refilled_at.saturating_add(wait))
    }

    fn take(&mut self) {
        self.tokens -= 1.0;
    }
}

/// The buckets of a session's payloads.
#[derive(Debug)]
pub(super) struct Pacing {
    payloads: Bucket,
    /// Broadcasts, which also count as payloads.
    broadcasts: Bucket,
    /// Until when the server asked for a pause.
    paused_until: Duration,
}

impl Pacing {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            payloads: Bucket::new(payload_rate(limits), limits.burst),
            broadcasts: Bucket::new(broadcast_rate(limits), limits.broadcast_burst),
            paused_until: Duration::ZERO,
        }
    }

    pub(super) fn set_limits(&mut self, limits: &Limits) {
        self.payloads.set(payload_rate(limits), limits.burst);
        self.broadcasts.set(broadcast_rate(limits), limits.broadcast_burst);
    }

    /// Handles that the server dropped payloads and asks for a pause until then.
    pub(super) fn pause(&mut self, until: Duration) {
        self.payloads.pause(until);
        self.paused_until = self.paused_until.max(until);
    }

    /// Handles that the server dropped broadcasts and asks for a pause of broadcasts until then.
    pub(super) fn pause_broadcasts(&mut self, until: Duration) {
        self.broadcasts.pause(until);
    }

    /// Halves the rate, at which payloads were dropped.
    pub(super) fn slow_down(&mut self) {
        self.payloads.halve_share();
    }

    /// Does the same for broadcasts.
    pub(super) fn slow_broadcasts_down(&mut self) {
        self.broadcasts.halve_share();
    }

    /// Returns until when the server asked for a pause.
    pub(super) fn paused_until(&self) -> Duration {
        self.paused_until
    }

    /// Returns whether a payload may be sent now, or when to try again.
    pub(super) fn check(&mut self, now: Duration) -> Result<(), Duration> {
        self.payloads.check(now)
    }

    /// Returns whether the rate of broadcasts permits one now, or when to try again.
    pub(super) fn check_broadcast(&mut self, now: Duration) -> Result<(), Duration> {
        self.broadcasts.check(now)
    }

    /// Takes a token for one payload, after the check.
    pub(super) fn take(&mut self, broadcast: bool) {
        self.payloads.take();
        if broadcast {
            self.broadcasts.take();
        }
    }
}

fn payload_rate(limits: &Limits) -> f64 {
    f64::from(limits.messages_per_second)
}

fn broadcast_rate(limits: &Limits) -> f64 {
    f64::from(limits.broadcasts_per_minute) / 60.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent_until(pacing: &mut Pacing, from: Duration, until: Duration) -> usize {
        let (mut now, mut sent) = (from, 0);
        while now < until {
            match pacing.check(now) {
                Ok(()) => {
                    pacing.take(false);
                    sent += 1;
                }
                Err(at) => now = at,
            }
        }
        sent
    }

    #[test]
    fn burst_passes_at_once_and_the_rest_at_the_rate() {
        let limits = Limits { messages_per_second: 10, burst: 5, ..Limits::default() };
        let mut pacing = Pacing::new(&limits);
        let sent = sent_until(&mut pacing, Duration::ZERO, Duration::from_secs(10));
        assert!((79..=85).contains(&sent), "{sent} payloads in 10 s: 4 at once, then 8 a second");
    }

    #[test]
    fn pause_holds_and_drops_halve_the_pace() {
        let limits = Limits { messages_per_second: 10, burst: 5, ..Limits::default() };
        let mut pacing = Pacing::new(&limits);
        pacing.pause(Duration::from_secs(3));
        pacing.slow_down();
        assert!(pacing.check(Duration::from_secs(2)).unwrap_err() > Duration::from_secs(3));
        let sent = sent_until(&mut pacing, Duration::from_secs(3), Duration::from_secs(5));
        assert!((7..=10).contains(&sent), "{sent} payloads in 2 s at 4 a second and a little more");
        sent_until(&mut pacing, Duration::from_secs(5), Duration::from_secs(20));
        let sent = sent_until(&mut pacing, Duration::from_secs(20), Duration::from_secs(30));
        assert!((79..=81).contains(&sent), "{sent} payloads in 10 s at 8 a second");
    }

    #[test]
    fn broadcasts_have_a_pace_of_their_own() {
        let mut pacing = Pacing::new(&Limits::default());
        let mut sent = 0;
        while pacing.check_broadcast(Duration::ZERO).is_ok() {
            pacing.take(true);
            sent += 1;
        }
        assert_eq!(sent, 4);
        assert_eq!(pacing.check(Duration::ZERO), Ok(()));
        let next = pacing.check_broadcast(Duration::ZERO).unwrap_err();
        assert!(next > Duration::from_secs(2) && next < Duration::from_secs(3), "{next:?}");
    }
}
