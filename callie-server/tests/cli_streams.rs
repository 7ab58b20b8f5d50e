//! Standard streams that are full, closed or not read, and missing threads: none of them stops a server silently.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

mod support;

use std::fs::OpenOptions;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Stdio;

use callie_core::account::path;
use rustix::process::Signal;
use support::process::{LISTENING, Process, command, output};
use support::{PATIENCE, call};
use tempfile::tempdir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

/// Starts a server with the level `trace` and a port for metrics.
fn talkative(folder: &Path) -> tokio::process::Command {
    let mut command = command(folder);
    command.args(["--listen", "127.0.0.1:0"]);
    command.env("CALLIE_LOG_LEVEL", "trace").env("CALLIE_METRICS_LISTEN", metrics_address());
    command
}

fn metrics_address() -> String {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("127.0.0.1:{port}")
}

/// Has the server log until lines are lost.
async fn fill_the_log(server: &Process, metrics: &str) {
    let lost = async {
        loop {
            let figures = call(metrics.parse().unwrap(), "GET", "/metrics", None, "").await.body;
            let line = figures.lines().find(|line| line.starts_with("callie_log_lines_lost_total")).unwrap();
            if !line.ends_with(" 0") {
                return;
            }
            // Each request queries the database, which logs a line.
            let ask = || call(server.addr, "GET", path::SESSIONS, Some("no token"), "");
            let answers = futures_util::future::join_all((0..50).map(|_| ask())).await;
            assert!(answers.iter().all(|answer| answer.status == 401));
        }
    };
    tokio::time::timeout(PATIENCE, lost).await.unwrap();
}

#[tokio::test]
async fn unread_log_does_not_block_the_server() {
    let folder = tempdir().unwrap();
    let metrics = metrics_address();
    let mut command = talkative(folder.path());
    command.env("CALLIE_METRICS_LISTEN", &metrics);
    let server = Process::start(command).await;
    fill_the_log(&server, &metrics).await;
    support::register(server.addr, "alice").await;
    support::login(server.addr, "alice").await;
    assert_eq!(server.end_unread(Signal::TERM).await.code(), Some(0));
}

#[tokio::test]
async fn dropped_log_lines_are_counted() {
    let folder = tempdir().unwrap();
    let metrics = metrics_address();
    let mut command = talkative(folder.path());
    command.env("CALLIE_METRICS_LISTEN", &metrics);
    let mut server = Process::start(command).await;
    fill_the_log(&server, &metrics).await;
    server.wait_for_log("log lines were dropped").await;
    let (status, said) = server.end(Signal::TERM).await;
    assert_eq!(status.code(), Some(0));
    assert!(said.contains("stopping"), "the last lines are written");
}

/// A stdout that is full.
fn full() -> Stdio {
    Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap())
}

/// A stdout whose reader is gone.
fn gone() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    Stdio::from(writer)
}

#[tokio::test]
async fn full_or_closed_stdout_does_not_stop_the_server() {
    let folder = tempdir().unwrap();
    for stdout in [full(), gone()] {
        let mut command = command(folder.path());
        command.args(["--listen", "127.0.0.1:0"]).stdout(stdout).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let read = async {
            while !said.contains("cannot write the address to stdout") {
                assert!(stderr.read_line(&mut said).await.unwrap() > 0, "it ended: {said}");
            }
        };
        tokio::time::timeout(PATIENCE, read).await.unwrap();
        let pid = rustix::process::Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, Signal::TERM).unwrap();
        stderr.read_to_string(&mut said).await.unwrap();
        assert_eq!(child.wait().await.unwrap().code(), Some(0), "{said}");
    }
}

/// Runs it with this stdout: its exit code, and what it said on stderr without the lines of its log.
async fn ends(folder: &Path, arguments: &[&str], stdout: Stdio) -> (Option<i32>, String) {
    let mut command = command(folder);
    command.args(arguments).env("CALLIE_LOG_LEVEL", "error").stdout(stdout).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let done = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    (done.status.code(), String::from_utf8(done.stderr).unwrap())
}

/// Commands whose output is their purpose fail if it cannot be written. A reader that is gone had what it wanted.
#[tokio::test]
async fn command_without_its_output_fails() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let store =
        callie_server::store::Store::open(&folder.join("callie.db").display().to_string()).await.unwrap();
    store.close().await;
    for arguments in [&["config"][..], &["--help"], &["admin", "ban", "--help"], &["--version"]] {
        let (code, said) = ends(folder, arguments, full()).await;
        assert_eq!(code, Some(1), "{arguments:?}: {said}");
        assert_eq!(said, "callie-server: cannot write to stdout: No space left on device (os error 28)\n");
        assert_eq!(ends(folder, arguments, gone()).await, (Some(0), String::new()), "{arguments:?}");
    }
}

