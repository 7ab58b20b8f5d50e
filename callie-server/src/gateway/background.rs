//! Background work for all connections: deadlines, departures, sessions that end elsewhere, and the shutdown.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use callie_core::SessionId;
use callie_core::server::CloseReason;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::shared::Gateway;
use super::timing::{ANSWERS_TICK, FORGET, TICK};
use crate::base::clock;
use crate::router::{Hub, Link};
use crate::store::{Ban, SessionEvent};

/// The shortest delay, in milliseconds, after which a client may reconnect.
const RETRY_FROM: u64 = 250;
/// The most milliseconds of jitter that are added, so that thousands of clients do not reconnect at the same time.
const RETRY_SPREAD: u64 = 4_750;

/// The pause before a failed query is repeated.
const RETRY: Duration = Duration::from_secs(1);

/// Ticks in a second. Work that visits every connection runs once in this many ticks.
const SECOND: u32 = 10;

/// Returns the delay after which a client may reconnect: random, with jitter.
pub(super) fn retry_after() -> Duration {
    // Without random bytes all clients get the shortest delay.
    Duration::from_millis(RETRY_FROM + getrandom::u64().unwrap_or_default() % RETRY_SPREAD)
}

/// Returns the reason to close a connection that cannot be served because the database does not answer. The client may
/// reconnect later.
pub(super) fn database_unavailable() -> CloseReason {
    CloseReason::overloaded(retry_after()).describe("the server's database does not answer; try again later")
}

/// Runs the background work until the server stops.
pub(crate) async fn run(gateway: Arc<Gateway>, events: broadcast::Receiver<SessionEvent>) {
    let _events = AbortOnDrop(tokio::spawn(handle_events(gateway.clone(), events)));
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut forget_at = Instant::now() + FORGET;
    let mut gauges = Gauges::default();
    loop {
        tick.tick().await;
        let now = Instant::now();
        let hub = &gateway.hub;
        hub.expire_deliveries(now);
        hub.report_departures(now, gateway.config.current().presence);
        gauges.update(&gateway);
        if now >= forget_at {
            forget_at = now + FORGET;
            hub.remove_departed(now);
        }
    }
}

/// The gauges as they were last reported to the metrics.
#[derive(Default)]
struct Gauges {
    connections: i64,
    unauthenticated: i64,
    away: i64,
    queued: i64,
    ticks: u32,
}

