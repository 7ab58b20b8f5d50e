//! The first payload of a connection, and what it takes to let its user in (protocol, "Authentication").

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use callie_core::command::Command;
use callie_core::{ContentRef, Fault, Frame, Notice, RecipientRef, SysCode, Username};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::action::{Action, Work};
use super::background::retry_after_ms;
use super::close_log::{Closed, closed};
use super::closing;
use super::handler::{Handler, welcome};
use super::pump::Pump;
use super::reply::Reply;
use super::shared::Gateway;
use super::socket::{Incoming, Socket};
use crate::base::clock;
use crate::base::telemetry::{CloseLabel, Line, Refusal};
use crate::cache::ATTEMPTS;
use crate::net::ConnectionPermit;
use crate::router::{Allowance, CloseReason, JoinResult, Link, Origin, Place};
use crate::store::StoreError;

/// How long a connection waits for what other nodes remember of its user. Without it the user may send a payload twice.
const RECALL_TIMEOUT: Duration = Duration::from_secs(1);

/// Waits for the first payload and lets its user in, or closes the connection.
pub(super) async fn open(
    gateway: Arc<Gateway>,
    mut socket: Socket,
    permit: &mut ConnectionPermit,
    address: IpAddr,
) -> Option<Box<Pump>> {
    let rejected = match first_text(&gateway, &mut socket).await {
        Ok(text) => match let_in(&gateway, &text, permit, address).await {
            Ok((handler, work)) => return Some(Pump::new(gateway, socket, handler, work)),
            Err(rejected) => rejected,
        },
        Err(Unread::Close(reason)) => reason.into(),
        Err(Unread::Gone(how)) => {
            gateway.telemetry.metrics.closed(how);
            closing::leave(socket).await;
            return None;
        }
    };
    let Rejected { close, user, reason } = rejected;
    closed(&gateway, &close, &Closed { user: user.as_ref(), address, reason });
    drop(gateway);
    closing::close(socket, close, callie_core::Recipient::Unauthenticated, Default::default()).await;
    None
}

/// How a connection ends before its first payload.
enum Unread {
    /// By the server.
    Close(CloseReason),
    /// By the client, or by its disappearance.
    Gone(CloseLabel),
}

/// A connection whose first payload did not let its user in.
struct Rejected {
    close: CloseReason,
    /// The name that the payload claimed.
    user: Option<Username>,
    /// What the operator is told beside the code.
    reason: Option<&'static str>,
}

impl From<CloseReason> for Rejected {
    fn from(close: CloseReason) -> Self {
        Self { close, user: None, reason: None }
    }
}

/// The first text message, or how the connection ends.
async fn first_text(gateway: &Gateway, socket: &mut Socket) -> Result<Utf8Bytes, Unread> {
    let text = async {
        loop {
            match socket.read().await {
                Incoming::Text(text) => return Ok(text),
                Incoming::Control => {}
                Incoming::Closed => return Err(Unread::Gone(CloseLabel::Client)),
                Incoming::Ended | Incoming::Lost => return Err(Unread::Gone(CloseLabel::Lost)),
                Incoming::Fatal(reason) => return Err(Unread::Close(reason)),
            }
        }
    };
    tokio::select! {
        text = tokio::time::timeout(gateway.timing.authentication, text) => match text {
            Ok(text) => text,
            Err(_) => Err(Unread::Close(CloseReason::new(SysCode::AuthTimeout))),
        },
        () = gateway.shutdown.begun() => Err(Unread::Close(shutting_down())),
    }
}

fn shutting_down() -> CloseReason {
    CloseReason::from_notice(Notice::new(SysCode::ServerShutdown).retry_after_ms(retry_after_ms()))
}

