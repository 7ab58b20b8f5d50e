//! Deleted and edited messages, and signals.
//!
//! A message is identified by its author and its ID, so no stored message is needed to know who may do this.

use std::sync::Arc;

use callie_core::command::{Conversation, MessageText, Push, Role, SignalData, SignalKind};
use callie_core::{
    Content, GroupId, Limits, Message, MessageBuilder, MessageId, Payload, PayloadRef, Recipient, SysCode,
    Username,
};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::answer::{Answer, Refusal};
use crate::base::ids::envelope_ids;
use crate::cache::{Keeper, Unreachable, UserCache, code_of};
use crate::router::{Direct, Hub, Keep, Origin, Outgoing, RecipientCache, RemoteDelivery};
use crate::store::{Edit, Members};

/// Why an edit is refused that would exceed a limit.
const TOO_LONG: &str = "the text is too long to be delivered";

/// The commands about messages.
pub(super) struct MessageCommands {
    pub(super) hub: Arc<Hub>,
    pub(super) cache: Arc<UserCache>,
    pub(super) unreachable: Arc<Unreachable>,
    pub(super) keeper: Option<Arc<Keeper>>,
    pub(super) members: Members,
    pub(super) limits: Limits,
}

/// The change of a message that may be kept for users who are offline.
struct KeptChange {
    author: Username,
    message_id: MessageId,
    /// The new text; `None` if the message is deleted.
    text: Option<MessageText>,
}

enum Kind {
    /// Goes wherever the message could be, including the sender's other connections and the store, and is answered.
    OfMessage(KeptChange),
    /// Goes to the recipient only. Neither success nor absence is answered.
    Signal,
}

impl Kind {
    fn is_signal(&self) -> bool {
        matches!(self, Self::Signal)
    }

    /// Returns what happens for recipients who are away.
    fn keep(&self) -> Keep {
        match self {
            Self::OfMessage(_) => Keep::Quietly,
            Self::Signal => Keep::Never,
        }
    }

    fn answer(&self) -> Answer {
        match self {
            Self::OfMessage(_) => Answer::done(),
            Self::Signal => Answer::Silence,
        }
    }

    /// Refuses the command, unless it is a signal to somebody who is not there or not known to be there.
    fn refuse(&self, code: SysCode) -> Result<Answer, Refusal> {
        let is_absence =
            matches!(code, SysCode::RecipientOffline | SysCode::DeliveryUnconfirmed | SysCode::InternalError);
        if self.is_signal() && is_absence {
            return Ok(Answer::Silence);
        }
        Err(Refusal::new(code))
    }
}

impl MessageCommands {
    pub(super) async fn delete(
        &self,
        origin: &Origin,
        recipient: Conversation,
        message_id: MessageId,
        sender: Option<Username>,
    ) -> Result<Answer, Refusal> {
        let me = origin.user.name.clone();
        let author = sender.unwrap_or_else(|| me.clone());
        if author != me {
            let Conversation::Group(id) = &recipient else {
                return Err(Refusal::because(SysCode::Forbidden, "only the author may delete this message"));
            };
            self.may_delete_others(origin, *id).await?;
        }
        let to = recipient.clone();
        let kept = KeptChange { author: author.clone(), message_id: message_id.clone(), text: None };
        let push = Push::DeleteMessage { message_id, sender: author, recipient, deleted_by: me };
        self.send(origin, &to, &push, Kind::OfMessage(kept)).await
    }

    /// Checks that the sender may delete messages of others in the group.
    async fn may_delete_others(&self, origin: &Origin, id: GroupId) -> Result<(), Refusal> {
        match self.members.role(id, &origin.user.name).await? {
            Some(Role::Owner | Role::Admin) => Ok(()),
            Some(Role::Member) => {
                Err(Refusal::because(SysCode::Forbidden, "only admins may delete messages of others"))
            }
            None => Err(Refusal::new(self.unreachable.group(id).await)),
        }
    }

