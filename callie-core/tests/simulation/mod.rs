//! The simulated world: time, links, two users with their applications, and a model server.
//!
//! - [`server`](self::server): what protocol.md says a server does, as far as sessions can tell
//! - [`world`](self::world): events in the order of time, and what must hold in the end

mod server;
mod world;

use std::time::Duration;

pub(crate) use world::World;

/// What may happen in one run.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    /// How likely a link breaks around each text that passes it.
    pub(crate) break_chance: f64,
    /// The longest time a text takes on a link.
    pub(crate) longest_delay: Duration,
    /// The longest time until an end notices that its link broke; the client may never notice by itself.
    pub(crate) slowest_notice: Duration,
    /// How many things each user does.
    pub(crate) actions: usize,
    /// Payloads a user may send at once and in a second, which the server keeps to itself.
    pub(crate) hidden_rate: Option<(f64, f64)>,
    /// Whether users suspend and resume, and the server closes connections.
    pub(crate) restless: bool,
    /// Whether the server starts anew now and then, and forgets what it did.
    pub(crate) forgetful: bool,
    /// Whether everything must arrive.
    pub(crate) faultless: bool,
}

impl Scenario {
    pub(crate) fn breaking_links(rng: &mut fastrand::Rng) -> Self {
        Self {
            break_chance: [0.01, 0.05, 0.15][rng.usize(..3)],
            longest_delay: Duration::from_millis([20, 200, 5_000][rng.usize(..3)]),
            slowest_notice: Duration::from_secs([1, 10, 100][rng.usize(..3)]),
            actions: rng.usize(3..15),
            hidden_rate: None,
            restless: rng.bool(),
            forgetful: false,
            faultless: false,
        }
    }

    pub(crate) fn dropping_server(rng: &mut fastrand::Rng) -> Self {
        Self { hidden_rate: Some((3.0, 2.0)), break_chance: 0.01, ..Self::breaking_links(rng) }
    }

    pub(crate) fn forgetful_server(rng: &mut fastrand::Rng) -> Self {
        Self { restless: true, forgetful: true, ..Self::breaking_links(rng) }
    }

    pub(crate) fn calm(rng: &mut fastrand::Rng) -> Self {
        Self {
            break_chance: 0.0,
            restless: false,
            faultless: true,
            longest_delay: Duration::from_millis(200),
            ..Self::breaking_links(rng)
        }
    }
}
