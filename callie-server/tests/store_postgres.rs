//! Behaviour that is specific to PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use callie_core::Username;
use callie_server::store::{OpenError, Store};
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};
use support::postgres::{PASSWORD, Postgres};
use support::process::{command, output};

fn name(text: &str) -> Username {
    Username::parse(text).unwrap()
}

#[tokio::test]
async fn concurrent_starts_migrate_one_database() {
    let url = Postgres::shared().await.database().await;
    let opened = futures_util::future::join_all((0..6).map(|_| Store::open(&url))).await;
    for (n, store) in opened.into_iter().enumerate() {
        assert!(store.unwrap().accounts.create(&name(&format!("user-{n}")), "hash", 1).await.unwrap());
    }
}

#[tokio::test]
async fn every_text_is_ordered_by_its_bytes() {
    let url = Postgres::shared().await.database().await;
    Store::open(&url).await.unwrap().close().await;
    let mut database = PgConnection::connect(&url).await.unwrap();
    let others = sqlx::query(
        "SELECT table_name || '.' || column_name FROM information_schema.columns \
         WHERE table_schema = 'public' AND data_type IN ('text', 'character varying') \
         AND table_name <> '_sqlx_migrations' AND collation_name IS DISTINCT FROM 'C'",
    );
    let others: Vec<String> =
        others.fetch_all(&mut database).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(others, Vec::<String>::new());
}

#[tokio::test]
async fn open_error_is_one_line_without_password() {
    let postgres = Postgres::shared().await;
    let url = postgres.database().await;
    let wrong = url.replace(PASSWORD, "guessed-password");
    let missing = format!("{url}_of_nobody");
    let unknown = format!("{url}?sslmod={PASSWORD}");
    let unreadable = url.replace("127.0.0.1:", "127.0.0.1:x");
    let of_other_characters = ["/", "?", "#", "?a="].map(|mark| {
        let password = format!("12{mark}guessed-password");
        url.replace(PASSWORD, &password)
    });
    for bad in [wrong, missing, unknown, unreadable].into_iter().chain(of_other_characters) {
        let error: OpenError = Store::open(&bad).await.unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(!said.contains(PASSWORD) && !said.contains("guessed-password"), "{said}");
        assert!(error.to_string().contains("postgres://") && !error.to_string().contains('\n'), "{said}");
    }
}

#[tokio::test]
async fn database_without_utf8_is_refused() {
    let postgres = Postgres::shared().await;
    let create = "CREATE DATABASE narrow OWNER callie TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C' \
        LOCALE_PROVIDER libc";
    postgres.superuser().await.execute(create).await.unwrap();
    let url = postgres.database().await;
    let (server, _) = url.rsplit_once('/').unwrap();
    let error = Store::open(&format!("{server}/narrow")).await.unwrap_err().to_string();
    assert!(error.ends_with("its encoding is LATIN1; it must be UTF8"), "{error}");
}

#[tokio::test]
async fn postgresql_is_reached_over_tls() {
    let postgres = Postgres::start_with_tls().await;
    let url = postgres.database().await;
    let certificate = postgres.certificate();
    let checked = format!("{url}?sslmode=verify-full&sslrootcert={}", certificate.display());
    let store = Store::open(&checked).await.unwrap();
    assert!(store.accounts.create(&name("alice"), "hash", 1).await.unwrap());
    let encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
        WHERE usename = 'callie' AND application_name = 'callie-server' AND ssl";
    let encrypted: i64 =
        sqlx::query_scalar(encrypted).fetch_one(&mut postgres.superuser().await).await.unwrap();
    assert!(encrypted > 0, "the store's connections are encrypted");
    // Not signed by a root that the system trusts.
    let error = Store::open(&format!("{url}?sslmode=verify-full")).await.unwrap_err().to_string();
    assert!(error.contains("certificate") && !error.contains('\n'), "{error}");
    Store::open(&format!("{url}?sslmode=require")).await.unwrap();
    let plain = Postgres::shared().await.database().await;
    let error = Store::open(&format!("{plain}?sslmode=require")).await.unwrap_err().to_string();
    assert!(error.to_lowercase().contains("tls") && !error.contains('\n'), "{error}");
}

#[tokio::test]
async fn password_is_read_from_environment_or_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let url = Postgres::shared().await.database().await;
    let bare = url.replace(&format!(":{PASSWORD}@"), "@").replace("postgres://", "postgresql://");
    let store = Store::open(&url).await.unwrap();
    assert!(store.accounts.create(&name("alice"), "hash", 1).await.unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pgpass");
    std::fs::write(&file, format!("127.0.0.1:*:*:callie:{PASSWORD}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let ways = [
        ("PGPASSWORD", PASSWORD.to_owned(), bare.clone()),
        ("PGPASSFILE", file.display().to_string(), bare),
        ("CALLIE_DATABASE", url, String::new()),
    ];
    for (variable, value, database) in ways {
        let mut command = command(folder.path());
        command.args(["admin", "grant", "alice"]).env(variable, value);
        if !database.is_empty() {
            command.args(["--database", &database]);
        }
        let done = output(command).await;
        assert!(done.status.success(), "{variable}: {done:?}");
    }
    assert!(store.admins.is_admin(&name("alice")).await.unwrap());
}

#[tokio::test]
async fn lost_database_lock_is_taken_again() {
    let folder = tempfile::tempdir().unwrap();
    let url = Postgres::shared().await.database().await;
    let mut command = support::process::command(folder.path());
    command.args(["--listen", "127.0.0.1:0"]).env("CALLIE_DATABASE", &url);
    let mut server = support::process::Process::start(command).await;
    // Like a restart of PostgreSQL, or a NAT that has lost the connection.
    let name = url.rsplit('/').next().unwrap();
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON database = pg_database.oid \
         WHERE locktype = 'advisory' AND datname = '{name}'"
    );
    let ended = Postgres::shared().await.superuser().await.fetch_all(sqlx::AssertSqlSafe(end)).await.unwrap();
    assert_eq!(ended.len(), 1);
    // Another server takes the lock in between.
    let other = callie_server::store::Claim::take(&url, false).await.unwrap();
    server.wait_for_log("another server has claimed this database in the meantime").await;
    drop(other);
    server.wait_for_log("took the lock on the database again").await;
    assert!(callie_server::store::Claim::take(&url, false).await.is_err());
}
