//! Delivers payloads, and reports the result to their sender (protocol, "Routing").

use std::sync::Arc;
use std::time::Instant;

use callie_core::server::{self, Accepted, Connection, DeliveryCounts, Reply};
use callie_core::{
    GroupId, MAX_OFFLINE_NAMES, PayloadRef, PayloadType, PriorOutcome, RecipientRef, SysCode, Username,
};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::action::Action;
use super::keeping::{AbsentMembers, Keepable, spawn};
use super::request_context::RequestContext;
use crate::base::config::Audience;
use crate::base::ids::envelope_ids;
use crate::base::telemetry::Line;
use crate::cache::{NotKept, code_of};
use crate::router::{
    Blocked, Delivered, Direct, Finish, Group, Keep, Outgoing, PendingAnswer, Receipt, RecipientCache,
    RemoteOutcome, Request, Requester,
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
    pub(super) connection: &'a Connection<Receipt, Utf8Bytes>,
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

    /// Returns the payload as a message that can be kept; see [`Keepable::new`].
    fn keepable(&self, text: &Utf8Bytes) -> Option<Keepable> {
        Keepable::new(self.context, self.connection, self.accepted, text)
    }

    /// Returns the sender's request for confirmation, if there is one. `finish` returns what answers it, if the delivery
    /// itself does not.
    fn request(
        &self,
        of_group: bool,
        reply: impl FnOnce() -> Reply,
        finish: impl FnOnce() -> Option<Finish>,
    ) -> Option<Request> {
        if !self.payload().wants_ack() {
            return None;
        }
        let key = self.accepted.key()?;
        let was_converged = self.context.hub().remote.is_converged();
        let origin = self.context.origin.clone();
        let finish = Mutex::new(finish());
        let requester = Requester::Sender { origin, reply: reply(), was_converged, finish };
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
    let keepable = incoming.keepable(&text);
    // Read before the recipient is looked up, because a recipient may become known in between.
    let was_converged = context.hub().remote.is_converged();
    if keepable.as_ref().is_some_and(|keepable| keepable.is_behind_another(to)) {
        return to_absent(incoming, to, was_converged, keepable);
    }
    let finish = || Some(keepable.clone()?.finish_for_user(Username::parse(to).ok()?, was_converged));
    let ask = incoming.request(false, || incoming.reply(), finish);
    let timed = incoming.arrival.timed();
    let keep = if frame.payload_type() == PayloadType::Ping { Keep::Never } else { Keep::Reported };
    let outgoing = Outgoing { from: origin, text, ask, keep, timed, most_names: 0 };
    let copy = || {
        if let Some(copy) = &copy {
            context.hub().to_own(origin, &others, &away, copy);
        }
    };
    match context.hub().to_user(to, recipients, outgoing) {
        Direct::Sent => {
            copy();
            // The outcome is recorded already, or follows with the confirmation.
            context.count_taken(frame.payload_type());
            Action::Done
        }
        Direct::Pending(remote) => {
            copy();
            let Ok(to) = Username::parse(to) else { return Action::Done };
            let (context, reply) = incoming.pending();
            let pending = context.pending_answer();
            let remote_report = Absentee { context, reply, to, was_converged, keepable };
            remote.finally(move |outcome| report_remote(remote_report, outcome, pending));
            Action::Done
        }
        // A sender who is blocked gets the same answer as if the recipient were not connected.
        Direct::Blocked(Blocked::ByBlock) if keepable.is_some() => {
            let Ok(to) = Username::parse(to) else { return Action::Done };
            let (context, reply) = incoming.pending();
            Action::Later(Box::pin(async move {
                let Some(keepable) = keepable else { return };
                let answer = keepable.keep_for_absent(&to, true).await;
                keepable.copy_if_stored(&answer);
                context.queue(&reply, answer);
            }))
        }
        Direct::Blocked(blocked) => {
            context.refuse(&incoming.reply(), code_of(blocked));
            Action::Done
        }
        Direct::NotConnected => to_absent(incoming, to, was_converged, keepable),
    }
}

/// Keeps a payload to a user who is not known to be connected, or finds out why it cannot be delivered.
fn to_absent(
    incoming: &Incoming<'_, '_>,
    to: &str,
    was_converged: bool,
    keepable: Option<Keepable>,
) -> Action {
    let Ok(to) = Username::parse(to) else { return Action::Done };
    let (context, reply) = incoming.pending();
    Action::Later(Box::pin(async move {
        let absentee = Absentee { context, reply, to, was_converged, keepable };
        let answer = absentee.answer().await;
        if let Some(keepable) = &absentee.keepable {
            keepable.copy_if_stored(&answer);
        }
        absentee.context.queue(&absentee.reply, answer);
    }))
}

/// A payload to a user who is not known to be connected.
struct Absentee {
    context: RequestContext,
    reply: Reply,
    to: Username,
    was_converged: bool,
    /// Set if the payload is kept.
    keepable: Option<Keepable>,
}

impl Absentee {
    /// Keeps the payload, or finds out why it cannot be delivered. Returns the answer.
    async fn answer(&self) -> server::Answer {
        let Self { context, reply, to, was_converged, keepable } = self;
        if let Some(keepable) = keepable {
            return keepable.keep_for_user(to, *was_converged).await;
        }
        let me = &context.origin.user.name;
        reply.refuse(context.gateway.unreachable.user(me, to, *was_converged).await, envelope_ids())
    }
}

/// Reports the outcome of a payload at the other nodes that its recipient is connected to.
fn report_remote(absentee: Absentee, outcome: RemoteOutcome, pending: PendingAnswer) {
    if outcome.reached > 0 {
        absentee.context.record_taken(&absentee.reply, PriorOutcome::Sent);
    } else if outcome.unknown > 0 {
        report_unconfirmed(&absentee.context, &absentee.reply);
    } else if let Some(keepable) = &absentee.keepable {
        let answer = keepable.keep_for_missed(absentee.to.clone(), absentee.was_converged);
        spawn(async move {
            let answer = answer.await;
            absentee.context.queue(&absentee.reply, answer);
            drop(pending);
        });
    } else {
        spawn(async move {
            let answer = absentee.answer().await;
            absentee.context.queue(&absentee.reply, answer);
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
    let keepable = incoming.keepable(&text);
    let mut absent = None;
    let finish = || {
        let (finish, sender) = keepable.clone()?.finish_for_group(id, group.clone());
        absent = Some(sender);
        Some(finish)
    };
    let ask = incoming.request(true, || reply.clone(), finish);
    let message = GroupMessage { reply, text, ask, keepable, absent };
    if group.state().loaded {
        return deliver_to_group(context, id, &group, message, incoming.arrival.timed());
    }
    // The members are not loaded yet: the sender joined the group through another node a moment ago.
    context.settle(&message.reply, PriorOutcome::Pending);
    let context = context.clone();
    Action::Later(Box::pin(async move {
        match context.gateway.cache.load_group(id).await {
            Ok(()) => {
                if let Action::Later(work) = deliver_to_group(&context, id, &group, message, None) {
                    work.await;
                }
            }
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
    /// Set if the message is kept for members who are not connected.
    keepable: Option<Keepable>,
    /// Where these members are passed to the answer, if the sender asks for confirmation.
    absent: Option<oneshot::Sender<AbsentMembers>>,
}

fn deliver_to_group(
    context: &RequestContext,
    id: GroupId,
    group: &Arc<Group>,
    message: GroupMessage,
    timed: Option<Instant>,
) -> Action {
    // Locked until the message is handed out, so that no member connects in between.
    let state = group.state();
    let behind = message.keepable.as_ref().map(Keepable::users_behind_another).unwrap_or_default();
    if behind.iter().any(|name| state.is_connected(name)) {
        drop(state);
        context.settle(&message.reply, PriorOutcome::Pending);
        let (context, group) = (context.clone(), group.clone());
        return Action::Later(Box::pin(async move {
            if let Some(keepable) = &message.keepable {
                keepable.wait_for_others(&behind).await;
            }
            if let Action::Later(work) = deliver_to_group(&context, id, &group, message, None) {
                work.await;
            }
        }));
    }
    let GroupMessage { reply, text, ask, keepable, absent } = message;
    let asked = ask.is_some();
    let was_converged = context.hub().remote.is_converged();
    let most_names = if keepable.is_some() { usize::MAX } else { MAX_OFFLINE_NAMES };
    let outgoing = Outgoing { from: &context.origin, text, ask, keep: Keep::Reported, timed, most_names };
    let delivered = context.hub().to_group(id, state, outgoing);
    // Members may be connected to a node that cannot be reached.
    let may_keep = was_converged && context.hub().remote.is_converged();
    let absent_names = if keepable.is_some() && may_keep { delivered.offline.clone() } else { Vec::new() };
    if asked {
        // The answer follows from the confirmations, and records the outcome.
        context.count_taken(reply.kind());
    }
    let Some(keepable) = keepable else {
        if !asked {
            let report = GroupReport { context: context.clone(), reply, group: group.clone(), was_converged };
            report.once_delivered(delivered, |report, delivered| report.send(delivered, None));
        }
        return Action::Done;
    };
    let then: Box<dyn FnOnce(AbsentMembers) + Send> = if let Some(absent) = absent {
        // Without a receiver the message was answered otherwise.
        Box::new(|members| drop(absent.send(members)))
    } else {
        context.settle(&reply, PriorOutcome::Pending);
        let report = GroupReport { context: context.clone(), reply, group: group.clone(), was_converged };
        let (keepable, pending) = (keepable.clone(), context.pending_answer());
        Box::new(move |members| {
            report.once_delivered(delivered, move |report, delivered| {
                spawn(async move {
                    let missed = if may_keep { delivered.offline_count } else { 0 };
                    let kept = keepable.kept_for_group(id, &report.group, members, missed).await;
                    if delivered.delivered == 0 && kept.as_ref().is_ok_and(|kept| *kept > 0) {
                        keepable.copy();
                    }
                    report.send(delivered, Some(kept));
                    drop(pending);
                });
            });
        })
    };
    match keepable.keep_for_members(id, absent_names, then) {
        Some(work) => Action::Later(work),
        None => Action::Done,
    }
}

/// The answer to a message to a group whose sender did not ask for confirmation.
struct GroupReport {
    context: RequestContext,
    reply: Reply,
    group: Arc<Group>,
    was_converged: bool,
}

impl GroupReport {
    /// Calls `then` once it is known what the message reached on other nodes, unless that is uncertain.
    fn once_delivered(self, mut delivered: Delivered, then: impl FnOnce(Self, Delivered) + Send + 'static) {
        let Some(remote) = delivered.pending.take() else { return then(self, delivered) };
        self.context.settle(&self.reply, PriorOutcome::Pending);
        let pending = self.context.pending_answer();
        remote.finally(move |outcome| {
            let _pending = pending;
            if outcome.unknown > 0 {
                return report_unconfirmed(&self.context, &self.reply);
            }
            delivered.delivered = outcome.reached;
            if outcome.missed > 0 {
                delivered.missed_later(outcome.missed, &self.group);
            }
            then(self, delivered);
        });
    }

    /// Answers the message. `kept` is the number of members for whom it is kept, for a sender who knows the feature.
    fn send(&self, mut delivered: Delivered, kept: Option<Result<usize, NotKept>>) {
        let Self { context, reply, was_converged, .. } = self;
        let mut counts = DeliveryCounts::new(delivered.delivered, 0, delivered.offline_count);
        counts.of_group = true;
        counts.stored = kept.map(|kept| kept.unwrap_or_default());
        if delivered.delivered > 0 && delivered.offline_count > 0 {
            delivered.offline.truncate(MAX_OFFLINE_NAMES);
            context.queue(reply, reply.partially_delivered(&counts, delivered.offline, envelope_ids()));
        } else if delivered.delivered > 0 {
            context.record_taken(reply, PriorOutcome::Sent);
        } else if kept == Some(Err(NotKept::Unknown)) {
            report_unconfirmed(context, reply);
        } else if *was_converged && context.hub().remote.is_converged() {
            context.queue(reply, reply.delivery(&counts, envelope_ids()));
        } else {
            // Members may be connected to a node that cannot be reached.
            context.refuse(reply, SysCode::InternalError);
        }
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
        tracing::info!(user = %link.user, address = %link.address(), bytes = text.len(), "delivered a broadcast");
    }
    context.hub().to_everyone(text, Some(&context.origin.link));
}
