//! The address of a client, as limits use it: behind trusted proxies, and as a network.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The header to which each proxy appends the address that it received the request from.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of the client that sent a request. Every request has it as an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// Marks a request that came through a trusted proxy. Such requests have it as an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ThroughProxy;

/// Returns `true` if `address` belongs to a trusted proxy.
pub(crate) fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&address.to_canonical()))
}

impl ClientAddress {
    /// Finds the client behind a connection from `peer`.
    ///
    /// Entries of `X-Forwarded-For` are read from the last one backwards, as long as trusted proxies wrote them. The
    /// last address that belongs to no trusted proxy is the client.
    pub(crate) fn find(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let mut client = peer.to_canonical();
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        let mut hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        while is_trusted(client, trusted) {
            // An entry that is not an address was not written by a trusted proxy.
            let Some(hop) = hops.next().and_then(|hop| address(hop.trim())) else { break };
            client = hop.to_canonical();
        }
        Self(client)
    }
}

/// Parses an entry of the header. Some proxies append the client's port.
fn address(hop: &str) -> Option<IpAddr> {
    let bracketed = || hop.strip_prefix('[')?.strip_suffix(']');
    let with_port = || hop.parse::<SocketAddr>().ok().map(|hop| hop.ip());
    hop.parse().ok().or_else(with_port).or_else(|| bracketed()?.parse().ok())
}

/// Returns what counts as one client for limits: an IPv4 address, or the /64 network of an IPv6 address.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_network_counts_as_one_address() {
        let one: IpAddr = "2001:db8::1".parse().unwrap();
        let other: IpAddr = "2001:db8::ffff:1".parse().unwrap();
        assert_eq!(network(one), network(other));
        assert_eq!(network("::ffff:10.0.0.1".parse().unwrap()), IpAddr::from([10, 0, 0, 1]));
    }

    fn find(peer: &str, lines: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        ClientAddress::find(peer.parse().unwrap(), &headers, &trusted).0.to_string()
    }

    #[test]
    fn header_is_used_only_from_trusted_proxies() {
        assert_eq!(find("192.0.2.9", &["198.51.100.1"], &[]), "192.0.2.9");
        assert_eq!(find("192.0.2.9", &["198.51.100.1"], &["10.0.0.0/8"]), "192.0.2.9");
        assert_eq!(find("10.0.0.1", &["198.51.100.1"], &["10.0.0.0/8"]), "198.51.100.1");
        assert_eq!(find("::ffff:10.0.0.1", &["198.51.100.1"], &["10.0.0.0/8"]), "198.51.100.1");
    }

    #[test]
    fn entries_written_by_the_client_are_ignored() {
        let proxies = ["10.0.0.0/8"];
        assert_eq!(find("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.0.0.2"], &proxies), "198.51.100.1");
        assert_eq!(find("10.0.0.1", &["1.1.1.1", "198.51.100.1", "10.0.0.2"], &proxies), "198.51.100.1");
        assert_eq!(find("10.0.0.1", &["198.51.100.1, nonsense"], &proxies), "10.0.0.1");
        assert_eq!(find("10.0.0.1", &[], &proxies), "10.0.0.1");
    }

    #[test]
    fn ports_after_addresses_are_ignored() {
        let proxies = ["10.0.0.0/8"];
        for hop in ["198.51.100.1:5678", "198.51.100.1"] {
            assert_eq!(find("10.0.0.1", &[hop, "10.0.0.2:443"], &proxies), "198.51.100.1");
        }
        for hop in ["[2001:db8::1]:5678", "[2001:db8::1]", "2001:db8::1"] {
            assert_eq!(find("10.0.0.1", &[hop], &proxies), "2001:db8::1");
        }
    }
}
