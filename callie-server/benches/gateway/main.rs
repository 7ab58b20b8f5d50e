//! The server under load, beside a bare floor in the same run: `cargo bench -p callie-server --bench gateway`.
//!
//! The server and the floor are processes of their own (this program again, in another role); the load is made here. CPU
//! time is what the operating system counts for the server's process, so that other work on the machine matters little.
//! The floor is the same WebSocket set-up, forwarding texts without looking into them: what no server can do without.
//! Beside the relay there is a second one, which does no more of the protocol than to read a payload's ID with `serde_json`
//! and to remember it.
//!
//! With `-- soak [MINUTES]` it keeps 2,000 connections busy, coming and going, and watches that memory stays flat and
//! nothing is lost. With `-- quick` the table is made of short runs, to see that all of it works; `-- only WORK` does one
//! of `relay`, `group`, `memory`, `latency` and `comeback`. With `-- cluster` it measures several servers with a real NATS
//! between them, or one of `relay`, `group`, `arrivals` and `memory` of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench that fails says where")]
#![allow(missing_docs, reason = "a program, not a library")]

mod client;
mod cluster;
mod floor;
mod host;
mod load;
mod outbox;
mod process;
mod soak;
mod table;

use process::Role;

/// As in the server's own program; the floor has it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match words.as_slice() {
        ["role", role, rest @ ..] => match Role::named(role) {
            Role::Callie => runtime.block_on(host::run(rest)),
            Role::Floor => runtime.block_on(floor::run(false)),
            Role::Reader => runtime.block_on(floor::run(true)),
        },
        ["soak", rest @ ..] => {
            let minutes = rest.first().map_or(10.0, |m| m.parse().unwrap());
            runtime.block_on(soak::run(minutes));
        }
        ["cluster", only @ ..] => runtime.block_on(cluster::run(only.first().copied())),
        ["quick"] => runtime.block_on(table::run(&table::Effort::quick(), "")),
        ["only", work] => runtime.block_on(table::run(&table::Effort::full(), work)),
        _ => runtime.block_on(table::run(&table::Effort::full(), "")),
    }
}