    pub(super) async fn edit(
        &self,
        origin: &Origin,
        recipient: Conversation,
        message_id: MessageId,
        text: MessageText,
    ) -> Result<Answer, Refusal> {
        let (sender, to) = (origin.user.name.clone(), recipient.clone());
        let kept =
            KeptChange { author: sender.clone(), message_id: message_id.clone(), text: Some(text.clone()) };
        let push = Push::EditMessage { message_id, sender, recipient, text };
        self.send(origin, &to, &push, Kind::OfMessage(kept)).await
    }

    pub(super) async fn signal(
        &self,
        origin: &Origin,
        recipient: Conversation,
        kind: SignalKind,
        data: Option<SignalData>,
    ) -> Result<Answer, Refusal> {
        let (from, to) = (origin.user.name.clone(), recipient.clone());
        let push = Push::Signal { from, recipient, kind, data };
        self.send(origin, &to, &push, Kind::Signal).await
    }

    async fn send(
        &self,
        origin: &Origin,
        to: &Conversation,
        push: &Push,
        kind: Kind,
    ) -> Result<Answer, Refusal> {
        let ids = envelope_ids();
        let text = Utf8Bytes::from(push.to_payload(to.clone().into(), ids.clone()).encode());
        // The sender's own connections get it with another name in the envelope.
        let longer = match to {
            Conversation::User(name) => origin.user.name.as_str().len().saturating_sub(name.as_str().len()),
            Conversation::Group(_) => 0,
        };
        // A command may fit whose push does not: its sender may use escapes and omit what the server adds.
        if text.len() + longer > self.limits.max_payload_bytes {
            return Err(Refusal::because(SysCode::LimitReached, TOO_LONG));
        }
        match to {
            Conversation::User(name) => {
                // A connection is addressed by the name of its own user. The parameters name the conversation.
                let me = Recipient::User(origin.user.name.clone());
                let copy = || Utf8Bytes::from(push.to_payload(me, ids).encode());
                self.send_to_user(origin, name, text, copy, &kind).await
            }
            Conversation::Group(id) => self.send_to_group(origin, *id, text, &kind).await,
        }
    }

    /// Changes the message in the store, if it is kept for anybody. Returns `true` if it is.
    ///
    /// This comes before the connected users are looked up: a recipient who connects in between reads the changed message,
    /// and one who has read the message before is connected by then.
    async fn change_kept(&self, kind: &Kind, conversation: Conversation) -> Result<bool, Refusal> {
        let (Some(keeper), Kind::OfMessage(change)) = (&self.keeper, kind) else { return Ok(false) };
        let KeptChange { author, message_id, text } = change;
        let Some(text) = text else {
            return Ok(keeper.messages.delete(author, &conversation, message_id).await? > 0);
        };
        let edit = |kept: &str| with_text(kept, text, &self.limits);
        match keeper.messages.edit(author, &conversation, message_id, keeper.bounds, edit).await? {
            Edit::Edited => Ok(true),
            Edit::NotKept => Ok(false),
            Edit::NoRoom => Err(Refusal::because(SysCode::LimitReached, TOO_LONG)),
        }
    }

