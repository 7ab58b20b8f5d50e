//! A cluster in which nodes, NATS and the database are killed at random under load: whoever was told that a message was
//! delivered was told the truth, and so was whoever was told that it was not.
//!
//! The seed is printed; `CALLIE_SEED=17 CALLIE_CHAOS_SECONDS=60 cargo test -p callie-server --test cluster_chaos` repeats
//! and lengthens a run. What the machine does meanwhile differs from run to run, so a seed repeats the faults, not more.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod chaos;
mod chat;
mod support;

use std::time::Duration;

use chaos::{TestEnv, life, verdict};

const USERS: usize = 12;
const NODES: usize = 3;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_true_whatever_breaks() {
    let seed = setting("CALLIE_SEED").unwrap_or_else(|| fastrand::u64(..1_000_000));
    let time = Duration::from_secs(setting("CALLIE_CHAOS_SECONDS").unwrap_or(20));
    println!("CALLIE_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut env = TestEnv::start(NODES, USERS).await;
    let mut lives = tokio::task::JoinSet::new();
    for at in 0..USERS {
        lives.spawn(life::lead(env.stage(), at, fastrand::Rng::with_seed(random.u64(..))));
    }
    env.break_things(&mut random, time).await;
    env.heal().await;
    env.stage().everything_works_again();
    // The first who fails ends the run: the others would wait for that one.
    while let Some(life) = lives.join_next().await {
        life.unwrap();
    }
    verdict::pass(&env.stage().record());
    env.end().await;
}
