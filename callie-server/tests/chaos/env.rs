//! The nodes, NATS and the database, each as a process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;

use super::record::Record;
use crate::support::nats::Nats;
use crate::support::postgres::Postgres;
use crate::support::process::{LISTENING, command};
use crate::support::{self, PATIENCE};

/// The state of the environment that users see.
pub struct Stage {
    nodes: Mutex<Vec<Option<SocketAddr>>>,
    tokens: Vec<(String, String)>,
    record: Mutex<Record>,
    calm: AtomicBool,
}

impl Stage {
    /// Returns a node that is running, as far as known.
    pub fn a_node(&self, random: &mut fastrand::Rng) -> Option<SocketAddr> {
        let nodes: Vec<SocketAddr> = self.nodes.lock().iter().flatten().copied().collect();
        random.choice(nodes)
    }

    /// The names and tokens of all users.
    pub fn users(&self) -> &[(String, String)] {
        &self.tokens
    }

    pub fn note<T>(&self, note: impl FnOnce(&mut Record) -> T) -> T {
        note(&mut self.record.lock())
    }

    pub fn record(&self) -> Record {
        self.record.lock().clone()
    }

    /// Set when no more faults are injected.
    pub fn faults_ended(&self) {
        self.calm.store(true, Ordering::SeqCst);
    }

    pub fn is_calm(&self) -> bool {
        self.calm.load(Ordering::SeqCst)
    }
}

pub struct TestEnv {
    stage: Arc<Stage>,
    nodes: Vec<Option<Node>>,
    nats: Nats,
    postgres: Postgres,
    database: String,
    folder: tempfile::TempDir,
}

struct Node {
    child: Child,
    ops: SocketAddr,
}

impl TestEnv {
    pub async fn start(nodes: usize, users: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let nats = Nats::start().await;
        let postgres = Postgres::start().await;
        let database = postgres.database().await;
        let stage = Stage {
            nodes: Mutex::new(vec![None; nodes]),
            tokens: Vec::new(),
            record: Mutex::default(),
            calm: AtomicBool::new(false),
        };
        let mut env = Self { stage: Arc::new(stage), nodes: Vec::new(), nats, postgres, database, folder };
        for at in 0..nodes {
            env.nodes.push(None);
            env.start_node(at).await;
        }
        let addr = env.stage.nodes.lock()[0].unwrap();
        let mut tokens = Vec::new();
        for number in 0..users {
            let name = format!("user{number}");
            support::register(addr, &name).await;
            let (token, _) = support::login(addr, &name).await;
            tokens.push((name, token));
        }
        Arc::get_mut(&mut env.stage).unwrap().tokens = tokens;
        env
    }

    pub fn stage(&self) -> Arc<Stage> {
        self.stage.clone()
    }

    async fn start_node(&mut self, at: usize) {
        let ops: SocketAddr = ([127, 0, 0, 1], free_port()).into();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log(at)).unwrap();
        let mut command = command(self.folder.path());
        command.args([
            "--listen",
            "127.0.0.1:0",
            "--database",
            &self.database,
            "--cluster",
            &self.nats.url(),
        ]);
        command.env("CALLIE_METRICS_LISTEN", ops.to_string());
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("it starts").unwrap();
        // Without a database the server reports an error and ends. It is started again when the database is.
        let Some(line) = line else { return };
        let addr = line.strip_prefix(LISTENING).unwrap().split("://").nth(1).unwrap().parse().unwrap();
        self.stage.nodes.lock()[at] = Some(addr);
        self.nodes[at] = Some(Node { child, ops });
    }

    fn log(&self, at: usize) -> PathBuf {
        self.folder.path().join(format!("node-{at}.log"))
    }

    /// Injects one fault after the other, and repairs each.
    pub async fn inject_faults(&mut self, random: &mut fastrand::Rng, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            pause(random, 300..1_500).await;
            let at = random.usize(..self.nodes.len());
            match random.u8(..5) {
                0 | 1 => {
                    println!("kill node {at}");
                    self.end_node(at, Signal::KILL).await;
                    pause(random, 0..2_000).await;
                    self.start_node(at).await;
                }
                2 => {
                    println!("drain node {at}");
                    self.end_node(at, Signal::TERM).await;
                    self.start_node(at).await;
                }
                3 => {
                    println!("kill PostgreSQL");
                    self.postgres.crash();
                    pause(random, 0..2_500).await;
                    self.postgres.start_again().await;
                }
                _ => {
                    println!("kill NATS");
                    self.nats.kill();
                    pause(random, 0..2_500).await;
                    self.nats.start_again().await;
                }
            }
        }
    }

    async fn end_node(&mut self, at: usize, signal: Signal) {
        let Some(mut node) = self.nodes[at].take() else { return };
        // Users who know its address detect the failure themselves.
        self.stage.nodes.lock()[at] = None;
        let pid = Pid::from_raw(node.child.id().unwrap().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        tokio::time::timeout(PATIENCE, node.child.wait()).await.expect("it ends").unwrap();
    }

    /// Starts everything that is stopped, and waits until the cluster is complete.
    pub async fn recover(&mut self) {
        for at in 0..self.nodes.len() {
            if self.nodes[at].is_none() {
                self.start_node(at).await;
            }
        }
        for node in self.nodes.iter().flatten() {
            let complete = async {
                loop {
                    let figures = support::call(node.ops, "GET", "/metrics", None, "").await.body;
                    let others = format!("callie_cluster_nodes {}\n", self.nodes.len() - 1);
                    if figures.contains("callie_cluster_converged 1\n") && figures.contains(&others) {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            };
            tokio::time::timeout(PATIENCE, complete).await.expect("the cluster heals");
        }
    }

    pub async fn end(mut self) {
        for at in 0..self.nodes.len() {
            self.end_node(at, Signal::TERM).await;
            let log = std::fs::read_to_string(self.log(at)).unwrap();
            assert!(!log.contains("panicked"), "{log}");
        }
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits: faults last for some time.
async fn pause(random: &mut fastrand::Rng, millis: std::ops::Range<u64>) {
    tokio::time::sleep(Duration::from_millis(random.u64(millis))).await;
}
