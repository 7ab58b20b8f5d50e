//! The tables of the database, read from the migrations, so that a new table or column cannot be forgotten.

use sqlx::{Connection as _, Row as _, SqliteConnection};

use super::error::{OpenError, one_line};
use super::migrations;

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    /// The name.
    pub(super) name: String,
    /// The columns.
    pub(super) columns: Vec<Column>,
    /// The columns of the primary key, as places in `columns`.
    pub(super) key: Vec<usize>,
    /// The tables that it refers to.
    refers_to: Vec<String>,
}

/// A column.
#[derive(Debug)]
pub(super) struct Column {
    /// The name.
    pub(super) name: String,
    /// Whether it is a number; otherwise it is a text.
    pub(super) is_number: bool,
}

/// Returns all tables. A table follows those that it refers to.
pub(super) async fn tables() -> Result<Vec<Table>, OpenError> {
    const MEMORY: &str = ":memory:";
    let failed = |error: &(dyn std::error::Error + 'static)| OpenError::Migrate {
        path: MEMORY.to_owned(),
        reason: one_line(error),
    };
    let mut memory = SqliteConnection::connect(MEMORY).await.map_err(|error| failed(&error))?;
    migrations::for_sqlite().run_direct(None, &mut memory, false).await.map_err(|error| failed(&error))?;
    read(&mut memory).await.map(sorted).map_err(|error| failed(&error))
}

async fn read(memory: &mut SqliteConnection) -> Result<Vec<Table>, sqlx::Error> {
    const NAMES: &str = "SELECT name FROM sqlite_master WHERE type = 'table' \
        AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_sqlx\\_%' ESCAPE '\\' ORDER BY name";
    let names: Vec<String> = sqlx::query_scalar(NAMES).fetch_all(&mut *memory).await?;
    let mut tables = Vec::with_capacity(names.len());
    for name in names {
        let rows = sqlx::query("SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid")
            .bind(&name)
            .fetch_all(&mut *memory)
            .await?;
        let mut columns = Vec::with_capacity(rows.len());
        let mut key: Vec<(i64, usize)> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let place: i64 = row.try_get(2)?;
            if place > 0 {
                key.push((place, at));
            }
            let is_number = row.try_get::<&str, _>(1)? == "BIGINT";
            columns.push(Column { name: row.try_get(0)?, is_number });
        }
        key.sort_unstable();
        let key = key.into_iter().map(|(_, at)| at).collect();
        let refers_to = sqlx::query_scalar("SELECT DISTINCT \"table\" FROM pragma_foreign_key_list($1)")
            .bind(&name)
            .fetch_all(&mut *memory)
            .await?;
        tables.push(Table { name, columns, key, refers_to });
    }
    Ok(tables)
}

/// Sorts tables so that each follows those that it refers to.
fn sorted(mut tables: Vec<Table>) -> Vec<Table> {
    let mut sorted: Vec<Table> = Vec::with_capacity(tables.len());
    while !tables.is_empty() {
        let is_ready = |table: &Table| {
            table.refers_to.iter().all(|name| *name == table.name || sorted.iter().any(|t| t.name == *name))
        };
        let (ready, left): (Vec<_>, Vec<_>) = tables.into_iter().partition(is_ready);
        if ready.is_empty() {
            // Tables that refer to each other in a circle. No order satisfies the database, which reports it.
            sorted.extend(left);
            break;
        }
        sorted.extend(ready);
        tables = left;
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tables_follow_those_they_refer_to() {
        let tables = tables().await.unwrap();
        assert!(tables.iter().any(|table| !table.refers_to.is_empty()));
        for (at, table) in tables.iter().enumerate() {
            assert!(!table.key.is_empty(), "{} has no primary key, by which its rows are paged", table.name);
            for name in &table.refers_to {
                assert!(
                    tables[..at].iter().any(|before| before.name == *name),
                    "{} before {name}",
                    table.name
                );
            }
        }
    }
}
