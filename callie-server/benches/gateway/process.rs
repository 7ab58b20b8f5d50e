//! A server as a process of its own, with its CPU time and memory.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The ticks of a second in `/proc/PID/stat`, which are fixed on Linux.
const TICKS: f64 = 100.0;

/// The role of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The server.
    Callie,
    /// The server, whose clients can resume their connections.
    Resuming,
    /// The server, whose clients know kept messages.
    Keeping,
    /// The floor.
    Floor,
    /// A floor that reads what it forwards, and detects duplicates.
    Reader,
}

impl Role {
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "callie" => Self::Callie,
            "resuming" => Self::Resuming,
            "keeping" => Self::Keeping,
            "floor" => Self::Floor,
            "reader" => Self::Reader,
            other => panic!("no role {other}"),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Callie => "callie",
            Self::Resuming => "resuming",
            Self::Keeping => "keeping",
            Self::Floor => "floor",
            Self::Reader => "reader",
        }
    }
}

/// A running server. Dropping it ends it.
pub(crate) struct Process {
    child: Child,
    pub(crate) addr: SocketAddr,
    pub(crate) role: Role,
}

impl Process {
    /// Starts one; the server keeps its database at `database`, has `users` users, the first `grouped` in one group,
    /// and listens on `port`, or a free one.
    pub(crate) fn start(role: Role, database: &Path, users: usize, grouped: usize, port: u16) -> Self {
        Self::start_with(&[], role, database, users, grouped, port)
    }

    /// Starts one with other options: `cluster=URL`, `resume_window=SECONDS`, `keep=MESSAGES`.
    pub(crate) fn start_with(
        options: &[&str],
        role: Role,
        database: &Path,
        users: usize,
        grouped: usize,
        port: u16,
    ) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["role", role.name()])
            .args([
                &database.display().to_string(),
                &users.to_string(),
                &grouped.to_string(),
                &port.to_string(),
            ])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addr = line.trim().parse().unwrap_or_else(|_| panic!("the {} said {line:?}", role.name()));
        Self { child, addr, role }
    }

    /// Returns the CPU time in seconds so far.
    pub(crate) fn cpu(&self) -> f64 {
        cpu_of(self.child.id())
    }

    /// Returns the resident memory in bytes.
    pub(crate) fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 1024.0
    }

    /// Stops it in an orderly way.
    pub(crate) async fn stop(mut self) {
        drop(self.child.stdin.take());
        for _ in 0..1_500 {
            if self.child.try_wait().unwrap().is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the {} did not end", self.role.name());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the CPU time of a process so far, in seconds.
pub(crate) fn cpu_of(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    // Fields 14 and 15. The first two are before the bracket.
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / TICKS
}

/// Waits until the parent closes stdin.
pub(crate) async fn until_told_to_end() {
    tokio::task::spawn_blocking(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    })
    .await
    .unwrap();
}
