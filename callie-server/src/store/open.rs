//! Opening the database: finding its kind, connecting, migrating.

use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AnyConnection, AnyPool, Connection as _};

use super::connections::{Connections, Kind};
use super::database::Database;
use super::error::{OpenError, one_line};
use super::file::OpenedFile;
use super::migrations;
use super::postgres::{self, PostgresUrl};
use super::sqlite::{self, SqliteFile};
use crate::base::telemetry::DatabaseHealth;

/// Connections for reading SQLite. It answers from memory in microseconds, so few serve many.
const SQLITE_READERS: u32 = 4;
/// How long a query waits for a connection to SQLite: longer than any ordinary wait, shorter than the timeout of a
/// client.
const SQLITE_ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a query waits for a connection to PostgreSQL, including the time to open one. While PostgreSQL is away
/// every query takes this long, so it is short.
const POSTGRES_ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the first connection to PostgreSQL may take. The person who starts the server waits for it.
pub(super) const FIRST_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the check of a connection may take that returns to the pool. A connection that fails is closed. Otherwise a
/// host that disappeared would keep it for a quarter of an hour.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);

/// SQLite's error code `SQLITE_NOTADB`. PostgreSQL's codes have five characters.
const NOT_A_DATABASE: &str = "26";

/// An open database.
pub(super) struct Opened {
    /// The connections.
    pub(super) database: Database,
    /// The metrics of what fails on them.
    pub(super) metrics: DatabaseHealth,
    /// The file, where the database is one.
    pub(super) file: Option<OpenedFile>,
}

impl Opened {
    fn new((read, write): (AnyPool, AnyPool), kind: Kind, file: Option<OpenedFile>) -> Self {
        let metrics = DatabaseHealth::default();
        let read = Connections::new(read, kind, metrics.read_failures.clone());
        let write = Connections::new(write, kind, metrics.write_failures.clone());
        Self { database: Database::new(read, write), metrics, file }
    }
}

/// Opens `database`, with at most `connections` to PostgreSQL at a time.
pub(super) async fn open(database: &str, connections: u32) -> Result<Opened, OpenError> {
    match PostgresUrl::parse(database) {
        Some(url) => open_postgres(&url?, connections).await,
        None => open_sqlite(&sqlite_file(database)?).await,
    }
}

/// Opens `database` unless its file is missing.
pub(super) async fn open_existing(database: &str) -> Result<Opened, OpenError> {
    if let Some(url) = PostgresUrl::parse(database) {
        return open_postgres(&url?, 1).await;
    }
    let file = sqlite_file(database)?;
    if !file.exists() {
        return Err(OpenError::Missing { path: file.path });
    }
    open_sqlite(&file).await
}

