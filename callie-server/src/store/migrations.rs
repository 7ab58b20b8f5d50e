//! Bringing a database up to date: one set of migrations for every kind.

use std::borrow::Cow;

use sqlx::migrate::{Migration, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr as _};

/// How the migrations spell the type of texts.
const TEXT: &str = " TEXT";
/// The same for PostgreSQL. Left alone it would sort texts by the language that the database was made with, where SQLite
/// sorts them by their bytes; the cursors of lists, and what comes before what, must be the same on both.
const TEXT_BY_BYTES: &str = " TEXT COLLATE \"C\"";

/// The migrations as SQLite takes them.
pub(super) fn for_sqlite() -> Migrator {
    sqlx::migrate!()
}

/// The migrations as PostgreSQL takes them. Their checksums stay those of the files.
pub(super) fn for_postgres() -> Migrator {
    let mut migrator = sqlx::migrate!();
    let ours = |migration: &Migration| Migration {
        // Our own files, compiled in.
        sql: AssertSqlSafe(migration.sql.as_str().replace(TEXT, TEXT_BY_BYTES)).into_sql_str(),
        ..migration.clone()
    };
    migrator.migrations = Cow::Owned(migrator.iter().map(ours).collect());
    migrator
}
