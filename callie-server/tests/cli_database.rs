//! `callie-server database`: backups while a server runs, and restoring them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use callie_core::account::path;
use rustix::process::Signal;
use sqlx::{AnyConnection, Connection as _, Executor as _};
use support::process::{Process, command, output};
use support::{PASSWORD, call, credentials, is_alive, login, register};
use tempfile::tempdir;

async fn serve(folder: &Path, database: &str) -> Process {
    let mut command = command(folder);
    command.args(["--listen", "127.0.0.1:0", "--database", database]);
    Process::start(command).await
}

/// Runs `callie-server database`. Returns its exit code and its output on both streams.
async fn database(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = command(folder);
    command.arg("database").args(arguments);
    let done = output(command).await;
    let said = [done.stdout, done.stderr].concat();
    (done.status.code(), String::from_utf8(said).unwrap())
}

fn mode(file: PathBuf) -> u32 {
    std::fs::metadata(file).unwrap().permissions().mode() & 0o777
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

async fn exists(server: &Process, name: &str) -> bool {
    let answer = call(server.addr, "POST", path::LOGIN, None, &credentials(name, PASSWORD)).await;
    answer.status == 200
}

#[tokio::test]
async fn backup_is_private_and_overwrites_nothing() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let server = serve(folder, "callie.db").await;
    register(server.addr, "alice").await;
    let (code, said) = database(folder, &["backup", "copy.db"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(mode(folder.join("copy.db")), 0o600);
    let before = std::fs::read(folder.join("copy.db")).unwrap();
    register(server.addr, "bob").await;
    let (code, said) = database(folder, &["backup", "copy.db"]).await;
    assert!(code == Some(1) && said.contains("copy.db exists already"), "{said}");
    assert!(before == std::fs::read(folder.join("copy.db")).unwrap(), "the first copy is as it was");
    let (code, said) = database(folder, &["backup", "missing/copy.db"]).await;
    assert!(code == Some(1) && said.contains("missing/copy.db"), "{said}");
    let (code, said) = database(folder, &["--database", "none.db", "backup", "none-copy.db"]).await;
    assert!(code == Some(1) && said.contains("none.db"), "{said}");
    assert!(!folder.join("none.db").exists() && !folder.join("none-copy.db").exists());
    // The copy does not depend on the original.
    let copy = serve(folder, "copy.db").await;
    assert!(exists(&copy, "alice").await && !exists(&copy, "bob").await);
}

#[tokio::test]
async fn restore_undoes_what_came_after_the_backup() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let server = serve(folder, "callie.db").await;
    register(server.addr, "alice").await;
    let (token, _) = login(server.addr, "alice").await;
    assert_eq!(database(folder, &["backup", "copy.db"]).await.0, Some(0));
    call(server.addr, "POST", path::LOGOUT, Some(&token), "").await;
    register(server.addr, "bob").await;
    // The last changes are in the WAL file, which must not be applied to the restored database.
    server.end(Signal::KILL).await;
    assert!(folder.join("callie.db-wal").exists());
    let (code, said) = database(folder, &["restore", "copy.db"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(mode(folder.join("callie.db")), 0o600);
    assert!(!folder.join("callie.db-wal").exists() && !folder.join("callie.db-shm").exists());
    let server = serve(folder, "callie.db").await;
    assert!(exists(&server, "alice").await && !exists(&server, "bob").await);
    assert!(is_alive(server.addr, &token).await, "sessions are those of the backup");
    server.end(Signal::TERM).await;
    let kept = names(folder).into_iter().find(|name| name.starts_with("callie.db.before-")).unwrap();
    assert!(said.contains(&kept), "{said}");
    let before = serve(folder, &kept).await;
    assert!(exists(&before, "bob").await, "the previous database is intact");
    before.end(Signal::TERM).await;
    // A missing database is created.
    let (code, said) = database(folder, &["--database", "new.db", "restore", "copy.db"]).await;
    assert!(code == Some(0) && !said.contains("previous database"), "{said}");
    assert!(exists(&serve(folder, "new.db").await, "alice").await);
}

#[tokio::test]
async fn restore_refuses_what_cannot_be_restored() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let server = serve(folder, "callie.db").await;
    register(server.addr, "alice").await;
    assert_eq!(database(folder, &["backup", "copy.db"]).await.0, Some(0));
    let (code, said) = database(folder, &["restore", "copy.db"]).await;
    assert!(code == Some(1) && said.contains("stop that server"), "{said}");
    register(server.addr, "bob").await;
    server.end(Signal::TERM).await;
    // Another program, such as SQLite's shell, does not take the server's lock.
    let url = format!("sqlite://{}", folder.join("callie.db").display());
    let mut other = sqlx::SqliteConnection::connect(&url).await.unwrap();
    other.execute("SELECT COUNT(*) FROM users").await.unwrap();
    let (code, said) = database(folder, &["restore", "copy.db"]).await;
    assert!(code == Some(1) && said.contains("in use"), "{said}");
    other.close().await.unwrap();

    sqlx::any::install_default_drivers();
    let run = async |name: &str, statement: &'static str| {
        let url = format!("sqlite://{}?mode=rwc", folder.join(name).display());
        let mut connection = AnyConnection::connect(&url).await.unwrap();
        connection.execute(statement).await.unwrap();
        connection.close().await.unwrap();
    };
    std::fs::write(folder.join("text.db"), "no database, though it is long enough".repeat(100)).unwrap();
    std::fs::write(folder.join("empty.db"), "").unwrap();
    run("other.db", "CREATE TABLE recipes (name TEXT)").await;
    std::fs::copy(folder.join("copy.db"), folder.join("newer.db")).unwrap();
    run("newer.db", "INSERT INTO _sqlx_migrations SELECT 9999, description, installed_on, success, checksum, execution_time FROM _sqlx_migrations LIMIT 1").await;
    let mut damaged = std::fs::read(folder.join("copy.db")).unwrap();
    let half = damaged.len() / 2;
    damaged[half..].fill(0xA5);
    std::fs::write(folder.join("damaged.db"), damaged).unwrap();
    let files = names(folder);
    for file in ["missing.db", "text.db", "empty.db", "other.db", "newer.db", "damaged.db"] {
        let (code, said) = database(folder, &["restore", file]).await;
        assert!(
            code == Some(1) && said.contains(file) && said.lines().count() == 1,
            "{file}: {code:?} {said}"
        );
    }
    assert_eq!(names(folder), files, "nothing is left behind, and nothing is gone");
    let server = serve(folder, "callie.db").await;
    assert!(exists(&server, "alice").await && exists(&server, "bob").await);
}

#[tokio::test]
async fn postgresql_is_not_backed_up() {
    let folder = tempdir().unwrap();
    for action in ["backup", "restore"] {
        let url = "postgres://callie:secret@127.0.0.1:1/callie";
        let (code, said) = database(folder.path(), &["--database", url, action, "copy.db"]).await;
        assert!(code == Some(1) && said.contains("pg_dump") && !said.contains("secret"), "{said}");
        let (code, said) = database(folder.path(), &["--database", ":memory:", action, "copy.db"]).await;
        assert!(code == Some(1) && said.contains("memory"), "{said}");
    }
    assert!(names(folder.path()).is_empty());
}

#[tokio::test]
async fn readable_database_is_warned_about() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    serve(folder, "callie.db").await.end(Signal::TERM).await;
    let (_, said) = serve(folder, "callie.db").await.end(Signal::TERM).await;
    assert!(!said.contains("chmod"), "{said}");
    std::fs::set_permissions(folder.join("callie.db"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let (_, said) = serve(folder, "callie.db").await.end(Signal::TERM).await;
    assert!(said.contains("644") && said.contains("chmod 600"), "{said}");
}
