//! What an operator can set: one flat set of keys, read from defaults, a TOML file, the environment and flags.
//!
//! `keys.rs` has the keys, with documentation and defaults; `values.rs` the types of some of them; `load.rs` reads
//! and checks them; `show.rs` prints them; `live.rs` is the configuration in use.

mod keys;
mod live;
mod load;
mod show;
mod values;

pub(crate) use keys::DATABASE_CONNECTIONS;
pub use keys::{Audience, Config, LogFormat, OfflineMode, PresenceMode, Registration};
pub(crate) use live::LiveConfig;
pub(crate) use load::variable;
pub use load::{ConfigError, Overrides, load, unknown_variables};
pub use show::documented;
pub use values::{LogFilter, ValueError, WebOrigin};
