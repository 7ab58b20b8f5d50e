//! Copying everything from one database to another, of the same or of the other kind, while no server runs on either.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _, Row as _};

use super::claim::Claim;
use super::error::{OpenError, one_line};
use super::open::{cannot_connect, open, sqlite_file};
use super::postgres::PostgresUrl;
use super::schema::{self, Table};
use super::sql::{CHUNK, placeholders};
use super::sqlite::{self, SqliteFile};

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Copied {
    /// The number of tables.
    pub tables: usize,
    /// The number of rows of all tables together.
    pub rows: u64,
}

/// Why a database was not copied. Each error is one line for people. The target is as empty as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// A database cannot be opened, or is in use.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// One of them is in memory.
    #[error("a database in memory cannot be copied: it exists only in the memory of its server")]
    InMemory,
    /// The target has data.
    #[error("the database {path} is not empty: its table {table} has rows; name an empty database")]
    NotEmpty {
        /// The target.
        path: String,
        /// The first table with rows.
        table: String,
    },
    /// A database failed.
    #[error("cannot copy the table {table}: {reason}; nothing was copied")]
    Failed {
        /// The table.
        table: String,
        /// Why.
        reason: String,
    },
    /// The target does not have the rows of the source.
    #[error("the table {table} has {found} rows in place of {expected}; nothing was copied")]
    Counts {
        /// The table.
        table: String,
        /// The number of rows of the source.
        expected: i64,
        /// The number of rows of the target.
        found: i64,
    },
}

/// Copies all rows of all tables of `from` to `to`, which must be empty. It is created if it is a file that is missing. No
/// server may run on either. Everything is copied in one transaction: after a failure, start again.
///
/// # Errors
/// [`CopyError`]; nothing was copied then.
pub async fn copy(from: &str, to: &str) -> Result<Copied, CopyError> {
    let (source, target) = (Place::parse(from)?, Place::parse(to)?);
    if let Place::File(file) = &source
        && !file.exists()
    {
        return Err(OpenError::Missing { path: file.path.clone() }.into());
    }
    let _claims = (Claim::take(from, false).await?, Claim::take(to, false).await?);
    for database in [from, to] {
        // Brings the tables up to date.
        open(database, 1).await?.database.close().await;
    }
    let tables = schema::tables().await?;
    let (mut reader, mut writer) = (source.connect().await?, target.connect().await?);
    source.begin(&mut reader, Access::Read).await?;
    target.begin(&mut writer, Access::Write).await?;
    for table in &tables {
        let rows = count(&mut writer, table).await.map_err(|error| failed(table, &error))?;
        if rows > 0 {
            return Err(CopyError::NotEmpty { path: target.shown().to_owned(), table: table.name.clone() });
        }
    }
    let mut rows = 0;
    for table in &tables {
        rows += copy_table(&mut reader, &mut writer, table).await?;
    }
    // A connection that is dropped without this leaves the target as it was.
    writer.execute("COMMIT").await.map_err(|error| cannot_connect(target.shown(), &error))?;
    Ok(Copied { tables: tables.len(), rows })
}

/// Where a database is.
enum Place {
    File(SqliteFile),
    Postgres(PostgresUrl),
}

/// What a transaction does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

impl Place {
    fn parse(database: &str) -> Result<Self, CopyError> {
        if let Some(url) = PostgresUrl::parse(database) {
            return Ok(Self::Postgres(url?));
        }
        let file = sqlite_file(database)?;
        if file.in_memory { Err(CopyError::InMemory) } else { Ok(Self::File(file)) }
    }

    /// Returns its name for people, without a password.
    fn shown(&self) -> &str {
        match self {
            Self::File(file) => &file.path,
            Self::Postgres(url) => &url.shown,
        }
    }

    /// Connects without the time limits of a server: a table may be large.
    async fn connect(&self) -> Result<AnyConnection, OpenError> {
        let connected = async {
            match self {
                Self::Postgres(url) => AnyConnection::connect_with(&url.options).await,
                Self::File(file) => {
                    let mut connection = AnyConnection::connect(&file.url).await?;
                    sqlite::set_up(&mut connection).await?;
                    Ok(connection)
                }
            }
        };
        connected.await.map_err(|error| cannot_connect(self.shown(), &error))
    }

