//! Connections below HTTP: their bytes with or without TLS, the addresses of clients, the origins of web pages.
//!
//! `stream.rs` is one connection, `tls.rs` the certificate and key that TLS uses. `address.rs` finds a client's address
//! through trusted proxies, and `origin.rs` says which web pages may open a socket. `connections.rs` limits how many connections there may be.

mod address;
mod connections;
mod origin;
mod stream;
mod tls;

pub(crate) use address::{ClientAddress, ThroughProxy, is_trusted, network};
pub(crate) use connections::{Admission, ConnectionPermit, Connections};
pub(crate) use origin::{OriginRefused, check_origin, is_listed};
pub(crate) use stream::Stream;
pub(crate) use tls::Tls;
pub use tls::TlsError;
