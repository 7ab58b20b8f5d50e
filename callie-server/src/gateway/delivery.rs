//! Delivers payloads, and reports the result to their sender (protocol, "Routing").

use std::sync::Arc;
use std::time::Instant;

use callie_core::server::{Accepted, Connection, Reply};
use callie_core::{GroupId, PayloadRef, PayloadType, PriorOutcome, RecipientRef, SysCode, Username};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::action::Action;
use super::request_context::RequestContext;
use crate::base::config::Audience;
use crate::base::ids::envelope_ids;
use crate::base::telemetry::Line;
use crate::cache::code_of;
use crate::router::{
    Delivered, Direct, Group, Outgoing, PendingAnswer, Receipt, RecipientCache, RemoteOutcome, Request,
    Requester,
};

/// When a payload was received, and whether its latency is measured.
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

/// An accepted payload and the connection that received it.
pub(super) struct Incoming<'a, 't> {
    pub(super) context: &'a RequestContext,
    pub(super) connection: &'a Connection<Receipt>,
    pub(super) accepted: &'a Accepted<'t>,
    pub(super) arrival: Arrival,
}

impl<'t> Incoming<'_, 't> {
    fn payload(&self) -> &PayloadRef<'t> {
        self.accepted.payload()
    }

    /// Returns what is needed to answer the payload.
    fn reply(&self) -> Reply {
        self.connection.reply(self.accepted)
    }

    /// Returns what is needed to answer the payload later, and records its outcome as pending. Without this, a message
    /// that needs no confirmation is recorded as sent.
    fn pending(&self) -> (RequestContext, Reply) {
        let (context, reply) = (self.context.clone(), self.reply());
        context.settle(&reply, PriorOutcome::Pending);
        (context, reply)
    }

    /// Returns the sender's request for confirmation, if there is one.
    fn request(&self, of_group: bool, reply: impl FnOnce() -> Reply) -> Option<Request> {
        if !self.payload().wants_ack() {
            return None;
        }
        let key = self.accepted.key()?;
        let was_converged = self.context.hub().remote.is_converged();
        let origin = self.context.origin.clone();
        let requester = Requester::Sender { origin, reply: reply(), was_converged };
        let deadline = self.arrival.at + self.context.gateway.timing.protocol.confirmation;
        Some(Request { requester, key, of_group, deadline })
    }
}

/// Delivers a payload to a user, a group or everyone.
pub(super) fn pass_on(incoming: &Incoming<'_, '_>, recipients: &mut RecipientCache) -> Action {
    match incoming.payload().recipient() {
        RecipientRef::User(name) => to_user(incoming, recipients, name),
        RecipientRef::Group(id) => to_group(incoming, id),
        RecipientRef::Broadcast => to_everyone(incoming),
        // The routing table of the core delivers no payload to these.
        RecipientRef::Server | RecipientRef::Unauthenticated => Action::Done,
    }
}

fn to_user(incoming: &Incoming<'_, '_>, recipients: &mut RecipientCache, to: &str) -> Action {
    let (context, frame) = (incoming.context, incoming.payload());
    let origin = &context.origin;
    let text = Utf8Bytes::from(frame.pass_on());
    let is_copied = frame.payload_type() == PayloadType::Msg && origin.user.name != *to;
    let (others, away) = if is_copied { origin.user.ways_but(&origin.link) } else { Default::default() };
    let copy = (!others.is_empty() || !away.is_empty()).then(|| text.clone());
    let ask = incoming.request(false, || incoming.reply());
    let outgoing = Outgoing { from: origin, text, ask, timed: incoming.arrival.timed() };
    let copy = || {
        if let Some(copy) = &copy {
            context.hub().to_own(origin, &others, &away, copy);
        }
    };
    // Read before the recipient is looked up, because a recipient may become known in between.
    let was_converged = context.hub().remote.is_converged();
    match context.hub().to_user(to, recipients, outgoing) {
        Direct::Sent => {
            copy();
            // The outcome is recorded already, or follows with the confirmation.
            context.count_taken(frame.payload_type());
            Action::Done
        }
        Direct::Remote(remote) => {
            copy();
            let Ok(to) = Username::parse(to) else { return Action::Done };
            let (context, reply) = incoming.pending();
            let pending = context.pending_answer();
            remote.finally(move |outcome| report_remote(context, reply, to, outcome, was_converged, pending));
            Action::Done
        }
        Direct::Blocked(blocked) => {
            context.refuse(&incoming.reply(), code_of(blocked));
            Action::Done
        }
        Direct::NotConnected => {
            let Ok(to) = Username::parse(to) else { return Action::Done };
            let (context, reply) = incoming.pending();
            Action::Later(Box::pin(async move {
                let code = unreachable_code(&context, &to, was_converged).await;
                context.refuse(&reply, code);
            }))
        }
    }
}

/// Reports the outcome of a payload at the other nodes that its recipient is connected to.
fn report_remote(
    context: RequestContext,
    reply: Reply,
    to: Username,
    outcome: RemoteOutcome,
    was_converged: bool,
    pending: PendingAnswer,
) {
    if outcome.reached > 0 {
        context.record_taken(&reply, PriorOutcome::Sent);
    } else if outcome.unknown > 0 {
        report_unconfirmed(&context, &reply);
    } else {
        tokio::spawn(async move {
            let code = unreachable_code(&context, &to, was_converged).await;
            context.refuse(&reply, code);
            drop(pending);
        });
    }
}

