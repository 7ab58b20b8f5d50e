//! Passing payloads on, and what their sender is told of it (protocol, "Routing").

use std::sync::Arc;
use std::time::Instant;

use callie_core::{Frame, GroupId, Notice, Outcome, PayloadType, RecipientRef, SysCode, Username};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::conversation::{Speaker, Step};
use super::knowledge::load_group;
use super::reply::Reply;
use crate::config::Audience;
use crate::router::{Asker, Barred, Direct, Group, Last, Owed, Parcel, Passed, PayloadKey, Reach, Request};
use crate::store::DirectAccess;
use crate::telemetry::Line;
use callie_core::command::Visibility;

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
    speaker: &Speaker,
    last: &mut Last,
    frame: &Frame<'_>,
    key: Option<PayloadKey>,
    now: Arrival,
) -> Step {
    match frame.recipient() {
        RecipientRef::User(name) => to_user(speaker, last, frame, name, key, now),
        RecipientRef::Group(id) => to_group(speaker, frame, id, key, now),
        RecipientRef::Broadcast => to_everyone(speaker, frame, key),
        // The table of routes sends nothing else here.
        RecipientRef::Server | RecipientRef::Unauthenticated => Step::Done,
    }
}

fn to_user(
    speaker: &Speaker,
    last: &mut Last,
    frame: &Frame<'_>,
    to: &str,
    key: Option<PayloadKey>,
    now: Arrival,
) -> Step {
    let origin = &speaker.origin;
    let text = Utf8Bytes::from(frame.pass_on());
    let is_copied = frame.payload_type() == PayloadType::Msg && origin.user.name != *to;
    let (others, away) = if is_copied { origin.user.ways_but(&origin.link) } else { Default::default() };
    let copy = (!others.is_empty() || !away.is_empty()).then(|| text.clone());
    let ask = request(speaker, frame, key, false, now);
    let parcel = Parcel { from: origin, text, ask, timed: now.timed() };
    let copy = || {
        if let Some(copy) = &copy {
            speaker.hub().to_own(origin, &others, &away, copy);
        }
    };
    // Before the recipient is looked for: who comes to be known meanwhile was not known then.
    let was_whole = speaker.hub().peers.is_whole();
    match speaker.hub().to_user(to, last, parcel) {
        Direct::Sent => {
            copy();
            // A plain message was noted as sent; what becomes of another comes by itself.
            speaker.took(frame.payload_type(), None, Outcome::Sent);
            Step::Done
        }
        Direct::Leaving(passage) => {
            copy();
            let Ok(to) = Username::parse(to) else { return Step::Done };
            // A plain message was noted as sent.
            speaker.settle(key, Outcome::Pending);
            let (speaker, reply) = (speaker.clone(), speaker.reply_to(frame));
            let owed = speaker.owe();
            passage.finally(move |passed| arrived(speaker, reply, to, key, passed, was_whole, owed));
            Step::Done
        }
        Direct::Barred(barred) => {
            speaker.refuse(&speaker.reply_to(frame), key, code_of(barred));
            Step::Done
        }
        Direct::NotHere => {
            let Ok(to) = Username::parse(to) else { return Step::Done };
            speaker.settle(key, Outcome::Pending);
            let (speaker, reply) = (speaker.clone(), speaker.reply_to(frame));
            Step::Later(Box::pin(async move {
                let code = absence(&speaker, &to, was_whole).await;
                speaker.refuse(&reply, key, code);
            }))
        }
    }
}

/// What became of a payload at the other nodes that its recipient is connected to.
fn arrived(
    speaker: Speaker,
    reply: Reply,
    to: Username,
    key: Option<PayloadKey>,
    passed: Passed,
    was_whole: bool,
    owed: Owed,
) {
    if passed.reached > 0 {
        speaker.took(reply.kind(), key, Outcome::Sent);
    } else if passed.unknown > 0 {
        unsure(&speaker, &reply, key);
    } else {
        tokio::spawn(async move {
            let code = absence(&speaker, &to, was_whole).await;
            speaker.refuse(&reply, key, code);
            drop(owed);
        });
    }
}

