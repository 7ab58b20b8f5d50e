//! A cluster in which nodes, NATS and the database are killed at random under load. Every outcome that a sender
//! receives must be true.
//!
//! The seed is printed; `CALLIE_SEED=17 CALLIE_CHAOS_SECONDS=60 cargo test -p callie-server --test cluster_chaos`
//! repeats and lengthens a run. A seed repeats the faults, but not the timing of the machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod chaos;
mod chat;
mod support;

use std::time::Duration;

use chaos::{TestEnv, life, record};

const USERS: usize = 12;
const NODES: usize = 3;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_outcome_is_true_under_faults() {
    let seed = setting("CALLIE_SEED").unwrap_or_else(|| fastrand::u64(..1_000_000));
    let time = Duration::from_secs(setting("CALLIE_CHAOS_SECONDS").unwrap_or(20));
    println!("CALLIE_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut env = TestEnv::start(NODES, USERS).await;
    let mut lives = tokio::task::JoinSet::new();
    for at in 0..USERS {
        lives.spawn(life::run(env.stage(), at, fastrand::Rng::with_seed(random.u64(..))));
    }
    env.inject_faults(&mut random, time).await;
    env.recover().await;
    env.stage().faults_ended();
    // The first failure ends the run, because the other users would wait for the one that failed.
    while let Some(life) = lives.join_next().await {
        life.unwrap();
    }
    record::check(&env.stage().record());
    env.end().await;
}
