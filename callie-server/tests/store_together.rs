//! Invariants of the database while several servers use it at the same time.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

mod support;

use std::sync::Arc;

use callie_core::account::MAX_SESSIONS;
use callie_core::command::{GroupName, Role, Visibility};
use callie_core::{GroupId, SessionId, Username};
use callie_server::store::{Ban, GroupError, GroupLimits, Store, TokenHash};
use fastrand::Rng;
use futures_util::future::{FutureExt as _, join_all};
use sqlx::{AnyConnection, Connection as _};
use support::database::{Database, fresh_database};
use uuid::Uuid;

/// Few users and groups, so that nearly all changes conflict.
const LIMITS: GroupLimits = GroupLimits { max_members: 5, max_groups: 3 };
const USERS: usize = 8;
const GROUPS: usize = 4;
const WRITERS: u64 = 8;
const STEPS: usize = 40;

/// One database, with the stores of two servers.
struct Together {
    stores: [Store; 2],
    database: Database,
}

impl Together {
    async fn with(users: usize) -> Self {
        let database = fresh_database().await;
        let open = async || Store::open(&database.url).await.unwrap();
        let stores = [open().await, open().await];
        for n in 0..users {
            assert!(stores[n % 2].accounts.create(&user(n), "hash", 1).await.unwrap());
        }
        Self { stores, database }
    }

    /// Returns the number of rows of a query.
    async fn count(&self, sql: &'static str) -> usize {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.database.url).await.unwrap();
        sqlx::query(sql).fetch_all(&mut connection).await.unwrap().len()
    }
}

fn user(n: usize) -> Username {
    Username::parse(&format!("user-{n}")).unwrap()
}

