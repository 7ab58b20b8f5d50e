//! The rates of a user: token buckets that all connections of the user share (protocol, "Routing").

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::limits::{Limits, UPKEEP_FACTOR};

/// The kind of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BucketKind {
    /// Every other payload.
    Payloads,
    /// `ACK`, PONG, and PING to `SERVER`, with ten times the rate and burst.
    Upkeep,
    /// MSG to `BROADCAST`, which also counts in [`Payloads`](Self::Payloads).
    Broadcasts,
}

impl BucketKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Payloads, Self::Upkeep, Self::Broadcasts];

    /// Returns the buckets in which a payload of this kind counts.
    #[must_use]
    pub const fn buckets(self) -> &'static [Self] {
        match self {
            Self::Payloads => &[Self::Payloads],
            Self::Upkeep => &[Self::Upkeep],
            Self::Broadcasts => &[Self::Payloads, Self::Broadcasts],
        }
    }
}

/// A token bucket, stored as the time at which it is full again (GCRA).
#[derive(Debug, Clone)]
struct Bucket {
    /// The time in which one token is refilled; never zero.
    interval: Duration,
    /// The time in which an empty bucket is refilled.
    depth: Duration,
    full_at: Duration,
}

/// The debt of a bucket is at most this many times its burst.
const MAX_DEBT: u32 = 2;

impl Bucket {
    /// Creates a full bucket for `rate` payloads in `period` and `burst` at once; each at least one.
    fn new(period: Duration, rate: u32, burst: u32) -> Self {
        let interval = (period / rate.max(1)).max(Duration::from_nanos(1));
        Self { interval, depth: interval.saturating_mul(burst.max(1)), full_at: Duration::ZERO }
    }

    /// Returns when the bucket would be full again if `payloads` were taken now.
    fn full_after(&self, now: Duration, payloads: u32) -> Duration {
        self.full_at.max(now).saturating_add(self.interval.saturating_mul(payloads))
    }

    /// Returns how long the next payload has to wait.
    fn wait(&self, now: Duration) -> Duration {
        self.full_after(now, 1).saturating_sub(now).saturating_sub(self.depth)
    }

    fn take(&mut self, now: Duration) {
        self.full_at = self.full_after(now, 1);
    }

    fn owe(&mut self, now: Duration, payloads: u32) {
        let most = now.saturating_add(self.depth.saturating_mul(1 + MAX_DEBT));
        self.full_at = self.full_after(now, payloads).min(most);
    }

    fn spent(&self, now: Duration) -> u32 {
        let spent = self.full_at.saturating_sub(now).as_nanos().div_ceil(self.interval.as_nanos());
        u32::try_from(spent).unwrap_or(u32::MAX)
    }
}

/// The buckets of one user.
///
/// Times are durations since a fixed moment, the same for all calls.
///
/// ```
/// use std::time::Duration;
/// use callie_core::Limits;
/// use callie_core::server::{BucketKind, Rates};
///
/// let mut rates = Rates::new(&Limits::default().with_messages_per_second(10).with_burst(1));
/// assert_eq!(rates.take(Duration::ZERO, BucketKind::Payloads), Ok(()));
/// let wait = rates.take(Duration::ZERO, BucketKind::Payloads).unwrap_err();
/// assert_eq!(wait, Duration::from_millis(100));
/// assert_eq!(rates.take(wait, BucketKind::Payloads), Ok(()));
/// ```
#[derive(Debug, Clone)]
pub struct Rates {
    /// In the order of [`BucketKind::ALL`].
    buckets: [Bucket; BucketKind::ALL.len()],
    quotas: [u32; 4],
}

/// The limits that determine the buckets.
fn quotas(limits: &Limits) -> [u32; 4] {
    [limits.messages_per_second, limits.burst, limits.broadcasts_per_minute, limits.broadcast_burst]
}

