//! The migrations of the database, which are the same for both kinds.

use std::borrow::Cow;

use sqlx::migrate::{Migration, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr as _};

/// The type of texts in the migrations.
const TEXT: &str = " TEXT";
/// The type of texts for PostgreSQL. By default, PostgreSQL sorts texts by the locale of the database, and SQLite by
/// their bytes. Cursors and the order of lists must be the same on both.
const TEXT_BY_BYTES: &str = " TEXT COLLATE \"C\"";

/// Returns the migrations for SQLite.
pub(super) fn for_sqlite() -> Migrator {
    sqlx::migrate!()
}

/// Returns the migrations for PostgreSQL. Their checksums are those of the files.
pub(super) fn for_postgres() -> Migrator {
    let mut migrator = sqlx::migrate!();
    let ours = |migration: &Migration| Migration {
        // Files of this program, which are compiled in.
        sql: AssertSqlSafe(migration.sql.as_str().replace(TEXT, TEXT_BY_BYTES)).into_sql_str(),
        ..migration.clone()
    };
    migrator.migrations = Cow::Owned(migrator.iter().map(ours).collect());
    migrator
}
