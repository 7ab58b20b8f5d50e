//! Passing payloads on, and what their sender is told of it (protocol, "Routing").

use std::sync::Arc;
use std::time::Instant;

use callie_core::{Frame, GroupId, Notice, Outcome, PayloadType, RecipientRef, SysCode, Username};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::action::Action;
use super::reply::Reply;
use super::request_context::RequestContext;
use crate::base::config::Audience;
use crate::base::telemetry::Line;
use crate::cache::code_of;
use crate::router::{
    Delivered, Direct, Group, Outgoing, Owed, PayloadKey, RecipientCache, RemoteOutcome, Request, Requester,
};

/// When a payload came in, and whether its way is timed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) at: Instant,
    pub(super) timed: bool,
}

impl Arrival {
    fn timed(self) -> Option<Instant> {
        self.timed.then_some(self.at)
    }
}

/// Passes a payload on to a user, a group or everyone.
pub(super) fn pass_on(
    context: &RequestContext,
    recipients: &mut RecipientCache,
    frame: &Frame<'_>,
    key: Option<PayloadKey>,
    now: Arrival,
) -> Action {
    match frame.recipient() {
        RecipientRef::User(name) => to_user(context, recipients, frame, name, key, now),
        RecipientRef::Group(id) => to_group(context, frame, id, key, now),
        RecipientRef::Broadcast => to_everyone(context, frame, key),
        // The table of routes sends nothing else here.
        RecipientRef::Server | RecipientRef::Unauthenticated => Action::Done,
    }
}

fn to_user(
    context: &RequestContext,
    recipients: &mut RecipientCache,
    frame: &Frame<'_>,
    to: &str,
    key: Option<PayloadKey>,
    now: Arrival,
) -> Action {
    let origin = &context.origin;
    let text = Utf8Bytes::from(frame.pass_on());
    let is_copied = frame.payload_type() == PayloadType::Msg && origin.user.name != *to;
    let (others, away) = if is_copied { origin.user.ways_but(&origin.link) } else { Default::default() };
    let copy = (!others.is_empty() || !away.is_empty()).then(|| text.clone());
    let ask = request(context, frame, key, false, now);
    let outgoing = Outgoing { from: origin, text, ask, timed: now.timed() };
    let copy = || {
        if let Some(copy) = &copy {
            context.hub().to_own(origin, &others, &away, copy);
        }
    };
    // Before the recipient is looked for: who comes to be known meanwhile was not known then.
    let was_converged = context.hub().remote.is_converged();
    match context.hub().to_user(to, recipients, outgoing) {
        Direct::Sent => {
            copy();
            // A plain message was noted as sent; what becomes of another comes by itself.
            context.took(frame.payload_type(), None, Outcome::Sent);
            Action::Done
        }
        Direct::Leaving(remote) => {
            copy();
            let Ok(to) = Username::parse(to) else { return Action::Done };
            // A plain message was noted as sent.
            context.settle(key, Outcome::Pending);
            let (context, reply) = (context.clone(), context.reply_to(frame));
            let owed = context.owe();
            remote.finally(move |outcome| arrived(context, reply, to, key, outcome, was_converged, owed));
            Action::Done
        }
        Direct::Blocked(blocked) => {
            context.refuse(&context.reply_to(frame), key, code_of(blocked));
            Action::Done
        }
        Direct::NotHere => {
            let Ok(to) = Username::parse(to) else { return Action::Done };
            context.settle(key, Outcome::Pending);
            let (context, reply) = (context.clone(), context.reply_to(frame));
            Action::Later(Box::pin(async move {
                let code = absence(&context, &to, was_converged).await;
                context.refuse(&reply, key, code);
            }))
        }
    }
}

/// What became of a payload at the other nodes that its recipient is connected to.
fn arrived(
    context: RequestContext,
    reply: Reply,
    to: Username,
    key: Option<PayloadKey>,
    outcome: RemoteOutcome,
    was_converged: bool,
    owed: Owed,
) {
    if outcome.reached > 0 {
        context.took(reply.kind(), key, Outcome::Sent);
    } else if outcome.unknown > 0 {
        unsure(&context, &reply, key);
    } else {
        tokio::spawn(async move {
            let code = absence(&context, &to, was_converged).await;
            context.refuse(&reply, key, code);
            drop(owed);
        });
    }
}

/// The way to another node broke: a payload may or may not have arrived.
fn unsure(context: &RequestContext, reply: &Reply, key: Option<PayloadKey>) {
    if reply.kind() == PayloadType::Msg {
        context.answer(reply, key, Outcome::Unconfirmed, Notice::new(SysCode::DeliveryUnconfirmed));
    } else {
        context.took(reply.kind(), key, Outcome::Sent);
    }
}

/// Returns the answer to a payload whose recipient is not known to be connected.
async fn absence(context: &RequestContext, to: &Username, was_converged: bool) -> SysCode {
    context.gateway.unreachable.user(&context.origin.user.name, to, was_converged).await
}