impl Rates {
    /// Creates full buckets. A rate or burst of zero counts as one.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        const SECOND: Duration = Duration::from_secs(1);
        const MINUTE: Duration = Duration::from_secs(60);
        let quotas = quotas(limits);
        let [per_second, burst, broadcasts, broadcast_burst] = quotas;
        let wide = |number: u32| number.max(1).saturating_mul(UPKEEP_FACTOR);
        let buckets = BucketKind::ALL.map(|kind| match kind {
            BucketKind::Payloads => Bucket::new(SECOND, per_second, burst),
            BucketKind::Upkeep => Bucket::new(SECOND, wide(per_second), wide(burst)),
            BucketKind::Broadcasts => Bucket::new(MINUTE, broadcasts, broadcast_burst),
        });
        Self { buckets, quotas }
    }

    /// Returns `true` if the buckets have the limits `limits`.
    #[must_use]
    pub fn fit(&self, limits: &Limits) -> bool {
        self.quotas == quotas(limits)
    }

    /// Takes one token from each bucket of the payload.
    ///
    /// # Errors
    /// The time to wait until there is a token. Nothing is taken then.
    pub fn take(&mut self, now: Duration, kind: BucketKind) -> Result<(), Duration> {
        let buckets = kind.buckets();
        let wait = buckets.iter().map(|kind| self.bucket(*kind).wait(now)).max().unwrap_or_default();
        if wait > Duration::ZERO {
            return Err(wait);
        }
        for kind in buckets {
            self.bucket(*kind).take(now);
        }
        Ok(())
    }

    /// Takes the tokens of `payloads` that the user sent through another node from one bucket, which may go into debt
    /// up to twice its burst.
    pub fn owe(&mut self, now: Duration, kind: BucketKind, payloads: u32) {
        self.bucket(kind).owe(now, payloads);
    }

    /// Returns the number of tokens that were taken from each bucket and not refilled, in the order of
    /// [`BucketKind::ALL`].
    #[must_use]
    pub fn spent(&self, now: Duration) -> [u32; BucketKind::ALL.len()] {
        BucketKind::ALL.map(|kind| self.buckets[kind as usize].spent(now))
    }

    fn bucket(&mut self, kind: BucketKind) -> &mut Bucket {
        // Kinds are numbered in the order of their list.
        &mut self.buckets[kind as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);

    fn rates(burst: u32) -> Rates {
        Rates::new(&Limits {
            messages_per_second: 1,
            burst,
            broadcasts_per_minute: 1,
            broadcast_burst: 2,
            ..Limits::default()
        })
    }

    #[test]
    fn burst_passes_and_the_next_payload_waits() {
        let mut rates = rates(3);
        for _ in 0..3 {
            assert_eq!(rates.take(NOW, BucketKind::Payloads), Ok(()));
        }
        assert_eq!(rates.take(NOW, BucketKind::Payloads), Err(Duration::from_secs(1)));
        for _ in 0..30 {
            assert_eq!(rates.take(NOW, BucketKind::Upkeep), Ok(()));
        }
        assert!(rates.take(NOW, BucketKind::Upkeep).is_err());
        let later = NOW + Duration::from_secs(2);
        assert_eq!(
            [rates.take(later, BucketKind::Payloads), rates.take(later, BucketKind::Payloads)],
            [Ok(()); 2]
        );
        assert!(rates.take(later, BucketKind::Payloads).is_err());
    }

    #[test]
    fn broadcast_needs_room_in_two_buckets() {
        let mut rates = rates(10);
        assert_eq!(
            [rates.take(NOW, BucketKind::Broadcasts), rates.take(NOW, BucketKind::Broadcasts)],
            [Ok(()); 2]
        );
        assert_eq!(rates.take(NOW, BucketKind::Broadcasts), Err(Duration::from_secs(60)));
        assert_eq!(rates.spent(NOW), [2, 0, 2], "the third took nothing");
    }

    #[test]
    fn payloads_sent_elsewhere_are_taken_here_too() {
        let mut rates = rates(10);
        rates.owe(NOW, BucketKind::Payloads, 7);
        for _ in 0..3 {
            assert_eq!(rates.take(NOW, BucketKind::Payloads), Ok(()));
        }
        assert!(rates.take(NOW, BucketKind::Payloads).is_err());
        rates.owe(NOW, BucketKind::Payloads, 5);
        assert_eq!(rates.spent(NOW)[0], 15, "what is owed is not forgotten");
        rates.owe(NOW, BucketKind::Payloads, 500);
        assert_eq!(rates.spent(NOW)[0], 30);
    }

    #[test]
    fn spent_payloads_are_refilled() {
        let mut rates = rates(3);
        rates.take(NOW, BucketKind::Payloads).unwrap();
        assert_eq!(rates.spent(NOW)[0], 1);
        assert_eq!(rates.spent(NOW + Duration::from_millis(999))[0], 1);
        assert_eq!(rates.spent(NOW + Duration::from_secs(1))[0], 0);
    }
}
