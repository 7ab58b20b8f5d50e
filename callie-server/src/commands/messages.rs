//! What is said about messages: that one is gone or changed, and fleeting signals.
//!
//! A message's identity is its author and ID, so that no stored message is needed to know who may do this.

use std::sync::Arc;

use callie_core::command::{Conversation, MessageText, Push, Role, SignalData, SignalKind};
use callie_core::{GroupId, MessageId, Recipient, SysCode, Username};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::answer::{Answer, Refusal};
use crate::gateway::{Speaker, absence, code_of, exclusion, load_group, stamp};
use crate::router::{Direct, Last, Parcel, Passage};

pub(super) async fn delete(
    speaker: &Speaker,
    recipient: Conversation,
    message_id: MessageId,
    sender: Option<Username>,
) -> Result<Answer, Refusal> {
    let me = speaker.origin.user.name.clone();
    let author = sender.unwrap_or_else(|| me.clone());
    if author != me {
        let Conversation::Group(id) = &recipient else {
            return Err(Refusal::because(SysCode::Forbidden, "only the author may delete this message"));
        };
        may_rule(speaker, *id).await?;
    }
    let push =
        Push::DeleteMessage { message_id, sender: author, recipient: recipient.clone(), deleted_by: me };
    send(speaker, &recipient, &push, Kind::OfMessage).await
}

/// Whether the speaker may delete others' messages in the group.
async fn may_rule(speaker: &Speaker, id: GroupId) -> Result<(), Refusal> {
    match speaker.app.store.role(id, &speaker.origin.user.name).await? {
        Some(Role::Owner | Role::Admin) => Ok(()),
        Some(Role::Member) => {
            Err(Refusal::because(SysCode::Forbidden, "only admins delete others' messages"))
        }
        None => Err(Refusal::new(exclusion(speaker, id).await)),
    }
}

pub(super) async fn edit(
    speaker: &Speaker,
    recipient: Conversation,
    message_id: MessageId,
    text: MessageText,
) -> Result<Answer, Refusal> {
    let sender = speaker.origin.user.name.clone();
    let push = Push::EditMessage { message_id, sender, recipient: recipient.clone(), text };
    send(speaker, &recipient, &push, Kind::OfMessage).await
}

pub(super) async fn signal(
    speaker: &Speaker,
    recipient: Conversation,
    kind: SignalKind,
    data: Option<SignalData>,
) -> Result<Answer, Refusal> {
    let from = speaker.origin.user.name.clone();
    let push = Push::Signal { from, recipient: recipient.clone(), kind, data };
    send(speaker, &recipient, &push, Kind::Fleeting).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Goes wherever the message could be, the sender's other connections too, and is answered.
    OfMessage,
    /// Goes to the recipient only; neither success nor absence is answered.
    Fleeting,
}

impl Kind {
    fn answer(self) -> Answer {
        match self {
            Self::OfMessage => Answer::done(),
            Self::Fleeting => Answer::Silence,
        }
    }

    /// A refusal, or silence where a fleeting signal meets nobody.
    fn refuse(self, code: SysCode) -> Result<Answer, Refusal> {
        // Where it is not known whether the recipient is there, that is no more to the sender.
        let is_of_no_matter =
            matches!(code, SysCode::RecipientOffline | SysCode::DeliveryUnconfirmed | SysCode::InternalError);
        if self == Self::Fleeting && is_of_no_matter {
            return Ok(Answer::Silence);
        }
        Err(Refusal::new(code))
    }
}

