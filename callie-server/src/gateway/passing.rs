//! Passing payloads on, and what their sender is told of it (protocol, "Routing").

use std::time::Instant;

use callie_core::{Frame, GroupId, Notice, Outcome, PayloadType, RecipientRef, SysCode, Username};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::conversation::{Speaker, Step};
use super::reply::Reply;
use crate::config::Audience;
use crate::router::{Barred, Direct, Last, Links, Parcel, PayloadKey, Reach, Request, send_to_all};
use crate::store::{DirectAccess, StoreError};
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
    let others = if is_copied { origin.user.links_but(&origin.link) } else { Links::new() };
    let copy = (!others.is_empty()).then(|| text.clone());
    let ask = request(speaker, frame, key, false, now);
    let parcel = Parcel { from: origin, text, ask, timed: now.timed() };
    match speaker.hub().to_user(to, last, parcel) {
        Direct::Sent => {
            if let Some(copy) = copy {
                send_to_all(&others, copy, None);
            }
            // A plain message was noted as sent; what becomes of another comes by itself.
            speaker.took(frame.payload_type(), None, Outcome::Sent);
            Step::Done
        }
        Direct::Barred(barred) => {
            speaker.refuse(&Reply::to(frame), key, code_of(barred));
            Step::Done
        }
        Direct::NotHere => {
            let Ok(to) = Username::parse(to) else { return Step::Done };
            speaker.settle(key, Outcome::Pending);
            let (speaker, reply) = (speaker.clone(), Reply::to(frame));
            Step::Later(Box::pin(async move {
                let from = &speaker.origin.user.name;
                let code = absence(speaker.app.store.direct_access(from, &to).await);
                speaker.refuse(&reply, key, code);
            }))
        }
    }
}

/// Why nothing may pass.
pub(crate) fn code_of(barred: Barred) -> SysCode {
    match barred {
        Barred::Blocked => SysCode::RecipientOffline,
        Barred::NoSharedGroup => SysCode::Forbidden,
    }
}

/// What the sender is told when the recipient is not connected.
pub(crate) fn absence(access: Result<DirectAccess, StoreError>) -> SysCode {
    match access {
        Ok(DirectAccess::Unknown) => SysCode::RecipientUnknown,
        Ok(DirectAccess::GroupsOnly) => SysCode::Forbidden,
        Ok(DirectAccess::Allowed | DirectAccess::Blocked) => SysCode::RecipientOffline,
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
        let (speaker, reply) = (speaker.clone(), Reply::to(frame));
        return Step::Later(Box::pin(async move {
            let code = exclusion(&speaker, id).await;
            speaker.refuse(&reply, key, code);
        }));
    };
    let ask = request(speaker, frame, key, true, now);
    let asked = ask.is_some();
    let text = Utf8Bytes::from(frame.pass_on());
    let reach =
        speaker.hub().to_group(&group, Parcel { from: &speaker.origin, text, ask, timed: now.timed() });
    if asked {
        // The answer comes by itself, and settles it.
        speaker.took(frame.payload_type(), None, Outcome::Pending);
    } else {
        tell_reach(speaker, frame, key, reach);
    }
    Step::Done
}

fn tell_reach(speaker: &Speaker, frame: &Frame<'_>, key: Option<PayloadKey>, reach: Reach) {
    if reach.delivered == 0 {
        speaker.refuse(&Reply::to(frame), key, SysCode::RecipientOffline);
    } else if reach.offline_count > 0 {
        let notice = Notice::new(SysCode::PartiallyDelivered)
            .delivered(reach.delivered as u64)
            .offline(reach.offline)
            .offline_count(reach.offline_count as u64);
        speaker.answer(&Reply::to(frame), key, Outcome::Sent, notice);
    } else {
        speaker.took(frame.payload_type(), key, Outcome::Sent);
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
    let (speaker, reply) = (speaker.clone(), Reply::to(frame));
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
    let (payload_id, message_id) = Reply::to(frame).ids()?;
    Some(Request {
        origin: speaker.origin.clone(),
        key: key?,
        payload_id,
        message_id,
        counts,
        deadline: now.at + speaker.app.gateway.timing.confirmation,
    })
}
