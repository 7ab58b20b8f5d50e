//! The command line of the real binary: its start, its errors and its stop.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

mod support;

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use callie_core::account::path;
use rustix::process::{Pid, Signal, kill_process};
use support::process::{Process, command, output};
use support::{PASSWORD, PATIENCE, call, credentials, login, register};
use tempfile::tempdir;
use tokio::time::timeout;

/// Runs it with `arguments`. It must fail with one line on stderr, which is returned, and nothing on stdout.
async fn refused(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    refused_with(1, folder, arguments, environment).await
}

/// Does the same for a failure with this exit code.
async fn refused_with(code: i32, folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let mut command = command(folder);
    command.args(arguments).envs(environment.iter().copied());
    let output = output(command).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(output.stdout.is_empty());
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    assert!(said.starts_with("callie-server: "), "{said}");
    said
}

#[tokio::test]
async fn default_database_is_in_the_current_folder() {
    let folder = tempdir().unwrap();
    let mut command = command(folder.path());
    command.args(["--listen", "127.0.0.1:0"]);
    let server = Process::start(command).await;
    assert!(server.url.starts_with("http://127.0.0.1:"));
    register(server.addr, "alice").await;
    for file in ["callie.db", "callie.db-wal"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(folder.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{file} is for its owner alone");
    }
    let (status, _) = server.end(Signal::TERM).await;
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn accounts_survive_a_restart_after_sigint() {
    let folder = tempdir().unwrap();
    let start = || {
        let mut command = command(folder.path());
        command.env("CALLIE_LISTEN", "127.0.0.1:0").env("CALLIE_DATABASE", "sqlite://some folder.db");
        Process::start(command)
    };
    let server = start().await;
    register(server.addr, "alice").await;
    let (token, _) = login(server.addr, "alice").await;
    assert_eq!(server.end(Signal::INT).await.0.code(), Some(0));
    let server = start().await;
    assert!(support::is_alive(server.addr, &token).await);
}

/// What it waits for answers nobody: a database, or the servers of a cluster.
#[tokio::test]
async fn signal_ends_a_server_that_is_starting() {
    for key in ["CALLIE_DATABASE", "CALLIE_CLUSTER"] {
        for signal in [Signal::TERM, Signal::INT] {
            let folder = tempdir().unwrap();
            let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let addr = silent.local_addr().unwrap();
            let mut command = command(folder.path());
            command.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::piped());
            let url = if key == "CALLIE_DATABASE" { "postgres://callie" } else { "nats://callie" };
            command.env(key, format!("{url}@{addr}"));
            let child = command.spawn().unwrap();
            // It is connecting when it is accepted. What is accepted stays open.
            let _accepted = timeout(PATIENCE, silent.accept()).await.unwrap().unwrap();
            let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
            kill_process(pid, signal).unwrap();
            let begun = Instant::now();
            let done = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
            // Its own patience with a database or a cluster ends in a failure.
            assert_eq!(done.status.code(), Some(0), "{key}, {signal:?}: {done:?}");
            assert!(begun.elapsed() < Duration::from_secs(3), "{key}, {signal:?}: {:?}", begun.elapsed());
            assert!(done.stdout.is_empty(), "{done:?}");
        }
    }
}

#[tokio::test]
async fn port_in_use_fails_with_one_line() {
    let folder = tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let said = refused(folder.path(), &["--listen", &addr], &[]).await;
    assert!(said.contains(&addr) && said.contains("in use"), "{said}");
    let said = refused_with(3, folder.path(), &["--listen", "nonsense"], &[]).await;
    assert!(said.contains("'listen'") && said.contains("an address and a port"), "{said}");
    let metrics = [("CALLIE_METRICS_LISTEN", addr.as_str())];
    let said = refused(folder.path(), &["--listen", "127.0.0.1:0"], &metrics).await;
    assert!(said.contains(&addr), "{said}");
}

#[tokio::test]
async fn unusable_database_fails_with_one_line() {
    let folder = tempdir().unwrap();
    std::fs::write(
        folder.path().join("text.db"),
        "this is no database, it only looks large enough".repeat(100),
    )
    .unwrap();
    std::fs::create_dir(folder.path().join("folder.db")).unwrap();
    for (code, database) in [
        (1, "missing/callie.db"),
        (3, "text.db"),
        (1, "folder.db"),
        (1, "sqlite://missing/callie.db"),
        (3, "sqlite://callie.db?mode=ro"),
        (3, "mysql://u:secret@h/d"),
        (3, "postgres://u:secret@h/d?foo=1"),
    ] {
        let arguments = ["--listen", "127.0.0.1:0", "--database", database];
        let said = refused_with(code, folder.path(), &arguments, &[]).await;
        assert!(said.contains("database"), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
}

#[tokio::test]
async fn unusable_configuration_fails_with_one_line() {
    let folder = tempdir().unwrap();
    let said = refused_with(3, folder.path(), &["--config", "missing.toml"], &[]).await;
    assert!(said.contains("missing.toml"), "{said}");
    for (text, named) in [
        ("lisen = \"127.0.0.1:0\"", "lisen"),
        ("burst = \"many\"", "burst"),
        ("burst = -1", "burst"),
        ("burst = 0", "burst"),
        ("registration = \"maybe\"", "registration"),
        ("cors_origins = [\"chat.example\"]", "cors_origins"),
        ("trusted_proxies = [\"10.0.0.0/99\"]", "trusted_proxies"),
        ("tls_cert = \"cert.pem\"", "tls_key"),
        ("tls_key = \"key.pem\"", "bad value for 'tls_key'"),
        ("burst = 5000000000", "a whole number from 0 to 4294967295"),
        ("burst = 1.5", "it must be a whole number"),
        ("metrics_listen = \"foo\"", "an address and a port"),
        ("log_level = \"info,=,\"", "log_level"),
        ("log_level = \"WARNING\"", "a level is error, warn"),
        ("log_level = \"loud\"", "a level is error, warn"),
        ("cors_origins = [\"https://*.example\"]", "wildcard"),
        ("cors_origins = [\"https://a.example, https://b.example\"]", "an entry of its own"),
        ("cors_origins = [\"https://chat.example/path\"]", "no path"),
        ("trusted_proxies = [\"my-proxy\"]", "an address or a network"),
        (
            "messages_per_second = \"postgres://u:secret@h/d\"",
            "a whole number from 0 to 4294967295, not a text",
        ),
        ("registration = \"secret\"", "it must be \"open\", \"closed\" or \"invite\""),
        ("log_level = \"secret\"", "log_level"),
        ("web_page = \"secret\"", "true or false, not a text"),
        ("listen = \"postgres://u:secret@h/d\"", "an address and a port"),
        ("tls_key = \"-----BEGIN secret\"\ntls_cert = \"cert.pem\"", "the path of a file"),
        ("outbox_bytes = 10", "outbox_bytes"),
        ("resume_window = 3601", "an hour"),
        ("max_payload_bytes = 1000", "max_payload_bytes"),
        ("max_text_bytes = 100000", "max_text_bytes"),
        ("this is no TOML", "bad.toml"),
        ("# The database.\ndatabase = \"postgres://callie:secret@localhost/callie\n", "line 2"),
    ] {
        std::fs::write(folder.path().join("bad.toml"), text).unwrap();
        let said = refused_with(3, folder.path(), &["--config", "bad.toml"], &[]).await;
        assert!(said.contains(named) && !said.contains("secret"), "{text}: {said}");
    }
    let said = refused_with(3, folder.path(), &[], &[("CALLIE_BURST", "many")]).await;
    assert!(said.contains("burst") && said.contains("environment"), "{said}");
    let said = refused_with(3, folder.path(), &[], &[("CALLIE_CONFIG", "missing.toml")]).await;
    assert!(said.contains("missing.toml"), "{said}");
    std::fs::write(folder.path().join("tls.toml"), "tls_cert = \"no.pem\"\ntls_key = \"no.key\"").unwrap();
    let said = refused(folder.path(), &["--config", "tls.toml"], &[]).await;
    assert!(said.contains("no.pem"), "{said}");
}

#[tokio::test]
async fn wrong_arguments_are_named() {
    let folder = tempdir().unwrap();
    for arguments in [
        &["--nonsense"][..],
        &["nonsense"],
        &["admin"],
        &["admin", "grant", "No Name"],
        &["--log-format", "x"],
    ] {
        let mut command = command(folder.path());
        command.args(arguments);
        let output = output(command).await;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
}

#[tokio::test]
async fn printed_configuration_can_be_used() {
    let folder = tempdir().unwrap();
    let mut print = command(folder.path());
    print.arg("config");
    let printed = output(print).await;
    assert!(printed.status.success());
    let text = String::from_utf8(printed.stdout).unwrap();
    for key in
        ["listen = \"127.0.0.1:8080\"", "database = \"callie.db\"", "# metrics_listen =", "cors_origins = []"]
    {
        assert!(text.contains(key), "{key} in {text}");
    }
    let file = folder.path().join("callie.toml");
    std::fs::write(&file, &text).unwrap();
    let loaded =
        callie_server::config::load(Some(&file), &callie_server::config::Overrides::default()).unwrap();
    assert_eq!(loaded, callie_server::Config::default());
    // The examples are valid, too.
    let examples: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# ").filter(|l| l.contains(" = ")))
        .map(str::to_owned)
        .collect();
    assert!(examples.len() >= 3);
    std::fs::write(&file, examples.join("\n")).unwrap();
    callie_server::config::load(Some(&file), &callie_server::config::Overrides::default()).unwrap();
}

#[tokio::test]
async fn flags_override_environment_overrides_file() {
    let folder = tempdir().unwrap();
    std::fs::write(
        folder.path().join("callie.toml"),
        "listen = \"127.0.0.1:1\"\ndatabase = \"file.db\"\nregistration = \"closed\"\n",
    )
    .unwrap();
    let mut command = command(folder.path());
    command
        .args(["--database", "flag.db"])
        .env("CALLIE_CONFIG", "callie.toml")
        .env("CALLIE_DATABASE", "environment.db")
        .env("CALLIE_LISTEN", "127.0.0.1:0")
        // Variables that a container platform sets for a service of this name are not keys.
        .env("CALLIE_SERVICE_HOST", "10.0.0.1");
    let server = Process::start(command).await;
    assert!(folder.path().join("flag.db").exists());
    assert!(!folder.path().join("environment.db").exists() && !folder.path().join("file.db").exists());
    let answer = call(server.addr, "POST", path::REGISTER, None, &credentials("alice", PASSWORD)).await;
    assert_eq!(answer.problem(), (403, "REGISTRATION_CLOSED".into()));
    let (_, said) = server.end(Signal::TERM).await;
    assert!(said.contains("CALLIE_SERVICE_HOST") && !said.contains("CALLIE_CONFIG"), "{said}");
}

#[tokio::test]
async fn sighup_reloads_live_keys() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("callie.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:0\"\n").unwrap();
    let mut command = command(folder.path());
    command.args(["--config", "callie.toml"]);
    let mut server = Process::start(command).await;
    let addr = server.addr;
    register(addr, "alice").await;

    std::fs::write(&file, "listen = \"127.0.0.1:1\"\nregistration = \"closed\"\n").unwrap();
    server.signal(Signal::HUP);
    server.wait_for_log("need a restart").await;
    let closed =
        async || call(addr, "POST", path::REGISTER, None, &credentials("bob", PASSWORD)).await.problem();
    assert_eq!(closed().await, (403, "REGISTRATION_CLOSED".into()));

    std::fs::write(&file, "registration = \"perhaps\"\n").unwrap();
    server.signal(Signal::HUP);
    server.wait_for_log("cannot reload the configuration").await;
    assert_eq!(closed().await, (403, "REGISTRATION_CLOSED".into()));
    assert_eq!(server.end(Signal::TERM).await.0.code(), Some(0));
}

#[tokio::test]
async fn log_and_metrics_contain_no_secret() {
    let folder = tempdir().unwrap();
    let mut command = command(folder.path());
    command
        .args(["--listen", "127.0.0.1:0", "--log-format", "json"])
        .env("CALLIE_LOG_LEVEL", "trace")
        .env("CALLIE_METRICS_LISTEN", "127.0.0.1:0");
    let mut server = Process::start(command).await;
    let addr = server.addr;
    register(addr, "alice").await;
    let (token, _) = login(addr, "alice").await;
    let guess = "a guess that is wrong";
    call(addr, "POST", path::LOGIN, None, &credentials("alice", guess)).await;
    let body = serde_json::json!({ "oldPassword": PASSWORD, "newPassword": "a new password" }).to_string();
    assert_eq!(call(addr, "POST", path::PASSWORD, Some(&token), &body).await.status, 204);
    call(addr, "POST", path::LOGOUT, Some(&token), "").await;
    server.signal(Signal::HUP);
    server.wait_for_log("reloaded").await;
    let (_, said) = server.end(Signal::TERM).await;
    for secret in [&token, PASSWORD, guess, "a new password"] {
        assert!(!said.contains(secret));
    }
    for line in said.lines() {
        assert!(
            serde_json::from_str::<serde_json::Value>(line).is_ok_and(|l| l["level"].is_string()),
            "{line}"
        );
    }
}

#[tokio::test]
async fn empty_variables_count_as_absent() {
    let folder = tempdir().unwrap();
    let mut command = command(folder.path());
    command.args(["--listen", "127.0.0.1:0"]);
    for key in ["CLUSTER", "METRICS_LISTEN", "TLS_CERT", "CONFIG", "LOG_LEVEL", "BURST", "TRUSTED_PROXIES"] {
        command.env(format!("CALLIE_{key}"), "");
    }
    command.env("CALLIE_CORS_ORIGINS", " ");
    let server = Process::start(command).await;
    register(server.addr, "alice").await;
    assert_eq!(server.end(Signal::TERM).await.0.code(), Some(0));
}

#[test]
fn lists_in_variables_are_separated_by_commas() {
    // A process of its own, because this test is about the environment.
    let folder = tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut command = command(folder.path());
        command
            .args(["--listen", "127.0.0.1:0"])
            .env("CALLIE_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8")
            .env("CALLIE_CORS_ORIGINS", "https://Chat.Example:443, http://localhost:3000");
        let server = Process::start(command).await;
        for origin in ["https://chat.example", "http://localhost:3000"] {
            let more = format!("origin: {origin}\r\n");
            let answer = support::call_with(server.addr, "GET", path::SESSIONS, None, "", &more).await;
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        }
    });
}

#[tokio::test]
async fn wrong_log_level_is_refused_at_a_hangup() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("callie.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:0\"\n").unwrap();
    let mut command = command(folder.path());
    command.args(["--config", "callie.toml"]);
    let mut server = Process::start(command).await;
    std::fs::write(&file, "listen = \"127.0.0.1:0\"\nlog_level = \"verbose\"\n").unwrap();
    server.signal(Signal::HUP);
    server.wait_for_log("a level is error, warn").await;
    std::fs::write(&file, "listen = \"127.0.0.1:0\"\nlog_level = \"WARN\"\n").unwrap();
    server.signal(Signal::HUP);
    assert_eq!(server.end(Signal::TERM).await.0.code(), Some(0));
}

