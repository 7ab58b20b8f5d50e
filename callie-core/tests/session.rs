//! Two sessions and a model server over links that lose, delay and break: a seeded simulation of what users rely on.
//!
//! `CALLIE_SEEDS=n` runs another number of seeds, `CALLIE_SEED=n` replays one with its trace.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod simulation;

use simulation::{Scenario, World};

/// How many seeds a test run goes through.
const SEEDS: u64 = 10_000;
/// How many seeds of the variations, which share most of their paths with the first.
const VARIATION_SEEDS: u64 = 2_000;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a whole number"))
}

/// Runs the scenario that a seed draws; a failure prints the seed.
fn run(seeds: u64, scenario: impl Fn(&mut fastrand::Rng) -> Scenario + Sync) {
    if let Some(seed) = setting("CALLIE_SEED") {
        return World::new(seed, &scenario, true).run();
    }
    let seeds = setting("CALLIE_SEEDS").unwrap_or(seeds);
    println!("seeds 0 to {}", seeds - 1);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let scenario = &scenario;
            scope.spawn(move || {
                for seed in (thread..seeds).step_by(threads as usize) {
                    let world = World::new(seed, scenario, false);
                    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.run())).is_err() {
                        panic!("failed with CALLIE_SEED={seed}");
                    }
                }
            });
        }
    });
}

#[test]
fn every_send_ends_once_and_truly_in_order_over_links_that_break_at_any_point() {
    run(SEEDS, Scenario::breaking_links);
}

#[test]
fn every_send_ends_once_and_truly_where_the_server_drops_what_comes_too_fast() {
    run(VARIATION_SEEDS, Scenario::dropping_server);
}

#[test]
fn nothing_reaches_an_application_twice_though_the_server_forgets_what_it_did() {
    run(VARIATION_SEEDS, Scenario::forgetful_server);
}

#[test]
fn without_faults_everything_is_delivered() {
    run(VARIATION_SEEDS, Scenario::calm);
}
