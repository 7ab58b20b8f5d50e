//! The authentication of a connection by its first payload (protocol, "Authentication").

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use callie_core::Username;
use callie_core::server::{CloseReason, Handshake, Identity, Verified};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::action::{Action, Work};
use super::background::retry_after;
use super::close_log::{Closed, closed};
use super::closing;
use super::handler::Handler;
use super::moving::Pulled;
use super::pump::Pump;
use super::register::{Joined, Rejected, register, unavailable};
use super::resumption::{Arrived, new_connection_id};
use super::shared::Gateway;
use super::socket::{Incoming, Socket};
use crate::base::clock;
use crate::base::telemetry::{CloseLabel, Resumption};
use crate::router::Nodes;
use crate::store::Session;

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
