//! SQLite: where the file is, how it is made, how a connection is set up.

use sqlx::{AnyConnection, Connection as _, Executor as _};

use super::error::OpenError;

/// How long SQLite waits for another process (an admin command, a backup) that holds the file, in milliseconds.
const BUSY_TIMEOUT_MS: u32 = 3_000;

/// A database file, or one in memory.
#[derive(Debug)]
pub(super) struct SqliteFile {
    /// What sqlx is told.
    pub(super) url: String,
    /// What people are told.
    pub(super) path: String,
    /// It belongs to its one connection.
    pub(super) in_memory: bool,
}

impl SqliteFile {
    /// The file `database`, which may be a `sqlite:` URL.
    pub(super) fn parse(database: &str) -> Result<Self, OpenError> {
        let path = match database.strip_prefix("sqlite:") {
            Some(rest) => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                if let Some((path, _)) = path.split_once('?') {
                    let reason = "a sqlite:// URL takes no parameters".to_owned();
                    return Err(OpenError::Url { url: format!("sqlite://{path}"), reason });
                }
                path
            }
            None => database,
        };
        if path == ":memory:" {
            return Ok(Self { url: "sqlite::memory:".to_owned(), path: path.to_owned(), in_memory: true });
        }
        Self::at(path)
    }

    /// The file at `path`.
    pub(super) fn at(path: &str) -> Result<Self, OpenError> {
        let absolute =
            std::path::absolute(path).map_err(|source| OpenError::Path { path: path.to_owned(), source })?;
        let url = url_of(&absolute, "mode=rwc");
        Ok(Self { url, path: path.to_owned(), in_memory: false })
    }

    /// Whether there is one already.
    pub(super) fn exists(&self) -> bool {
        self.in_memory || std::path::Path::new(&self.path).exists()
    }

    /// Warns where others than its owner may read the file: it holds the hashes of passwords.
    pub(super) fn warn_if_shared(&self) {
        use std::os::unix::fs::PermissionsExt as _;
        let Ok(found) = std::fs::metadata(&self.path) else { return };
        let mode = found.permissions().mode() & 0o777;
        if !self.in_memory && mode & 0o077 != 0 {
            tracing::warn!(
                file = self.path,
                mode = format!("{mode:o}"),
                "others than its owner may use the database, which holds the hashes of passwords: chmod 600"
            );
        }
    }

    /// Makes a missing file, for its owner alone: it will hold password hashes. SQLite gives the files beside it the same
    /// rights.
    pub(super) fn make(&self) -> Result<(), OpenError> {
        use std::os::unix::fs::OpenOptionsExt as _;
        if self.in_memory {
            return Ok(());
        }
        match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.path) {
            Err(source) if source.kind() != std::io::ErrorKind::AlreadyExists => {
                Err(OpenError::Path { path: self.path.clone(), source })
            }
            _ => Ok(()),
        }
    }
}

/// WAL lets readers go on beside the writer. FULL keeps what was committed also through a loss of power.
pub(super) async fn set_up(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    connection.execute(sqlx::AssertSqlSafe(format!("PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}"))).await?;
    for pragma in ["PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON"] {
        connection.execute(pragma).await?;
    }
    Ok(())
}

/// Returns whether `connection`, which goes back to its pool, may be used again.
///
/// When a write fails because the disk is full, SQLite ends the transaction by itself. The rollback that sqlx then sends
/// fails, sqlx counts the transaction as open for ever, and every later `BEGIN` on the connection is refused.
pub(super) async fn is_reusable(connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
    // A rollback that is still queued is carried out before the ping is answered.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// What sqlx calls the file at an absolute path.
pub(super) fn url_of(path: &std::path::Path, parameters: &str) -> String {
    format!("sqlite://{}?{parameters}", escape(&path.to_string_lossy()))
}

/// Escapes what would mean something in a URL.
fn escape(path: &str) -> String {
    path.bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' | b'~' => {
                char::from(b).to_string()
            }
            _ => format!("%{b:02X}"),
        })
        .collect()
}
