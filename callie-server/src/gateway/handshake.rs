//! The authentication of a connection by its first payload (protocol, "Authentication").

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use callie_core::Username;
use callie_core::command::{ClientInfo, Features};
use callie_core::server::{CloseReason, Handshake, Identity, Verified};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::action::{Action, Work};
use super::background::{database_unavailable, retry_after};
use super::close_log::{Closed, closed};
use super::closing;
use super::handler::Handler;
use super::moving::Pulled;
use super::pump::Pump;
use super::resumption::{Arrived, new_connection_id};
use super::shared::Gateway;
use super::socket::{Incoming, Socket};
use crate::base::clock;
use crate::base::telemetry::{CloseLabel, Line, Refusal, Resumption};
use crate::cache::ATTEMPTS;
use crate::router::{Allowance, JoinResult, Link, Nodes, Origin, Registration};
use crate::store::{Session, StoreError};

/// How long a connection waits for what other nodes remember about its user. Without the answer, a duplicate may be
/// accepted.
const RECALL_TIMEOUT: Duration = Duration::from_secs(1);

/// Waits for the first payload and authenticates the user, or closes the connection. A WebSocket that resumes a
/// connection is handed to the task of that connection.
pub(super) async fn open(gateway: Arc<Gateway>, mut arrived: Arrived, address: IpAddr) -> Option<Box<Pump>> {
    let handshake = Handshake::new(clock::elapsed(Instant::now()), gateway.server_config());
    let rejected = match first_text(&gateway, &mut arrived.socket, &handshake).await {
        Ok(text) => match authenticate(&gateway, handshake, &text, arrived, address).await {
            Ok(pump) => return pump,
            Err(refused) => {
                let (rejected, returned) = *refused;
                arrived = returned;
                rejected
            }
        },
        Err(Unread::Close(reason)) => reason.into(),
        Err(Unread::Gone(how)) => {
            gateway.telemetry.metrics.closed(how);
            closing::finish_close(arrived.socket).await;
            return None;
        }
    };
    let Rejected { close, user, reason } = rejected;
    closed(&gateway, &close, &Closed { user: user.as_ref(), address, client: None, reason });
    drop(gateway);
    closing::reject(arrived.socket, close).await;
    None
}

/// How a connection ended before its first payload.
enum Unread {
    /// By the server.
    Close(CloseReason),
    /// By the client, or because the connection was lost.
    Gone(CloseLabel),
}

/// A connection that was not authenticated.
pub(super) struct Rejected {
    close: CloseReason,
    /// The name that the payload claimed.
    user: Option<Username>,
    /// A detail for the log.
    reason: Option<&'static str>,
}

impl From<CloseReason> for Rejected {
    fn from(close: CloseReason) -> Self {
        let reason = close.detail();
        Self { close, user: None, reason }
    }
}

/// Returns the first text message, or how the connection ended.
async fn first_text(
    gateway: &Gateway,
    socket: &mut Socket,
    handshake: &Handshake,
) -> Result<Utf8Bytes, Unread> {
    let text = async {
        loop {
            match socket.read().await {
                Incoming::Text(text) => return Ok(text),
                Incoming::Control => {}
                Incoming::Closed(_) => return Err(Unread::Gone(CloseLabel::Client)),
                Incoming::Ended | Incoming::Lost => return Err(Unread::Gone(CloseLabel::Lost)),
                Incoming::Fatal(reason) => return Err(Unread::Close(reason)),
            }
        }
    };
    let wait = handshake.deadline().saturating_sub(clock::elapsed(Instant::now()));
    tokio::select! {
        text = tokio::time::timeout(wait, text) => match text {
            Ok(text) => text,
            Err(_) => Err(Unread::Close(CloseReason::auth_timeout())),
        },
        () = gateway.shutdown.begun() => Err(Unread::Close(CloseReason::shutting_down(retry_after()))),
    }
}

