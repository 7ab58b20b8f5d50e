//! Messages to users who are offline: how many a second are kept, and then delivered, by the server on SQLite and PostgreSQL
//! and by mosquitto for clients with persistent sessions.

use std::net::SocketAddr;
use std::time::Instant;

use tokio::task::JoinSet;

use crate::client::Client;
use crate::host;
use crate::mqtt::{Broker, Subscriber, publish};
use crate::process::{Process, Role};

/// The pairs of a sender and an offline recipient.
const PAIRS: usize = 16;
/// The messages of each sender.
const MESSAGES: u64 = 2_000;
/// The most messages of a sender without an answer.
const IN_FLIGHT: u64 = 64;

/// Messages a second, and CPU seconds of the server per message.
struct Speed {
    rate: f64,
    cpu: f64,
}

/// Runs all systems. `postgres` is the URL of an empty database, `mosquitto` the path of the broker.
pub(crate) async fn run(postgres: Option<&str>, mosquitto: Option<&str>) {
    println!("{PAIRS} senders, {MESSAGES} messages each to an offline recipient, {IN_FLIGHT} in flight");
    println!("| system | kept a second | CPU a message | delivered a second | CPU a message |");
    println!("| --- | --- | --- | --- | --- |");
    let folder = tempfile::tempdir().unwrap();
    let sqlite = folder.path().join("kept.db").display().to_string();
    print_row("Callie, SQLite: answered after the commit", &callie(&sqlite).await);
    if let Some(url) = postgres {
        print_row("Callie, PostgreSQL: answered after the commit", &callie(url).await);
    }
    if let Some(program) = mosquitto {
        print_row(
            "mosquitto, QoS 1, persistent sessions: written to disk every 30 minutes",
            &mqtt(program).await,
        );
    }
}

fn print_row(system: &str, [kept, delivered]: &[Speed; 2]) {
    let cell = |speed: &Speed| format!("{:.0} | {:.1} µs", speed.rate, speed.cpu * 1e6);
    println!("| {system} | {} | {} |", cell(kept), cell(delivered));
}

/// Runs one task for each pair. `cpu` returns the CPU time so far.
async fn measure<F: Future<Output = ()> + Send + 'static>(
    cpu: impl Fn() -> f64,
    work: impl Fn(usize) -> F,
) -> Speed {
    let (before, start) = (cpu(), Instant::now());
    let mut tasks = JoinSet::new();
    for pair in 0..PAIRS {
        tasks.spawn(work(pair));
    }
    tasks.join_all().await;
    let messages = (PAIRS as u64 * MESSAGES) as f64;
    Speed { rate: messages / start.elapsed().as_secs_f64(), cpu: (cpu() - before) / messages }
}

async fn callie(database: &str) -> [Speed; 2] {
    let keep = format!("keep={MESSAGES}");
    let process = Process::start_with(&[&keep], Role::Keeping, database.as_ref(), 2 * PAIRS, 0, 0);
    let addr = process.addr;
    let kept = measure(|| process.cpu(), move |pair| send(addr, pair)).await;
    let delivered = measure(|| process.cpu(), move |pair| receive(addr, PAIRS + pair)).await;
    process.stop().await;
    [kept, delivered]
}

/// Sends messages until all are kept.
async fn send(addr: SocketAddr, sender: usize) {
    let recipient = host::username(PAIRS + sender);
    let mut client = Client::connect(Role::Keeping, addr, sender, &recipient).await.unwrap();
    let (mut sent, mut kept) = (0, 0);
    while kept < MESSAGES {
        while sent < MESSAGES && sent - kept < IN_FLIGHT {
            client.feed(sent).await.unwrap();
            sent += 1;
        }
        client.flush().await.unwrap();
        let mut next = Some(client.next().await);
        while let Some(text) = next {
            let text = text.unwrap();
            assert!(text.contains("\"STORED\""), "{text}");
            kept += 1;
            next = client.ready();
        }
    }
}

/// Receives all kept messages, and confirms them.
async fn receive(addr: SocketAddr, recipient: usize) {
    let mut client = Client::connect(Role::Keeping, addr, recipient, "user0").await.unwrap();
    let mut received = 0;
    while received < MESSAGES {
        let text = client.next().await.unwrap();
        if text.contains("\"MSG\"") {
            received += 1;
            client.confirm(recipient, &text, received == MESSAGES).await.unwrap();
        }
    }
    client.settled(recipient).await;
}

async fn mqtt(program: &str) -> [Speed; 2] {
    let broker = Broker::start(program).await;
    let addr = broker.addr;
    // A session is made before its client goes offline.
    for pair in 0..PAIRS {
        Subscriber::connect(addr, pair).await.subscribe(pair).await;
    }
    let kept = measure(|| broker.cpu(), move |pair| publish(addr, pair, MESSAGES, IN_FLIGHT)).await;
    let delivered = measure(
        || broker.cpu(),
        move |pair| async move { Subscriber::connect(addr, pair).await.receive(MESSAGES).await },
    )
    .await;
    [kept, delivered]
}
