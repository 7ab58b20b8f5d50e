//! `callie-server database …`: backing a SQLite database up, restoring it, and copying any database to another.

use std::path::PathBuf;

use clap::Subcommand;

use super::{Failure, Shared, output, run_to_end};
use crate::store::{self, Copied};

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Copies the database to a new file; the server may run
    Backup {
        /// The new file, which only its owner will be able to read
        file: PathBuf,
    },
    /// Copies everything to another database, SQLite or PostgreSQL; no server may run on either
    ///
    /// Each is a file, or a sqlite:// or postgres:// URL. The target must be empty. After a failure, start again.
    Copy {
        /// The database to copy
        from: String,
        /// The empty database
        to: String,
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
        Action::Copy { from, to } => {
            let Copied { tables, rows, .. } = run_to_end(runtime, store::copy(from, to))?;
            output::report(&format!("copied the {rows} rows of {tables} tables, and checked their numbers"));
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