    async fn send_to_user(
        &self,
        origin: &Origin,
        name: &Username,
        text: Utf8Bytes,
        copy: impl FnOnce() -> Utf8Bytes,
        kind: &Kind,
    ) -> Result<Answer, Refusal> {
        let me = &origin.user.name;
        let was_converged = self.hub.remote.is_converged();
        if name == me {
            self.hub.to_own_others(origin, &text);
            return Ok(kind.answer());
        }
        let keep = kind.keep();
        let is_kept = self.change_kept(kind, Conversation::User(name.clone())).await?;
        let outgoing = Outgoing { from: origin, text, ask: None, keep, timed: None, most_names: 0 };
        match self.hub.to_user(name.as_str(), &mut RecipientCache::default(), outgoing) {
            Direct::Sent => {}
            // The outcome of a signal is not reported to its sender.
            Direct::Pending(_) if kind.is_signal() => {}
            Direct::Pending(delivery) => {
                if let Err(code) = outcome_of(delivery).await {
                    let code = match code {
                        SysCode::RecipientOffline => self.unreachable.user(me, name, was_converged).await,
                        code => code,
                    };
                    if !(is_kept && code == SysCode::RecipientOffline) {
                        return kind.refuse(code);
                    }
                }
            }
            Direct::Blocked(blocked) => return kind.refuse(code_of(blocked)),
            Direct::NotConnected => {
                let code = self.unreachable.user(me, name, was_converged).await;
                if !(is_kept && code == SysCode::RecipientOffline) {
                    return kind.refuse(code);
                }
            }
        }
        let (others, away) = origin.user.ways_but(&origin.link);
        if !(kind.is_signal() || others.is_empty() && away.is_empty()) {
            self.hub.to_own(origin, &others, &away, &copy());
        }
        Ok(kind.answer())
    }

    async fn send_to_group(
        &self,
        origin: &Origin,
        id: GroupId,
        text: Utf8Bytes,
        kind: &Kind,
    ) -> Result<Answer, Refusal> {
        let me = &origin.user.name;
        self.cache.load_group(id).await?;
        let Some(group) = self.hub.group(id).filter(|group| group.state().online.contains_key(me)) else {
            return kind.refuse(self.unreachable.group(id).await);
        };
        let is_kept = self.change_kept(kind, Conversation::Group(id)).await?;
        let was_converged = self.hub.remote.is_converged();
        let delivery = self.hub.push_to_group(id, &group, me, &text, kind.keep());
        if kind.is_signal() {
            return Ok(Answer::Silence);
        }
        match outcome_of(delivery).await {
            Err(SysCode::RecipientOffline) if is_kept => {
                self.hub.to_own_others(origin, &text);
                Ok(kind.answer())
            }
            Err(SysCode::RecipientOffline) if !(was_converged && self.hub.remote.is_converged()) => {
                kind.refuse(SysCode::InternalError)
            }
            Err(code) => kind.refuse(code),
            Ok(()) => {
                self.hub.to_own_others(origin, &text);
                Ok(kind.answer())
            }
        }
    }
}

/// Returns a message with another text; `None` if it would exceed a limit.
fn with_text(message: &str, text: &MessageText, limits: &Limits) -> Option<String> {
    let payload = PayloadRef::from_server(message).ok()?.to_payload()?;
    let asks = payload.wants_ack();
    let (sender, recipient, ids, content, metadata) = payload.into_parts();
    let Content::Msg(content) = content else { return None };
    let (id, _, attachments) = content.into_parts();
    let edited = Message::builder(id).text(text.as_str());
    let edited =
        attachments.into_iter().fold(edited, MessageBuilder::attachment).build_within(limits).ok()?;
    let edited = Payload::new(ids, sender, recipient, Content::Msg(edited)).with_metadata(metadata).ok()?;
    let edited = if asks { edited.with_ack().ok()? } else { edited };
    Some(edited.encode()).filter(|text| text.len() <= limits.max_payload_bytes)
}

/// Waits until it is known whether a payload reached anyone.
async fn outcome_of(delivery: Arc<RemoteDelivery>) -> Result<(), SysCode> {
    let (sender, receiver) = oneshot::channel();
    delivery.finally(move |outcome| {
        // Without a receiver the server is stopping, and the command is not answered.
        let _ = sender.send(outcome);
    });
    match receiver.await {
        Ok(outcome) if outcome.reached > 0 => Ok(()),
        Ok(outcome) if outcome.unknown > 0 => Err(SysCode::DeliveryUnconfirmed),
        _ => Err(SysCode::RecipientOffline),
    }
}