fn to_group(
    context: &RequestContext,
    frame: &Frame<'_>,
    id: GroupId,
    key: Option<PayloadKey>,
    now: Arrival,
) -> Action {
    let name = &context.origin.user.name;
    let group = context.hub().group(id).filter(|group| group.state().online.contains_key(name));
    let Some(group) = group else {
        context.settle(key, Outcome::Pending);
        let (context, reply) = (context.clone(), context.reply_to(frame));
        return Action::Later(Box::pin(async move {
            let code = context.gateway.unreachable.group(id).await;
            context.refuse(&reply, key, code);
        }));
    };
    let ask = request(context, frame, key, true, now);
    let call = Call { reply: context.reply_to(frame), key, text: Utf8Bytes::from(frame.pass_on()), ask };
    if group.state().loaded {
        call_group(context, id, &group, call, now.timed());
        return Action::Done;
    }
    // The sender came into the group through another node a moment ago. A plain message was noted as sent.
    context.settle(key, Outcome::Pending);
    let context = context.clone();
    Action::Later(Box::pin(async move {
        match context.gateway.cache.load_group(id).await {
            Ok(()) => call_group(&context, id, &group, call, None),
            Err(error) => {
                tracing::error!(%error, "the members of a group could not be looked up");
                context.refuse(&call.reply, key, SysCode::InternalError);
            }
        }
    }))
}

/// A message to a group.
struct Call {
    reply: Reply,
    key: Option<PayloadKey>,
    text: Utf8Bytes,
    ask: Option<Request>,
}

fn call_group(context: &RequestContext, id: GroupId, group: &Arc<Group>, call: Call, timed: Option<Instant>) {
    let Call { reply, key, text, ask } = call;
    let asked = ask.is_some();
    let was_converged = context.hub().remote.is_converged();
    let delivered = context.hub().to_group(id, group, Outgoing { from: &context.origin, text, ask, timed });
    if asked {
        // The answer comes by itself, and settles it.
        context.took(reply.kind(), None, Outcome::Pending);
        return;
    }
    let Some(remote) = delivered.elsewhere.clone() else {
        return tell_reach(context, &reply, key, delivered, was_converged);
    };
    // A plain message was noted as sent.
    context.settle(key, Outcome::Pending);
    let (context, group, owed) = (context.clone(), group.clone(), context.owe());
    remote.finally(move |outcome| {
        let _owed = owed;
        if outcome.unknown > 0 {
            return unsure(&context, &reply, key);
        }
        let mut delivered = delivered;
        delivered.delivered = outcome.reached;
        if outcome.missed > 0 {
            delivered.missed_elsewhere(outcome.missed, &group);
        }
        tell_reach(&context, &reply, key, delivered, was_converged);
    });
}

fn tell_reach(
    context: &RequestContext,
    reply: &Reply,
    key: Option<PayloadKey>,
    delivered: Delivered,
    was_converged: bool,
) {
    if delivered.delivered == 0 {
        // Whoever is not here may be connected to a node that cannot be asked.
        let is_converged = was_converged && context.hub().remote.is_converged();
        let code = if is_converged { SysCode::RecipientOffline } else { SysCode::InternalError };
        context.refuse(reply, key, code);
    } else if delivered.offline_count > 0 {
        let notice = Notice::new(SysCode::PartiallyDelivered)
            .delivered(delivered.delivered as u64)
            .offline(delivered.offline)
            .offline_count(delivered.offline_count as u64);
        context.answer(reply, key, Outcome::Sent, notice);
    } else {
        context.took(reply.kind(), key, Outcome::Sent);
    }
}

fn to_everyone(context: &RequestContext, frame: &Frame<'_>, key: Option<PayloadKey>) -> Action {
    let text = Utf8Bytes::from(frame.pass_on());
    if context.gateway.config.current().broadcast == Audience::Everyone {
        broadcast(context, key, &text);
        return Action::Done;
    }
    context.settle(key, Outcome::Pending);
    let (context, reply) = (context.clone(), context.reply_to(frame));
    Action::Later(Box::pin(async move {
        match context.gateway.admins.is_admin(&context.origin.user.name).await {
            Ok(true) => broadcast(&context, key, &text),
            Ok(false) => context.refuse(&reply, key, SysCode::Forbidden),
            Err(error) => {
                tracing::error!(%error, "an admin could not be looked up");
                context.refuse(&reply, key, SysCode::InternalError);
            }
        }
    }))
}

fn broadcast(context: &RequestContext, key: Option<PayloadKey>, text: &Utf8Bytes) {
    if context.gateway.telemetry.lines.admit(Line::Broadcast) {
        let link = &context.origin.link;
        tracing::info!(user = %link.user, address = %link.address, bytes = text.len(), "outcome on a broadcast");
    }
    context.hub().to_everyone(text, Some(&context.origin.link));
    context.took(PayloadType::Msg, key, Outcome::Sent);
}

/// What the sender wants to be told, if it asked.
fn request(
    context: &RequestContext,
    frame: &Frame<'_>,
    key: Option<PayloadKey>,
    counts: bool,
    now: Arrival,
) -> Option<Request> {
    if !frame.wants_ack() {
        return None;
    }
    let (payload_id, message_id) = context.reply_to(frame).ids()?;
    let was_converged = context.hub().remote.is_converged();
    let origin = context.origin.clone();
    let requester =
        Requester::Sender { number: origin.link.at(), origin, key: key?, message_id, was_converged };
    Some(Request { requester, payload_id, counts, deadline: now.at + context.gateway.timing.confirmation })
}