impl Gauges {
    /// Reports the changes. Gauges are updated here and not in the path of a payload, which stays free of them.
    fn update(&mut self, gateway: &Gateway) {
        let change = |reported: &mut i64, now: usize| {
            let now = i64::try_from(now).unwrap_or(i64::MAX);
            now - std::mem::replace(reported, now)
        };
        let metrics = &gateway.telemetry.metrics;
        metrics.connections_changed(change(&mut self.connections, gateway.connections()));
        metrics.unauthenticated_changed(change(&mut self.unauthenticated, gateway.unauthenticated()));
        metrics.away_changed(change(&mut self.away, gateway.away()));
        let (nodes, queued) = gateway.hub.remote.queued();
        metrics.cluster_is(nodes, gateway.hub.remote.is_converged(), queued);
        if self.ticks.is_multiple_of(SECOND) {
            gateway.telemetry.lines.next_second();
            metrics.queue_changed(change(&mut self.queued, gateway.queued_bytes()));
        }
        self.ticks = self.ticks.wrapping_add(1);
    }
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The most sessions that are ended together. Each batch searches all connections once.
const EVENTS_AT_ONCE: usize = 256;

async fn handle_events(gateway: Arc<Gateway>, mut events: broadcast::Receiver<SessionEvent>) {
    loop {
        let mut ended = HashSet::new();
        let mut event = events.recv().await;
        loop {
            if !handle_event(&gateway, event, &mut ended) {
                return;
            }
            if ended.len() >= EVENTS_AT_ONCE {
                break;
            }
            event = match events.try_recv() {
                Ok(event) => Ok(event),
                Err(TryRecvError::Lagged(missed)) => Err(RecvError::Lagged(missed)),
                Err(TryRecvError::Closed) => Err(RecvError::Closed),
                Err(TryRecvError::Empty) => break,
            };
        }
        end_sessions(&gateway.hub, &ended);
    }
}

/// Handles an event. Adds a session that has ended to `ended`. Returns `false` when no more events can come.
fn handle_event(
    gateway: &Arc<Gateway>,
    event: Result<SessionEvent, RecvError>,
    ended: &mut HashSet<SessionId>,
) -> bool {
    gateway.count_ending();
    match event {
        Ok(SessionEvent::SessionEnded { session_id }) => drop(ended.insert(session_id)),
        Ok(SessionEvent::UserBanned { username, ban }) => gateway.hub.end(&username, &banned(&ban)),
        // In a task of its own, because it lasts as long as the database is unavailable.
        Ok(SessionEvent::BanLifted { username }) => {
            let links = gateway.hub.links_of(username.as_str());
            gateway.tasks.spawn(check_sessions(gateway.clone(), links.into_iter().collect()));
        }
        // In a task of its own, because it waits for other changes of the groups.
        Ok(SessionEvent::AccountDeleted { username, deletion }) => {
            gateway.hub.end(&username, &CloseReason::session_revoked());
            let cache = gateway.cache.clone();
            gateway.tasks.spawn(async move { cache.account_deleted(&username, &deletion).await });
        }
        Err(RecvError::Lagged(_)) => {
            gateway.tasks.spawn(check_sessions(gateway.clone(), gateway.hub.every_link()));
            gateway.cache.check_everything();
        }
        Err(RecvError::Closed) => return false,
    }
    true
}

fn end_sessions(hub: &Hub, ended: &HashSet<SessionId>) {
    if ended.is_empty() {
        return;
    }
    for link in hub.every_link() {
        if ended.contains(&link.session) {
            link.end(CloseReason::session_revoked());
        }
    }
}

fn banned(ban: &Ban) -> CloseReason {
    CloseReason::banned(ban.reason.clone(), ban.until.map(clock::timestamp))
}

/// Closes those of `links` whose session has ended, if it is not known which sessions have.
async fn check_sessions(gateway: Arc<Gateway>, links: Vec<Arc<Link>>) {
    for link in links {
        loop {
            match gateway.sessions.get(&link.session, clock::now()).await {
                Ok(None) => link.end(CloseReason::session_revoked()),
                Ok(Some(_)) => {}
                Err(error) if !gateway.shutdown.has_begun() => {
                    tracing::error!(%error, "cannot look up a session; trying again");
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
                Err(_) => return,
            }
            break;
        }
    }
}

/// Closes all connections, after the payloads that were read are answered. Must be called once, when no new connection
/// can come. The caller limits how long this takes.
pub(crate) async fn drain(gateway: &Gateway) {
    gateway.begin_draining();
    if !gateway.keeps_lost_connections() {
        // What is kept for lost connections is answered first.
        for link in gateway.hub.every_link().iter().filter(|link| link.outbox.is_away()) {
            link.end(CloseReason::shutting_down(retry_after()));
        }
    }
    let answered = async {
        while gateway.hub.every_link().iter().any(|link| link.has_pending()) {
            tokio::time::sleep(ANSWERS_TICK).await;
        }
    };
    if tokio::time::timeout(gateway.timing.answers, answered).await.is_err() {
        // Recipients who have not confirmed by now may have the message: its outcome is unconfirmed.
        gateway.hub.abandon_deliveries();
    }
    for link in gateway.hub.every_link() {
        let reason = CloseReason::shutting_down(retry_after());
        if link.is_resumable() && gateway.keeps_lost_connections() {
            link.outbox.close_socket(reason);
        } else {
            link.end(reason);
        }
    }
    gateway.connections.emptied().await;
}