/// Reports that a payload may or may not have arrived, because the stream to another node broke.
fn report_unconfirmed(context: &RequestContext, reply: &Reply) {
    if reply.kind() == PayloadType::Msg {
        context.queue(reply, reply.unconfirmed(envelope_ids()));
    } else {
        context.record_taken(reply, PriorOutcome::Sent);
    }
}

/// Returns the code for a payload whose recipient is not known to be connected.
async fn unreachable_code(context: &RequestContext, to: &Username, was_converged: bool) -> SysCode {
    context.gateway.unreachable.user(&context.origin.user.name, to, was_converged).await
}

fn to_group(incoming: &Incoming<'_, '_>, id: GroupId) -> Action {
    let context = incoming.context;
    let name = &context.origin.user.name;
    let group = context.hub().group(id).filter(|group| group.state().online.contains_key(name));
    let Some(group) = group else {
        let (context, reply) = incoming.pending();
        return Action::Later(Box::pin(async move {
            let code = context.gateway.unreachable.group(id).await;
            context.refuse(&reply, code);
        }));
    };
    let text = Utf8Bytes::from(incoming.payload().pass_on());
    let reply = incoming.reply();
    let ask = incoming.request(true, || reply.clone());
    let message = GroupMessage { reply, text, ask };
    if group.state().loaded {
        deliver_to_group(context, id, &group, message, incoming.arrival.timed());
        return Action::Done;
    }
    // The members are not loaded yet: the sender joined the group through another node a moment ago.
    context.settle(&message.reply, PriorOutcome::Pending);
    let context = context.clone();
    Action::Later(Box::pin(async move {
        match context.gateway.cache.load_group(id).await {
            Ok(()) => deliver_to_group(&context, id, &group, message, None),
            Err(error) => {
                tracing::error!(%error, "cannot look up the members of a group");
                context.refuse(&message.reply, SysCode::InternalError);
            }
        }
    }))
}

/// A message to a group.
struct GroupMessage {
    reply: Reply,
    text: Utf8Bytes,
    ask: Option<Request>,
}

fn deliver_to_group(
    context: &RequestContext,
    id: GroupId,
    group: &Arc<Group>,
    message: GroupMessage,
    timed: Option<Instant>,
) {
    let GroupMessage { reply, text, ask } = message;
    let asked = ask.is_some();
    let was_converged = context.hub().remote.is_converged();
    let delivered = context.hub().to_group(id, group, Outgoing { from: &context.origin, text, ask, timed });
    if asked {
        // The answer follows from the confirmations, and records the outcome.
        context.count_taken(reply.kind());
        return;
    }
    let Some(remote) = delivered.elsewhere.clone() else {
        return report_delivered(context, &reply, delivered, was_converged);
    };
    context.settle(&reply, PriorOutcome::Pending);
    let (context, group, pending) = (context.clone(), group.clone(), context.pending_answer());
    remote.finally(move |outcome| {
        let _pending = pending;
        if outcome.unknown > 0 {
            return report_unconfirmed(&context, &reply);
        }
        let mut delivered = delivered;
        delivered.delivered = outcome.reached;
        if outcome.missed > 0 {
            delivered.missed_elsewhere(outcome.missed, &group);
        }
        report_delivered(&context, &reply, delivered, was_converged);
    });
}

fn report_delivered(context: &RequestContext, reply: &Reply, delivered: Delivered, was_converged: bool) {
    if delivered.delivered == 0 {
        // Members may be connected to a node that cannot be reached.
        let is_converged = was_converged && context.hub().remote.is_converged();
        let code = if is_converged { SysCode::RecipientOffline } else { SysCode::InternalError };
        context.refuse(reply, code);
    } else if delivered.offline_count > 0 {
        let (reached, missed) = (delivered.delivered as u64, delivered.offline_count as u64);
        context.queue(reply, reply.partially_delivered(reached, delivered.offline, missed, envelope_ids()));
    } else {
        context.record_taken(reply, PriorOutcome::Sent);
    }
}

fn to_everyone(incoming: &Incoming<'_, '_>) -> Action {
    let context = incoming.context;
    let text = Utf8Bytes::from(incoming.payload().pass_on());
    if context.gateway.config.current().broadcast == Audience::Everyone {
        // The outcome is recorded already.
        broadcast(context, &text);
        context.count_taken(PayloadType::Msg);
        return Action::Done;
    }
    let (context, reply) = incoming.pending();
    Action::Later(Box::pin(async move {
        match context.gateway.admins.is_admin(&context.origin.user.name).await {
            Ok(true) => {
                broadcast(&context, &text);
                context.record_taken(&reply, PriorOutcome::Sent);
            }
            Ok(false) => context.refuse(&reply, SysCode::Forbidden),
            Err(error) => {
                tracing::error!(%error, "cannot look up whether a user is an admin");
                context.refuse(&reply, SysCode::InternalError);
            }
        }
    }))
}

fn broadcast(context: &RequestContext, text: &Utf8Bytes) {
    if context.gateway.telemetry.lines.admit(Line::Broadcast) {
        let link = &context.origin.link;
        tracing::info!(user = %link.user, address = %link.address, bytes = text.len(), "delivered a broadcast");
    }
    context.hub().to_everyone(text, Some(&context.origin.link));
}
