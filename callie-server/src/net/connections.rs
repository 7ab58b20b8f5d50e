//! The limits on the number of connections: of all, of one address, and of those that have not authenticated.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio::sync::Notify;

use super::address::network;
use crate::base::config::Config;
use crate::base::telemetry::Refusal;

/// The most connections that are rejected with a message at the same time. Others are refused without one.
const MAX_REJECTING: usize = 256;

/// Counts WebSocket connections and enforces the limits on them.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    total: AtomicUsize,
    unauthenticated: AtomicUsize,
    rejecting: AtomicUsize,
    by_address: DashMap<IpAddr, usize>,
    /// Notified when the last connection ends.
    empty: Notify,
}

/// The decision on a new connection.
pub(crate) enum Admission {
    /// It is admitted.
    Admitted(ConnectionPermit),
    /// A limit is reached; the connection is closed with a message.
    Full(RejectionPermit, Refusal),
    /// A limit is reached; the connection is refused immediately.
    Refused(Refusal),
}

/// The numbers of connections, including the new one.
struct Counts {
    total: usize,
    unauthenticated: usize,
    of_address: usize,
}

/// The right to a connection, returned when dropped.
pub(crate) struct ConnectionPermit {
    connections: Arc<Connections>,
    address: IpAddr,
    authenticated: bool,
}

/// The right to reject a connection with a message, returned when dropped.
pub(crate) struct RejectionPermit(Arc<Connections>);

impl Connections {
    /// Decides on a new connection from `address`.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr, config: &Config) -> Admission {
        let (permit, counts) = self.count(network(address));
        // Each connection gets different numbers. So of two that compete for the last place, one is admitted.
        let limit = if counts.total > config.max_connections {
            Refusal::Total
        } else if counts.unauthenticated > config.max_unauthenticated {
            Refusal::Unauthenticated
        } else if counts.of_address > config.max_connections_per_address {
            Refusal::Address
        } else {
            return Admission::Admitted(permit);
        };
        drop(permit);
        if self.rejecting.fetch_add(1, Ordering::Relaxed) < MAX_REJECTING {
            return Admission::Full(RejectionPermit(self.clone()), limit);
        }
        self.rejecting.fetch_sub(1, Ordering::Relaxed);
        Admission::Refused(limit)
    }

    fn count(self: &Arc<Self>, address: IpAddr) -> (ConnectionPermit, Counts) {
        let total = self.total.fetch_add(1, Ordering::Relaxed) + 1;
        let unauthenticated = self.unauthenticated.fetch_add(1, Ordering::Relaxed) + 1;
        let of_address = {
            let mut count = self.by_address.entry(address).or_insert(0);
            *count += 1;
            *count
        };
        let permit = ConnectionPermit { connections: self.clone(), address, authenticated: false };
        (permit, Counts { total, unauthenticated, of_address })
    }

    /// Returns the number of connections.
    pub(crate) fn total(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    /// Returns the number of connections that have authenticated.
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

impl ConnectionPermit {
    /// Notes that the connection has authenticated.
    pub(crate) fn authenticated(&mut self) {
        if !self.authenticated {
            self.authenticated = true;
            self.connections.unauthenticated.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.authenticated();
        if let Entry::Occupied(mut count) = self.connections.by_address.entry(self.address) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        if self.connections.total.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.connections.empty.notify_waiters();
        }
    }
}

impl Drop for RejectionPermit {
    fn drop(&mut self) {
        self.0.rejecting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_of_an_address_is_enforced() {
        let connections = Arc::new(Connections::default());
        let config = Config { max_connections_per_address: 2, ..Config::default() };
        let (one, other) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let Admission::Admitted(first) = connections.admit(one, &config) else { panic!("refused") };
        let Admission::Admitted(_second) = connections.admit(one, &config) else { panic!("refused") };
        assert!(matches!(connections.admit(one, &config), Admission::Full(_, Refusal::Address)));
        assert!(matches!(connections.admit(other, &config), Admission::Admitted(_)));
        drop(first);
        assert!(matches!(connections.admit(one, &config), Admission::Admitted(_)));
        assert_eq!(connections.total(), 1);
    }

    #[test]
    fn last_place_goes_to_one_of_two() {
        let connections = Arc::new(Connections::default());
        let config = Config { max_connections: 1, ..Config::default() };
        let address = IpAddr::from([127, 0, 0, 1]);
        for _ in 0..200 {
            let start = std::sync::Barrier::new(2);
            let compete = || {
                start.wait();
                connections.admit(address, &config)
            };
            let (one, other) = std::thread::scope(|scope| {
                let (one, other) = (scope.spawn(compete), scope.spawn(compete));
                (one.join().unwrap(), other.join().unwrap())
            });
            let admitted = [&one, &other].into_iter().filter(|v| matches!(v, Admission::Admitted(_))).count();
            assert_eq!(admitted, 1);
        }
    }

    #[test]
    fn unauthenticated_connections_have_a_limit() {
        let connections = Arc::new(Connections::default());
        let config = Config { max_unauthenticated: 1, ..Config::default() };
        let address = IpAddr::from([127, 0, 0, 1]);
        let Admission::Admitted(mut first) = connections.admit(address, &config) else { panic!("refused") };
        assert!(matches!(connections.admit(address, &config), Admission::Full(_, Refusal::Unauthenticated)));
        first.authenticated();
        assert!(matches!(connections.admit(address, &config), Admission::Admitted(_)));
    }
}
