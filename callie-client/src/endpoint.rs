//! A server that can be connected to: its configuration, checked, and what follows from it.

use std::fmt;
use std::sync::Arc;

use crate::config::Config;
use crate::error::Error;
use crate::proxy::Proxy;
use crate::tls::{Tls, Trust};

/// A [`Config`] that can be used, with its certificates read and its proxy found. Clones share them.
#[derive(Clone)]
pub(crate) struct Endpoint(Arc<Parts>);

struct Parts {
    config: Config,
    tls: Option<Tls>,
    proxy: Option<Proxy>,
}

impl Endpoint {
    /// Checks all that can be checked without a connection.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) names the setting, or the environment variable of the proxy.
    pub(crate) fn new(config: Config) -> Result<Self, Error> {
        config.check()?;
        let trust = Trust::read(&config)?;
        let tls = Tls::of(&config.address, &trust, &config.pins)?;
        let proxy = if config.use_proxy { Proxy::find(&config.address, &trust)? } else { None };
        Ok(Self(Arc::new(Parts { config, tls, proxy })))
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    /// TLS with the server; none where its URL begins with `http://`.
    pub(crate) fn tls(&self) -> Option<&Tls> {
        self.0.tls.as_ref()
    }

    /// The proxy on the way to the server.
    pub(crate) fn proxy(&self) -> Option<&Proxy> {
        self.0.proxy.as_ref()
    }
}

/// The configuration: what follows from it is long, and tells nothing more.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.config().fmt(f)
    }
}