#[tokio::test]
async fn hangup_keeps_what_limits_remember() {
    let folder = tempdir().unwrap();
    let mut command = command(folder.path());
    command.args(["--listen", "127.0.0.1:0"]).env("CALLIE_LOGIN_BURST_PER_NAME", "2");
    let mut server = Process::start(command).await;
    register(server.addr, "alice").await;
    let guess =
        async |addr| call(addr, "POST", path::LOGIN, None, &credentials("alice", "wrong")).await.status;
    while guess(server.addr).await != 429 {}
    server.signal(Signal::HUP);
    server.wait_for_log("reloaded the configuration").await;
    assert_eq!(guess(server.addr).await, 429);
}

#[tokio::test]
async fn database_of_newer_server_has_its_own_exit_code() {
    use sqlx::{Connection as _, Executor as _};
    let folder = tempdir().unwrap();
    let database = folder.path().join("callie.db").display().to_string();
    callie_server::store::Store::open(&database).await.unwrap().close().await;
    let mut newer = sqlx::SqliteConnection::connect(&format!("sqlite://{database}")).await.unwrap();
    let version = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                   VALUES (9999, 'from the future', TRUE, x'00', 0)";
    newer.execute(version).await.unwrap();
    newer.close().await.unwrap();
    let said = refused_with(3, folder.path(), &["--listen", "127.0.0.1:0"], &[]).await;
    assert!(said.contains("a newer server has migrated it"), "{said}");
    let said = refused_with(3, folder.path(), &["admin", "list"], &[]).await;
    assert!(said.contains("a newer server has migrated it"), "{said}");
}

