//! A simulation of time, links, users with their applications, and a server in one process.
//!
//! - [`backend`](self::backend): what a run needs of its server
//! - [`server`](self::server): the connected users, with the connections of `callie_core::server`
//! - [`hub`](self::hub): the hub of the core, whose connections can be resumed
//! - [`chains`](self::chains): the texts of connections that continue each other
//! - [`rates`](self::rates): the rates of users, and servers that name fewer dropped payloads
//! - [`states`](self::states): the connections that devices ask for, and logins that end
//! - [`run`](self::run): one run: its events in the order of time
//! - [`application`](self::application): what a device sent and received
//! - [`check`](self::check): the properties that every run must have
//! - [`continuity`](self::continuity): those of connections that continue each other

mod application;
mod backend;
mod chains;
mod check;
mod continuity;
mod hub;
mod rates;
mod run;
mod server;
mod states;

use std::time::Duration;

use callie_core::Limits;

pub(crate) use rates::Rates;
pub(crate) use run::Simulation;

/// The points of a first cut, and those of a second one after it.
const FIRST_CUTS: u64 = 240;
const SECOND_CUTS: u64 = 20;

/// How applications take their messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    AtOnce,
    Late,
    /// After a while never again, like a process that has died.
    UntilItDies,
}

/// What a server keeps for connections that were lost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resumable {
    pub(crate) window: Duration,
    pub(crate) max_kept_bytes: usize,
    /// Whether delays are so short that each client is back in time, and each message confirmed.
    pub(crate) in_time: bool,
}

/// The parameters of one run.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    /// The probability that a link breaks at each text.
    pub(crate) break_chance: f64,
    /// The points at which the link breaks: before or after which of all texts, counted from 1.
    pub(crate) cuts: Option<[u64; 2]>,
    /// The longest time a text takes on a link.
    pub(crate) longest_delay: Duration,
    /// The longest time until a side detects that its link broke. The client may never detect it by itself.
    pub(crate) slowest_notice: Duration,
    /// The number of actions of each user.
    pub(crate) actions: usize,
    /// The most messages sent at once.
    pub(crate) most_at_once: usize,
    /// The number of devices of the first user.
    pub(crate) devices: usize,
    /// The rate of a user, if it is not in `limits`. A hub announces it.
    pub(crate) rates: Option<Rates>,
    /// The limits that the server announces.
    pub(crate) limits: Limits,
    pub(crate) takes: Takes,
    /// Whether users suspend and resume, and the server closes connections.
    pub(crate) restless: bool,
    /// Whether the server restarts at random times, without its memory.
    pub(crate) forgetful: bool,
    /// Whether the server ends logins, and devices fetch other tokens.
    pub(crate) ends_logins: bool,
    /// Whether everything must arrive.
    pub(crate) faultless: bool,
    /// Whether lost connections can be resumed.
    pub(crate) resumable: Option<Resumable>,
}

impl Scenario {
    pub(crate) fn breaking_links(rng: &mut fastrand::Rng) -> Self {
        Self {
            break_chance: [0.01, 0.05, 0.15][rng.usize(..3)],
            cuts: None,
            longest_delay: Duration::from_millis([20, 200, 5_000][rng.usize(..3)]),
            slowest_notice: Duration::from_secs([1, 10, 100][rng.usize(..3)]),
            actions: rng.usize(3..15),
            most_at_once: 6,
            devices: 1 + usize::from(rng.usize(..4) == 0),
            rates: None,
            limits: if rng.usize(..8) == 0 {
                Limits::default().with_max_text_bytes(40).with_max_payload_bytes(49_152)
            } else {
                Limits::default()
            },
            takes: [Takes::AtOnce, Takes::AtOnce, Takes::Late, Takes::UntilItDies][rng.usize(..4)],
            restless: rng.bool(),
            forgetful: false,
            ends_logins: false,
            faultless: false,
            resumable: None,
        }
    }