pub(super) async fn open_sqlite(file: &SqliteFile) -> Result<Opened, OpenError> {
    sqlx::any::install_default_drivers();
    let failed = |error: sqlx::Error| cannot_connect(&file.path, &error);
    file.make()?;
    // Opened once outside of a pool, which would retry and then report only a timeout.
    let mut first = AnyConnection::connect(&file.url).await.map_err(failed)?;
    sqlite::set_up(&mut first).await.map_err(failed)?;
    first.close().await.map_err(failed)?;
    let pool = async |connections| {
        AnyPoolOptions::new()
            .max_connections(connections)
            .min_connections(1)
            .acquire_timeout(SQLITE_ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .after_connect(|connection, _| Box::pin(sqlite::set_up(connection)))
            .after_release(|connection, _| Box::pin(sqlite::is_reusable(connection)))
            .connect(&file.url)
            .await
            .map_err(failed)
    };
    let write = pool(1).await?;
    let mut connection = write.acquire().await.map_err(failed)?;
    migrate(&migrations::for_sqlite(), &mut connection, &file.path).await?;
    drop(connection);
    file.warn_if_shared();
    // A database in memory belongs to its one connection.
    let read = if file.in_memory { write.clone() } else { pool(SQLITE_READERS).await? };
    let file = (!file.in_memory).then(|| OpenedFile::of(&file.path));
    Ok(Opened::new((read, write), Kind::Sqlite, file))
}

async fn open_postgres(url: &PostgresUrl, connections: u32) -> Result<Opened, OpenError> {
    sqlx::any::install_default_drivers();
    let failed = |error: sqlx::Error| cannot_connect(&url.shown, &error);
    // Opened once outside of a pool, as for SQLite, and without the timeouts of the pool.
    let first = tokio::time::timeout(FIRST_CONNECT_TIMEOUT, AnyConnection::connect_with(&url.options));
    let mut first = match first.await {
        Ok(connected) => connected.map_err(failed)?,
        Err(_) => {
            let reason = format!("it did not answer in {} seconds", FIRST_CONNECT_TIMEOUT.as_secs());
            return Err(OpenError::Connect { path: url.shown.clone(), reason });
        }
    };
    postgres::set_up_migration(&mut first).await.map_err(failed)?;
    if let Some(reason) = postgres::fault(&mut first).await.map_err(failed)? {
        return Err(OpenError::Connect { path: url.shown.clone(), reason });
    }
    migrate(&migrations::for_postgres(), &mut first, &url.shown).await?;
    first.close().await.map_err(failed)?;
    // There is no minimum number of connections: to keep it up, a pool would block a query for minutes while the
    // database is away.
    let pool = AnyPoolOptions::new()
        .max_connections(connections)
        .min_connections(0)
        .acquire_timeout(POSTGRES_ACQUIRE_TIMEOUT)
        .test_before_acquire(true)
        .after_connect(|connection, _| Box::pin(postgres::set_up(connection)))
        .after_release(|connection, _| Box::pin(still_answers(connection)))
        .connect_lazy_with(url.options.clone());
    Ok(Opened::new((pool.clone(), pool), Kind::Postgres, None))
}

/// Checks the name of a database without opening it.
///
/// # Errors
/// [`OpenError`] if it names no database.
pub fn check_name(database: &str) -> Result<(), OpenError> {
    match PostgresUrl::parse(database) {
        Some(url) => url.map(drop),
        None => sqlite_file(database).map(drop),
    }
}

pub(super) fn sqlite_file(database: &str) -> Result<SqliteFile, OpenError> {
    match database.split_once("://") {
        Some((scheme, _)) if scheme != "sqlite" => Err(OpenError::Scheme { url: format!("{scheme}://…") }),
        _ => SqliteFile::parse(database),
    }
}

async fn migrate(migrator: &Migrator, connection: &mut AnyConnection, path: &str) -> Result<(), OpenError> {
    // Takes a lock, because several servers may start at the same time.
    let done = migrator.run_direct(None, connection, false).await;
    done.map_err(|error| match error {
        MigrateError::VersionMissing(version) => OpenError::Newer { path: path.to_owned(), version },
        error => OpenError::Migrate { path: path.to_owned(), reason: one_line(&error) },
    })
}

async fn still_answers(connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
    Ok(matches!(tokio::time::timeout(RELEASE_TIMEOUT, connection.ping()).await, Ok(Ok(()))))
}

pub(super) fn cannot_connect(path: &str, error: &sqlx::Error) -> OpenError {
    match error.as_database_error().and_then(|error| error.code()) {
        Some(code) if code == NOT_A_DATABASE => OpenError::NotADatabase { path: path.to_owned() },
        _ => OpenError::Connect { path: path.to_owned(), reason: one_line(error) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SQLite ends a transaction by itself when a write fails, for example because the disk is full.
    #[tokio::test]
    async fn connection_with_ended_transaction_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("callie.db");
        let database = open(&file.to_string_lossy(), 1).await.unwrap().database;
        for _ in 0..2 {
            let mut tx = database.begin().await.unwrap();
            sqlx::query("ROLLBACK").execute(&mut tx).await.unwrap();
            drop(tx);
        }
        database.begin().await.unwrap().commit().await.unwrap();
        database.close().await;
    }
}