#[tokio::test]
async fn log_names_users_and_no_typed_secret() {
    let folder = tempdir().unwrap();
    let mut command = command(folder.path());
    command.args(["--listen", "127.0.0.1:0", "--log-format", "json"]).env("CALLIE_LOGIN_BURST_PER_NAME", "2");
    let server = Process::start(command).await;
    let addr = server.addr;
    let ask = async |path: &str, name: &str, password: &str| {
        call(addr, "POST", path, None, &credentials(name, password)).await.status
    };
    register(addr, "alice").await;
    // Passwords in the field of the name, some of which are valid names.
    let (secret, odd) = ("hunter2", "My S3cret!");
    for name in ["alice", secret, odd] {
        for status in [401, 401, 429] {
            assert_eq!(ask(path::LOGIN, name, "wrong horse").await, status, "{name}");
        }
    }
    assert_eq!(ask(path::REGISTER, "alice", PASSWORD).await, 409);
    assert_eq!(ask(path::REGISTER, odd, PASSWORD).await, 422);
    assert_eq!(ask(path::REGISTER, secret, "short").await, 422);
    let (_, said) = server.end(Signal::TERM).await;
    let lines: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (message, user, reason) in [
        ("refused a login", "alice", "wrong password"),
        ("refused a login", "(unknown)", "unknown user"),
        ("refused a login", "alice", "too many failed attempts on this name from this address"),
        ("refused a login", "(unknown)", "too many failed attempts on this name from this address"),
        ("refused a registration", "alice", "the name is taken"),
    ] {
        let found = lines.iter().any(|line| {
            line["message"] == message
                && line["user"] == user
                && line["reason"] == reason
                && line["address"] == "127.0.0.1"
        });
        assert!(found, "{message} {user} {reason} in {said}");
    }
    assert!(!said.contains(secret) && !said.contains(odd), "{said}");
}

#[tokio::test]
async fn healthcheck_asks_the_running_server() {
    let folder = tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let check = async |listen: Option<String>, more: &[&str]| {
        let mut command = command(folder.path());
        command.arg("healthcheck").args(more).envs(listen.map(|addr| ("CALLIE_METRICS_LISTEN", addr)));
        output(command).await
    };
    let mut command = command(folder.path());
    command.args(["--listen", "127.0.0.1:0"]).env("CALLIE_METRICS_LISTEN", format!("127.0.0.1:{port}"));
    let server = Process::start(command).await;
    // As in a container, where the server listens on all addresses.
    for more in [&[][..], &["--ready"]] {
        let well = check(Some(format!("0.0.0.0:{port}")), more).await;
        assert!(well.status.success() && well.stdout == b"ok\n", "{well:?}");
    }
    server.end(Signal::TERM).await;
    for listen in [Some(format!("127.0.0.1:{port}")), None] {
        let unwell = check(listen, &[]).await;
        assert_eq!(unwell.status.code(), Some(1));
        assert_eq!(std::str::from_utf8(&unwell.stderr).unwrap().lines().count(), 1, "{unwell:?}");
    }
}