    /// Links break, but not for long, and the server keeps everything.
    pub(crate) fn resuming(rng: &mut fastrand::Rng) -> Self {
        Self {
            break_chance: [0.02, 0.1, 0.25][rng.usize(..3)],
            longest_delay: Duration::from_millis([20, 200, 1_000][rng.usize(..3)]),
            slowest_notice: Duration::from_secs([1, 10][rng.usize(..2)]),
            resumable: Some(Resumable {
                window: Duration::from_secs(60),
                max_kept_bytes: 4 << 20,
                in_time: true,
            }),
            ..Self::breaking_links(rng)
        }
    }

    /// Links break at two points, and nowhere else. The seeds visit all pairs of points in the first texts, and then those of
    /// another conversation.
    pub(crate) fn cutting_twice(rng: &mut fastrand::Rng) -> Self {
        let seed = rng.get_seed();
        let first = 1 + seed % FIRST_CUTS;
        let second = first + 1 + seed / FIRST_CUTS % SECOND_CUTS;
        rng.seed(seed / FIRST_CUTS / SECOND_CUTS);
        Self {
            break_chance: 0.0,
            cuts: Some([first, second]),
            longest_delay: Duration::from_millis(20),
            slowest_notice: Duration::from_secs(1),
            actions: 4,
            most_at_once: 2,
            devices: 1,
            takes: Takes::AtOnce,
            restless: false,
            limits: Limits::default(),
            ..Self::resuming(rng)
        }
    }

    /// The server keeps little and not for long, restarts, or ends logins, and links break for long.
    pub(crate) fn losing_connections(rng: &mut fastrand::Rng) -> Self {
        let resumable = Resumable {
            window: Duration::from_secs([1, 5, 60][rng.usize(..3)]),
            max_kept_bytes: [500, 3_000, 4 << 20][rng.usize(..3)],
            in_time: false,
        };
        let scenario = match rng.usize(..4) {
            0 => Self::forgetful_server(rng),
            1 => Self::ending_logins(rng),
            _ => Self::breaking_links(rng),
        };
        let rates = (rng.usize(..3) == 0).then(Rates::narrow);
        Self { resumable: Some(resumable), rates, devices: 1 + rng.usize(..3), ..scenario }
    }

    pub(crate) fn dropping_server(rng: &mut fastrand::Rng) -> Self {
        Self {
            rates: Some(Rates {
                names: [None, Some(200), Some(2)][rng.usize(..3)],
                upkeep: (rng.usize(..3) == 0).then_some((2, 3)),
                ..Rates::narrow()
            }),
            break_chance: [0.0, 0.01][rng.usize(..2)],
            devices: 1 + rng.usize(..3),
            ..Self::breaking_links(rng)
        }
    }

    pub(crate) fn forgetful_server(rng: &mut fastrand::Rng) -> Self {
        Self { restless: true, forgetful: true, ..Self::breaking_links(rng) }
    }

    /// Logins end at any moment, and devices connect, suspend and resume.
    pub(crate) fn ending_logins(rng: &mut fastrand::Rng) -> Self {
        Self {
            break_chance: [0.0, 0.01, 0.1][rng.usize(..3)],
            actions: rng.usize(10..60),
            most_at_once: 2,
            devices: 1 + rng.usize(..2),
            restless: true,
            ends_logins: true,
            ..Self::breaking_links(rng)
        }
    }

    pub(crate) fn calm(rng: &mut fastrand::Rng) -> Self {
        Self {
            break_chance: 0.0,
            restless: false,
            faultless: true,
            limits: Limits::default(),
            takes: if rng.bool() { Takes::AtOnce } else { Takes::Late },
            longest_delay: Duration::from_millis(200),
            ..Self::breaking_links(rng)
        }
    }

    /// Several devices of one user, none of which knows the rate of the others.
    pub(crate) fn sharing_devices(rng: &mut fastrand::Rng) -> Self {
        Self {
            devices: 1 + rng.usize(..4),
            rates: Some(Rates { names: [None, Some(200), Some(2)][rng.usize(..3)], ..Rates::modest() }),
            actions: 4,
            most_at_once: 15,
            ..Self::calm(rng)
        }
    }

    /// A server that restarts while all clients are connected.
    pub(crate) fn restarting_server(rng: &mut fastrand::Rng) -> Self {
        Self { forgetful: true, ..Self::calm(rng) }
    }
}
