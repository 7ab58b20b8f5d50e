//! Opening the database: where it is, how it is set up, its migrations.

use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool, Connection as _, Executor as _};

use super::{OpenError, Store};

/// Readers at a time: SQLite answers from memory in microseconds, so few serve many.
const READERS: u32 = 4;
/// How long a question waits for a connection to the database before it is refused: longer than any honest wait, shorter
/// than a client's patience.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long SQLite waits for another process (an admin command, a backup) that holds the file, in milliseconds.
const BUSY_TIMEOUT_MS: u32 = 3_000;

impl Store {
    /// Opens `database`, a file or a `sqlite:` URL; a file that is missing is made.
    ///
    /// # Errors
    /// [`OpenError`], one line for people.
    pub async fn open(database: &str) -> Result<Self, OpenError> {
        Self::connect(Location::parse(database)?).await
    }

    /// Opens `database` as [`Store::open`] does, unless its file is missing: a name mistyped must not make a new one.
    ///
    /// # Errors
    /// [`OpenError`], one line for people.
    pub async fn open_existing(database: &str) -> Result<Self, OpenError> {
        let location = Location::parse(database)?;
        if !location.in_memory && !std::path::Path::new(&location.shown).exists() {
            return Err(OpenError::Missing { path: location.shown });
        }
        Self::connect(location).await
    }

    async fn connect(location: Location) -> Result<Self, OpenError> {
        sqlx::any::install_default_drivers();
        location.make_file()?;
        location.probe().await?;
        let write = location.connect(1).await?;
        sqlx::migrate!()
            .run(&write)
            .await
            .map_err(|e| OpenError::Migrate { path: location.shown.clone(), reason: one_line(&e) })?;
        // A database in memory belongs to its one connection.
        let read = if location.in_memory { write.clone() } else { location.connect(READERS).await? };
        Ok(Self {
            read,
            write,
            begin: "BEGIN IMMEDIATE",
            touched: super::touch::Touched::default(),
            poke: std::sync::Arc::default(),
        })
    }
}

/// Where a database is.
struct Location {
    url: String,
    shown: String,
    in_memory: bool,
}

impl Location {
    fn parse(database: &str) -> Result<Self, OpenError> {
        let path = match database.split_once(':') {
            Some(("sqlite", rest)) => rest.strip_prefix("//").unwrap_or(rest),
            Some((scheme, rest)) if rest.starts_with("//") => {
                return Err(OpenError::Scheme { url: format!("{scheme}://…") });
            }
            _ => database,
        };
        // The parameters of a URL (its mode) are ours to set.
        let path =
            if database.starts_with("sqlite:") { path.split('?').next().unwrap_or(path) } else { path };
        if path == ":memory:" {
            return Ok(Self { url: "sqlite::memory:".to_owned(), shown: path.to_owned(), in_memory: true });
        }
        let absolute =
            std::path::absolute(path).map_err(|source| OpenError::Path { path: path.to_owned(), source })?;
        let url = format!("sqlite://{}?mode=rwc", escape(&absolute.to_string_lossy()));
        Ok(Self { url, shown: path.to_owned(), in_memory: false })
    }

    /// Makes a missing file, for its owner alone: it will hold password hashes. SQLite gives the files beside it the same
    /// rights.
    fn make_file(&self) -> Result<(), OpenError> {
        use std::os::unix::fs::OpenOptionsExt as _;
        if self.in_memory {
            return Ok(());
        }
        match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.shown) {
            Err(source) if source.kind() != std::io::ErrorKind::AlreadyExists => {
                Err(OpenError::Path { path: self.shown.clone(), source })
            }
            _ => Ok(()),
        }
    }

    /// Connects once, outside a pool: a pool would try again and again, and then tell that it took too long.
    async fn probe(&self) -> Result<(), OpenError> {
        let probed = async {
            let mut connection = AnyConnection::connect(&self.url).await?;
            set_up(&mut connection).await?;
            connection.close().await
        };
        probed.await.map_err(|e| OpenError::Connect { path: self.shown.clone(), reason: one_line(&e) })
    }

    async fn connect(&self, connections: u32) -> Result<AnyPool, OpenError> {
        AnyPoolOptions::new()
            .max_connections(connections)
            .min_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .after_connect(|connection, _| Box::pin(set_up(connection)))
            .connect(&self.url)
            .await
            .map_err(|e| OpenError::Connect { path: self.shown.clone(), reason: one_line(&e) })
    }
}

/// WAL lets readers go on beside the writer. FULL keeps what was committed also through a loss of power.
async fn set_up(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    connection.execute(sqlx::AssertSqlSafe(format!("PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}"))).await?;
    for pragma in ["PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON"] {
        connection.execute(pragma).await?;
    }
    Ok(())
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

fn one_line(error: &dyn std::error::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
