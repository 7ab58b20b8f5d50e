//! `callie-server database copy` between all kinds of databases, and `check-config`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

mod support;

use std::path::Path;

use callie_core::command::{Conversation, GroupName, Visibility};
use callie_core::{GroupId, MessageId, PayloadId, SessionId, Timestamp, Username};
use callie_server::clock;
use callie_server::store::{AdminAct, GroupLimits, InboxBounds, NewMessage, Store, TokenHash};
use sqlx::{Connection as _, SqliteConnection};
use support::database::Database;
use support::postgres::Postgres;
use support::process::{Process, command, output};
use tempfile::{TempDir, tempdir};

/// More rows than are copied at once.
const USERS: usize = 450;

fn name(text: &str) -> Username {
    Username::parse(text).unwrap()
}

/// Runs the server's program. Returns its exit code and its output on both streams.
async fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = command(folder);
    command.args(arguments);
    let done = output(command).await;
    (done.status.code(), String::from_utf8([done.stdout, done.stderr].concat()).unwrap())
}

/// A database that `copy` can use, with the folder of a file.
async fn place(is_postgres: bool) -> (Option<TempDir>, Database) {
    if is_postgres {
        return (None, Database::at(Postgres::shared().await.database().await));
    }
    let folder = tempdir().unwrap();
    let database = Database::in_file(&folder.path().join("callie.db"));
    (Some(folder), database)
}

/// Puts rows into every table.
async fn fill(url: &str) {
    let store = Store::open(url).await.unwrap();
    let now = clock::now();
    for n in 0..USERS {
        store.accounts.create(&name(&format!("user{n}")), "no password fits", now).await.unwrap();
    }
    let (ada, bob) = (name("user0"), name("user1"));
    store.deletions.by_admin(&name("user2"), "an admin", now).await.unwrap();
    let user = store.accounts.get(&ada, now).await.unwrap().unwrap();
    let (id, token) = (SessionId::parse("session").unwrap(), TokenHash::of("token"));
    store.sessions.create(&id, &token, &user, None, now).await.unwrap().unwrap();
    let (group, title) =
        (GroupId::from_uuid(uuid::Uuid::from_u128(1)), GroupName::parse("Ada's 🦀").unwrap());
    let limits = GroupLimits { max_members: 10, max_groups: 10 };
    let members = [bob.clone()];
    store.groups.create(group, &title, Visibility::Public, &ada, &members, limits, now).await.unwrap();
    store.blocks.add(&ada, &bob).await.unwrap();
    store.invitations.create(&TokenHash::of("invitation"), 3, now).await.unwrap();
    let act = AdminAct {
        admin: "an admin".into(),
        act: "ADD_USER".into(),
        user: Some(ada),
        reason: None,
        until: None,
    };
    store.events.note_admin_act(&act, now).await.unwrap();
    let message = NewMessage {
        sender: bob.clone(),
        payload_id: PayloadId::parse("p").unwrap(),
        message_id: MessageId::parse("m").unwrap(),
        sent_at: Timestamp::parse("2026-01-02T03:04:05.678Z").unwrap(),
        conversation: Conversation::User(bob.clone()),
        text: "a text".into(),
        recipients: vec![bob],
        unwelcome: false,
    };
    let bounds = InboxBounds { messages: 10, bytes: 1_000 };
    store.kept.write(&[message], &[], bounds, now).await.unwrap();
    store.close().await;
}

async fn rows(database: &Database) -> Vec<(String, String)> {
    let mut rows = database.rows().await;
    rows.sort();
    rows
}

