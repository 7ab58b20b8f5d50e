//! What goes on beside the connections: deadlines, departures, sessions that end elsewhere, and the end of the server.

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

/// The shortest time, in milliseconds, after which a client is asked to come back.
const RETRY_FROM: u64 = 250;
/// What is added at most: thousands of clients that come back are spread over it.
const RETRY_SPREAD: u64 = 4_750;

/// How long to wait before the database is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// Ticks in a second. What takes longer is done once in so many: there are as many outboxes as connections.
const SECOND: u32 = 10;

/// When to come back, from now: another time for each who asks.
pub(super) fn retry_after() -> Duration {
    // Without randomness all come back at once, which is no fault of theirs.
    Duration::from_millis(RETRY_FROM + getrandom::u64().unwrap_or_default() % RETRY_SPREAD)
}

/// Works beside the connections until the server stops.
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
        hub.announce_the_gone(now, gateway.config.current().presence);
        gauges.bring_up_to_date(&gateway);
        if now >= forget_at {
            forget_at = now + FORGET;
            hub.forget_the_gone(now);
        }
    }
}

/// The figures that go up and down, as they were told last.
#[derive(Default)]
struct Gauges {
    connections: i64,
    unauthenticated: i64,
    queued: i64,
    ticks: u32,
}

impl Gauges {
    /// Tells what has changed. Here, so that nothing is counted on the way of a payload.
    fn bring_up_to_date(&mut self, gateway: &Gateway) {
        let change = |told: &mut i64, now: usize| {
            let now = i64::try_from(now).unwrap_or(i64::MAX);
            now - std::mem::replace(told, now)
        };
        let metrics = &gateway.telemetry.metrics;
        metrics.connections_changed(change(&mut self.connections, gateway.connections()));
        metrics.unauthenticated_changed(change(&mut self.unauthenticated, gateway.unauthenticated()));
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

/// Sessions that are ended together: each batch looks through all connections once.
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

/// Acts on an event, or notes the session that ended in `ended`; false when there will be no more events.
fn handle_event(
    gateway: &Arc<Gateway>,
    event: Result<SessionEvent, RecvError>,
    ended: &mut HashSet<SessionId>,
) -> bool {
    gateway.count_ending();
    match event {
        Ok(SessionEvent::SessionEnded { session_id }) => drop(ended.insert(session_id)),
        Ok(SessionEvent::UserBanned { username, ban }) => gateway.hub.end(&username, &banned(&ban)),
        // Beside what comes next: it takes as long as the database is away.
        Ok(SessionEvent::BanLifted { username }) => {
            let links = gateway.hub.links_of(username.as_str());
            gateway.tasks.spawn(check_sessions(gateway.clone(), links.into_iter().collect()));
        }
        Err(RecvError::Lagged(_)) => {
            gateway.tasks.spawn(check_sessions(gateway.clone(), gateway.hub.every_link()));
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

/// Ends those of `links` whose session is gone: nobody has said which of them are.
async fn check_sessions(gateway: Arc<Gateway>, links: Vec<Arc<Link>>) {
    for link in links {
        loop {
            match gateway.sessions.get(&link.session, clock::now()).await {
                Ok(None) => link.end(CloseReason::session_revoked()),
                Ok(Some(_)) => {}
                Err(error) if !gateway.shutdown.has_begun() => {
                    tracing::error!(%error, "a session could not be looked up yet");
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
                Err(_) => return,
            }
            break;
        }
    }
}

/// Ends all connections: called once, when no new one comes any more. First the payloads that were read get their answers.
/// The caller limits how long this takes.
pub(crate) async fn drain(gateway: &Gateway) {
    gateway.begin_draining();
    let answered = async {
        while gateway.hub.every_link().iter().any(|link| link.owes()) {
            tokio::time::sleep(ANSWERS_TICK).await;
        }
    };
    if tokio::time::timeout(gateway.timing.answers, answered).await.is_err() {
        // Whoever has not confirmed by now may or may not have the message.
        gateway.hub.give_up_deliveries();
    }
    for link in gateway.hub.every_link() {
        link.end(CloseReason::shutting_down(retry_after()));
    }
    gateway.connections.emptied().await;
}
