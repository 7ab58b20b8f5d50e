//! SQLite: the path of the file, its creation, the settings of its connections.

use sqlx::{AnyConnection, Connection as _, Executor as _};

use super::error::OpenError;

/// How long SQLite waits for another process that has the file, such as an admin command or a backup, in milliseconds.
const BUSY_TIMEOUT_MS: u32 = 3_000;

/// A database file, or one in memory.
#[derive(Debug)]
pub(super) struct SqliteFile {
    /// The URL for sqlx.
    pub(super) url: String,
    /// The path, for people.
    pub(super) path: String,
    /// Whether it is in memory, and belongs to its one connection.
    pub(super) in_memory: bool,
}

impl SqliteFile {
    /// Parses `database`, a path or a `sqlite:` URL.
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

    /// Returns the file at `path`.
    pub(super) fn at(path: &str) -> Result<Self, OpenError> {
        let absolute =
            std::path::absolute(path).map_err(|source| OpenError::Path { path: path.to_owned(), source })?;
        let url = url_of(&absolute, "mode=rwc");
        Ok(Self { url, path: path.to_owned(), in_memory: false })
    }

    /// Returns `true` if the file exists.
    pub(super) fn exists(&self) -> bool {
        self.in_memory || std::path::Path::new(&self.path).exists()
    }

    /// Logs a warning if users other than the owner may read the file, which contains password hashes.
    pub(super) fn warn_if_shared(&self) {
        use std::os::unix::fs::PermissionsExt as _;
        let Ok(found) = std::fs::metadata(&self.path) else { return };
        let mode = found.permissions().mode() & 0o777;
        if !self.in_memory && mode & 0o077 != 0 {
            tracing::warn!(
                file = self.path,
                mode = format!("{mode:o}"),
                "users other than its owner may use the database, which contains password hashes: chmod 600"
            );
        }
    }

    /// Creates the file if it is missing, for its owner alone: it will contain password hashes. SQLite gives the files
    /// beside it the same permissions.
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

/// With WAL, readers continue while a writer writes. FULL keeps committed transactions also after a power failure.
pub(super) async fn set_up(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    connection.execute(sqlx::AssertSqlSafe(format!("PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}"))).await?;
    for pragma in ["PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON"] {
        connection.execute(pragma).await?;
    }
    Ok(())
}

/// Returns `true` if `connection`, which returns to its pool, may be used again.
///
/// When a write fails because the disk is full, SQLite ends the transaction by itself. The rollback that sqlx then sends
/// fails, sqlx counts the transaction as open for ever, and every later `BEGIN` on the connection is refused.
pub(super) async fn is_reusable(connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
    // A rollback that is still queued is carried out before the ping is answered.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// Returns the URL for sqlx of the file at an absolute path.
pub(super) fn url_of(path: &std::path::Path, parameters: &str) -> String {
    format!("sqlite://{}?{parameters}", escape(&path.to_string_lossy()))
}

/// Escapes the characters that have a meaning in a URL.
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
