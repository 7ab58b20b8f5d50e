//! The database of a test: SQLite, or PostgreSQL if `CALLIE_TEST_DATABASE=postgres` is set. `make test-rust` runs both.

use std::sync::Arc;

use callie_server::store::Store;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

use super::postgres::Postgres;

/// The environment variable with the kind of database.
const KIND: &str = "CALLIE_TEST_DATABASE";

/// A new, empty database, removed with the test. Cloning shares it.
#[derive(Clone)]
pub struct Database {
    /// Its name in the server's configuration.
    pub url: String,
    folder: Option<Arc<TempDir>>,
}

impl Database {
    /// Wraps a database that exists.
    pub fn at(url: String) -> Self {
        Self { url, folder: None }
    }

    /// Returns everything in it as bytes, with the places.
    pub async fn contents(&self) -> Vec<(String, Vec<u8>)> {
        if let Some(folder) = &self.folder {
            let files = ["callie.db", "callie.db-wal"].map(|name| folder.path().join(name));
            return files.map(|file| (file.display().to_string(), std::fs::read(&file).unwrap())).into();
        }
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        let mut tables = Vec::new();
        for table in ["users", "sessions", "events"] {
            let rows = format!("SELECT COALESCE(string_agg(t::text, ' '), '') FROM {table} t");
            let text: String =
                sqlx::query_scalar(AssertSqlSafe(rows)).fetch_one(&mut connection).await.unwrap();
            tables.push((table.to_owned(), text.into_bytes()));
        }
        tables
    }
}

/// Creates a database.
pub async fn fresh_database() -> Database {
    if is_postgres() {
        return Database::at(Postgres::shared().await.database().await);
    }
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("callie.db").display());
    Database { url, folder: Some(Arc::new(folder)) }
}

/// Returns `true` if this run uses PostgreSQL.
pub fn is_postgres() -> bool {
    match std::env::var(KIND).as_deref() {
        Ok("postgres") => true,
        Err(_) | Ok("sqlite") => false,
        Ok(other) => panic!("{KIND} is sqlite or postgres, not {other}"),
    }
}

/// A store on its own database.
pub struct OwnStore {
    store: Store,
    _database: Database,
}

impl std::ops::Deref for OwnStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

/// Opens a store.
pub async fn fresh_store() -> OwnStore {
    let database = fresh_database().await;
    OwnStore { store: Store::open(&database.url).await.unwrap(), _database: database }
}