async fn let_in(
    gateway: &Arc<Gateway>,
    text: &str,
    permit: &mut ConnectionPermit,
    address: IpAddr,
) -> Result<(Handler, Option<Work>), Rejected> {
    gateway.counters.received(1);
    let limits = gateway.limits;
    let frame = Frame::from_client(text, &limits).map_err(|fault| invalid(&fault))?;
    let claimed = Username::parse(frame.sender()).ok();
    let failed = |reason| Rejected {
        close: CloseReason::from_notice(failure(&frame)),
        user: claimed.clone(),
        reason: Some(reason),
    };
    let endings = gateway.endings();
    let session = gateway.sessions.authenticate(frame.token(), clock::now()).await;
    let session = session.map_err(|e| no_room(gateway, &e))?;
    let session = session.ok_or_else(|| failed("its token is of no live session"))?;
    if session.user != *frame.sender() {
        return Err(failed("its sender is not the user of its token"));
    }

    let outbox_bytes = gateway.config.current().outbox_bytes;
    let link = Link::new(session.user.clone(), session.id.clone(), address, outbox_bytes);
    // Before anyone can see the connection, so that nothing comes before it.
    link.notify(&welcome(gateway, &session, &frame));
    let place = enter(gateway, link).await?;
    let origin = place.origin().clone();
    gateway.cache.load_groups(&origin).await.map_err(|e| no_room(gateway, &e))?;
    recall(gateway, &origin).await;
    // It may have ended before the connection could be seen, and nobody would say so again.
    if gateway.endings() != endings
        && gateway.sessions.get(&session.id, clock::now()).await.map_err(|e| no_room(gateway, &e))?.is_none()
    {
        return Err(Rejected { user: claimed, ..CloseReason::new(SysCode::SessionRevoked).into() });
    }
    // Those who stop the server may have gone through the connections just before this one could be seen.
    if gateway.shutdown.has_begun() {
        return Err(shutting_down().into());
    }
    permit.authenticated();
    gateway.hub.came_online(&origin.user, gateway.config.current().presence);

    let mut handler = Handler::new(gateway.clone(), place, frame.token(), session);
    if greets_only(&frame) {
        return Ok((handler, None));
    }
    match handler.take_checked(&frame, Instant::now()) {
        Action::Done => Ok((handler, None)),
        Action::Later(work) => Ok((handler, Some(work))),
        Action::Close(reason) => Err(Rejected { user: claimed, ..reason.into() }),
    }
}

/// Whether the payload is but the conventional greeting, which the welcome has answered.
fn greets_only(frame: &Frame<'_>) -> bool {
    match frame.content() {
        ContentRef::Cmd(call) => {
            frame.recipient() == RecipientRef::Server
                && matches!(
                    Command::read(call.name(), call.parameters(), &callie_core::Limits::default()),
                    Ok(Command::Authenticate {})
                )
        }
        _ => false,
    }
}

/// The first payload is invalid: the answer says what is wrong with it, but under this code.
fn invalid(fault: &Fault) -> Rejected {
    let mut notice = Notice::new(SysCode::AuthFailed).describe(fault.reason().to_owned()).path(fault.path());
    if let Some(id) = fault.payload_id() {
        notice = notice.in_reply_to(id.clone());
    }
    // The path is left out: a client may have typed anything there.
    Rejected { close: CloseReason::from_notice(notice), user: None, reason: Some(fault.code().as_str()) }
}

fn failure(frame: &Frame<'_>) -> Notice {
    Reply::to(frame, 0).notice(SysCode::AuthFailed)
}

/// The database cannot be asked: the client is not to blame, and comes back.
fn no_room(gateway: &Gateway, error: &StoreError) -> Rejected {
    gateway.telemetry.metrics.refused(Refusal::Unavailable);
    if gateway.telemetry.lines.admit(Line::Unavailable) {
        tracing::error!(%error, "a connection could not be authenticated");
    }
    let notice = Notice::new(SysCode::Overloaded)
        .describe("the server's database does not answer; come back later")
        .retry_after_ms(retry_after_ms());
    Rejected {
        close: CloseReason::from_notice(notice),
        user: None,
        reason: Some("the database does not answer"),
    }
}

/// Makes the connection known to the hub.
async fn enter(gateway: &Gateway, link: Arc<Link>) -> Result<Place, Rejected> {
    let hub = &gateway.hub;
    let allowance = Allowance::of(&gateway.config.current());
    let mut snapshot = None;
    for _ in 0..ATTEMPTS {
        let user = hub.entry(&link.user, &allowance);
        match hub.enter(&user, &link, snapshot.take(), &allowance) {
            JoinResult::Joined => return Ok(Place::new(hub.clone(), Origin { user, link })),
            JoinResult::TooMany => {
                let notice = Notice::new(SysCode::Overloaded)
                    .describe("you have as many connections as one may have")
                    .retry_after_ms(retry_after_ms());
                gateway.telemetry.metrics.refused(Refusal::User);
                return Err(Rejected {
                    close: CloseReason::from_notice(notice),
                    user: Some(link.user.clone()),
                    reason: Some(Refusal::User.as_str()),
                });
            }
            JoinResult::Stale => {
                let version = user.state().version;
                let read = gateway.cache.read_user(&link.user, version).await;
                snapshot = Some(read.map_err(|e| no_room(gateway, &e))?);
            }
        }
    }
    let notice = Notice::new(SysCode::Overloaded).retry_after_ms(retry_after_ms());
    Err(Rejected {
        close: CloseReason::from_notice(notice),
        user: Some(link.user.clone()),
        reason: Some("the user's groups and settings keep changing"),
    })
}

/// Asks the nodes that the user is or was connected to what they remember of the user. They have been told that the user
/// is here, and tell from now on what comes in there.
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
