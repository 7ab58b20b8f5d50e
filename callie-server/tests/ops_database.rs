//! How a database that cannot be written is reported to an operator. On both kinds of databases.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

mod support;

use std::time::Duration;

use callie_core::account::path;
use callie_server::Config;
use sqlx::{Connection as _, Executor as _, PgConnection, SqliteConnection};
use support::database::is_postgres;
use support::{PASSWORD, PATIENCE, Running, call, credentials, register, start_with};

/// A lock that keeps others from writing, but not from reading, until it is dropped.
enum Lock {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Lock {
    async fn on(url: &str) -> Self {
        if is_postgres() {
            let mut connection = PgConnection::connect(url).await.unwrap();
            connection.execute("BEGIN; LOCK TABLE users, sessions, events IN SHARE MODE").await.unwrap();
            return Self::Postgres(connection);
        }
        let mut connection = SqliteConnection::connect(url).await.unwrap();
        connection.execute("BEGIN IMMEDIATE").await.unwrap();
        Self::Sqlite(connection)
    }

    async fn release(self) {
        match self {
            Self::Sqlite(mut connection) => connection.execute("ROLLBACK").await.map(drop),
            Self::Postgres(mut connection) => connection.execute("ROLLBACK").await.map(drop),
        }
        .unwrap();
    }
}

async fn start() -> Running {
    start_with(Config { metrics_listen: Some("127.0.0.1:0".into()), ..Config::default() }).await
}

async fn ready(running: &Running) -> (u16, String) {
    let answer = call(running.server.metrics_addr().unwrap(), "GET", "/readyz", None, "").await;
    (answer.status, answer.body)
}

/// Returns the value of a metric.
async fn figure(running: &Running, name: &str) -> i64 {
    let figures = call(running.server.metrics_addr().unwrap(), "GET", "/metrics", None, "").await.body;
    let line = figures.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} in {figures}")).parse().unwrap()
}

async fn becomes_ready(running: &Running, status: u16, text: &str) {
    let wait = async {
        loop {
            let (now, said) = ready(running).await;
            if now == status {
                assert_eq!(said, text);
                return;
            }
            // A result is reused for five seconds.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap();
}

#[tokio::test]
async fn database_that_cannot_be_written_is_shown() {
    let running = start().await;
    register(running.addr(), "alice").await;
    assert_eq!(ready(&running).await, (200, "ok\n".into()));
    assert_eq!(figure(&running, "callie_database_writable").await, 1);
    assert_eq!(figure(&running, "callie_database_write_failures_total").await, 0);
    let lock = Lock::on(&running.database.url).await;
    let body = credentials("alice", PASSWORD);
    assert_eq!(call(running.addr(), "POST", path::LOGIN, None, &body).await.status, 503);
    assert!(figure(&running, "callie_database_write_failures_total").await > 0);
    assert_eq!(figure(&running, "callie_logins_total{outcome=\"unavailable\"}").await, 1);
    assert_eq!(figure(&running, "callie_http_unavailable_total").await, 1);
    becomes_ready(&running, 503, "cannot write to the database\n").await;
    assert_eq!(figure(&running, "callie_database_writable").await, 0);
    lock.release().await;
    becomes_ready(&running, 200, "ok\n").await;
    assert_eq!(figure(&running, "callie_database_writable").await, 1);
}

#[tokio::test]
async fn deleted_database_file_is_noticed() {
    if is_postgres() {
        return;
    }
    let running = start().await;
    let file = running.database.url.strip_prefix("sqlite://").unwrap();
    std::fs::rename(file, format!("{file}.gone")).unwrap();
    let gone = "the database file was deleted or replaced: restart the server\n";
    becomes_ready(&running, 503, gone).await;
    // A registration is not confirmed, because it would be lost with the process.
    let lost = call(running.addr(), "POST", path::REGISTER, None, &credentials("alice", PASSWORD)).await;
    assert_eq!(lost.problem(), (503, "UNAVAILABLE".into()));
    // Another file at the same path is not the database either.
    std::fs::write(file, "").unwrap();
    assert!(!running.server.store().health.file_is_in_place());
}