async fn send(speaker: &Speaker, to: &Conversation, push: &Push, kind: Kind) -> Result<Answer, Refusal> {
    let stamp = stamp();
    let text = Utf8Bytes::from(push.to_payload(to.clone().into(), stamp.clone()).encode());
    // The sender's own connections get it with another name in the envelope.
    let longer = match to {
        Conversation::User(name) => {
            speaker.origin.user.name.as_str().len().saturating_sub(name.as_str().len())
        }
        Conversation::Group(_) => 0,
    };
    // Where the sender writes escapes and leaves out what the server adds, a command fits whose push does not.
    if text.len() + longer > speaker.app.gateway.limits.max_payload_bytes {
        return Err(Refusal::because(SysCode::LimitReached, "the text is too long to be passed on"));
    }
    match to {
        Conversation::User(name) => {
            // A connection is addressed by its own user's name; the conversation stands in the parameters.
            let me = Recipient::User(speaker.origin.user.name.clone());
            let copy = || Utf8Bytes::from(push.to_payload(me, stamp).encode());
            send_to_user(speaker, name, text, copy, kind).await
        }
        Conversation::Group(id) => send_to_group(speaker, *id, text, kind).await,
    }
}

async fn send_to_user(
    speaker: &Speaker,
    name: &Username,
    text: Utf8Bytes,
    copy: impl FnOnce() -> Utf8Bytes,
    kind: Kind,
) -> Result<Answer, Refusal> {
    let hub = speaker.hub();
    let me = &speaker.origin.user.name;
    let was_whole = hub.peers.is_whole();
    if name == me {
        hub.to_own_others(&speaker.origin, &text);
        return Ok(kind.answer());
    }
    match hub.to_user(
        name.as_str(),
        &mut Last::default(),
        Parcel { from: &speaker.origin, text, ask: None, timed: None },
    ) {
        Direct::Sent => {}
        // Nobody is told what becomes of a signal.
        Direct::Leaving(_) if kind == Kind::Fleeting => {}
        Direct::Leaving(passage) => {
            if let Err(code) = passed(passage).await {
                return kind.refuse(match code {
                    SysCode::RecipientOffline => absence(speaker, name, was_whole).await,
                    code => code,
                });
            }
        }
        Direct::Barred(barred) => return kind.refuse(code_of(barred)),
        Direct::NotHere => return kind.refuse(absence(speaker, name, was_whole).await),
    }
    let (others, away) = speaker.origin.user.ways_but(&speaker.origin.link);
    if kind == Kind::OfMessage && !(others.is_empty() && away.is_empty()) {
        hub.to_own(&speaker.origin, &others, &away, &copy());
    }
    Ok(kind.answer())
}

/// Waits until it is known whether a payload reached anyone.
async fn passed(passage: Arc<Passage>) -> Result<(), SysCode> {
    let (tell, told) = oneshot::channel();
    passage.finally(move |passed| {
        // A command whose server is stopping is answered by nobody.
        let _ = tell.send(passed);
    });
    match told.await {
        Ok(passed) if passed.reached > 0 => Ok(()),
        Ok(passed) if passed.unknown > 0 => Err(SysCode::DeliveryUnconfirmed),
        _ => Err(SysCode::RecipientOffline),
    }
}

async fn send_to_group(
    speaker: &Speaker,
    id: GroupId,
    text: Utf8Bytes,
    kind: Kind,
) -> Result<Answer, Refusal> {
    let me = &speaker.origin.user.name;
    load_group(&speaker.app, id).await?;
    let Some(group) = speaker.hub().group(id).filter(|group| group.state().online.contains_key(me)) else {
        return kind.refuse(exclusion(speaker, id).await);
    };
    let hub = speaker.hub();
    let was_whole = hub.peers.is_whole();
    let passage = hub.push_to_group(id, &group, me, &text);
    if kind == Kind::Fleeting {
        return Ok(Answer::Silence);
    }
    match passed(passage).await {
        Err(SysCode::RecipientOffline) if !(was_whole && hub.peers.is_whole()) => {
            kind.refuse(SysCode::InternalError)
        }
        Err(code) => kind.refuse(code),
        Ok(()) => {
            hub.to_own_others(&speaker.origin, &text);
            Ok(kind.answer())
        }
    }
}
