//! The server under load, compared with a minimal server in the same run: `cargo bench -p callie-server --bench
//! gateway`.
//!
//! The server and the minimal server, called the floor, are processes of their own: this program in other roles. The
//! load is generated here. CPU time is what the operating system counts for the server's process, so that other work on
//! the machine has little effect. The floor has the same WebSocket setup and forwards texts without reading them, which
//! is the least that any server must do. A second floor also reads each payload's ID with `serde_json` and remembers
//! it.
//!
//! `-- soak [MINUTES]` keeps 2,000 connections busy, which disconnect and reconnect, and checks that memory stays
//! constant and nothing is lost. `-- quick` uses short runs, to check that everything works. `-- only LOAD` runs one of
//! `relay`, `group`, `memory`, `latency`, `comeback` and `resume`. `-- cluster` measures several servers with a real NATS
//! server, or one of `relay`, `group`, `arrivals` and `memory`. `-- jitter [CLIENTS] [SECONDS] [PACKAGES]` measures how much
//! arrives over connections that are cut all the time. `-- kept [POSTGRES] [MOSQUITTO]` measures messages to users who are
//! offline.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench that fails says where")]
#![allow(missing_docs, reason = "a program, not a library")]

mod client;
mod cluster;
mod cutter;
mod floor;
mod host;
mod jitter;
mod kept;
mod load;
mod mqtt;
mod outbox;
mod process;
mod soak;
mod table;

use process::Role;

/// The allocator of the server's program, which the floor uses too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match words.as_slice() {
        ["role", role, rest @ ..] => match Role::named(role) {
            Role::Callie | Role::Resuming | Role::Keeping => runtime.block_on(host::run(rest)),
            Role::Floor => runtime.block_on(floor::run(false)),
            Role::Reader => runtime.block_on(floor::run(true)),
        },
        ["soak", rest @ ..] => {
            let minutes = rest.first().map_or(10.0, |m| m.parse().unwrap());
            runtime.block_on(soak::run(minutes));
        }
        ["jitter", rest @ ..] => {
            let number = |at: usize, default| rest.get(at).map_or(default, |number| number.parse().unwrap());
            let (clients, seconds) = (number(0, 1_000), number(1, 150));
            runtime.block_on(jitter::run(clients as usize, seconds, rest.get(2).copied()));
        }
        ["kept", rest @ ..] => {
            // Empty if it is not available.
            let named = |at: usize| rest.get(at).copied().filter(|text| !text.is_empty());
            runtime.block_on(kept::run(named(0), named(1)));
        }
        ["cluster", only @ ..] => runtime.block_on(cluster::run(only.first().copied())),
        ["quick"] => runtime.block_on(table::run(&table::Effort::quick(), "")),
        ["only", work] => runtime.block_on(table::run(&table::Effort::full(), work)),
        _ => runtime.block_on(table::run(&table::Effort::full(), "")),
    }
}
