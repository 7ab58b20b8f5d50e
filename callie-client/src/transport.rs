//! Opens a stream to the server, for HTTP and the WebSocket: through the environment's proxy, if there is one.

use std::io;

use crate::address::ServerAddress;
use crate::dial::Trail;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::stream::{Stream, tcp};

/// Opens a stream to the server.
pub(crate) async fn open(endpoint: &Endpoint) -> Result<Stream, Error> {
    let trail = Trail::default();
    match tokio::time::timeout(endpoint.config().connect_timeout, dial(endpoint, &trail)).await {
        Ok(done) => done,
        Err(_) => Err(Error::timed_out(format_args!("connecting to the server took too long: {trail}"))),
    }
}

async fn dial(endpoint: &Endpoint, trail: &Trail) -> Result<Stream, Error> {
    let address = &endpoint.config().address;
    let stream: Stream = match endpoint.proxy() {
        Some(proxy) => proxy.tunnel(address, trail).await?,
        None => Box::new(tcp(address, trail).await.map_err(|e| no_link(e, address, trail))?),
    };
    match endpoint.tls() {
        Some(tls) => tls.connect(stream, trail).await,
        None => Ok(stream),
    }
}

fn no_link(error: io::Error, address: &ServerAddress, trail: &Trail) -> Error {
    let host = address.host();
    let reason = if trail.is_empty() {
        format!("the address of {host} could not be found: {error}")
    } else {
        format!("no connection to {host}: {trail}")
    };
    Error::unreachable(reason).with_source(error)
}
