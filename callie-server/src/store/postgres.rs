//! PostgreSQL: its URL, the settings of its connections, the requirements on the database.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, AssertSqlSafe, Executor as _, Row as _};

use super::error::{OpenError, one_line};

/// How long one statement may take, including the wait for other transactions. The longest ones take milliseconds, and
/// a client waits for the answer.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a transaction may be idle before PostgreSQL ends it. A server that hangs or is cut off must not keep its
/// locks. Transactions of this server do nothing else between two statements.
const IDLE_IN_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a starting server waits for another one that is migrating the database.
const MIGRATION_WAIT: Duration = Duration::from_secs(60);

/// The parameters that the URL may have. sqlx ignores unknown ones and logs them with their values. Here a mistyped
/// name is reported, without its value.
const PARAMETERS: [&str; 17] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

/// A database of a PostgreSQL server.
#[derive(Debug)]
pub(super) struct PostgresUrl {
    /// The options for sqlx, which may contain a password.
    pub(super) options: AnyConnectOptions,
    /// The URL without password and parameters, for people.
    pub(super) shown: String,
}

impl PostgresUrl {
    /// Parses `database` if it is a URL of PostgreSQL.
    pub(super) fn parse(database: &str) -> Option<Result<Self, OpenError>> {
        let is_ours = database.starts_with("postgres:") || database.starts_with("postgresql:");
        is_ours.then(|| Self::read(database))
    }

    fn read(database: &str) -> Result<Self, OpenError> {
        // The URL cannot be parsed, so it is unknown where its password is.
        let unclear = |reason| OpenError::Url { url: "postgres://…".to_owned(), reason };
        let mut options = AnyConnectOptions::from_str(database).map_err(|error| unclear(one_line(&error)))?;
        let url = &options.database_url;
        // A password with one of these characters ends the host early, and would be shown as part of something else.
        let stray =
            url.fragment().is_some() || [url.path(), url.query().unwrap_or_default()].concat().contains('@');
        if stray {
            let reason = "in its URL, write '/' as %2F, '?' as %3F, '#' as %23 and '@' as %40";
            return Err(unclear(reason.to_owned()));
        }
        let mut shown = options.database_url.clone();
        shown.set_query(None);
        // This fails only for a URL without a host, which has no password.
        let _ = shown.set_password(None);
        let shown = shown.to_string();
        let mut named = false;
        for (key, _) in options.database_url.query_pairs() {
            named |= key == "application_name";
            let is_setting = key.starts_with("options[") && key.ends_with(']');
            if !is_setting && !PARAMETERS.contains(&&*key) {
                let reason = format!("its URL has the unknown parameter '{}'", key.escape_debug());
                return Err(OpenError::Url { url: shown, reason });
            }
        }
        if !named {
            // The name that an operator finds in pg_stat_activity.
            options.database_url.query_pairs_mut().append_pair("application_name", "callie-server");
        }
        Ok(Self { options, shown })
    }
}

/// Sets up a connection that serves clients.
pub(super) async fn set_up(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    let settings = format!(
        "SET statement_timeout = {}; SET idle_in_transaction_session_timeout = {}; \
         SET default_transaction_isolation = 'read committed'",
        STATEMENT_TIMEOUT.as_millis(),
        IDLE_IN_TRANSACTION_TIMEOUT.as_millis(),
    );
    // Only numbers are put into the text.
    connection.execute(AssertSqlSafe(settings)).await?;
    Ok(())
}

/// Sets up a connection that migrates the database. It may take long, but must not wait for ever.
pub(super) async fn set_up_migration(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    let settings = format!("SET lock_timeout = {}", MIGRATION_WAIT.as_millis());
    connection.execute(AssertSqlSafe(settings)).await?;
    Ok(())
}

/// Returns what is wrong with the database, if it cannot store everything that Callie stores.
pub(super) async fn fault(connection: &mut AnyConnection) -> Result<Option<String>, sqlx::Error> {
    let row = connection.fetch_one("SELECT current_setting('server_encoding')").await?;
    let encoding: String = row.try_get(0)?;
    Ok((encoding != "UTF8").then(|| format!("its encoding is {encoding}; it must be UTF8")))
}
