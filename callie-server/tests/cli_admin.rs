//! `callie-server admin`, and its effect on a running server.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

mod support;

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use callie_core::Username;
use callie_core::account::path;
use callie_server::store::SessionEvent;
use rustix::process::Signal;
use support::database::fresh_database;
use support::process::{Process, command, output};
use support::{PASSWORD, call, credentials, is_alive, login, register, start};
use tempfile::tempdir;

async fn admin(folder: &Path, database: &str, arguments: &[&str]) -> Output {
    let mut command = command(folder);
    command.arg("admin").args(arguments).args(["--database", database]);
    output(command).await
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn admins_are_granted_listed_and_revoked() {
    let running = start().await;
    register(running.addr(), "alice").await;
    let database = running.server.config().database.clone();
    let folder = tempdir().unwrap();
    let run = async |arguments: &[&str]| {
        let output = admin(folder.path(), &database, arguments).await;
        assert!(output.status.success(), "{output:?}");
        text(&output.stdout).to_owned()
    };
    let store = &running.server.store();
    let alice = Username::parse("alice").unwrap();
    assert!(!store.admins.is_admin(&alice).await.unwrap());
    run(&["grant", "alice"]).await;
    assert!(store.admins.is_admin(&alice).await.unwrap(), "the running server sees it immediately");
    assert_eq!(run(&["list"]).await, "alice\tadmin\n");
    run(&["revoke", "alice"]).await;
    assert!(!store.admins.is_admin(&alice).await.unwrap());
    assert_eq!(run(&["list"]).await, "");
}

#[tokio::test]
async fn ban_ends_sessions_of_a_running_server() {
    let running = start().await;
    let addr = running.addr();
    register(addr, "alice").await;
    let (token, _) = login(addr, "alice").await;
    let database = running.server.config().database.clone();
    let mut events = running.server.session_events();
    let folder = tempdir().unwrap();

    let done = admin(folder.path(), &database, &["ban", "alice", "--reason", "Spam, again"]).await;
    assert!(done.status.success(), "{done:?}");
    let event =
        tokio::time::timeout(Duration::from_secs(1), events.recv()).await.expect("within a second").unwrap();
    let SessionEvent::UserBanned { username, ban } = event else { panic!("{event:?}") };
    assert_eq!((username.as_str(), ban.reason.unwrap().as_str(), ban.until), ("alice", "Spam, again", None));
    assert!(!is_alive(addr, &token).await);
    let right = call(addr, "POST", path::LOGIN, None, &credentials("alice", PASSWORD)).await;
    assert_eq!(right.problem(), (403, "BANNED".into()));
    let wrong = call(addr, "POST", path::LOGIN, None, &credentials("alice", "wrong horse")).await;
    assert_eq!(
        wrong.problem(),
        (401, "INVALID_CREDENTIALS".into()),
        "only who knows the password learns of the ban"
    );
    let listed = admin(folder.path(), &database, &["list"]).await;
    assert_eq!(text(&listed.stdout), "alice\tbanned\talways\tSpam, again\n");

    assert!(admin(folder.path(), &database, &["unban", "alice"]).await.status.success());
    login(addr, "alice").await;
}

#[tokio::test]
async fn ban_ends_at_its_time() {
    let running = start().await;
    let addr = running.addr();
    register(addr, "alice").await;
    let database = running.server.config().database.clone();
    let folder = tempdir().unwrap();
    let (token, _) = login(addr, "alice").await;
    let past = admin(folder.path(), &database, &["ban", "alice", "--until", "2020-01-01T12:00Z"]).await;
    assert_eq!(past.status.code(), Some(1), "{past:?}");
    assert!(text(&past.stderr).contains("2020-01-01T12:00:00.000Z is in the past"), "{past:?}");
    assert!(is_alive(addr, &token).await, "a ban that was refused ends no session");
    let future = admin(folder.path(), &database, &["ban", "alice", "--until", "9999-01-01"]).await;
    assert_eq!(text(&future.stdout), "alice is banned until 9999-01-01T00:00:00.000Z\n");
    assert!(future.status.success());
    assert_eq!(call(addr, "POST", path::LOGIN, None, &credentials("alice", PASSWORD)).await.status, 403);
    let listed = admin(folder.path(), &database, &["list"]).await;
    assert_eq!(text(&listed.stdout), "alice\tbanned\t9999-01-01T00:00:00.000Z\t\n");
}

#[tokio::test]
async fn missing_user_or_database_fails_with_one_line() {
    let folder = tempdir().unwrap();
    let missing = admin(folder.path(), "mistyped.db", &["grant", "alice"]).await;
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("mistyped.db"));
    assert!(!folder.path().join("mistyped.db").exists());

    let mut serve = command(folder.path());
    serve.args(["--listen", "127.0.0.1:0"]);
    let _server = Process::start(serve).await;
    for action in ["grant", "revoke", "ban", "unban"] {
        let unknown = admin(folder.path(), "callie.db", &[action, "nobody"]).await;
        assert_eq!(unknown.status.code(), Some(1));
        assert_eq!(text(&unknown.stderr), "callie-server: there is no user nobody\n");
    }
}

