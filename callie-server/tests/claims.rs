//! The right to serve a database: for one server without a cluster, or the nodes of one cluster. On both kinds of
//! databases.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

mod support;

use callie_server::store::{Claim, OpenError};
use callie_server::{Config, Server, StartError};
use rustix::process::Signal;
use support::database::{Database, fresh_database, is_postgres};
use support::nats::Nats;
use support::process::{Process, command, output};
use tempfile::tempdir;

fn config(database: &Database, cluster: Option<String>) -> Config {
    Config { listen: "127.0.0.1:0".into(), database: database.url.clone(), cluster, ..Config::default() }
}

async fn refused(config: Config) -> String {
    let error = Server::start(config).await.unwrap_err();
    assert!(matches!(error, StartError::Database(OpenError::InUse { .. })), "{error}");
    error.to_string()
}

#[tokio::test]
async fn second_server_without_cluster_does_not_start() {
    let database = fresh_database().await;
    let first = Server::start(config(&database, None)).await.unwrap();
    let said = refused(config(&database, None)).await;
    assert!(said.contains("another server uses it") && said.contains("cluster"), "{said}");
    assert!(!said.contains(support::postgres::PASSWORD), "{said}");
    first.shutdown().await;
    Server::start(config(&database, None)).await.unwrap().shutdown().await;
}

#[tokio::test]
async fn nodes_share_a_database_and_keep_others_off() {
    let (database, nats) = (fresh_database().await, Nats::start().await);
    let node = || Server::start(config(&database, Some(nats.url())));
    let (one, two) = (node().await.unwrap(), node().await.unwrap());
    refused(config(&database, None)).await;
    one.shutdown().await;
    refused(config(&database, None)).await;
    two.shutdown().await;
    let alone = Server::start(config(&database, None)).await.unwrap();
    let said = refused(config(&database, Some(nats.url()))).await;
    assert!(said.contains("without `cluster`"), "{said}");
    alone.shutdown().await;
}

#[tokio::test]
async fn killed_server_frees_the_database_at_once() {
    let (database, folder) = (fresh_database().await, tempdir().unwrap());
    let serve = || {
        let mut command = command(folder.path());
        command.args(["--listen", "127.0.0.1:0"]).env("CALLIE_DATABASE", &database.url);
        command
    };
    let server = Process::start(serve()).await;
    let second = output(serve()).await;
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    let mut admin = command(folder.path());
    admin.args(["admin", "list"]).env("CALLIE_DATABASE", &database.url);
    assert!(output(admin).await.status.success(), "admin commands work beside a server");
    server.end(Signal::KILL).await;
    let server = Process::start(serve()).await;
    assert_eq!(server.end(Signal::TERM).await.0.code(), Some(0));
}

#[tokio::test]
async fn every_name_of_a_file_is_one_database() {
    if is_postgres() {
        return;
    }
    let folder = tempdir().unwrap();
    let name = |name: &str| folder.path().join(name).display().to_string();
    let claim = Claim::take(&name("callie.db"), false).await.unwrap();
    drop(claim);
    std::fs::write(name("callie.db"), "").unwrap();
    std::os::unix::fs::symlink(name("callie.db"), name("other.db")).unwrap();
    let _claim = Claim::take(&name("callie.db"), false).await.unwrap();
    for other in [name("other.db"), format!("sqlite://{}", name("callie.db"))] {
        let error = Claim::take(&other, false).await.unwrap_err();
        assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    }
    for _ in 0..2 {
        Claim::take(":memory:", false).await.unwrap();
    }
}
