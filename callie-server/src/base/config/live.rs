//! The configuration in use, which changes when it is reloaded.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Config;

/// The configuration in use.
#[derive(Debug)]
pub(crate) struct LiveConfig(ArcSwap<Config>);

impl LiveConfig {
    /// Starts with `config`.
    pub(crate) fn new(config: Config) -> Self {
        Self(ArcSwap::from_pointee(config))
    }

    /// Returns the configuration as it is now. Keys that are not live keep their value from the start.
    pub(crate) fn current(&self) -> Arc<Config> {
        self.0.load_full()
    }

    /// Replaces the configuration.
    pub(crate) fn replace(&self, config: Config) {
        self.0.store(Arc::new(config));
    }
}
