//! `callie-server user`, and its effect on a running server.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

mod support;

use std::path::Path;
use std::process::Output;

use callie_core::Username;
use callie_core::account::path;
use callie_core::account_data::AccountData;
use callie_server::config::Registration;
use callie_server::{Config, clock};
use serde_json::Value;
use support::database::fresh_database;
use support::process::{Process, command, output_of};
use support::{PASSWORD, Running, call, credentials, is_alive, login, register, start, start_with};
use tempfile::tempdir;
use tokio::process::Command;

/// Runs `callie-server user` with `input` on stdin.
async fn user(folder: &Path, database: &str, arguments: &[&str], input: &str) -> Output {
    let mut command = command(folder);
    command.arg("user").args(arguments).args(["--database", database]);
    output_of(command, input).await
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// An operator of a running server.
struct Operator {
    running: Running,
    folder: tempfile::TempDir,
}

impl Operator {
    async fn of(running: Running) -> Self {
        Self { running, folder: tempdir().unwrap() }
    }

    async fn user(&self, arguments: &[&str], input: &str) -> Output {
        user(self.folder.path(), &self.running.database.url, arguments, input).await
    }

    /// Runs a command that must succeed, and returns its output.
    async fn run(&self, arguments: &[&str], input: &str) -> String {
        let output = self.user(arguments, input).await;
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        text(&output.stdout).to_owned()
    }

    /// Runs a command that must fail, and returns the last line on stderr.
    async fn fail(&self, arguments: &[&str], input: &str) -> String {
        let output = self.user(arguments, input).await;
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""), "{arguments:?}: {output:?}");
        text(&output.stderr).lines().last().unwrap().to_owned()
    }
}

#[tokio::test]
async fn accounts_are_managed_while_registration_is_closed() {
    let closed = Config { registration: Registration::Closed, ..Config::default() };
    let operator = Operator::of(start_with(closed).await).await;
    let addr = operator.running.addr();
    let password = format!("{PASSWORD}\n");
    assert_eq!(operator.run(&["add", "alice"], &password).await, "alice is a user now\n");
    assert_eq!(operator.run(&["add", "bob", "--json"], PASSWORD).await, "{\"username\":\"bob\"}\n");
    let (token, _) = login(addr, "alice").await;

    let done = operator.run(&["password", "alice"], "another horse\n").await;
    assert_eq!(done, "alice has a new password, and must log in again\n");
    assert!(!is_alive(addr, &token).await);
    let status = async |password: &str| {
        call(addr, "POST", path::LOGIN, None, &credentials("alice", password)).await.status
    };
    assert_eq!((status(PASSWORD).await, status("another horse").await), (401, 200));

    assert_eq!(operator.run(&["delete", "alice", "--yes"], "").await, "alice is deleted\n");
    assert_eq!(status("another horse").await, 401);
    let taken = "callie-server: the name alice is taken, by a user or by a deleted account; choose another";
    for name in ["alice", "bob"] {
        assert_eq!(operator.fail(&["add", name], PASSWORD).await, taken.replace("alice", name));
    }
    assert_eq!(operator.run(&["list"], "").await.lines().skip(1).count(), 1);
}

#[tokio::test]
async fn invalid_input_changes_nothing() {
    let operator = Operator::of(start().await).await;
    register(operator.running.addr(), "alice").await;
    let (token, _) = login(operator.running.addr(), "alice").await;
    for action in ["add", "password"] {
        let weak = operator.fail(&[action, "alice"], "short\n").await;
        assert_eq!(weak, "callie-server: a password has 8 to 1024 bytes");
        let lines = operator.fail(&[action, "alice"], "correct horse\nbattery staple\n").await;
        assert!(lines.contains("one line"), "{lines}");
        let argument = operator.user(&[action, "alice", PASSWORD], "").await;
        assert_eq!(argument.status.code(), Some(2), "a password is no argument");
        assert!(!text(&argument.stdout).contains(PASSWORD));
    }
    assert!(operator.fail(&["add", "admin"], PASSWORD).await.contains("reserved"));
    assert!(operator.fail(&["delete", "alice"], "alice\n").await.contains("--yes"));
    assert_eq!(operator.user(&["add", "Alice"], PASSWORD).await.status.code(), Some(2));
    assert!(is_alive(operator.running.addr(), &token).await);
    for arguments in [
        &["show", "nobody"][..],
        &["export", "nobody"],
        &["delete", "nobody", "--yes"],
        &["password", "nobody"],
    ] {
        let unknown = operator.fail(arguments, PASSWORD).await;
        assert_eq!(unknown, "callie-server: there is no user nobody", "{arguments:?}");
    }
}

#[tokio::test]
async fn user_is_shown_and_exported() {
    let operator = Operator::of(start().await).await;
    let addr = operator.running.addr();
    register(addr, "alice").await;
    let (token, session) = login(addr, "alice").await;
    let own = call(addr, "GET", path::ACCOUNT, Some(&token), "").await;
    let mut own: AccountData = serde_json::from_str(&own.body).unwrap();
    own.sessions[0].current = false;
    for arguments in [&["show", "alice", "--json"][..], &["export", "alice"]] {
        let printed = operator.run(arguments, "").await;
        assert_eq!(serde_json::from_str::<AccountData>(&printed).unwrap(), own, "{arguments:?}");
        assert!(!printed.contains("argon2"), "{printed}");
    }
    let shown = operator.run(&["show", "alice"], "").await;
    assert!(shown.starts_with("name             alice\n") && shown.contains(&session), "{shown}");
}

