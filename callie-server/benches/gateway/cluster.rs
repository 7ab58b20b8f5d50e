//! Several server processes with a real NATS server: the cost of a message on one node and between two nodes, and how
//! costs grow with users, groups and nodes.
//!
//! CPU time is that of all servers and of NATS.

#[allow(dead_code, unreachable_pub, reason = "the tests use more of it")]
#[path = "../../tests/support/die_with_parent.rs"]
mod die_with_parent;
#[allow(dead_code, unreachable_pub, reason = "the tests use more of it")]
#[path = "../../tests/support/nats.rs"]
mod nats;

use std::path::Path;
use std::time::{Duration, Instant};

use crate::client::{Client, MESSAGE_BYTES};
use crate::host::{self, GROUP};
use crate::load::{self, Rate};
use crate::process::{Process, Role, cpu_of};
use nats::Nats;

/// The timeout for the start of NATS.
const PATIENCE: Duration = Duration::from_secs(30);
const DURATION: Duration = Duration::from_secs(3);
const RUNS: usize = 3;
const PAIRS: usize = 50;

/// Servers on one database.
struct Nodes {
    nodes: Vec<Process>,
    nats: Nats,
}

impl Nodes {
    async fn start(count: usize, folder: &Path, users: usize, grouped: usize) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let nats = Nats::start().await;
        let database = folder.join("cluster.db");
        // One after the other, because the first one creates the users.
        let cluster = format!("cluster={}", nats.url());
        let start = |_| Process::start_with(&[&cluster], Role::Callie, &database, users, grouped, 0);
        Self { nodes: (0..count).map(start).collect(), nats }
    }

    /// Connects users, each to the node that `place` returns.
    async fn connect(
        &self,
        users: std::ops::Range<usize>,
        to: impl Fn(usize) -> String,
        place: impl Fn(usize) -> usize,
    ) -> Vec<Client> {
        let mut clients = Vec::new();
        for number in users {
            let addr = self.nodes[place(number)].addr;
            clients.push(Client::connect(Role::Callie, addr, number, &to(number)).await.unwrap());
        }
        clients
    }

    /// Returns the CPU time in seconds of all servers, and of NATS.
    fn cpu(&self) -> f64 {
        self.nodes.iter().map(Process::cpu).sum::<f64>() + cpu_of(self.nats.pid())
    }

    async fn stop(self) {
        for node in self.nodes {
            node.stop().await;
        }
    }
}

/// Runs all loads, or the one named `only`.
pub(crate) async fn run(only: Option<&str>) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let wanted = |work: &str| only.is_none_or(|only| only == work);
    if wanted("relay") {
        relays(folder).await;
    }
    if wanted("group") {
        groups(folder).await;
    }
    if wanted("arrivals") {
        arrivals(folder).await;
    }
    if wanted("memory") {
        spread(folder).await;
    }
}

/// Messages between pairs on one node, and between pairs on two.
async fn relays(folder: &Path) {
    println!("\nRelay of {MESSAGE_BYTES} bytes, {PAIRS} pairs: CPU a message, NATS included");
    println!("| in flight | nodes | same node | cross node | ratio | target | |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for in_flight in [1, 32] {
        let mut alone = Vec::new();
        for run in 0..RUNS {
            let nodes = Nodes::start(1, &folder.join(format!("alone-{in_flight}-{run}")), 2 * PAIRS, 0).await;
            alone.push(relay(&nodes, in_flight, |_| 0).await.cpu);
            nodes.stop().await;
        }
        println!("| {in_flight} | 1 | {} | – | – | – | |", micros(median(alone)));
        for count in [2, 3] {
            let (mut same, mut cross) = (Vec::new(), Vec::new());
            for run in 0..RUNS {
                let at = |kind: &str| folder.join(format!("{kind}-{in_flight}-{count}-{run}"));
                let nodes = Nodes::start(count, &at("same"), 2 * PAIRS, 0).await;
                same.push(relay(&nodes, in_flight, |number| number / 2 % count).await.cpu);
                nodes.stop().await;
                let nodes = Nodes::start(count, &at("cross"), 2 * PAIRS, 0).await;
                cross.push(relay(&nodes, in_flight, |number| (number / 2 + number % 2) % count).await.cpu);
                nodes.stop().await;
            }
            let (same, cross) = (median(same), median(cross));
            let met = if cross / same <= 3.0 { "met" } else { "MISSED" };
            println!(
                "| {in_flight} | {count} | {} | {} | {:.2} × | ≤ 3 × | {met} |",
                micros(same),
                micros(cross),
                cross / same
            );
        }
    }
}

