//! The way to the server: through the proxy of the environment where there is one. HTTP and the WebSocket take the same way.

use std::io;

use crate::address::ServerAddress;
use crate::config::Config;
use crate::dial::Trail;
use crate::error::Error;
use crate::proxy;
use crate::stream::{Stream, secure, tcp};

/// Opens a stream to the server.
pub(crate) async fn open(config: &Config) -> Result<Stream, Error> {
    let trail = Trail::default();
    match tokio::time::timeout(config.connect_timeout, dial(config, &trail)).await {
        Ok(done) => done,
        Err(_) => Err(Error::timed_out(format_args!("connecting to the server took too long: {trail}"))),
    }
}

async fn dial(config: &Config, trail: &Trail) -> Result<Stream, Error> {
    let address = &config.address;
    let stream: Stream = match proxy::on_the_way(config) {
        Some(proxy) => proxy::tunnel(config, &proxy, trail).await?,
        None => Box::new(tcp(address, trail).await.map_err(|e| no_link(e, address, trail))?),
    };
    if address.is_secure() { secure(config, address, stream, trail).await } else { Ok(stream) }
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
