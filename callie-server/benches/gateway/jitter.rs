//! The share of messages that arrive at clients whose connections are cut every 15 s on average, while a publisher sends to
//! all of them: with resumption, without it, and with socket.io and its connection state recovery.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use callie_client::{Client, Config, ConnectionState, Credentials, Event};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinSet;

use crate::client::Client as RawClient;
use crate::cutter::Cutter;
use crate::host;
use crate::process::{Process, Role};

/// The mean time until a connection is cut.
const MEAN_LIFE: Duration = Duration::from_secs(15);
/// The time between two messages of the publisher.
const INTERVAL: Duration = Duration::from_millis(200);
/// How long the clients wait for the last messages.
const PATIENCE: Duration = Duration::from_secs(30);
const SEED: u64 = 1;

/// The result of one run.
#[derive(Debug, Default)]
struct Outcome {
    sent: u64,
    received: u64,
    duplicates: u64,
    cuts: u64,
    /// Reconnections that were reported as complete, and as with a possible gap.
    resumed: u64,
    gaps: u64,
}

/// Runs each system with `clients` clients for `seconds`. `socketio` is the folder in which `socketio.mjs` finds its packages.
pub(crate) async fn run(clients: usize, seconds: u64, socketio: Option<&str>) {
    let time = Duration::from_secs(seconds);
    println!(
        "{clients} clients, cut every {} s on average (seed {SEED}), a message every {} ms for {seconds} s",
        MEAN_LIFE.as_secs(),
        INTERVAL.as_millis()
    );
    println!("| system | cuts | sent × clients | received | share | twice | resumed | gaps |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    print_row("Callie, with resumption", clients, &callie(clients, time, 60).await);
    print_row("Callie, without it", clients, &callie(clients, time, 0).await);
    match socketio {
        Some(folder) => {
            print_row(
                "socket.io, with connection state recovery",
                clients,
                &socket_io(folder, clients, time).await,
            );
        }
        None => println!("socket.io was not run: `make bench-jitter` installs it"),
    }
}

fn print_row(system: &str, clients: usize, outcome: &Outcome) {
    let Outcome { sent, received, duplicates, cuts, resumed, gaps } = outcome;
    let expected = sent * clients as u64;
    let share = 100.0 * *received as f64 / expected as f64;
    println!(
        "| {system} | {cuts} | {expected} | {received} | {share:.3} % | {duplicates} | {resumed} | {gaps} |"
    );
}

#[derive(Default)]
struct Counts {
    received: AtomicU64,
    duplicates: AtomicU64,
    online: AtomicU64,
    resumed: AtomicU64,
    gaps: AtomicU64,
}

async fn callie(clients: usize, time: Duration, resume_window: u64) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    // User 0 publishes to the group.
    let users = clients + 1;
    let database = folder.path().join("jitter.db");
    let process = Process::start_with(
        &[&format!("resume_window={resume_window}")],
        Role::Callie,
        &database,
        users,
        users,
        0,
    );
    let cutter = Cutter::start(process.addr, MEAN_LIFE, SEED).await;
    let counts = Arc::new(Counts::default());
    let mut tasks = JoinSet::new();
    for number in 1..users {
        tasks.spawn(subscribe(cutter.addr, number, counts.clone()));
    }
    while counts.online.load(Ordering::Relaxed) < clients as u64 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let sent = publish(process.addr, time).await;
    settle(&counts, sent * clients as u64).await;
    let cuts = cutter.cuts();
    tasks.shutdown().await;
    process.stop().await;
    let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
    Outcome {
        sent,
        received: of(&counts.received),
        duplicates: of(&counts.duplicates),
        cuts,
        resumed: of(&counts.resumed),
        gaps: of(&counts.gaps),
    }
}

/// Sends a message to the group at every interval, and returns how many.
async fn publish(addr: SocketAddr, time: Duration) -> u64 {
    let mut publisher = RawClient::connect(Role::Callie, addr, 0, host::GROUP).await.unwrap();
    let mut tick = tokio::time::interval(INTERVAL);
    let (end, mut sent) = (Instant::now() + time, 0);
    while Instant::now() < end {
        tokio::select! {
            _ = tick.tick() => {
                publisher.feed(sent).await.unwrap();
                publisher.flush().await.unwrap();
                sent += 1;
            }
            // Notices about members who are offline.
            text = publisher.next() => drop(text.unwrap()),
        }
    }
    sent
}

/// Waits until everything has arrived, or nothing has for a while.
async fn settle(counts: &Counts, expected: u64) {
    let mut last = (0, Instant::now());
    loop {
        let received = counts.received.load(Ordering::Relaxed);
        if received > last.0 {
            last = (received, Instant::now());
        }
        if received >= expected || last.1.elapsed() > PATIENCE {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn subscribe(addr: SocketAddr, number: usize, counts: Arc<Counts>) {
    let config = Config::new(&format!("http://{addr}")).unwrap();
    let credentials = Credentials::new(config, &host::username(number), &host::token(number)).unwrap();
    let client = Client::new(&credentials).unwrap();
    client.start().unwrap();
    let mut seen = std::collections::HashSet::new();
    let mut was_online = false;
    loop {
        for event in client.next_events(64, Duration::from_secs(60)).await.unwrap() {
            match event {
                Event::Message(message) => {
                    let count =
                        if seen.insert(message.payload_id) { &counts.received } else { &counts.duplicates };
                    count.fetch_add(1, Ordering::Relaxed);
                }
                Event::ConnectionChanged(ConnectionState::Online { resumed, .. }) => {
                    let count = match (was_online, resumed) {
                        (false, _) => &counts.online,
                        (true, true) => &counts.resumed,
                        (true, false) => &counts.gaps,
                    };
                    count.fetch_add(1, Ordering::Relaxed);
                    was_online = true;
                }
                _ => {}
            }
        }
    }
}

/// A role of `socketio.mjs` as a process.
struct Node {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Node {
    fn start(folder: &str, arguments: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/gateway/socketio.mjs");
        let mut child = Command::new("node")
            .arg(script)
            .args(arguments)
            .env("PACKAGES", folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node is not installed");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    async fn line(&mut self) -> String {
        self.lines.next_line().await.unwrap().expect("the program ended")
    }
}

async fn socket_io(folder: &str, clients: usize, time: Duration) -> Outcome {
    let interval = INTERVAL.as_millis().to_string();
    let mut server = Node::start(folder, &["server", &interval, &time.as_millis().to_string()]);
    let addr: SocketAddr = server.line().await.parse().unwrap();
    let cutter = Cutter::start(addr, MEAN_LIFE, SEED).await;
    let mut subscribers = Node::start(
        folder,
        &["clients", &cutter.addr.to_string(), &clients.to_string(), &PATIENCE.as_millis().to_string()],
    );
    assert_eq!(subscribers.line().await, "online");
    // The end of its input starts the publisher.
    drop(server.child.stdin.take());
    let sent: u64 = server.line().await.parse().unwrap();
    drop(subscribers.child.stdin.take());
    let figures: Vec<u64> =
        subscribers.line().await.split(' ').map(|figure| figure.parse().unwrap()).collect();
    let [received, duplicates, resumed, gaps] = figures[..] else { panic!("{figures:?}") };
    Outcome { sent, received, duplicates, cuts: cutter.cuts(), resumed, gaps }
}
