//! Ends a server together with the test bed, even if the test bed is killed.
//!
//! A killed process runs no code, so the kernel must kill the server. A process can request that only for itself.
//! Therefore the test bed starts itself again with [`COMMAND`]: that process makes the request and then executes the
//! server.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io::Error;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;

use clap::Args;

/// The subcommand whose arguments are [`DieWithParent`].
pub(crate) const COMMAND: &str = "die-with-parent";

/// Executes a program that the kernel kills when its parent dies
#[derive(Debug, Args)]
pub(crate) struct DieWithParent {
    /// The process ID of the parent
    parent: u32,
    /// The program to execute
    program: PathBuf,
    /// Its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl DieWithParent {
    /// Executes the program. Returns only if that fails.
    pub(crate) fn run(self) -> Result<Infallible, Failed> {
        let failed = |source| Failed { program: self.program.clone(), source };
        request_death_signal().map_err(failed)?;
        // The kernel does nothing if the parent died before the request.
        if std::os::unix::process::parent_id() != self.parent {
            return Err(failed(Error::other("the parent has ended")));
        }
        Err(failed(std::process::Command::new(&self.program).args(self.arguments).exec()))
    }
}

/// The program could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {}: {source}; `make build` builds it", program.display())]
pub(crate) struct Failed {
    program: PathBuf,
    source: Error,
}

#[cfg(target_os = "linux")]
fn request_death_signal() -> Result<(), Error> {
    use rustix::process::{Signal, set_parent_process_death_signal};
    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// Other kernels have no such request. There, a server outlives a test bed that is killed.
#[cfg(not(target_os = "linux"))]
fn request_death_signal() -> Result<(), Error> {
    Ok(())
}
