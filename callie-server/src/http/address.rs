//! Who a client is, for limits: its address.

use std::net::IpAddr;

/// The address of the client behind a request: an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);
