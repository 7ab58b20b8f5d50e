//! The loads that are measured.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::client::{Client, number_of};
use crate::host::{self, GROUP};
use crate::process::{Process, Role};

/// How long a load runs before the measurement starts.
const WARM_UP: Duration = Duration::from_millis(500);
/// The number of connections that are opened at the same time.
const AT_ONCE: usize = 64;

/// The result of a load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// CPU seconds per message.
    pub(crate) cpu: f64,
    /// Messages per second.
    pub(crate) speed: f64,
}

/// Connects users in order. `recipient` returns the recipient of each by number.
pub(crate) async fn connect(process: &Process, users: usize, to: impl Fn(usize) -> String) -> Vec<Client> {
    let mut clients = Vec::with_capacity(users);
    for first in (0..users).step_by(AT_ONCE) {
        let some = (first..users.min(first + AT_ONCE)).map(|number| {
            let (role, addr, to) = (process.role, process.addr, to(number));
            async move { Client::connect(role, addr, number, &to).await.unwrap() }
        });
        clients.extend(futures_util::future::join_all(some).await);
    }
    clients
}

async fn measure(cpu: impl Fn() -> f64, count: &AtomicU64, duration: Duration) -> Rate {
    tokio::time::sleep(WARM_UP).await;
    let (before, messages, start) = (cpu(), count.load(Ordering::Relaxed), Instant::now());
    tokio::time::sleep(duration).await;
    let (cpu, messages) = (cpu() - before, count.load(Ordering::Relaxed) - messages);
    Rate { cpu: cpu / messages as f64, speed: messages as f64 / start.elapsed().as_secs_f64() }
}

/// Pairs that exchange messages, each with `flight` messages in transit.
pub(crate) async fn relay(
    role: Role,
    folder: &Path,
    pairs: usize,
    in_flight: u64,
    duration: Duration,
) -> Rate {
    let process = Process::start(role, &folder.join("relay.db"), 2 * pairs, 0, 0);
    let clients = connect(&process, 2 * pairs, |number| host::username(number ^ 1)).await;
    let rate = throw(clients, in_flight, duration, || process.cpu()).await;
    process.stop().await;
    rate
}

/// Has pairs of clients exchange messages. `cpu` returns the CPU time so far.
pub(crate) async fn throw(
    clients: Vec<Client>,
    in_flight: u64,
    duration: Duration,
    cpu: impl Fn() -> f64,
) -> Rate {
    let count = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for (number, mut client) in clients.into_iter().enumerate() {
        let (count, stop) = (count.clone(), stop.clone());
        tasks.spawn(async move {
            let mut sent = 0;
            if number % 2 == 0 {
                while sent < in_flight {
                    client.feed(sent).await.unwrap();
                    sent += 1;
                }
                client.flush().await.unwrap();
            }
            while !stop.load(Ordering::Relaxed) {
                let mut next = Some(client.next().await);
                while let Some(text) = next {
                    assert!(text.unwrap().len() > 300, "not a message");
                    count.fetch_add(1, Ordering::Relaxed);
                    client.feed(sent).await.unwrap();
                    sent += 1;
                    next = client.ready();
                }
                client.flush().await.unwrap();
            }
        });
    }
    let rate = measure(cpu, &count, duration).await;
    stop.store(true, Ordering::Relaxed);
    tasks.shutdown().await;
    rate
}

/// One sender and a group whose members read. The rate is that of deliveries.
pub(crate) async fn group(role: Role, folder: &Path, members: usize, duration: Duration) -> Rate {
    let process = Process::start(role, &folder.join("group.db"), members, members, 0);
    let clients = connect(&process, members, |_| GROUP.to_owned()).await;
    let rate = fan_out(clients, duration, || process.cpu()).await;
    process.stop().await;
    rate
}

