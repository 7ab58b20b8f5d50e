//! `callie-server database …`: backing a SQLite database up, and restoring it.

use std::path::PathBuf;

use clap::Subcommand;

use super::{Failure, Shared, output, run_to_end};
use crate::store;

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Copies the database to a new file; the server may run
    Backup {
        /// The new file, which only its owner will be able to read
        file: PathBuf,
    },
    /// Replaces the database by a backup; the server must not run
    ///
    /// The previous database is kept in the same folder. Everything is as it was when the backup was made: sessions
    /// that have ended since are valid again, and bans since are lifted.
    Restore {
        /// A file that `database backup` wrote
        file: PathBuf,
    },
}

pub(super) fn run(shared: &Shared, action: &Action) -> Result<(), Failure> {
    let database = shared.load()?.database;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match action {
        Action::Backup { file } => {
            run_to_end(runtime, store::back_up(&database, file))?;
            output::report(&format!("backed the database up to {}", file.display()));
        }
        Action::Restore { file } => {
            let kept = run_to_end(runtime, store::restore(&database, file))?;
            output::report(&format!("restored the database from {}", file.display()));
            if let Some(kept) = kept {
                output::report(&format!("the previous database is {}", kept.display()));
            }
        }
    }
    Ok(())
}
