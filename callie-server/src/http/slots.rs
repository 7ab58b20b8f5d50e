//! The limits on connections that are not WebSockets yet. The gateway counts WebSockets itself.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::config::Config;
use crate::net::{is_trusted, network};

/// The slots for open connections, and how many each network has taken.
#[derive(Debug, Clone)]
pub(super) struct Slots(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    most: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// The slot of one connection, returned when dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Slots,
    network: IpAddr,
}

impl Slots {
    pub(super) fn new(config: &Config) -> Self {
        Self(Arc::new(Mutex::new(Taken { most: config.max_connections, ..Taken::default() })))
    }

    /// Returns a slot for a connection from `peer`, or `None` if a limit is reached. A trusted proxy, which stands
    /// for many clients, is not limited by address.
    pub(super) fn take(&self, peer: IpAddr, config: &Config) -> Option<Slot> {
        let is_proxy = is_trusted(peer, &config.trusted_proxies);
        let network = network(peer);
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_network = taken.by_network.get(&network).copied().unwrap_or(0);
        if taken.all >= taken.most || (!is_proxy && of_network >= config.max_connections_per_address) {
            return None;
        }
        taken.all += 1;
        taken.by_network.insert(network, of_network + 1);
        Some(Slot { slots: self.clone(), network })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(count) = taken.by_network.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                taken.by_network.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_limited_by_address_and_in_all() {
        let config = Config {
            max_connections: 4,
            max_connections_per_address: 2,
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            ..Config::default()
        };
        let slots = Slots::new(&config);
        let take = |from: &str| slots.take(from.parse().unwrap(), &config);
        let (first, _second) = (take("192.0.2.1").unwrap(), take("192.0.2.1").unwrap());
        assert!(take("192.0.2.1").is_none());
        drop(first);
        let _third = take("192.0.2.1").unwrap();
        let (_fourth, _fifth) = (take("10.0.0.1").unwrap(), take("10.0.0.1").unwrap());
        assert!(take("192.0.2.2").is_none());
    }
}
