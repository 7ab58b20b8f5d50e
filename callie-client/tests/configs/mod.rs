//! Configurations that differ from others in a few fields.

use callie_client::Config;

/// Returns `config` after `change`. `Config` is `#[non_exhaustive]`, so other crates cannot use struct update syntax.
pub(crate) fn with(mut config: Config, change: impl FnOnce(&mut Config)) -> Config {
    change(&mut config);
    config
}
