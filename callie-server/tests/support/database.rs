//! The database of a test: SQLite, or PostgreSQL if `CALLIE_TEST_DATABASE=postgres` is set. `make test-rust` runs both.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use callie_server::store::Store;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
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
    /// Wraps a PostgreSQL database that exists.
    pub fn at(url: String) -> Self {
        Self { url, folder: None }
    }

    /// Names a SQLite file.
    pub fn in_file(file: &Path) -> Self {
        Self { url: format!("sqlite://{}", file.display()), folder: None }
    }

    /// Returns everything in it as bytes, with the places.
    pub async fn contents(&self) -> Vec<(String, Vec<u8>)> {
        if let Some(folder) = &self.folder {
            let files = ["callie.db", "callie.db-wal"].map(|name| folder.path().join(name));
            return files.map(|file| (file.display().to_string(), std::fs::read(&file).unwrap())).into();
        }
        self.rows().await.into_iter().map(|(table, row)| (table, row.into_bytes())).collect()
    }

    /// Returns every row of every table of the server, as the name of the table and the values as texts.
    pub async fn rows(&self) -> Vec<(String, String)> {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url).await.unwrap();
        let columns = match self.url.starts_with("sqlite:") {
            true => {
                "SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table' ORDER BY m.name, p.cid"
            }
            false => {
                "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns \
                 WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position"
            }
        };
        let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (table, column) in sqlx::query_as(columns).fetch_all(&mut connection).await.unwrap() {
            let _: &String = &column;
            tables.entry(table).or_default().push(format!("COALESCE(CAST({column} AS TEXT), '')"));
        }
        tables.retain(|table, _| !table.starts_with("_sqlx") && !table.starts_with("sqlite_"));
        let mut rows = Vec::new();
        for (table, columns) in tables {
            let sql = format!("SELECT {} FROM {table}", columns.join(" || ' ' || "));
            let found: Vec<String> =
                sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
            rows.extend(found.into_iter().map(|row| (table.clone(), row)));
        }
        connection.close().await.unwrap();
        rows
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