#[tokio::test]
async fn admin_takes_no_options_of_the_server() {
    let folder = tempdir().unwrap();
    let run = async |arguments: &[&str]| {
        let mut command = command(folder.path());
        command.args(arguments);
        output(command).await
    };
    let help = run(&["admin", "ban", "--help"]).await;
    assert!(text(&help.stdout).contains("--database"));
    for option in ["--listen", "--cluster", "--no-web-page", "--log-format"] {
        assert!(!text(&help.stdout).contains(option), "{option}");
    }
    for arguments in [&["--no-web-page", "admin", "list"][..], &["admin", "list", "--listen", "127.0.0.1:0"]]
    {
        assert_eq!(run(arguments).await.status.code(), Some(2), "{arguments:?}");
    }
}

#[tokio::test]
async fn admin_acts_are_logged_by_the_running_server() {
    let (folder, database) = (tempdir().unwrap(), fresh_database().await);
    let mut serve = command(folder.path());
    serve.args(["--listen", "127.0.0.1:0", "--database", &database.url]);
    let mut server = Process::start(serve).await;
    register(server.addr, "alice").await;
    let done =
        admin(folder.path(), &database.url, &["ban", "alice", "--reason", "Spam", "--until", "9999-01-01"])
            .await;
    assert!(done.status.success(), "{done:?}");
    let line = text(&done.stderr).lines().find_map(|line| line.split_once("an admin acted")).unwrap().1;
    for part in ["BAN_USER", "alice", "uid", "Spam", "9999-01-01T00:00:00.000Z"] {
        assert!(line.contains(part), "{part} in {done:?}");
    }
    server.wait_for_log(line.trim_end()).await;
}

/// What running servers logged is in the database for a day, and is not news to one that starts.
#[tokio::test]
async fn admin_acts_are_not_logged_again_at_a_restart() {
    let (folder, database) = (tempdir().unwrap(), fresh_database().await);
    let start = async || {
        let mut serve = command(folder.path());
        serve.args(["--listen", "127.0.0.1:0", "--database", &database.url]);
        Process::start(serve).await
    };
    let act = async |action: &str| {
        let done = admin(folder.path(), &database.url, &[action, "alice"]).await;
        assert!(done.status.success(), "{done:?}");
    };
    let mut server = start().await;
    register(server.addr, "alice").await;
    for (action, logged) in [("ban", "BAN_USER"), ("unban", "UNBAN_USER"), ("grant", "GRANT_ADMIN")] {
        act(action).await;
        server.wait_for_log(logged).await;
    }
    for _ in 0..2 {
        assert_eq!(server.end(Signal::TERM).await.0.code(), Some(0));
        server = start().await;
        // The server reads the acts in the order of their times: it has passed all others when it logs this one.
        act("revoke").await;
        let before = server.wait_for_log("REVOKE_ADMIN").await;
        assert!(!before.iter().any(|line| line.contains("an admin acted")), "{before:?}");
    }
}
