//! Adds an authenticated connection to the hub.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use callie_core::Username;
use callie_core::command::{ClientInfo, Features};
use callie_core::server::CloseReason;

use super::background::{database_unavailable, retry_after};
use super::shared::Gateway;
use crate::base::clock;
use crate::base::telemetry::{Line, Refusal};
use crate::cache::ATTEMPTS;
use crate::router::{Allowance, JoinResult, Link, Origin, Registration};
use crate::store::{Session, StoreError};

/// How long a connection waits for what other nodes remember about its user. Without the answer, a duplicate may be
/// accepted.
const RECALL_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection that was not authenticated.
pub(super) struct Rejected {
    pub(super) close: CloseReason,
    /// The name that the payload claimed.
    pub(super) user: Option<Username>,
    /// A detail for the log.
    pub(super) reason: Option<&'static str>,
}

impl From<CloseReason> for Rejected {
    fn from(close: CloseReason) -> Self {
        let reason = close.detail();
        Self { close, user: None, reason }
    }
}

/// A connection in the hub.
pub(super) struct Joined {
    pub(super) registration: Registration,
    pub(super) session: Session,
}

/// Adds a connection to the hub, unless its session ended after `endings` events. The outbox is held if the connection
/// `pulls` another one from another node, or messages are kept for users.
pub(super) async fn register(
    gateway: &Arc<Gateway>,
    session: Session,
    endings: u64,
    address: IpAddr,
    client: Option<ClientInfo>,
    features: Features,
    pulls: bool,
) -> Result<Joined, Rejected> {
    let rejected = |close: CloseReason| Rejected { user: Some(session.user.clone()), ..close.into() };
    let outbox_bytes = gateway.config.current().outbox_bytes;
    let link = Link::new(session.user.clone(), session.id.clone(), address, client, features, outbox_bytes);
    if pulls || gateway.keeper.is_some() {
        // What is kept for the user comes before everything that is sent from now on.
        link.outbox.hold();
    }
    let registration = join(gateway, link).await?;
    let origin = registration.origin().clone();
    gateway.cache.load_groups(&origin).await.map_err(|e| unavailable(gateway, &e))?;
    recall(gateway, &origin).await;
    // The session may have ended before the connection was in the hub. No other event would close the connection then.
    if gateway.endings() != endings
        && gateway
            .sessions
            .get(&session.id, clock::now())
            .await
            .map_err(|e| unavailable(gateway, &e))?
            .is_none()
    {
        return Err(rejected(CloseReason::session_revoked()));
    }
    // The shutdown may have closed all connections just before this one was in the hub.
    if gateway.shutdown.has_begun() {
        return Err(CloseReason::shutting_down(retry_after()).into());
    }
    gateway.hub.came_online(&origin.user, gateway.config.current().presence);
    Ok(Joined { registration, session })
}

/// Rejects a connection because the database does not answer. The client may reconnect later.
pub(super) fn unavailable(gateway: &Gateway, error: &StoreError) -> Rejected {
    gateway.telemetry.metrics.refused(Refusal::Unavailable);
    if gateway.telemetry.lines.admit(Line::Unavailable) {
        tracing::error!(%error, "cannot authenticate a connection");
    }
    Rejected { close: database_unavailable(), user: None, reason: Some("the database does not answer") }
}

/// Registers the connection in the hub.
async fn join(gateway: &Gateway, link: Arc<Link>) -> Result<Registration, Rejected> {
    let hub = &gateway.hub;
    let allowance = Allowance::of(&gateway.config.current());
    let mut snapshot = None;
    for _ in 0..ATTEMPTS {
        let user = hub.entry(&link.user, &allowance);
        match hub.join(&user, &link, snapshot.take(), &allowance) {
            JoinResult::Joined => return Ok(Registration::new(hub.clone(), Origin { user, link })),
            JoinResult::TooMany => {
                gateway.telemetry.metrics.refused(Refusal::User);
                return Err(Rejected {
                    close: CloseReason::overloaded(retry_after())
                        .describe("you have the maximum number of connections; close another one first"),
                    user: Some(link.user.clone()),
                    reason: Some(Refusal::User.as_str()),
                });
            }
            JoinResult::Stale => {
                let version = user.state().version;
                let read = gateway.cache.read_user(&link.user, version).await;
                snapshot = Some(read.map_err(|e| unavailable(gateway, &e))?);
            }
        }
    }
    Err(Rejected {
        close: CloseReason::overloaded(retry_after()),
        user: Some(link.user.clone()),
        reason: Some("the user's groups and settings keep changing"),
    })
}

/// Asks the nodes that the user is or was connected to for what they remember about the user. They know already that
/// the user is connected here, and report what they receive from the user from now on.
async fn recall(gateway: &Gateway, origin: &Origin) {
    let hub = &gateway.hub;
    if origin.user.state().recalled {
        return;
    }
    let replies = hub.recall(&origin.user);
    let until = tokio::time::Instant::now() + RECALL_TIMEOUT;
    let mut memories = Vec::new();
    for reply in replies {
        memories.extend(tokio::time::timeout_at(until, reply).await.into_iter().flatten());
    }
    hub.remember(&origin.user, memories);
}
