//! How many connections there may be: in all, of one address, and before authentication.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio::sync::Notify;

use crate::config::Config;
use crate::telemetry::Refusal;

/// Connections that are told that there is no room, at a time. Beyond it they are refused without a word.
const MOST_TURNED_AWAY: usize = 256;

/// Counts connections.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    total: AtomicUsize,
    unauthenticated: AtomicUsize,
    turned_away: AtomicUsize,
    by_address: DashMap<IpAddr, usize>,
    /// Told when the last connection ends.
    empty: Notify,
}

/// What a new connection is told.
pub(crate) enum Verdict {
    /// It may come in.
    Welcome(Pass),
    /// It is told that there is no room, and closed: for which limit.
    Full(Apology, Refusal),
    /// It is refused at once, for that limit.
    Refused(Refusal),
}

/// A connection's number among those that are counted, from 1.
struct Place {
    total: usize,
    unauthenticated: usize,
    of_address: usize,
}

/// A connection's place among all; given back when dropped.
pub(crate) struct Pass {
    admission: Arc<Admission>,
    address: IpAddr,
    authenticated: bool,
}

/// A place among those who are told that there is no room.
pub(crate) struct Apology(Arc<Admission>);

impl Admission {
    /// Decides on a new connection from `address`.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr, config: &Config) -> Verdict {
        let (pass, place) = self.count(network(address));
        // Each connection knows its own number, so that of two that compete for the last place one gets it.
        let limit = if place.total > config.max_connections {
            Refusal::Total
        } else if place.unauthenticated > config.max_unauthenticated {
            Refusal::Unauthenticated
        } else if place.of_address > config.max_connections_per_address {
            Refusal::Address
        } else {
            return Verdict::Welcome(pass);
        };
        drop(pass);
        if self.turned_away.fetch_add(1, Ordering::Relaxed) < MOST_TURNED_AWAY {
            return Verdict::Full(Apology(self.clone()), limit);
        }
        self.turned_away.fetch_sub(1, Ordering::Relaxed);
        Verdict::Refused(limit)
    }

    fn count(self: &Arc<Self>, address: IpAddr) -> (Pass, Place) {
        let total = self.total.fetch_add(1, Ordering::Relaxed) + 1;
        let unauthenticated = self.unauthenticated.fetch_add(1, Ordering::Relaxed) + 1;
        let of_address = {
            let mut count = self.by_address.entry(address).or_insert(0);
            *count += 1;
            *count
        };
        let pass = Pass { admission: self.clone(), address, authenticated: false };
        (pass, Place { total, unauthenticated, of_address })
    }

    /// Connections now.
    pub(crate) fn total(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    /// Connections that have authenticated.
    pub(crate) fn authenticated(&self) -> usize {
        self.total().saturating_sub(self.unauthenticated.load(Ordering::Relaxed))
    }

    /// Waits until there is no connection.
    pub(crate) async fn emptied(&self) {
        loop {
            let emptied = self.empty.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.total() == 0 {
                return;
            }
            emptied.await;
        }
    }
}

impl Pass {
    /// The connection has authenticated.
    pub(crate) fn authenticated(&mut self) {
        if !self.authenticated {
            self.authenticated = true;
            self.admission.unauthenticated.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.authenticated();
        if let Entry::Occupied(mut count) = self.admission.by_address.entry(self.address) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        if self.admission.total.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.admission.empty.notify_waiters();
        }
    }
}

impl Drop for Apology {
    fn drop(&mut self) {
        self.0.turned_away.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What counts as one address: an IPv6 client has a whole /64 to itself.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_limit_and_gives_its_places_back() {
        let admission = Arc::new(Admission::default());
        let config = Config { max_connections_per_address: 2, ..Config::default() };
        let (one, other) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let Verdict::Welcome(first) = admission.admit(one, &config) else { panic!("refused") };
        let Verdict::Welcome(_second) = admission.admit(one, &config) else { panic!("refused") };
        assert!(matches!(admission.admit(one, &config), Verdict::Full(_, Refusal::Address)));
        assert!(matches!(admission.admit(other, &config), Verdict::Welcome(_)));
        drop(first);
        assert!(matches!(admission.admit(one, &config), Verdict::Welcome(_)));
        assert_eq!(admission.total(), 1);
    }

    #[test]
    fn last_place_goes_to_one_of_two() {
        let admission = Arc::new(Admission::default());
        let config = Config { max_connections: 1, ..Config::default() };
        let address = IpAddr::from([127, 0, 0, 1]);
        for _ in 0..200 {
            let start = std::sync::Barrier::new(2);
            let compete = || {
                start.wait();
                admission.admit(address, &config)
            };
            let (one, other) = std::thread::scope(|scope| {
                let (one, other) = (scope.spawn(compete), scope.spawn(compete));
                (one.join().unwrap(), other.join().unwrap())
            });
            let admitted = [&one, &other].into_iter().filter(|v| matches!(v, Verdict::Welcome(_))).count();
            assert_eq!(admitted, 1);
        }
    }

    #[test]
    fn those_who_have_not_authenticated_have_a_limit_of_their_own() {
        let admission = Arc::new(Admission::default());
        let config = Config { max_unauthenticated: 1, ..Config::default() };
        let address = IpAddr::from([127, 0, 0, 1]);
        let Verdict::Welcome(mut first) = admission.admit(address, &config) else { panic!("refused") };
        assert!(matches!(admission.admit(address, &config), Verdict::Full(_, Refusal::Unauthenticated)));
        first.authenticated();
        assert!(matches!(admission.admit(address, &config), Verdict::Welcome(_)));
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        let one: IpAddr = "2001:db8::1".parse().unwrap();
        let other: IpAddr = "2001:db8::ffff:1".parse().unwrap();
        assert_eq!(network(one), network(other));
        assert_eq!(network("::ffff:10.0.0.1".parse().unwrap()), IpAddr::from([10, 0, 0, 1]));
    }
}
