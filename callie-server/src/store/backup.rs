//! Copies of a SQLite database: written while a server runs, and restored while none does.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown};
use std::path::{Path, PathBuf};

use sqlx::{AnyConnection, Connection as _, Executor as _, Row as _};

use super::claim::Claim;
use super::error::{OpenError, one_line};
use super::open::{open_sqlite, sqlite_file};
use super::postgres::PostgresUrl;
use super::sqlite::{SqliteFile, url_of};
use crate::base::clock;

/// Why a database was not copied or not restored. Each error is one line for people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// It is a PostgreSQL database, which has its own programs for this.
    #[error("this is for SQLite; back PostgreSQL up with pg_dump and restore it with pg_restore")]
    Postgres,
    /// It is in memory.
    #[error("a database in memory cannot be copied: it exists only in the memory of its server")]
    InMemory,
    /// The file to write exists.
    #[error("{} exists already; name a new file", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Another program has it open.
    #[error("the database {} is in use; stop the program that has it open", path.display())]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// The file to restore is not a database of this server, or is damaged.
    #[error("{} cannot be restored: {reason}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database cannot be read.
    #[error("the database {} cannot be copied: {reason}", path.display())]
    Unreadable {
        /// The database.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// Writes a copy of `database` as it is at one moment to the new file `to`, which only its owner can read. A server may
/// run on the database meanwhile.
///
/// # Errors
/// [`BackupError`]; no file is left behind then.
pub async fn back_up(database: &str, to: &Path) -> Result<(), BackupError> {
    let file = existing(database)?;
    let to = absolute(to)?;
    create(&to)?;
    let done = copy_to(&file, &to).await;
    if done.is_err() {
        // The returned error is more useful than one about the removal.
        let _ = std::fs::remove_file(&to);
    }
    done
}

/// Replaces `database`, on which no server may run, by the copy `from`, and migrates it. Returns where the previous
/// database is kept, if there was one.
///
/// # Errors
/// [`BackupError`]; the database is as it was then.
pub async fn restore(database: &str, from: &Path) -> Result<Option<PathBuf>, BackupError> {
    let file = sqlite_only(database)?;
    let (target, from) = (absolute(Path::new(&file.path))?, absolute(from)?);
    if from.is_dir() {
        return Err(BackupError::Unfit { path: from, reason: "it is a directory".to_owned() });
    }
    let new = beside(&target, ".restoring");
    // Keeps a server from starting meanwhile.
    let claim = Claim::take(database, false).await?;
    let held = match target.exists() {
        true => hold(&target).await?,
        false => None,
    };
    remove_all(&new)?;
    let done = async {
        copy_in(&from, &new, &target)?;
        make_fit(&from, &new).await?;
        swap(&new, &target)
    };
    let done = done.await;
    if done.is_err() {
        // The returned error is more useful than one about the removal.
        let _ = remove_all(&new);
    }
    drop(held);
    drop(claim);
    done
}

/// Returns the SQLite file that `database` names.
fn sqlite_only(database: &str) -> Result<SqliteFile, BackupError> {
    if PostgresUrl::parse(database).is_some() {
        return Err(BackupError::Postgres);
    }
    let file = sqlite_file(database)?;
    if file.in_memory { Err(BackupError::InMemory) } else { Ok(file) }
}

fn existing(database: &str) -> Result<SqliteFile, BackupError> {
    let file = sqlite_only(database)?;
    if file.exists() { Ok(file) } else { Err(OpenError::Missing { path: file.path }.into()) }
}

async fn copy_to(file: &SqliteFile, to: &Path) -> Result<(), BackupError> {
    let unreadable =
        |e: sqlx::Error| BackupError::Unreadable { path: file.path.clone().into(), reason: one_line(&e) };
    sqlx::any::install_default_drivers();
    let url = url_of(&absolute(Path::new(&file.path))?, "mode=rw");
    let mut connection = AnyConnection::connect(&url).await.map_err(unreadable)?;
    let copied =
        sqlx::query("VACUUM INTO $1").bind(to.to_string_lossy().into_owned()).execute(&mut connection).await;
    copied.map_err(unreadable)?;
    connection.close().await.map_err(unreadable)?;
    let found = faults(to, "mode=ro&immutable=1").await.map_err(unreadable)?;
    if let Some(reason) = found {
        return Err(BackupError::Unreadable { path: file.path.clone().into(), reason });
    }
    sync(to)
}

/// Opens the database exclusively. Returns `None` if it is so damaged that nobody can open it.
async fn hold(target: &Path) -> Result<Option<AnyConnection>, BackupError> {
    sqlx::any::install_default_drivers();
    let held = async {
        let mut connection = AnyConnection::connect(&url_of(target, "mode=rw")).await?;
        // Leaving WAL requires exclusive access, and writes the log into the file.
        for statement in ["PRAGMA busy_timeout = 0", "PRAGMA journal_mode = DELETE", "BEGIN EXCLUSIVE"] {
            connection.execute(statement).await?;
        }
        Ok(connection)
    };
    match held.await {
        Ok(connection) => Ok(Some(connection)),
        Err(error) if is_busy(&error) => Err(BackupError::InUse { path: target.to_owned() }),
        Err(_) => Ok(None),
    }
}

/// Returns `true` if another connection has the file. The lowest byte of SQLite's code is the kind of error.
fn is_busy(error: &sqlx::Error) -> bool {
    const BUSY: u32 = 5;
    let code = error.as_database_error().and_then(|e| e.code()?.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xFF == BUSY)
}

/// Copies the file, and its log if there is one, to the place of the database.
fn copy_in(from: &Path, new: &Path, target: &Path) -> Result<(), BackupError> {
    for end in ["", WAL] {
        let (from, new) = (beside(from, end), beside(new, end));
        if end == WAL && !from.exists() {
            continue;
        }
        let mut source = File::open(&from).map_err(io_error(&from))?;
        let mut written = create(&new)?;
        io::copy(&mut source, &mut written).map_err(io_error(&new))?;
        // The user of the server must be able to use the file, not only the user who restores it.
        if let Ok(old) = std::fs::metadata(target) {
            chown(&new, Some(old.uid()), Some(old.gid())).map_err(io_error(&new))?;
        }
    }
    Ok(())
}

/// Checks the copy and brings it up to date.
async fn make_fit(from: &Path, new: &Path) -> Result<(), BackupError> {
    let unfit = |reason: String| BackupError::Unfit { path: from.to_owned(), reason };
    sqlx::any::install_default_drivers();
    match faults(new, "mode=rw").await {
        Ok(None) => {}
        Ok(Some(reason)) => return Err(unfit(reason)),
        Err(error) => return Err(unfit(one_line(&error))),
    }
    let file = SqliteFile::at(&new.to_string_lossy())?;
    let opened = open_sqlite(&file).await.map_err(|error| unfit(error.to_string()))?;
    opened.database.close().await;
    sync(new)
}

/// Returns what is wrong with a database, if anything is.
async fn faults(path: &Path, parameters: &str) -> Result<Option<String>, sqlx::Error> {
    const TABLES: &str =
        "SELECT COUNT(*) FROM sqlite_master WHERE name IN ('users', 'sessions', '_sqlx_migrations')";
    let mut connection = AnyConnection::connect(&url_of(path, parameters)).await?;
    let row = connection.fetch_one("PRAGMA integrity_check(1)").await?;
    let said: String = row.try_get(0)?;
    let tables: i64 = connection.fetch_one(TABLES).await?.try_get(0)?;
    connection.close().await?;
    Ok(match (said.as_str(), tables) {
        ("ok", 3) => None,
        ("ok", _) => Some("it is not a database of callie-server".to_owned()),
        _ => Some(format!("it is damaged: {}", said.split_whitespace().collect::<Vec<_>>().join(" "))),
    })
}

/// Moves `new` to `target`. The file and the log that were there are renamed.
fn swap(new: &Path, target: &Path) -> Result<Option<PathBuf>, BackupError> {
    let mut kept = None;
    if target.exists() {
        let time = clock::timestamp(clock::now()).as_str().replace([':', '.'], "-");
        let old = beside(target, &format!(".before-{time}"));
        // Until the last rename there is a database at `target` at every moment.
        std::fs::hard_link(target, &old).map_err(io_error(&old))?;
        if beside(target, WAL).exists() {
            std::fs::rename(beside(target, WAL), beside(&old, WAL)).map_err(io_error(&old))?;
        }
        kept = Some(old);
    }
    // A log that does not belong to the restored database would be applied to it.
    for end in [WAL, SHM] {
        remove(&beside(target, end))?;
    }
    std::fs::rename(new, target).map_err(io_error(target))?;
    sync(target)?;
    Ok(kept)
}

const WAL: &str = "-wal";
const SHM: &str = "-shm";

/// Creates a file that only its owner can use.
fn create(path: &Path) -> Result<File, BackupError> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|source| {
        match source.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists { path: path.to_owned() },
            _ => io_error(path)(source),
        }
    })
}

/// Removes a database and the files that SQLite keeps beside it.
fn remove_all(path: &Path) -> Result<(), BackupError> {
    ["", WAL, SHM].into_iter().try_for_each(|end| remove(&beside(path, end)))
}

fn remove(path: &Path) -> Result<(), BackupError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(io_error(path)(source)),
        _ => Ok(()),
    }
}

/// Has the file and its name survive a power failure.
fn sync(path: &Path) -> Result<(), BackupError> {
    let done = File::open(path).and_then(|file| file.sync_all());
    done.and_then(|()| File::open(path.parent().unwrap_or(path))?.sync_all()).map_err(io_error(path))
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn absolute(path: &Path) -> Result<PathBuf, BackupError> {
    std::path::absolute(path).map_err(io_error(path))
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> BackupError + use<> {
    let path = path.to_owned();
    move |source| BackupError::Io { path: path.clone(), source }
}
