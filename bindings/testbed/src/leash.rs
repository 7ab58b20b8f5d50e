//! How a server ends with the test bed, however hard that dies: nothing runs in a process that is killed, so the kernel is
//! asked to kill the server. A process can ask that only for itself; so the test bed starts itself once more, which asks and
//! then becomes the server.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io::Error;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;

use clap::Args;

/// The word that stands before [`Leashed`] on the command line.
pub(crate) const WORD: &str = "leashed";

/// Become a program that is killed when its parent is.
#[derive(Debug, Args)]
pub(crate) struct Leashed {
    /// Who the parent was when it started this
    parent: u32,
    /// The program to become
    program: PathBuf,
    /// Its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl Leashed {
    /// Asks, and becomes the program; comes back only with the reason why not.
    pub(crate) fn run(self) -> Result<Infallible, Failed> {
        let failed = |source| Failed { program: self.program.clone(), source };
        ask().map_err(failed)?;
        // A parent that died before the kernel was asked kills nobody.
        if std::os::unix::process::parent_id() != self.parent {
            return Err(failed(Error::other("who asked for it is gone")));
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
fn ask() -> Result<(), Error> {
    use rustix::process::{Signal, set_parent_process_death_signal};
    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// No other kernel can be asked: there a server outlives a test bed that is killed.
#[cfg(not(target_os = "linux"))]
fn ask() -> Result<(), Error> {
    Ok(())
}
