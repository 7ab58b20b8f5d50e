//! The first payload of a connection, and what it takes to let its user in (protocol, "Authentication").

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use callie_core::command::Command;
use callie_core::{ContentRef, Fault, Frame, Notice, RecipientRef, SysCode, Username};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::admission::Pass;
use super::background::retry_after_ms;
use super::close_log::{Closed, closed};
use super::closing;
use super::conversation::{Conversation, Step, Work, welcome};
use super::knowledge::{ATTEMPTS, load_groups, read_user};
use super::pump::Pump;
use super::reply::Reply;
use super::socket::{Incoming, Socket};
use crate::clock;
use crate::cluster::{Awaited, Entry};
use crate::router::{Entrance, Farewell, Link, Origin, Place};
use crate::server::App;
use crate::store::StoreError;
use crate::telemetry::{CloseLabel, Line, Refusal};

/// How long a connection waits for what other nodes remember of its user. Without it the user may send a payload twice.
const RECALL_TIMEOUT: Duration = Duration::from_secs(1);

/// Waits for the first payload and lets its user in, or closes the connection.
pub(super) async fn open(
    app: Arc<App>,
    mut socket: Socket,
    pass: &mut Pass,
    address: IpAddr,
) -> Option<Box<Pump>> {
    let rejected = match first_text(&app, &mut socket).await {
        Ok(text) => match let_in(&app, &text, pass, address).await {
            Ok((conversation, work)) => return Some(Pump::new(app, socket, conversation, work)),
            Err(rejected) => rejected,
        },
        Err(Unread::Farewell(farewell)) => farewell.into(),
        Err(Unread::Gone(how)) => {
            app.metrics.closed(how);
            closing::leave(socket).await;
            return None;
        }
    };
    let Rejected { farewell, user, reason } = rejected;
    closed(&app, &farewell, &Closed { user: user.as_ref(), address, reason });
    drop(app);
    closing::close(socket, farewell, callie_core::Recipient::Unauthenticated, Default::default()).await;
    None
}

/// How a connection ends before its first payload.
enum Unread {
    /// By the server.
    Farewell(Farewell),
    /// By the client, or by its disappearance.
    Gone(CloseLabel),
}

/// A connection whose first payload did not let its user in.
struct Rejected {
    farewell: Farewell,
    /// The name that the payload claimed.
    user: Option<Username>,
    /// What the operator is told beside the code.
    reason: Option<&'static str>,
}

impl From<Farewell> for Rejected {
    fn from(farewell: Farewell) -> Self {
        Self { farewell, user: None, reason: None }
    }
}

/// The first text message, or how the connection ends.
async fn first_text(app: &App, socket: &mut Socket) -> Result<Utf8Bytes, Unread> {
    let text = async {
        loop {
            match socket.read().await {
                Incoming::Text(text) => return Ok(text),
                Incoming::Control => {}
                Incoming::Closed => return Err(Unread::Gone(CloseLabel::Client)),
                Incoming::Ended | Incoming::Lost => return Err(Unread::Gone(CloseLabel::Lost)),
                Incoming::Fatal(farewell) => return Err(Unread::Farewell(farewell)),
            }
        }
    };
    let mut stopping = app.stopping();
    tokio::select! {
        text = tokio::time::timeout(app.gateway.timing.authentication, text) => match text {
            Ok(text) => text,
            Err(_) => Err(Unread::Farewell(Farewell::new(SysCode::AuthTimeout))),
        },
        _ = stopping.wait_for(|stopping| *stopping) => Err(Unread::Farewell(shutting_down())),
    }
}

fn shutting_down() -> Farewell {
    Farewell::from_notice(Notice::new(SysCode::ServerShutdown).retry_after_ms(retry_after_ms()))
}