/// Opens a connection; `None` if the first payload has resumed one. A WebSocket that is rejected is returned, to be closed.
async fn authenticate(
    gateway: &Arc<Gateway>,
    handshake: Handshake,
    text: &str,
    mut arrived: Arrived,
    address: IpAddr,
) -> Result<Option<Box<Pump>>, Box<(Rejected, Arrived)>> {
    let endings = gateway.endings();
    let (verified, session) = match verify(gateway, handshake, text).await {
        Ok(verified) => verified,
        Err(rejected) => return Err(Box::new((rejected, arrived))),
    };
    let resuming = verified.resuming();
    if let Some(resuming) = resuming.clone() {
        arrived.permit.authenticated();
        match gateway.resumables.hand_over(resuming, &session, address, arrived).await {
            Ok(()) => return Ok(None),
            Err(returned) => arrived = returned,
        }
    }
    // The nodes that may have the connection, read before this node is one of them.
    let nodes = match &resuming {
        Some(_) => gateway.hub.nodes_of(&session.user),
        None => Nodes::new(),
    };
    let client = verified.greeting().and_then(|greeting| greeting.client.clone());
    let features = verified.features().unwrap_or_default();
    let pulls = !nodes.is_empty();
    let joined = match register(gateway, session, endings, address, client, features, pulls).await {
        Ok(joined) => joined,
        Err(rejected) => return Err(Box::new((rejected, arrived))),
    };
    arrived.permit.authenticated();
    if let Some(resuming) = resuming {
        let origin = joined.registration.origin().clone();
        let (id, received) = (resuming.connection_id().clone(), resuming.received());
        if let Some(pulled) = Pulled::pull(gateway, &origin, &nodes, &id, Some(received)).await {
            let session = joined.session.clone();
            let mut pump = pulled.start(gateway, joined);
            return match pump.resume_pulled(resuming, session, address, arrived).await {
                Ok(()) => Ok(Some(pump)),
                Err(arrived) => Err(Box::new((CloseReason::overloaded(retry_after()).into(), arrived))),
            };
        }
        gateway.telemetry.metrics.resumption(Resumption::Refused);
    }
    if pulls && gateway.keeper.is_none() {
        let outbox = &joined.registration.origin().link.outbox;
        if let Some(holds) = outbox.held() {
            outbox.release(holds);
        }
    }
    match open_connection(gateway, verified, joined) {
        Ok((handler, work)) => Ok(Some(Pump::new(gateway.clone(), Some(arrived), handler, work))),
        Err(rejected) => Err(Box::new((rejected, arrived))),
    }
}

/// Looks up the session of the first payload.
async fn verify<'t>(
    gateway: &Gateway,
    handshake: Handshake,
    text: &'t str,
) -> Result<(Verified<'t>, Session), Rejected> {
    gateway.counters.received(1);
    let authentication = handshake.receive(text)?;
    let claimed = Username::parse(authentication.sender()).ok();
    let rejected = |close: CloseReason| Rejected { user: claimed.clone(), ..close.into() };
    let session = gateway.sessions.authenticate(authentication.token(), clock::now()).await;
    let session = session.map_err(|e| unavailable(gateway, &e))?;
    let identity = session.as_ref().map(|session| {
        Identity::new(session.user.clone(), session.id.clone(), clock::timestamp(session.expires))
    });
    let verified = authentication.verify(identity).map_err(&rejected)?;
    // `verify` succeeds only with a session.
    session.map(|session| (verified, session)).ok_or_else(|| rejected(CloseReason::session_revoked()))
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

/// Opens a connection that is in the hub, and handles its first payload.
fn open_connection(
    gateway: &Arc<Gateway>,
    verified: Verified<'_>,
    joined: Joined,
) -> Result<(Handler, Option<Work>), Rejected> {
    let Joined { registration, session } = joined;
    let origin = registration.origin().clone();
    let verified = match new_connection_id() {
        Some(id) => verified.with_connection_id(id),
        None => verified,
    };
    let rejected = |close: CloseReason| Rejected { user: Some(origin.user.name.clone()), ..close.into() };
    match Handler::open(gateway.clone(), registration, verified, session) {
        (handler, Action::Done) => Ok((handler, None)),
        (handler, Action::Later(work)) => Ok((handler, Some(work))),
        (_, Action::Close(reason)) => Err(rejected(reason)),
    }
}

/// Rejects a connection because the database does not answer. The client may reconnect later.
fn unavailable(gateway: &Gateway, error: &StoreError) -> Rejected {
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