/// Has the first client write to the group of all clients. `cpu` returns the CPU time so far.
pub(crate) async fn fan_out(mut clients: Vec<Client>, duration: Duration, cpu: impl Fn() -> f64) -> Rate {
    /// The most messages in transit to the slowest member.
    const IN_FLIGHT: u64 = 16;
    let members = clients.len();
    let mut sender = clients.remove(0);
    let count = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for mut client in clients {
        let count = count.clone();
        tasks.spawn(async move {
            while let Ok(text) = client.next().await {
                // Presence notices are not counted.
                if text.contains("\"MSG\"") {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    let others = members as u64 - 1;
    let delivered = count.clone();
    tasks.spawn(async move {
        let mut sent = 0;
        loop {
            while delivered.load(Ordering::Relaxed) + IN_FLIGHT * others > sent * others {
                sender.feed(sent).await.unwrap();
                sent += 1;
            }
            sender.flush().await.unwrap();
            while sender.ready().is_some() {}
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let rate = measure(cpu, &count, duration).await;
    tasks.shutdown().await;
    rate
}

/// Returns the bytes of resident memory of the server per idle, authenticated connection.
pub(crate) async fn memory(role: Role, folder: &Path, users: usize) -> f64 {
    let process = Process::start(role, &folder.join("memory.db"), users, 0, 0);
    // The first connections allocate what exists only once.
    let few = users / 50;
    let first = connect(&process, few, |number| host::username(number ^ 1)).await;
    drop(first);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = process.memory();
    let clients = connect(&process, users, |number| host::username(number ^ 1)).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = process.memory();
    drop(clients);
    drop(process);
    (after - before) / users as f64
}

/// Returns the 99th percentile of the latency in seconds, at `speed` messages a second over all pairs.
pub(crate) async fn latency(role: Role, folder: &Path, pairs: usize, speed: f64, duration: Duration) -> f64 {
    let process = Process::start(role, &folder.join("latency.db"), 2 * pairs, 0, 0);
    let mut clients = connect(&process, 2 * pairs, |number| host::username(number ^ 1)).await.into_iter();
    let start = Instant::now();
    let pause = Duration::from_secs_f64(pairs as f64 / speed);
    let total = (duration.as_secs_f64() / pause.as_secs_f64()) as u64;
    let mut readers = JoinSet::new();
    let mut writers = JoinSet::new();
    let mut pair = 0_u32;
    while let (Some(mut writer), Some(mut reader)) = (clients.next(), clients.next()) {
        // The pairs start at different times.
        let first = start + WARM_UP + pause * pair / u32::try_from(pairs).unwrap();
        pair += 1;
        writers.spawn(async move {
            for number in 0..total {
                let at = first + Duration::from_secs_f64(pause.as_secs_f64() * number as f64);
                tokio::time::sleep_until(at.into()).await;
                // The number is the time at which it should be sent, so a late writer counts as latency, for server and
                // floor alike.
                writer.feed(u64::try_from((at - start).as_nanos()).unwrap()).await.unwrap();
                writer.flush().await.unwrap();
            }
            writer
        });
        readers.spawn(async move {
            let mut times = Vec::new();
            while (times.len() as u64) < total {
                let text = reader.next().await.unwrap();
                let sent = Duration::from_nanos(number_of(&text).unwrap());
                times.push((start.elapsed() - sent).as_secs_f64());
            }
            times
        });
    }
    let mut times: Vec<f64> = readers.join_all().await.into_iter().flatten().collect();
    writers.join_all().await;
    process.stop().await;
    times.sort_by(f64::total_cmp);
    times[times.len() * 99 / 100]
}

/// Returns the seconds from the restart of a server until all clients, who reconnect at once, are connected.
pub(crate) async fn comeback(folder: &Path, users: usize) -> f64 {
    let database = folder.join("comeback.db");
    let process = Process::start(Role::Callie, &database, users, 0, 0);
    let addr = process.addr;
    let clients = connect(&process, users, |number| host::username(number ^ 1)).await;
    process.stop().await;
    drop(clients);
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for number in 0..users {
        tasks.spawn(async move {
            let mut pause = 20 + number as u64 % 50;
            loop {
                match Client::connect(Role::Callie, addr, number, "user0").await {
                    Ok(client) => return client,
                    Err(_) => tokio::time::sleep(Duration::from_millis(pause)).await,
                }
                pause = (pause * 2).min(1_000);
            }
        });
    }
    let again = Process::start(Role::Callie, &database, users, 0, addr.port());
    let back = tasks.join_all().await;
    let took = start.elapsed().as_secs_f64();
    drop(back);
    drop(again);
    took
}