    async fn begin(&self, connection: &mut AnyConnection, access: Access) -> Result<(), OpenError> {
        let begin = match (self, access) {
            (Self::File(_), Access::Read) => "BEGIN",
            (Self::File(_), Access::Write) => "BEGIN IMMEDIATE",
            (Self::Postgres(_), Access::Read) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            (Self::Postgres(_), Access::Write) => "BEGIN",
        };
        connection.execute(begin).await.map_err(|error| cannot_connect(self.shown(), &error))?;
        Ok(())
    }
}

/// A value of a row.
#[derive(Clone)]
enum Value {
    Number(Option<i64>),
    Text(Option<String>),
}

/// Copies the rows of one table, and returns their number.
async fn copy_table(
    reader: &mut AnyConnection,
    writer: &mut AnyConnection,
    table: &Table,
) -> Result<u64, CopyError> {
    let failed = |error: sqlx::Error| failed(table, &error);
    let mut after: Option<Vec<Value>> = None;
    loop {
        let page = read_page(reader, table, after.as_deref()).await.map_err(failed)?;
        let Some(last) = page.last() else { break };
        after = Some(table.key.iter().filter_map(|at| last.get(*at).cloned()).collect());
        insert(writer, table, &page).await.map_err(failed)?;
    }
    let expected = count(reader, table).await.map_err(failed)?;
    let found = count(writer, table).await.map_err(failed)?;
    if found != expected {
        return Err(CopyError::Counts { table: table.name.clone(), expected, found });
    }
    Ok(found.unsigned_abs())
}

/// Reads up to [`CHUNK`] rows after the one with the primary key `after`.
async fn read_page(
    reader: &mut AnyConnection,
    table: &Table,
    after: Option<&[Value]>,
) -> Result<Vec<Vec<Value>>, sqlx::Error> {
    let columns = names(table, 0..table.columns.len());
    let key = names(table, table.key.iter().copied());
    let condition = match after {
        None => String::new(),
        Some(key_after) => format!("WHERE ({key}) > ({})", placeholders(1, key_after.len())),
    };
    let sql = format!("SELECT {columns} FROM {} {condition} ORDER BY {key} LIMIT {CHUNK}", table.name);
    // Only names of the migrations, placeholders and a number are put into the text.
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for value in after.into_iter().flatten() {
        query = match value {
            Value::Number(number) => query.bind(*number),
            Value::Text(text) => query.bind(text.clone()),
        };
    }
    let rows = query.fetch_all(reader).await?;
    rows.iter().map(|row| read_row(row, table)).collect()
}

fn read_row(row: &AnyRow, table: &Table) -> Result<Vec<Value>, sqlx::Error> {
    let values = table.columns.iter().enumerate().map(|(at, column)| {
        Ok(if column.is_number { Value::Number(row.try_get(at)?) } else { Value::Text(row.try_get(at)?) })
    });
    values.collect()
}

async fn insert(writer: &mut AnyConnection, table: &Table, rows: &[Vec<Value>]) -> Result<(), sqlx::Error> {
    let width = table.columns.len();
    let values: Vec<String> =
        (0..rows.len()).map(|at| format!("({})", placeholders(at * width + 1, width))).collect();
    let columns = names(table, 0..width);
    let sql = format!("INSERT INTO {} ({columns}) VALUES {}", table.name, values.join(", "));
    // Only names of the migrations and placeholders are put into the text.
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for value in rows.iter().flatten() {
        query = match value {
            Value::Number(number) => query.bind(*number),
            Value::Text(text) => query.bind(text.clone()),
        };
    }
    query.execute(writer).await?;
    Ok(())
}

async fn count(connection: &mut AnyConnection, table: &Table) -> Result<i64, sqlx::Error> {
    // Only a name of the migrations is put into the text.
    let sql = AssertSqlSafe(format!("SELECT COUNT(*) FROM {}", table.name));
    connection.fetch_one(sql).await?.try_get(0)
}

fn names(table: &Table, columns: impl IntoIterator<Item = usize>) -> String {
    let names = columns.into_iter().filter_map(|at| table.columns.get(at)).map(|column| column.name.as_str());
    names.collect::<Vec<_>>().join(", ")
}

fn failed(table: &Table, error: &sqlx::Error) -> CopyError {
    CopyError::Failed { table: table.name.clone(), reason: one_line(error) }
}
