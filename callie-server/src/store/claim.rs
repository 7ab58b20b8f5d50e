//! The right to serve a database, which one server on its own or the nodes of one cluster have.
//!
//! Two servers that do not know each other would both work on one database, but their users could not reach each other.
//! So a server holds a lock while it runs: an exclusive one without a cluster, a shared one in a cluster. Both
//! databases release the lock when the process ends for any reason. Admin commands take no lock.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _, Row as _};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::error::OpenError;
use super::open::{FIRST_CONNECT_TIMEOUT, cannot_connect, sqlite_file};
use super::postgres::PostgresUrl;

/// The key of the advisory lock of PostgreSQL, "callie" in ASCII. Advisory locks belong to one database.
const LOCK: i64 = 0x6361_6c6c_6965;
/// How long to wait for a lock of PostgreSQL, which releases that of a killed server when it sees that the connection
/// is closed.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often the lock is tried meanwhile.
const RETRY: Duration = Duration::from_millis(100);
/// How often the connection that holds the lock is checked.
const CHECK: Duration = Duration::from_secs(5);
/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Has PostgreSQL close the connection of a machine that disappeared, and so release its lock, within 25 s.
const KEEPALIVE: &str =
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3";

/// The right to serve a database, until it is dropped.
#[derive(Debug)]
pub struct Claim {
    /// Holds the lock beside a file.
    file: Option<File>,
    /// Holds the lock of PostgreSQL.
    keeper: Option<JoinHandle<()>>,
}

impl Claim {
    /// Claims `database`: together with other nodes for a node of a cluster, otherwise exclusively.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when another server has it, otherwise as [`Store::open`](super::Store::open).
    pub async fn take(database: &str, in_cluster: bool) -> Result<Self, OpenError> {
        match PostgresUrl::parse(database) {
            Some(url) => Self::take_postgres(url?, in_cluster).await,
            None => Self::take_file(database, in_cluster),
        }
    }

    fn take_file(database: &str, in_cluster: bool) -> Result<Self, OpenError> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let file = sqlite_file(database)?;
        if file.in_memory {
            return Ok(Self { file: None, keeper: None });
        }
        let path = beside(Path::new(&file.path));
        // A folder that is missing or not writable is reported when the database is opened.
        let opened = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
        let Ok(lock) = opened else { return Ok(Self { file: None, keeper: None }) };
        let locked = if in_cluster { lock.try_lock_shared() } else { lock.try_lock() };
        match locked {
            Ok(()) => Ok(Self { file: Some(lock), keeper: None }),
            Err(TryLockError::WouldBlock) => Err(in_use(&file.path, in_cluster)),
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, "the file system does not support locks: a second server on this database would not be detected");
                Ok(Self { file: None, keeper: None })
            }
        }
    }

    async fn take_postgres(url: PostgresUrl, in_cluster: bool) -> Result<Self, OpenError> {
        sqlx::any::install_default_drivers();
        let lock = Lock { url, in_cluster };
        let failed = |error: sqlx::Error| cannot_connect(&lock.url.shown, &error);
        let mut connection = lock.connect().await.map_err(failed)?;
        let until = Instant::now() + PATIENCE;
        while !lock.try_on(&mut connection).await.map_err(failed)? {
            if Instant::now() >= until {
                return Err(in_use(&lock.url.shown, in_cluster));
            }
            sleep(RETRY).await;
        }
        Ok(Self { file: None, keeper: Some(tokio::spawn(keep(lock, connection))) })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            // Closing the file would leave the lock to a child process that was forked and has not executed another
            // program yet.
            let _ = file.unlock();
        }
        if let Some(keeper) = &self.keeper {
            keeper.abort();
        }
    }
}

/// Returns the lock file of a database, which is the same for every path to the database.
fn beside(database: &Path) -> PathBuf {
    let real = database.canonicalize().or_else(|_| {
        let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
        let name = database.file_name().unwrap_or_default();
        folder.unwrap_or(Path::new(".")).canonicalize().map(|folder| folder.join(name))
    });
    let mut path = real.unwrap_or_else(|_| database.to_owned()).into_os_string();
    path.push(".lock");
    path.into()
}

fn in_use(path: &str, in_cluster: bool) -> OpenError {
    let reason = if in_cluster {
        "a server without `cluster` uses it: set `cluster` for that server too, or stop it"
    } else {
        "another server uses it: stop that server, or make both one cluster (`cluster`)"
    };
    OpenError::InUse { path: path.to_owned(), reason }
}

/// The lock of PostgreSQL.
struct Lock {
    url: PostgresUrl,
    in_cluster: bool,
}

impl Lock {
    async fn connect(&self) -> Result<AnyConnection, sqlx::Error> {
        let connected = timeout(FIRST_CONNECT_TIMEOUT, AnyConnection::connect_with(&self.url.options));
        let mut connection = connected.await.map_err(|late| sqlx::Error::Io(late.into()))??;
        connection.execute(KEEPALIVE).await?;
        Ok(connection)
    }

    async fn try_on(&self, connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
        let shared = if self.in_cluster { "_shared" } else { "" };
        let sql = format!(
            "SELECT CASE WHEN pg_try_advisory_lock{shared}({LOCK}) THEN 1::BIGINT ELSE 0::BIGINT END"
        );
        // Only words of this program are put into the text.
        let row = timeout(ANSWER_TIMEOUT, connection.fetch_one(AssertSqlSafe(sql))).await;
        let row = row.map_err(|late| sqlx::Error::Io(late.into()))??;
        Ok(row.try_get::<i64, _>(0)? == 1)
    }
}

/// Keeps the lock, and takes it again when its connection is lost.
async fn keep(lock: Lock, mut connection: AnyConnection) {
    loop {
        sleep(CHECK).await;
        if matches!(timeout(ANSWER_TIMEOUT, connection.ping()).await, Ok(Ok(()))) {
            continue;
        }
        tracing::warn!(
            "lost the connection that holds the lock on the database; trying to take the lock again"
        );
        let mut reported = false;
        connection = loop {
            if let Ok(mut new) = lock.connect().await {
                match lock.try_on(&mut new).await {
                    Ok(true) => break new,
                    Ok(false) if !std::mem::replace(&mut reported, true) => {
                        tracing::error!(
                            database = lock.url.shown,
                            "another server has claimed this database in the meantime: stop one of the two, or set `cluster` on both"
                        );
                    }
                    _ => {}
                }
            }
            sleep(CHECK).await;
        };
        tracing::info!("took the lock on the database again");
    }
}
