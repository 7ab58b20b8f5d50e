//! What an operator can set: one flat set of keys, read from defaults, a TOML file, the environment and flags.
//!
//! `keys.rs` has the keys, with documentation and defaults; `values.rs` the types of some of them; `load.rs` reads
//! and checks them; `show.rs` prints them.

mod keys;
mod load;
mod show;
mod values;

pub use keys::{Audience, Config, LogFormat, PresenceMode, Registration};
pub(crate) use load::variable;
pub use load::{ConfigError, Overrides, load, unknown_variables};
pub use show::documented;
pub use values::{LogFilter, ValueError, WebOrigin};