#[tokio::test]
async fn copy_has_every_row_of_every_table() {
    for (from_postgres, to_postgres) in [(false, true), (true, false), (false, false)] {
        let (folder, (_from_folder, from), (_to_folder, to)) =
            (tempdir().unwrap(), place(from_postgres).await, place(to_postgres).await);
        fill(&from.url).await;
        // A server creates the secret of the database.
        let mut serve = command(folder.path());
        serve.args(["--listen", "127.0.0.1:0", "--database", &from.url]);
        Process::start(serve).await.end(rustix::process::Signal::TERM).await;
        let before = rows(&from).await;
        let filled: std::collections::BTreeSet<&String> = before.iter().map(|(table, _)| table).collect();
        let (code, said) = run(folder.path(), &["database", "copy", &from.url, &to.url]).await;
        assert_eq!(code, Some(0), "{said}");
        assert!(
            said.contains(&format!("copied the {} rows of {} tables", before.len(), filled.len())),
            "{said}"
        );
        let copied = rows(&to).await;
        let differing = copied.iter().zip(&before).find(|(copied, row)| copied != row);
        assert!(copied == before, "PostgreSQL: {from_postgres} to {to_postgres}: {differing:?}");
        assert!(rows(&from).await == before);
        let (code, said) = run(folder.path(), &["database", "copy", &from.url, &to.url]).await;
        assert!(code == Some(1) && said.contains("is not empty"), "{said}");
        assert!(rows(&to).await == before);
    }
}

/// PostgreSQL cannot store a text with the character NUL.
#[tokio::test]
async fn failed_copy_leaves_the_target_empty() {
    let (folder, (_from_folder, from), (_, to)) = (tempdir().unwrap(), place(false).await, place(true).await);
    fill(&from.url).await;
    let mut connection = SqliteConnection::connect(&from.url).await.unwrap();
    let mut name_last = async |sql: &'static str| {
        sqlx::query(sql).execute(&mut connection).await.unwrap();
        run(folder.path(), &["database", "copy", &from.url, &to.url]).await
    };
    let (code, said) =
        name_last("UPDATE users SET display_name = 'a' || char(0) WHERE name = 'user99'").await;
    assert!(code == Some(1) && said.contains("cannot copy the table users"), "{said}");
    assert_eq!(rows(&to).await, []);
    let (code, said) = name_last("UPDATE users SET display_name = 'a' WHERE name = 'user99'").await;
    assert_eq!(code, Some(0), "{said}");
    assert!(rows(&to).await == rows(&from).await);
}

#[tokio::test]
async fn database_in_use_is_not_copied() {
    let folder = tempdir().unwrap();
    let mut serve = command(folder.path());
    serve.args(["--listen", "127.0.0.1:0", "--database", "used.db"]);
    let _server = Process::start(serve).await;
    fill(&folder.path().join("other.db").to_string_lossy()).await;
    for (from, to) in [("used.db", "new.db"), ("other.db", "used.db"), ("other.db", "other.db")] {
        let (code, said) = run(folder.path(), &["database", "copy", from, to]).await;
        assert!(code == Some(1) && said.contains("another server uses it"), "{from} {to}: {said}");
    }
    let (code, said) = run(folder.path(), &["database", "copy", "none.db", "new.db"]).await;
    assert!(code == Some(1) && said.contains("there is no database none.db"), "{said}");
    let (code, said) = run(folder.path(), &["database", "copy", "other.db", ":memory:"]).await;
    assert!(code == Some(1) && said.contains("in memory"), "{said}");
    assert!(!folder.path().join("none.db").exists() && !folder.path().join("new.db").exists());
}

#[tokio::test]
async fn configuration_is_checked_without_a_server() {
    let folder = tempdir().unwrap();
    let check = async |lines: &str| {
        std::fs::write(folder.path().join("callie.toml"), lines).unwrap();
        run(folder.path(), &["check-config", "--config", "callie.toml"]).await
    };
    assert_eq!(check("burst = 5\n").await, (Some(0), "the configuration is valid\n".into()));
    for (lines, code, reason) in [
        ("brust = 5\n", 3, "unknown key 'brust'"),
        ("burst = 'five'\n", 3, "burst"),
        ("database = 'mysql://host/callie'\n", 3, "mysql"),
        ("cluster = 'http://host'\n", 3, "cluster"),
        ("tls_cert = 'none.pem'\ntls_key = 'none.pem'\n", 1, "none.pem"),
    ] {
        let (found, said) = check(lines).await;
        assert!(found == Some(code) && said.contains(reason), "{lines}: {found:?} {said}");
    }
    assert!(!folder.path().join("callie.db").exists());
}