/// The way to another node broke: a payload may or may not have arrived.
fn unsure(speaker: &Speaker, reply: &Reply, key: Option<PayloadKey>) {
    if reply.kind() == PayloadType::Msg {
        speaker.answer(reply, key, Outcome::Unconfirmed, Notice::new(SysCode::DeliveryUnconfirmed));
    } else {
        speaker.took(reply.kind(), key, Outcome::Sent);
    }
}

/// Why nothing may pass.
pub(crate) fn code_of(barred: Barred) -> SysCode {
    match barred {
        Barred::Blocked => SysCode::RecipientOffline,
        Barred::NoSharedGroup => SysCode::Forbidden,
    }
}

/// What the sender is told when the recipient is not known to be connected; `was_whole` says whether all who are connected
/// anywhere were known before the recipient was looked for.
pub(crate) async fn absence(speaker: &Speaker, to: &Username, was_whole: bool) -> SysCode {
    match speaker.app.store.direct_access(&speaker.origin.user.name, to).await {
        Ok(DirectAccess::Unknown) => SysCode::RecipientUnknown,
        Ok(DirectAccess::GroupsOnly) => SysCode::Forbidden,
        Ok(DirectAccess::Blocked) => SysCode::RecipientOffline,
        // The recipient may be connected to a node that cannot be asked.
        Ok(DirectAccess::Allowed) if !(was_whole && speaker.hub().peers.is_whole()) => SysCode::InternalError,
        Ok(DirectAccess::Allowed) => SysCode::RecipientOffline,
        Err(error) => {
            tracing::error!(%error, "a recipient could not be looked up");
            SysCode::InternalError
        }
    }
}