/// Commands that report what they have done have done it: the report goes to stderr.
#[tokio::test]
async fn report_that_stdout_does_not_take_is_on_stderr() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let metrics = metrics_address();
    let mut serve = command(folder);
    serve.args(["--listen", "127.0.0.1:0"]).env("CALLIE_METRICS_LISTEN", &metrics);
    let server = Process::start(serve).await;
    support::register(server.addr, "alice").await;
    std::fs::write(folder.join("ask.toml"), format!("metrics_listen = \"{metrics}\"")).unwrap();
    for (stdout, why) in [(full as fn() -> Stdio, "No space left on device"), (gone, "Broken pipe")] {
        let reports = async |arguments: &[&str], report: &str| {
            let (code, said) = ends(folder, arguments, stdout()).await;
            assert_eq!(code, Some(0), "{arguments:?}: {said}");
            assert!(said.starts_with(&format!("callie-server: {report}")), "{said}");
            let unwritten = format!("(cannot write to stdout: {why}");
            assert!(said.contains(&unwritten) && said.lines().count() == 1, "{said}");
        };
        reports(&["admin", "grant", "alice"], "alice is a server admin now").await;
        let listed = ends(folder, &["admin", "list"], stdout()).await;
        let code = if why == "Broken pipe" { 0 } else { 1 };
        assert_eq!(listed.0, Some(code), "{listed:?}");
        assert_eq!(listed.1.contains("cannot write to stdout"), code == 1, "{listed:?}");
        reports(&["admin", "revoke", "alice"], "alice is no longer a server admin").await;
        reports(&["admin", "ban", "alice"], "alice is banned").await;
        reports(&["admin", "unban", "alice"], "alice is no longer banned").await;
        reports(&["healthcheck", "--config", "ask.toml"], "ok").await;
        reports(&["database", "backup", &format!("{why}.db")], "backed the database up to").await;
    }
    assert_eq!(server.end(Signal::TERM).await.0.code(), Some(0));
    let (code, said) = ends(folder, &["database", "restore", "Broken pipe.db"], full()).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("restored the database from Broken pipe.db (cannot write to stdout"), "{said}");
    assert!(said.contains("the previous database is") && said.lines().count() == 2, "{said}");
}

/// Does the same with a writable stdout, on which the line must appear.
#[tokio::test]
async fn stdout_has_one_line_with_the_address() {
    let folder = tempdir().unwrap();
    let mut command = command(folder.path());
    command.args(["--listen", "127.0.0.1:0"]);
    let server = Process::start(command).await;
    assert!(format!("{LISTENING}{}", server.url).contains("http://127.0.0.1:"));
    assert_eq!(server.end(Signal::TERM).await.0.code(), Some(0));
}

#[tokio::test]
async fn missing_threads_fail_with_one_line() {
    let folder = tempdir().unwrap();
    let program = folder.path().join("callie-server");
    std::fs::copy(env!("CARGO_BIN_EXE_callie-server"), &program).unwrap();
    if rustix::process::geteuid().is_root() {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    // Enough threads for the log and the first workers, but not for later ones.
    for threads in [1, 2, 4, 5] {
        let mut command = std::process::Command::new("prlimit");
        command.arg(format!("--nproc={threads}")).arg("--").arg(&program);
        command.args(["--listen", "127.0.0.1:0", "--database", ":memory:"]).current_dir("/");
        if rustix::process::geteuid().is_root() {
            // The limit does not apply to root.
            command.uid(54_321).gid(54_321);
        }
        let mut command = tokio::process::Command::from(command);
        command.kill_on_drop(true);
        let output = output(command).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{threads}: {said}");
        assert!(said.contains("no more threads"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[tokio::test]
async fn lack_of_descriptors_is_logged_once() {
    let folder = tempdir().unwrap();
    let mut command = tokio::process::Command::new("prlimit");
    command.args(["--nofile=80:80", "--", env!("CARGO_BIN_EXE_callie-server"), "--listen", "127.0.0.1:0"]);
    command.current_dir(folder.path()).kill_on_drop(true);
    let mut server = Process::start(command).await;
    let addr = server.addr;
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(tokio::net::TcpStream::connect(addr).await.unwrap());
    }
    server.wait_for_log("cannot accept connections").await;
    // Time for twenty attempts, which must not be logged.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    drop(held);
    assert_eq!(call(addr, "GET", "/nothing", None, "").await.status, 404);
    let (_, said) = server.end(Signal::TERM).await;
    assert!(!said.contains("cannot accept connections"), "{said}");
}
