//! A program that is killed with SIGKILL at random: what it had accepted arrives exactly once.
//!
//! `CALLIE_SEED` repeats the times of the kills, and `CALLIE_KILL_SECONDS` sets how long the test lasts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a step that fails fails its test"
)]

#[path = "scenarios/bed.rs"]
#[allow(dead_code, reason = "the scenarios use all of it")]
mod bed;
mod configs;

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use callie_client::{Client, Config, Credentials, Event, MessageId};
use tempfile::tempdir;
use tokio::time::timeout;

use bed::{TestEnv, online, user};

/// The time to wait for the last outcomes and messages.
const BOUND: Duration = Duration::from_secs(60);

/// Starts the example that sends the lines of its input, with its state in `file`.
fn outbox(credentials: &Credentials, file: &Path) -> Child {
    let tests = std::env::current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join("examples/outbox");
    let mut command = Command::new(&program);
    let url = credentials.config().address.to_string();
    command.args([&url, "ada", credentials.token().expose(), "bob"]).arg(file);
    let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    started.unwrap_or_else(|e| panic!("{}: {e}; `make build` builds it", program.display()))
}

/// Writes lines until the program ends. Returns the messages that the program accepted.
fn feed(mut child: Child, until: Duration, lines: &mut u64) -> Vec<MessageId> {
    let mut input = child.stdin.take().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let accepted = thread::spawn(move || {
        let lines = output.lines().map_while(Result::ok);
        lines.filter_map(|line| MessageId::parse(line.strip_prefix("accepted ")?).ok()).collect()
    });
    let begun = Instant::now();
    while begun.elapsed() < until {
        *lines += 1;
        // A pipe has room for more lines than the program has accepted when it is killed.
        if writeln!(input, "line {}", *lines).is_err() {
            break;
        }
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    accepted.join().unwrap()
}

/// Counts how often each message arrives.
async fn count(client: Client, done: Arc<AtomicBool>) -> HashMap<MessageId, usize> {
    let mut arrived = HashMap::new();
    loop {
        let events = client.next_events(64, Duration::from_secs(1)).await.unwrap();
        if events.is_empty() && done.load(Ordering::SeqCst) {
            return arrived;
        }
        for event in events {
            if let Event::Message(message) = event {
                *arrived.entry(message.message_id).or_default() += 1;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accepted_messages_arrive_once_despite_kills() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seed = number("CALLIE_SEED").unwrap_or_else(|| fastrand::u64(..1 << 32));
    let lasts = Duration::from_secs(number("CALLIE_KILL_SECONDS").unwrap_or(4));
    println!("CALLIE_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let folder = tempdir().unwrap();
    let file = folder.path().join("state");
    let (mut env, server) = TestEnv::with_server().await;
    let direct = env.direct().await;
    let bob = online(&direct, "bob").await;
    let credentials = user(&server, "ada").await;
    let done = Arc::new(AtomicBool::new(false));
    let counting = tokio::spawn(count(bob, Arc::clone(&done)));
    let (mut accepted, mut lines, mut kills) = (Vec::new(), 0, 0);
    let begun = Instant::now();
    while begun.elapsed() < lasts {
        let until = Duration::from_millis(random.u64(1..400));
        let faulty = random.u8(..4) == 0;
        let child = outbox(&credentials, &file);
        let fed = tokio::task::spawn_blocking(move || {
            let accepted = feed(child, until, &mut lines);
            (accepted, lines)
        });
        if faulty {
            tokio::time::sleep(until / 2).await;
            env.ask("cut").await;
        }
        let (new, fed_lines) = fed.await.unwrap();
        accepted.extend(new);
        lines = fed_lines;
        kills += 1;
    }
    // The last run waits for all outcomes.
    let mut child = outbox(&credentials, &file);
    drop(child.stdin.take());
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    assert!(timeout(BOUND, ended).await.unwrap().unwrap().status.success());
    done.store(true, Ordering::SeqCst);
    let arrived = timeout(BOUND, counting).await.unwrap().unwrap();
    println!("{kills} kills, {} messages accepted, {} arrived", accepted.len(), arrived.len());
    let wrong: Vec<_> = accepted.iter().filter(|id| arrived.get(*id) != Some(&1)).collect();
    assert!(wrong.is_empty(), "{} messages did not arrive once: {wrong:?}", wrong.len());
    assert!(arrived.values().all(|times| *times == 1), "a message arrived twice");
    assert!(!accepted.is_empty() && kills > 1);
}

/// A program with a limit on the size of its files receives an error for a message that is not stored, and the client ends.
#[tokio::test]
async fn full_disk_is_reported_by_the_send() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("state");
    let credentials = Credentials::new(Config::new("http://127.0.0.1:9").unwrap(), "ada", "token").unwrap();
    // The shell's limit is in units of 512 or 1,024 bytes.
    let tests = std::env::current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join("examples/outbox");
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 4; exec \"$@\"", "sh"])
        .arg(program)
        .args([&credentials.config().address.to_string(), "ada", "token", "bob"])
        .arg(&file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let line = format!("{}\n", "x".repeat(300));
    while input.write_all(line.as_bytes()).is_ok() {}
    let output = child.wait_with_output().unwrap();
    let (stdout, stderr) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(stderr.contains("STATE_UNAVAILABLE"), "{stdout}{stderr}");
    let accepted: Vec<_> = stdout.lines().filter_map(|line| line.strip_prefix("accepted ")).collect();
    assert!(!accepted.is_empty(), "{stdout}{stderr}");
    // The next client has exactly what was accepted.
    let mut config = Config::new("http://127.0.0.1:9").unwrap();
    config.state_file = Some(file);
    let client = Client::new(&Credentials::new(config, "ada", "token").unwrap()).unwrap();
    let pending: Vec<_> =
        client.pending().unwrap().iter().map(|ticket| ticket.message_id().to_string()).collect();
    assert_eq!(pending, accepted);
    client.disconnect().await;
}