fn to_group(
    speaker: &Speaker,
    frame: &Frame<'_>,
    id: GroupId,
    key: Option<PayloadKey>,
    now: Arrival,
) -> Step {
    let name = &speaker.origin.user.name;
    let group = speaker.hub().group(id).filter(|group| group.state().online.contains_key(name));
    let Some(group) = group else {
        speaker.settle(key, Outcome::Pending);
        let (speaker, reply) = (speaker.clone(), speaker.reply_to(frame));
        return Step::Later(Box::pin(async move {
            let code = exclusion(&speaker, id).await;
            speaker.refuse(&reply, key, code);
        }));
    };
    let ask = request(speaker, frame, key, true, now);
    let call = Call { reply: speaker.reply_to(frame), key, text: Utf8Bytes::from(frame.pass_on()), ask };
    if group.state().loaded {
        call_group(speaker, id, &group, call, now.timed());
        return Step::Done;
    }
    // The sender came into the group through another node a moment ago. A plain message was noted as sent.
    speaker.settle(key, Outcome::Pending);
    let speaker = speaker.clone();
    Step::Later(Box::pin(async move {
        match load_group(&speaker.app, id).await {
            Ok(()) => call_group(&speaker, id, &group, call, None),
            Err(error) => {
                tracing::error!(%error, "the members of a group could not be looked up");
                speaker.refuse(&call.reply, key, SysCode::InternalError);
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

fn call_group(speaker: &Speaker, id: GroupId, group: &Arc<Group>, call: Call, timed: Option<Instant>) {
    let Call { reply, key, text, ask } = call;
    let asked = ask.is_some();
    let was_whole = speaker.hub().peers.is_whole();
    let reach = speaker.hub().to_group(id, group, Parcel { from: &speaker.origin, text, ask, timed });
    if asked {
        // The answer comes by itself, and settles it.
        speaker.took(reply.kind(), None, Outcome::Pending);
        return;
    }
    let Some(passage) = reach.elsewhere.clone() else {
        return tell_reach(speaker, &reply, key, reach, was_whole);
    };
    // A plain message was noted as sent.
    speaker.settle(key, Outcome::Pending);
    let (speaker, group, owed) = (speaker.clone(), group.clone(), speaker.owe());
    passage.finally(move |passed| {
        let _owed = owed;
        if passed.unknown > 0 {
            return unsure(&speaker, &reply, key);
        }
        let mut reach = reach;
        reach.delivered = passed.reached;
        if passed.missed > 0 {
            reach.missed_elsewhere(passed.missed, &group);
        }
        tell_reach(&speaker, &reply, key, reach, was_whole);
    });
}

fn tell_reach(speaker: &Speaker, reply: &Reply, key: Option<PayloadKey>, reach: Reach, was_whole: bool) {
    if reach.delivered == 0 {
        // Whoever is not here may be connected to a node that cannot be asked.
        let is_whole = was_whole && speaker.hub().peers.is_whole();
        let code = if is_whole { SysCode::RecipientOffline } else { SysCode::InternalError };
        speaker.refuse(reply, key, code);
    } else if reach.offline_count > 0 {
        let notice = Notice::new(SysCode::PartiallyDelivered)
            .delivered(reach.delivered as u64)
            .offline(reach.offline)
            .offline_count(reach.offline_count as u64);
        speaker.answer(reply, key, Outcome::Sent, notice);
    } else {
        speaker.took(reply.kind(), key, Outcome::Sent);
    }
}

/// Why somebody who is not in a group may not write to it.
pub(crate) async fn exclusion(speaker: &Speaker, id: GroupId) -> SysCode {
    match speaker.app.store.group(id).await {
        Ok(Some(group)) if group.visibility == Visibility::Public => SysCode::NotAMember,
        Ok(_) => SysCode::RecipientUnknown,
        Err(error) => {
            tracing::error!(%error, "a group could not be looked up");
            SysCode::InternalError
        }
    }
}

fn to_everyone(speaker: &Speaker, frame: &Frame<'_>, key: Option<PayloadKey>) -> Step {
    let text = Utf8Bytes::from(frame.pass_on());
    if speaker.app.config().broadcast == Audience::Everyone {
        broadcast(speaker, key, &text);
        return Step::Done;
    }
    speaker.settle(key, Outcome::Pending);
    let (speaker, reply) = (speaker.clone(), speaker.reply_to(frame));
    Step::Later(Box::pin(async move {
        match speaker.app.store.is_admin(&speaker.origin.user.name).await {
            Ok(true) => broadcast(&speaker, key, &text),
            Ok(false) => speaker.refuse(&reply, key, SysCode::Forbidden),
            Err(error) => {
                tracing::error!(%error, "an admin could not be looked up");
                speaker.refuse(&reply, key, SysCode::InternalError);
            }
        }
    }))
}

fn broadcast(speaker: &Speaker, key: Option<PayloadKey>, text: &Utf8Bytes) {
    if speaker.app.lines.admit(Line::Broadcast) {
        let link = &speaker.origin.link;
        tracing::info!(user = %link.user, address = %link.address, bytes = text.len(), "passed on a broadcast");
    }
    speaker.hub().to_everyone(text, Some(&speaker.origin.link));
    speaker.took(PayloadType::Msg, key, Outcome::Sent);
}

/// What the sender wants to be told, if it asked.
fn request(
    speaker: &Speaker,
    frame: &Frame<'_>,
    key: Option<PayloadKey>,
    counts: bool,
    now: Arrival,
) -> Option<Request> {
    if !frame.wants_ack() {
        return None;
    }
    let (payload_id, message_id) = speaker.reply_to(frame).ids()?;
    let was_whole = speaker.hub().peers.is_whole();
    let origin = speaker.origin.clone();
    let asker = Asker::Sender { number: origin.link.at(), origin, key: key?, message_id, was_whole };
    Some(Request { asker, payload_id, counts, deadline: now.at + speaker.app.gateway.timing.confirmation })
}