/// Makes a random change. It may be refused, but the database must not fail.
async fn step(store: &Store, rng: &mut Rng, groups: &[GroupId]) {
    let (one, other) = (user(rng.usize(..USERS)), user(rng.usize(..USERS)));
    let id = *rng.choice(groups).unwrap();
    let name = GroupName::parse("Friends").unwrap();
    let done = match rng.u8(..10) {
        0..3 => {
            let members = [other, user(rng.usize(..USERS))];
            store.groups.create(id, &name, Visibility::Public, &one, &members, LIMITS, 1).await.map(drop)
        }
        3..5 => store.members.join(id, &one, LIMITS).await,
        5 => store.members.add(id, &one, &other, LIMITS).await,
        6 => store.members.remove(id, &one, &other).await,
        7 => store.members.leave(id, &one).await.map(drop),
        8 => {
            let role = rng.choice([Role::Owner, Role::Admin, Role::Member]).unwrap();
            store.groups.set_role(id, &one, &other, role).await
        }
        _ => store.groups.rename(id, &one, &name).await.map(drop),
    };
    match done {
        // Two servers have created the group at the same time, so its ID is taken.
        Err(GroupError::Store(error)) if error.to_string().to_lowercase().contains("unique") => {}
        Err(GroupError::Store(error)) => panic!("{error}"),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn group_invariants_hold_under_concurrency() {
    let seed = std::env::var("CALLIE_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("CALLIE_SEED={seed}");
    let together = Arc::new(Together::with(USERS).await);
    let groups: Arc<Vec<GroupId>> =
        Arc::new((0..GROUPS).map(|_| GroupId::from_uuid(Uuid::now_v7())).collect());
    let writers = (0..WRITERS).map(|writer| {
        let (together, groups) = (together.clone(), groups.clone());
        tokio::spawn(async move {
            let mut rng = Rng::with_seed(seed.wrapping_add(writer));
            for _ in 0..STEPS {
                step(&together.stores[(writer % 2) as usize], &mut rng, &groups).await;
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    let broken = [
        (
            "miscounted",
            "SELECT id FROM chat_groups g WHERE member_count <> \
            (SELECT COUNT(*) FROM group_members m WHERE m.group_id = g.id)",
        ),
        ("empty or too full", "SELECT id FROM chat_groups WHERE member_count < 1 OR member_count > 5"),
        (
            "not of one owner",
            "SELECT id FROM chat_groups g WHERE 1 <> \
            (SELECT COUNT(*) FROM group_members m WHERE m.group_id = g.id AND role = 'owner')",
        ),
        (
            "in one place twice",
            "SELECT group_id FROM group_members GROUP BY group_id, place HAVING COUNT(*) > 1",
        ),
        ("in too many groups", "SELECT username FROM group_members GROUP BY username HAVING COUNT(*) > 3"),
    ];
    for (what, sql) in broken {
        assert_eq!(together.count(sql).await, 0, "{what}, seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn name_is_registered_once() {
    let together = Together::with(0).await;
    let name = user(0);
    let tries = (0..20).map(|n| together.stores[n % 2].accounts.create(&name, "hash", 1).boxed());
    let made = join_all(tries).await.into_iter().filter(|made| *made.as_ref().unwrap()).count();
    assert_eq!(made, 1);
}

/// The number of concurrent logins.
const TOGETHER: usize = 20;

async fn begin(store: &Store, n: usize) -> bool {
    let known = store.accounts.get(&user(0), 1).await.unwrap().unwrap();
    let id = SessionId::from_uuid(Uuid::now_v7());
    let token = TokenHash::of(&format!("token-{n}"));
    store.sessions.create(&id, &token, &known, None, n as i64).await.unwrap().is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn session_limit_holds_under_concurrency() {
    let together = Together::with(1).await;
    let more = 30;
    let all: Vec<usize> = (0..MAX_SESSIONS + more).collect();
    // As many as there are connections: each login waits for the lock on the user's row, and the wait for a connection
    // is limited.
    for at_a_time in all.chunks(TOGETHER) {
        let logins = at_a_time.iter().map(|&n| begin(&together.stores[n % 2], n).boxed());
        assert!(join_all(logins).await.into_iter().all(|begun| begun));
    }
    assert_eq!(together.count("SELECT id FROM sessions").await, MAX_SESSIONS);
    assert_eq!(together.count("SELECT id FROM events").await, more, "each that ended is told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ban_and_new_password_refuse_concurrent_logins() {
    let together = Together::with(1).await;
    let [one, other] = &together.stores;
    let ban = Ban { reason: None, until: None };
    let keep = SessionId::from_uuid(Uuid::now_v7());
    for round in 0..20 {
        let name = user(0);
        let logins = join_all((0..4).map(|n| begin(other, 4 * round + n).boxed()));
        if round % 2 == 0 {
            assert!(tokio::join!(one.admins.ban(&name, &ban, 1), logins).0.unwrap());
        } else {
            let old = one.accounts.get(&name, 1).await.unwrap().unwrap().password;
            let new = format!("hash-{round}");
            let (changed, _) =
                tokio::join!(one.accounts.change_password(&name, &old, &new, &keep, 1), logins);
            assert!(changed.unwrap());
            // Logins that read the new password are valid.
            let late = begin(one, 1_000 + round).await;
            assert!(late);
            assert!(one.admins.ban(&name, &ban, 1).await.unwrap());
        }
        assert_eq!(together.count("SELECT id FROM sessions").await, 0, "round {round}");
        assert!(one.admins.unban(&name).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_session_writes_do_not_deadlock() {
    const NOW: i64 = 1_800_000_000_000;
    let together = Together::with(4).await;
    for round in 0..5 {
        let now = NOW + round * 1_000_000;
        for n in 0..40 {
            let known = together.stores[0].accounts.get(&user(n % 4), 1).await.unwrap().unwrap();
            let id = SessionId::from_uuid(Uuid::now_v7());
            let token = TokenHash::of(&format!("{round}-{n}"));
            together.stores[0].sessions.create(&id, &token, &known, None, now).await.unwrap().unwrap();
        }
        for store in &together.stores {
            for n in 0..40 {
                store.sessions.authenticate(&format!("{round}-{n}"), now + 100_000).await.unwrap().unwrap();
            }
        }
        let (name, ban) = (user(0), Ban { reason: None, until: Some(1) });
        let [one, other] = &together.stores;
        let (a, b, c, d) = tokio::join!(
            one.sessions.flush_uses(),
            other.sessions.flush_uses(),
            one.admins.ban(&name, &ban, now),
            other.sessions.remove_expired(now)
        );
        a.unwrap();
        b.unwrap();
        assert!(c.unwrap());
        d.unwrap();
    }
}
