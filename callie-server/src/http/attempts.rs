//! Limits on guessing: the registrations and logins of an address, and its failures for one name.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use callie_core::account::AccountError;
use governor::clock::{Clock as _, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter};
use lru::LruCache;

use super::Problem;
use crate::base::config::Config;
use crate::net::network;

/// The addresses, and pairs of a name and an address, that are remembered: about 5 MB. The least recently used are
/// forgotten first; a client that wants to be forgotten needs this many addresses.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(50_000).unwrap();

/// The limits, with the attempts so far.
#[derive(Debug)]
pub(crate) struct Attempts {
    registrations: Arc<Limiter>,
    registrations_by_name: Arc<Limiter>,
    logins: Arc<Limiter>,
    failures: Arc<Limiter>,
    /// Names are stored as a hash with a key that is secret to the process. It is short, and nobody can choose names
    /// that collide.
    names: RandomState,
}

/// An attempt on a name. It counts as a failure unless [`Attempt::does_not_count`] is called.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    limiter: &'a Limiter,
    key: u64,
}

impl Attempt<'_> {
    /// Forgets the attempts on this name from this address: the password was right, or none was checked.
    pub(crate) fn does_not_count(self) {
        self.limiter.remembered.0.lock().unwrap_or_else(PoisonError::into_inner).pop(&self.key);
    }
}

impl Attempts {
    pub(crate) fn new(config: &Config) -> Self {
        let [registrations, registrations_by_name, logins, failures] =
            Rate::of(config).map(|rate| Arc::new(Limiter::new(rate)));
        Self { registrations, registrations_by_name, logins, failures, names: RandomState::new() }
    }

    /// Applies the limits of another configuration. Attempts so far still count where a limit is unchanged.
    pub(crate) fn with_limits_of(&self, config: &Config) -> Self {
        let now = [&self.registrations, &self.registrations_by_name, &self.logins, &self.failures];
        let mut rates = Rate::of(config).into_iter();
        let [registrations, registrations_by_name, logins, failures] =
            now.map(|limiter| match rates.next().filter(|rate| *rate != limiter.rate) {
                Some(rate) => Arc::new(Limiter::new(rate)),
                None => limiter.clone(),
            });
        Self { registrations, registrations_by_name, logins, failures, names: self.names.clone() }
    }

    /// Counts a registration from `address`.
    pub(crate) fn registration(&self, address: IpAddr) -> Result<(), Problem> {
        self.registrations.count(self.key(network(address)))
    }

    /// Counts a registration of `name` from `address`, whether or not the name is valid.
    pub(crate) fn registration_of(&self, name: &str, address: IpAddr) -> Result<Attempt<'_>, Problem> {
        let key = self.key((name, network(address)));
        self.registrations_by_name.count(key)?;
        Ok(Attempt { limiter: &self.registrations_by_name, key })
    }

    /// Counts a login or a password change from `address`.
    pub(crate) fn login(&self, address: IpAddr) -> Result<(), Problem> {
        self.logins.count(self.key(network(address)))
    }

    /// Counts a password for `name` from `address`, whether or not there is such a user.
    pub(crate) fn login_of(&self, name: &str, address: IpAddr) -> Result<Attempt<'_>, Problem> {
        let key = self.key((name, network(address)));
        self.failures.count(key)?;
        Ok(Attempt { limiter: &self.failures, key })
    }

    fn key(&self, of: impl Hash) -> u64 {
        self.names.hash_one(of)
    }
}

/// How many attempts are allowed at once, and then in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rate {
    burst: u32,
    per_minute: u32,
}

impl Rate {
    /// Returns the rates of registrations, registrations of a name, logins, and failures for a name.
    fn of(config: &Config) -> [Self; 4] {
        let rate = |burst, per_minute| Self { burst, per_minute };
        let by_name = rate(config.login_burst_per_name, config.logins_per_minute_per_name);
        [
            rate(config.registration_burst, config.registrations_per_minute),
            by_name,
            rate(config.login_burst_per_address, config.logins_per_minute_per_address),
            by_name,
        ]
    }
}

/// A token bucket for each of many keys.
#[derive(Debug)]
struct Limiter {
    rate: Rate,
    buckets: RateLimiter<u64, Remembered, MonotonicClock, NoOpMiddleware<std::time::Instant>>,
    remembered: Remembered,
}

impl Limiter {
    fn new(rate: Rate) -> Self {
        let at_least_one = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(at_least_one(rate.per_minute)).allow_burst(at_least_one(rate.burst));
        let remembered = Remembered::default();
        Self { rate, buckets: RateLimiter::new(quota, remembered.clone(), MonotonicClock), remembered }
    }

    fn count(&self, key: u64) -> Result<(), Problem> {
        self.buckets.check_key(&key).map_err(|until| {
            let wait = until.wait_time_from(MonotonicClock.now());
            // Rounded up, so that a client that waits this long is admitted.
            let seconds = (wait + Duration::from_millis(999)).as_secs().max(1);
            Problem { retry_after: Some(seconds), ..AccountError::RateLimited.into() }
        })
    }
}

/// When each key's bucket is full again. The number of keys is limited.
#[derive(Debug, Clone)]
struct Remembered(Arc<Mutex<LruCache<u64, Nanos>>>);

impl Default for Remembered {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(REMEMBERED))))
    }
}

impl StateStore for Remembered {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (answer, full_at) = f(kept.get(key).copied())?;
        kept.put(*key, full_at);
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts() -> Attempts {
        Attempts::new(&Config { login_burst_per_name: 3, login_burst_per_address: 5, ..Config::default() })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn success_resets_failures_of_name_and_address() {
        let (attempts, here) = (attempts(), address("192.0.2.1"));
        for _ in 0..3 {
            attempts.login_of("alice", here).unwrap();
        }
        let refused = attempts.login_of("alice", here).unwrap_err();
        assert_eq!(refused.error, AccountError::RateLimited);
        assert!(refused.retry_after.is_some_and(|s| (1..=12).contains(&s)));
        assert!(attempts.login_of("alice", address("192.0.2.2")).is_ok());
        for _ in 0..10 {
            attempts.login_of("bob", here).unwrap().does_not_count();
        }
    }

    #[test]
    fn ipv6_network_is_limited_as_one_address() {
        let attempts = attempts();
        for _ in 0..5 {
            attempts.login(address("192.0.2.1")).unwrap();
        }
        assert!(attempts.login(address("192.0.2.1")).is_err());
        assert!(attempts.login(address("192.0.2.2")).is_ok());
        for n in 0..3 {
            attempts.login_of("alice", address(&format!("2001:db8::{n}"))).unwrap();
        }
        assert!(attempts.login_of("alice", address("2001:db8::99")).is_err());
        assert!(attempts.login_of("alice", address("2001:db8:0:1::1")).is_ok());
    }

    #[test]
    fn unchanged_limits_remember_across_a_reload() {
        let (before, here) = (attempts(), address("192.0.2.1"));
        for _ in 0..3 {
            before.login_of("alice", here).unwrap();
        }
        for _ in 0..5 {
            before.login(here).unwrap();
        }
        let other = Config { login_burst_per_name: 3, login_burst_per_address: 6, ..Config::default() };
        let after = before.with_limits_of(&other);
        assert!(after.login_of("alice", here).is_err());
        assert!(after.login(here).is_ok(), "a limit that was changed begins anew");
    }
}
