//! How much a user may send: token buckets, shared by all connections of the user (protocol, "Routing").

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use callie_core::Limits;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use serde::{Deserialize, Serialize};

/// How much wider the bucket for signs of life and confirmations is.
pub(crate) const WIDE: u32 = 10;

type Limiter = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

/// The buckets of one user.
pub(crate) struct Rates {
    /// In the order of [`BucketKind::ALL`].
    buckets: [Bucket; BucketKind::ALL.len()],
    quotas: Quotas,
}

/// How wide the buckets are, as the configuration says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quotas {
    /// Payloads a second.
    pub(crate) messages_per_second: u32,
    /// Payloads at once.
    pub(crate) burst: u32,
    /// BROADCASTs a minute.
    pub(crate) broadcasts_per_minute: u32,
}

/// One bucket, and what was taken from it elsewhere.
struct Bucket {
    limiter: Limiter,
    burst: u32,
    /// Payloads that the user sent through other nodes and that this bucket still has to give; below zero, so many that
    /// were taken to look into it.
    debt: AtomicI32,
}

/// Which bucket a payload is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum BucketKind {
    /// Everything else.
    Payloads,
    /// `ACK`, PONG and PING to SERVER.
    Upkeep,
    /// BROADCASTs, which count as payloads as well.
    Broadcasts,
}

impl BucketKind {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Self; 3] = [Self::Payloads, Self::Upkeep, Self::Broadcasts];
}

impl Bucket {
    fn new(quota: Quota) -> Self {
        let limiter = RateLimiter::direct(quota).with_middleware();
        Self { limiter, burst: quota.burst_size().get(), debt: AtomicI32::new(0) }
    }

    fn take(&self) -> Result<(), Duration> {
        loop {
            match self.debt.load(Ordering::Relaxed) {
                0 => return self.check().map(|_| ()),
                ..0 => {
                    self.debt.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                1.. => {
                    self.check()?;
                    self.debt.fetch_sub(1, Ordering::Relaxed);
                }
            }
        }
    }

    /// Takes one, and tells how many are left.
    fn check(&self) -> Result<u32, Duration> {
        match self.limiter.check() {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(until) => Err(until.wait_time_from(DefaultClock::default().now())),
        }
    }

    fn owe(&self, payloads: u32) {
        // A debt beyond a full bucket says no more than an empty one that is asked for as much again.
        let most = i32::try_from(self.burst).unwrap_or(i32::MAX).saturating_mul(2);
        let payloads = i32::try_from(payloads).unwrap_or(i32::MAX);
        let _ = self.debt.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |debt| {
            Some(debt.saturating_add(payloads).min(most))
        });
        // What the bucket can give it gives now: it fills again while the user says nothing here.
        while self.debt.load(Ordering::Relaxed) > 0 && self.check().is_ok() {
            self.debt.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn spent(&self) -> u32 {
        let taken = match self.check() {
            Ok(left) => {
                self.debt.fetch_sub(1, Ordering::Relaxed);
                self.burst.saturating_sub(left)
            }
            Err(_) => self.burst,
        };
        taken.saturating_add_signed(self.debt.load(Ordering::Relaxed))
    }
}

impl Rates {
    /// Full buckets.
    pub(crate) fn new(quotas: Quotas) -> Self {
        let Quotas { messages_per_second, burst, broadcasts_per_minute } = quotas;
        let quota =
            |rate: u32, burst: u32| Quota::per_second(at_least_one(rate)).allow_burst(at_least_one(burst));
        let broadcasts = Quota::per_minute(at_least_one(broadcasts_per_minute))
            .allow_burst(at_least_one(Limits::default().broadcast_burst));
        let buckets = BucketKind::ALL.map(|kind| {
            Bucket::new(match kind {
                BucketKind::Payloads => quota(messages_per_second, burst),
                BucketKind::Upkeep => {
                    quota(messages_per_second.saturating_mul(WIDE), burst.saturating_mul(WIDE))
                }
                BucketKind::Broadcasts => broadcasts,
            })
        });
        Self { buckets, quotas }
    }

    /// How wide they are.
    pub(crate) fn quotas(&self) -> Quotas {
        self.quotas
    }

    /// Takes one payload from a bucket, or tells when there will be room.
    pub(crate) fn take(&self, kind: BucketKind) -> Result<(), Duration> {
        self.bucket(kind).take()
    }

    /// The user sent so many payloads through another node: they are taken here as well, as soon as there is room.
    pub(crate) fn owe(&self, kind: BucketKind, payloads: u32) {
        self.bucket(kind).owe(payloads);
    }

    /// What was taken from each bucket and has not flowed back.
    pub(crate) fn spent(&self) -> [u32; BucketKind::ALL.len()] {
        BucketKind::ALL.map(|kind| self.bucket(kind).spent())
    }

    fn bucket(&self, kind: BucketKind) -> &Bucket {
        // Buckets are numbered in the order of their list.
        &self.buckets[kind as usize]
    }
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(burst: u32) -> Rates {
        Rates::new(Quotas { messages_per_second: 1, burst, broadcasts_per_minute: 1 })
    }

    #[test]
    fn a_burst_passes_and_the_next_payload_waits() {
        let rates = rates(3);
        for _ in 0..3 {
            assert_eq!(rates.take(BucketKind::Payloads), Ok(()));
        }
        let wait = rates.take(BucketKind::Payloads).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1), "{wait:?}");
        for _ in 0..30 {
            assert_eq!(rates.take(BucketKind::Upkeep), Ok(()));
        }
        assert!(rates.take(BucketKind::Upkeep).is_err());
    }

    #[test]
    fn what_was_sent_through_another_node_is_taken_here_too() {
        let rates = rates(10);
        rates.owe(BucketKind::Payloads, 7);
        for _ in 0..3 {
            assert_eq!(rates.take(BucketKind::Payloads), Ok(()));
        }
        assert!(rates.take(BucketKind::Payloads).is_err());
        // What is owed when nothing is left is not forgotten.
        rates.owe(BucketKind::Payloads, 5);
        assert_eq!(rates.spent()[BucketKind::Payloads as usize], 15);
    }

    #[test]
    fn looking_into_a_bucket_takes_nothing_from_it() {
        let rates = rates(3);
        assert_eq!(rates.take(BucketKind::Payloads), Ok(()));
        for _ in 0..3 {
            assert_eq!(rates.spent()[BucketKind::Payloads as usize], 1);
        }
        assert_eq!([rates.take(BucketKind::Payloads), rates.take(BucketKind::Payloads)], [Ok(()), Ok(())]);
        assert!(rates.take(BucketKind::Payloads).is_err());
    }
}
