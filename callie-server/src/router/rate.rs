//! How much a user may send: token buckets, shared by all connections of the user (protocol, "Routing").

use std::num::NonZeroU32;
use std::time::Duration;

use callie_core::Limits;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// How much wider the bucket for signs of life and confirmations is.
pub(crate) const WIDE: u32 = 10;
/// BROADCASTs a user may send at once.
const BROADCAST_BURST: u32 = 5;

/// The buckets of one user.
pub(crate) struct Rates {
    payloads: DefaultDirectRateLimiter,
    /// `ACK`, PONG and PING to SERVER: they must not fail because a user talks much.
    upkeep: DefaultDirectRateLimiter,
    broadcasts: DefaultDirectRateLimiter,
}

/// Which bucket a payload is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bucket {
    /// Everything else.
    Payloads,
    /// `ACK`, PONG and PING to SERVER.
    Upkeep,
    /// BROADCASTs, which count as payloads as well.
    Broadcasts,
}

impl Rates {
    /// Full buckets.
    pub(crate) fn new(limits: &Limits, broadcasts_per_minute: u32) -> Self {
        let quota =
            |rate: u32, burst: u32| Quota::per_second(at_least_one(rate)).allow_burst(at_least_one(burst));
        let broadcasts = Quota::per_minute(at_least_one(broadcasts_per_minute));
        Self {
            payloads: RateLimiter::direct(quota(limits.messages_per_second, limits.burst)),
            upkeep: RateLimiter::direct(quota(
                limits.messages_per_second.saturating_mul(WIDE),
                limits.burst.saturating_mul(WIDE),
            )),
            broadcasts: RateLimiter::direct(broadcasts.allow_burst(at_least_one(BROADCAST_BURST))),
        }
    }

    /// Takes one payload from a bucket, or tells when there will be room.
    pub(crate) fn take(&self, bucket: Bucket) -> Result<(), Duration> {
        let limiter = match bucket {
            Bucket::Payloads => &self.payloads,
            Bucket::Upkeep => &self.upkeep,
            Bucket::Broadcasts => &self.broadcasts,
        };
        limiter.check().map_err(|until| until.wait_time_from(DefaultClock::default().now()))
    }
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_the_next_payload_waits() {
        let limits = Limits { messages_per_second: 1, burst: 3, ..Limits::default() };
        let rates = Rates::new(&limits, 1);
        for _ in 0..3 {
            assert_eq!(rates.take(Bucket::Payloads), Ok(()));
        }
        let wait = rates.take(Bucket::Payloads).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1), "{wait:?}");
        for _ in 0..30 {
            assert_eq!(rates.take(Bucket::Upkeep), Ok(()));
        }
        assert!(rates.take(Bucket::Upkeep).is_err());
    }
}
