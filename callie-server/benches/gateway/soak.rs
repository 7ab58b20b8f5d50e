//! A long run with 2,000 connections, some of which reconnect all the time. Memory must stay constant and nothing be
//! lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::client::Client;
use crate::host;
use crate::process::{Process, Role};

const CONNECTIONS: usize = 2_000;
/// How long a pair stays connected before it reconnects.
const STAY: Duration = Duration::from_secs(20);
/// The time between two messages of a connection.
const PAUSE: Duration = Duration::from_millis(200);
/// How much memory may grow after the beginning.
const GROWTH: f64 = 1.10;

#[derive(Default)]
struct Counts {
    sent: AtomicU64,
    received: AtomicU64,
    visits: AtomicU64,
}

pub(crate) async fn run(minutes: f64) {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(Role::Callie, &folder.path().join("soak.db"), CONNECTIONS, 0, 0);
    let addr = process.addr;
    let counts = Arc::new(Counts::default());
    let end = Instant::now() + Duration::from_secs_f64(minutes * 60.0);
    let mut pairs = JoinSet::new();
    for first in (0..CONNECTIONS).step_by(2) {
        let counts = counts.clone();
        pairs.spawn(async move {
            // Spread, so that the pairs do not reconnect at the same time.
            tokio::time::sleep(STAY * u32::try_from(first).unwrap() / CONNECTIONS as u32).await;
            let mut number = 0;
            while Instant::now() < end {
                number = visit(addr, first, number, &counts, end).await;
            }
        });
    }
    let mut samples = Vec::new();
    let start = Instant::now();
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_secs(5)).await;
        samples.push(process.memory());
        println!(
            "{:>5.0} s: {:>6.1} MiB, {} messages sent, {} received, {} visits",
            start.elapsed().as_secs_f64(),
            process.memory() / 1048576.0,
            counts.sent.load(Ordering::Relaxed),
            counts.received.load(Ordering::Relaxed),
            counts.visits.load(Ordering::Relaxed),
        );
    }
    pairs.join_all().await;
    let (sent, received) = (counts.sent.load(Ordering::Relaxed), counts.received.load(Ordering::Relaxed));
    assert_eq!(sent, received, "messages were lost");
    // Memory is stable once the remembered payloads cover five minutes, and their tables have grown accordingly.
    let peak = |from: f64, to: f64| {
        let at = |part: f64| (samples.len() as f64 * part) as usize;
        samples[at(from)..at(to)].iter().copied().fold(0.0, f64::max)
    };
    let (settled, last) = (peak(0.65, 0.8), peak(0.85, 1.0));
    println!(
        "memory: at most {:.1} MiB between 65 % and 80 % of the run, {:.1} MiB in its last 15 %",
        settled / 1048576.0,
        last / 1048576.0
    );
    assert!(last <= settled * GROWTH, "memory grows");
    process.stop().await;
    println!("{sent} messages, none lost");
}

/// A pair connects, exchanges messages for a while and disconnects. All messages must have arrived by then.
async fn visit(
    addr: std::net::SocketAddr,
    first: usize,
    mut number: u64,
    counts: &Counts,
    end: Instant,
) -> u64 {
    let to = host::username(first + 1);
    let mut one = Client::connect(Role::Callie, addr, first, &to).await.unwrap();
    let mut other = Client::connect(Role::Callie, addr, first + 1, &host::username(first)).await.unwrap();
    counts.visits.fetch_add(1, Ordering::Relaxed);
    let leave = end.min(Instant::now() + STAY);
    while Instant::now() < leave {
        for (writer, reader) in [(&mut one, &mut other)] {
            writer.feed(number).await.unwrap();
            writer.flush().await.unwrap();
            counts.sent.fetch_add(1, Ordering::Relaxed);
            let text =
                tokio::time::timeout(Duration::from_secs(30), reader.next()).await.expect("lost").unwrap();
            assert!(text.contains("\"MSG\""), "{text}");
            counts.received.fetch_add(1, Ordering::Relaxed);
        }
        std::mem::swap(&mut one, &mut other);
        number += 1;
        tokio::time::sleep(PAUSE).await;
    }
    number
}
