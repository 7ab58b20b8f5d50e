//! A seeded simulation of sessions and server connections over links with losses, delays and breaks.
//!
//! `CALLIE_SEEDS=n` runs another number of seeds, `CALLIE_SEED=n` replays one with its trace.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod simulation;

use simulation::{Scenario, Simulation};

/// The number of seeds of a test run.
const SEEDS: u64 = 10_000;
/// The number of seeds of the variations, which share most of their paths with the first scenario.
const VARIATION_SEEDS: u64 = 2_000;
/// The number of seeds with two cuts, one for each pair.
const CUT_SEEDS: u64 = 4_800;
/// The number of seeds with connections that are resumed.
const RESUMPTION_SEEDS: u64 = 5_000;
/// The number of seeds with logins that end.
const TOKEN_SEEDS: u64 = 5_000;
/// The number of seeds with hundreds of messages each.
const BUSY_SEEDS: u64 = 200;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a whole number"))
}

/// Runs the scenario with each seed. A failure prints the seed.
fn run(seeds: u64, scenario: impl Fn(&mut fastrand::Rng) -> Scenario + Sync) {
    if let Some(seed) = setting("CALLIE_SEED") {
        return Simulation::new(seed, &scenario, true).run();
    }
    let seeds = setting("CALLIE_SEEDS").unwrap_or(seeds);
    println!("seeds 0 to {}", seeds - 1);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let scenario = &scenario;
            scope.spawn(move || {
                for seed in (thread..seeds).step_by(threads as usize) {
                    let simulation = Simulation::new(seed, scenario, false);
                    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| simulation.run())).is_err() {
                        panic!("failed with CALLIE_SEED={seed}");
                    }
                }
            });
        }
    });
}

/// Links break at any point.
#[test]
fn every_send_has_one_true_outcome_in_order() {
    run(SEEDS, Scenario::breaking_links);
}

/// A server drops payloads over the rate, several devices of one user share the rate, and links break.
#[test]
fn dropped_payloads_have_true_outcomes() {
    run(VARIATION_SEEDS, Scenario::dropping_server);
}

/// Several devices of one user send more than the rate over links that do not break. Everything arrives in time.
#[test]
fn devices_share_the_rate() {
    run(BUSY_SEEDS, Scenario::sharing_devices);
}

/// The server restarts without its memory.
#[test]
fn nothing_reaches_an_application_twice() {
    run(VARIATION_SEEDS, Scenario::forgetful_server);
}

/// Logins end, and tokens are fetched in time, without success or too late, while devices connect, suspend and resume.
#[test]
fn every_attempt_has_one_true_outcome() {
    run(TOKEN_SEEDS, Scenario::ending_logins);
}

/// Both clients lose a server that restarts. The first one to reconnect does not get the other reported as offline.
#[test]
fn server_restart_reports_nobody_offline() {
    run(VARIATION_SEEDS, Scenario::restarting_server);
}

/// Links break at any point, also while a connection is resumed, and the server keeps what the clients miss.
#[test]
fn resumed_connections_lose_nothing() {
    run(RESUMPTION_SEEDS, Scenario::resuming);
}

#[test]
fn every_pair_of_cuts_loses_nothing() {
    run(CUT_SEEDS, Scenario::cutting_twice);
}

/// The server keeps too little, or not for long enough. Every gap is reported.
#[test]
fn gaps_are_reported() {
    run(VARIATION_SEEDS, Scenario::losing_connections);
}

#[test]
fn everything_is_delivered_without_faults() {
    run(VARIATION_SEEDS, Scenario::calm);
}