async fn relay(nodes: &Nodes, in_flight: u64, place: impl Fn(usize) -> usize) -> Rate {
    let clients = nodes.connect(0..2 * PAIRS, |number| host::username(number ^ 1), place).await;
    settle().await;
    load::throw(clients, in_flight, DURATION, || nodes.cpu()).await
}

/// One sender and a group whose members are spread over the nodes.
async fn groups(folder: &Path) {
    println!("\nA group spread over the nodes: CPU a delivery, NATS included");
    println!("| members | 1 node | 2 nodes | 3 nodes |");
    println!("| --- | --- | --- | --- |");
    for members in [30, 100, 300, 1_000] {
        let mut row = Vec::new();
        for count in 1..=3 {
            let nodes =
                Nodes::start(count, &folder.join(format!("group-{members}-{count}")), members, members).await;
            let clients = nodes.connect(0..members, |_| GROUP.to_owned(), |number| number % count).await;
            settle().await;
            row.push(micros(load::fan_out(clients, DURATION, || nodes.cpu()).await.cpu));
            nodes.stop().await;
        }
        println!("| {members} | {} |", row.join(" | "));
    }
}

/// The cost of a user who connects to the first node, by the number of connected users, all of whom are notified.
async fn arrivals(folder: &Path) {
    const MORE: usize = 4_000;
    println!("\nA user comes in: CPU of the user's node, and of all other nodes and NATS");
    println!("| users there | 1 node | 2 nodes | 3 nodes |");
    println!("| --- | --- | --- | --- |");
    for there in [0, 1_000, 2_000, 4_000] {
        let mut row = Vec::new();
        for count in 1..=3 {
            let folder = folder.join(format!("arrivals-{there}-{count}"));
            let nodes = Nodes::start(count, &folder, there + MORE, 0).await;
            let to = |number| host::username(number ^ 1);
            let old = nodes.connect(0..there, to, |number| number % count).await;
            settle().await;
            let (own, all) = (nodes.nodes[0].cpu(), nodes.cpu());
            let new = nodes.connect(there..there + MORE, to, |_| 0).await;
            settle().await;
            let (own, all) = (nodes.nodes[0].cpu() - own, nodes.cpu() - all);
            let each = |seconds: f64| format!("{:.0} µs", seconds / MORE as f64 * 1e6);
            row.push(if count == 1 { each(own) } else { format!("{} and {}", each(own), each(all - own)) });
            drop((old, new));
            nodes.stop().await;
        }
        println!("| {there} | {} |", row.join(" | "));
    }
}

/// The memory that a node needs for each user who is connected to another node.
async fn spread(folder: &Path) {
    const USERS: usize = 8_000;
    // The first users make everything grow that grows only once.
    const FIRST: usize = 1_000;
    let nodes = Nodes::start(2, &folder.join("spread"), USERS, 0).await;
    let to = |number| host::username(number ^ 1);
    let first = nodes.connect(0..FIRST, to, |_| 0).await;
    settle().await;
    let (here, there) = (nodes.nodes[0].memory(), nodes.nodes[1].memory());
    let more = nodes.connect(FIRST..USERS, to, |_| 0).await;
    settle().await;
    let users = (USERS - FIRST) as f64;
    println!(
        "\nMemory of a connected user: {:.2} KiB on the user's node, {:.2} KiB on each other",
        (nodes.nodes[0].memory() - here) / users / 1024.0,
        (nodes.nodes[1].memory() - there) / users / 1024.0,
    );
    drop((first, more));
    let start = Instant::now();
    nodes.stop().await;
    println!("Both nodes ended in {:.1} s", start.elapsed().as_secs_f64());
}

/// Waits until all nodes know all users.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

fn micros(seconds: f64) -> String {
    format!("{:.2} µs", seconds * 1e6)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