#[tokio::test]
async fn list_has_every_user_of_a_large_database() {
    let operator = Operator::of(start().await).await;
    let store = operator.running.server.store();
    let names: Vec<String> = (0..1_201).map(|n| format!("user{n:04}")).collect();
    for name in &names {
        let user = Username::parse(name).unwrap();
        store.accounts.create(&user, "no password fits", clock::now()).await.unwrap();
    }
    store.admins.set_admin(&Username::parse("user0000").unwrap(), true).await.unwrap();
    let table = operator.run(&["list"], "").await;
    let listed: Vec<&str> = table.lines().skip(1).map(|line| line.split_once(' ').unwrap().0).collect();
    assert_eq!(listed, names);
    let first = table.lines().nth(1).unwrap();
    assert!(first.ends_with("-                        0       0  admin"), "{first}");
    let lines = operator.run(&["list", "--json"], "").await;
    let listed: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(listed.len(), names.len());
    assert_eq!((&listed[1]["username"], &listed[1]["admin"]), (&"user0001".into(), &false.into()));
}

#[tokio::test]
async fn invited_users_register() {
    let invite = Config { registration: Registration::Invite, ..Config::default() };
    let operator = Operator::of(start_with(invite).await).await;
    let addr = operator.running.addr();
    let status = async |name: &str, invite: &str| {
        let body = serde_json::json!({ "username": name, "password": PASSWORD, "invite": invite });
        call(addr, "POST", path::REGISTER, None, &body.to_string()).await.status
    };
    let token = operator.run(&["invite"], "").await;
    assert_eq!(token.trim_end().len(), 43, "256 bits in base64");
    assert_eq!((status("alice", token.trim_end()).await, status("bob", token.trim_end()).await), (201, 403));
    let printed = operator.run(&["invite", "--uses", "2", "--days", "30", "--json"], "").await;
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(printed["uses"], 2);
    for name in ["bob", "carol"] {
        assert_eq!(status(name, printed["invite"].as_str().unwrap()).await, 201);
    }
    for wrong in [["--uses", "0"], ["--days", "0"], ["--days", "366"]] {
        let refused = operator.user(&["invite", wrong[0], wrong[1]], "").await;
        assert_eq!(refused.status.code(), Some(2), "{wrong:?}");
    }
}

/// At a terminal, the password is asked for twice, and a deletion is confirmed with the name.
#[tokio::test]
async fn terminal_is_asked() {
    let operator = Operator::of(start().await).await;
    let addr = operator.running.addr();
    let ask = async |arguments: &str, typed: &str| {
        let program = format!(
            "{} user {arguments} --database '{}'",
            env!("CARGO_BIN_EXE_callie-server"),
            operator.running.database.url
        );
        let mut terminal = Command::new("script");
        terminal.args(["-qec", &program, "/dev/null"]).current_dir(operator.folder.path());
        let output = output_of(terminal, typed).await;
        (output.status.success(), text(&output.stdout).to_owned())
    };
    let (done, shown) = ask("add alice", &format!("{PASSWORD}\nanother horse\n")).await;
    assert!(!done && shown.contains("the two passwords differ"), "{shown}");
    let (done, shown) = ask("add alice", &format!("{PASSWORD}\n{PASSWORD}\n")).await;
    assert!(done && shown.contains("alice is a user now"), "{shown}");
    let (token, _) = login(addr, "alice").await;
    let (done, shown) = ask("delete alice", "bob\n").await;
    assert!(!done && shown.contains("nothing was changed"), "{shown}");
    assert!(is_alive(addr, &token).await);
    let (done, shown) = ask("delete alice", "alice\n").await;
    assert!(done && shown.contains("alice is deleted"), "{shown}");
    assert!(!is_alive(addr, &token).await);
}

#[tokio::test]
async fn acts_on_accounts_are_logged_by_the_running_server() {
    let (folder, database) = (tempdir().unwrap(), fresh_database().await);
    let mut serve = command(folder.path());
    serve.args(["--listen", "127.0.0.1:0", "--database", &database.url]);
    let mut server = Process::start(serve).await;
    for (arguments, act) in [
        (&["add", "alice"][..], "ADD_USER"),
        (&["password", "alice"], "SET_PASSWORD"),
        (&["export", "alice"], "EXPORT_USER"),
        (&["invite"], "INVITE"),
        (&["delete", "alice", "--yes"], "DELETE_USER"),
    ] {
        let done = user(folder.path(), &database.url, arguments, PASSWORD).await;
        assert!(done.status.success(), "{done:?}");
        let lines = text(&done.stderr).lines();
        let line = lines.filter_map(|line| line.split_once("an admin acted")).next().unwrap().1;
        let user = arguments.get(1).unwrap_or(&"");
        assert!(line.contains(act) && line.contains(user) && line.contains("uid"), "{line}");
        server.wait_for_log(line.trim_end()).await;
    }
}
