//! Who a client is, for limits: its address, seen through proxies that are trusted.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The header in which proxies note, each after the one before, whom they speak for.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of the client behind a request: an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

/// The request came through a trusted proxy: an extension of such requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThroughProxy;

/// Whether `address` is that of a trusted proxy.
pub(super) fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&address.to_canonical()))
}

impl ClientAddress {
    /// The client behind a connection from `peer`. What a header says is believed as far back as trusted proxies wrote it:
    /// the last address that is none of theirs is the client.
    pub(crate) fn find(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let mut client = peer.to_canonical();
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        let mut hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        while is_trusted(client, trusted) {
            // A hop that is no address was written by nobody who can be trusted.
            let Some(hop) = hops.next().and_then(|hop| address(hop.trim())) else { break };
            client = hop.to_canonical();
        }
        Self(client)
    }
}

/// The address of a hop, behind which some proxies write the client's port.
fn address(hop: &str) -> Option<IpAddr> {
    let bracketed = || hop.strip_prefix('[')?.strip_suffix(']');
    let with_port = || hop.parse::<SocketAddr>().ok().map(|hop| hop.ip());
    hop.parse().ok().or_else(with_port).or_else(|| bracketed()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(peer: &str, lines: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        ClientAddress::find(peer.parse().unwrap(), &headers, &trusted).0.to_string()
    }

    #[test]
    fn a_header_is_believed_from_trusted_proxies_only() {
        assert_eq!(find("192.0.2.9", &["198.51.100.1"], &[]), "192.0.2.9");
        assert_eq!(find("192.0.2.9", &["198.51.100.1"], &["10.0.0.0/8"]), "192.0.2.9");
        assert_eq!(find("10.0.0.1", &["198.51.100.1"], &["10.0.0.0/8"]), "198.51.100.1");
        assert_eq!(find("::ffff:10.0.0.1", &["198.51.100.1"], &["10.0.0.0/8"]), "198.51.100.1");
    }

    #[test]
    fn what_the_client_wrote_itself_before_the_proxies_is_not_believed() {
        let proxies = ["10.0.0.0/8"];
        assert_eq!(find("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.0.0.2"], &proxies), "198.51.100.1");
        assert_eq!(find("10.0.0.1", &["1.1.1.1", "198.51.100.1", "10.0.0.2"], &proxies), "198.51.100.1");
        assert_eq!(find("10.0.0.1", &["198.51.100.1, nonsense"], &proxies), "10.0.0.1");
        assert_eq!(find("10.0.0.1", &[], &proxies), "10.0.0.1");
    }

    #[test]
    fn ports_behind_addresses_are_left_out() {
        let proxies = ["10.0.0.0/8"];
        for hop in ["198.51.100.1:5678", "198.51.100.1"] {
            assert_eq!(find("10.0.0.1", &[hop, "10.0.0.2:443"], &proxies), "198.51.100.1");
        }
        for hop in ["[2001:db8::1]:5678", "[2001:db8::1]", "2001:db8::1"] {
            assert_eq!(find("10.0.0.1", &[hop], &proxies), "2001:db8::1");
        }
    }
}