async fn let_in(
    app: &Arc<App>,
    text: &str,
    pass: &mut Pass,
    address: IpAddr,
) -> Result<(Conversation, Option<Work>), Rejected> {
    app.gateway.tally.received(1);
    let limits = app.gateway.limits;
    let frame = Frame::from_client(text, &limits).map_err(|fault| invalid(&fault))?;
    let claimed = Username::parse(frame.sender()).ok();
    let failed = |reason| Rejected {
        farewell: Farewell::from_notice(failure(&frame)),
        user: claimed.clone(),
        reason: Some(reason),
    };
    let endings = app.gateway.endings();
    let session = app.store.authenticate(frame.token(), clock::now()).await.map_err(|e| no_room(app, &e))?;
    let session = session.ok_or_else(|| failed("its token is of no live session"))?;
    if session.user != *frame.sender() {
        return Err(failed("its sender is not the user of its token"));
    }

    let link = Link::new(session.user.clone(), session.id.clone(), address, app.config().outbox_bytes);
    // Before anyone can see the connection, so that nothing comes before it.
    link.notify(&welcome(app, &session, &frame));
    let place = enter(app, link).await?;
    let origin = place.origin().clone();
    load_groups(app, &origin).await.map_err(|e| no_room(app, &e))?;
    recall(app, &origin).await;
    // It may have ended before the connection could be seen, and nobody would say so again.
    if app.gateway.endings() != endings
        && app.store.session(&session.id, clock::now()).await.map_err(|e| no_room(app, &e))?.is_none()
    {
        return Err(Rejected { user: claimed, ..Farewell::new(SysCode::SessionRevoked).into() });
    }
    // Those who stop the server may have gone through the connections just before this one could be seen.
    if *app.stopping().borrow() {
        return Err(shutting_down().into());
    }
    pass.authenticated();
    app.gateway.hub.came_online(&origin.user, app.config().presence);

    let mut conversation = Conversation::new(app.clone(), place, frame.token(), session);
    if greets_only(&frame) {
        return Ok((conversation, None));
    }
    match conversation.take_checked(&frame, Instant::now()) {
        Step::Done => Ok((conversation, None)),
        Step::Later(work) => Ok((conversation, Some(work))),
        Step::Close(farewell) => Err(Rejected { user: claimed, ..farewell.into() }),
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
    Rejected { farewell: Farewell::from_notice(notice), user: None, reason: Some(fault.code().as_str()) }
}

fn failure(frame: &Frame<'_>) -> Notice {
    Reply::to(frame, 0).notice(SysCode::AuthFailed)
}

/// The database cannot be asked: the client is not to blame, and comes back.
fn no_room(app: &App, error: &StoreError) -> Rejected {
    app.metrics.refused(Refusal::Unavailable);
    if app.lines.admit(Line::Unavailable) {
        tracing::error!(%error, "a connection could not be authenticated");
    }
    let notice = Notice::new(SysCode::Overloaded)
        .describe("the server's database does not answer; come back later")
        .retry_after_ms(retry_after_ms());
    Rejected {
        farewell: Farewell::from_notice(notice),
        user: None,
        reason: Some("the database does not answer"),
    }
}

/// Makes the connection known to the hub.
async fn enter(app: &App, link: Arc<Link>) -> Result<Place, Rejected> {
    let hub = &app.gateway.hub;
    let allowance = app.gateway.allowance(&app.config());
    let mut known = None;
    for _ in 0..ATTEMPTS {
        let user = hub.entry(&link.user, &allowance);
        match hub.enter(&user, &link, known.take(), &allowance) {
            Entrance::In => return Ok(Place::new(hub.clone(), Origin { user, link })),
            Entrance::TooMany => {
                let notice = Notice::new(SysCode::Overloaded)
                    .describe("you have as many connections as one may have")
                    .retry_after_ms(retry_after_ms());
                app.metrics.refused(Refusal::User);
                return Err(Rejected {
                    farewell: Farewell::from_notice(notice),
                    user: Some(link.user.clone()),
                    reason: Some(Refusal::User.as_str()),
                });
            }
            Entrance::Stale => {
                let version = user.state().version;
                known = Some(read_user(app, &link.user, version).await.map_err(|e| no_room(app, &e))?);
            }
        }
    }
    let notice = Notice::new(SysCode::Overloaded).retry_after_ms(retry_after_ms());
    Err(Rejected {
        farewell: Farewell::from_notice(notice),
        user: Some(link.user.clone()),
        reason: Some("the user's groups and settings keep changing"),
    })
}

/// Asks the nodes that the user is or was connected to what they remember of the user. They have been told that the user
/// is here, and tell from now on what comes in there.
async fn recall(app: &App, origin: &Origin) {
    let hub = &app.gateway.hub;
    if origin.user.state().recalled {
        return;
    }
    let mut answers = Vec::new();
    for peer in hub.who_remembers(&origin.user).iter().filter_map(|node| hub.peers.get(*node)) {
        let (asker, answer) = oneshot::channel();
        let user = origin.user.name.clone();
        peer.ask(Awaited::Memory(asker), |ticket| Entry::Recall { ticket, user });
        answers.push(answer);
    }
    let until = tokio::time::Instant::now() + RECALL_TIMEOUT;
    let mut memories = Vec::new();
    for answer in answers {
        memories.extend(tokio::time::timeout_at(until, answer).await.into_iter().flatten());
    }
    hub.remember(&origin.user, memories);
}
