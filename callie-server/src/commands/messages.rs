//! Deleted and edited messages, and signals.
//!
//! A message is identified by its author and its ID, so no stored message is needed to know who may do this.

use std::sync::Arc;

use callie_core::command::{Conversation, MessageText, Push, Role, SignalData, SignalKind};
use callie_core::{GroupId, MessageId, Recipient, SysCode, Username};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::answer::{Answer, Refusal};
use crate::base::ids::envelope_ids;
use crate::cache::{Unreachable, UserCache, code_of};
use crate::router::{Direct, Hub, Origin, Outgoing, RecipientCache, RemoteDelivery};
use crate::store::Members;

/// The commands about messages.
pub(super) struct MessageCommands {
    pub(super) hub: Arc<Hub>,
    pub(super) cache: Arc<UserCache>,
    pub(super) unreachable: Arc<Unreachable>,
    pub(super) members: Members,
    pub(super) max_payload_bytes: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Goes wherever the message could be, including the sender's other connections, and is answered.
    OfMessage,
    /// Goes to the recipient only. Neither success nor absence is answered.
    Signal,
}

impl Kind {
    fn answer(self) -> Answer {
        match self {
            Self::OfMessage => Answer::done(),
            Self::Signal => Answer::Silence,
        }
    }

    /// Refuses the command, unless it is a signal to somebody who is not there or not known to be there.
    fn refuse(self, code: SysCode) -> Result<Answer, Refusal> {
        let is_absence =
            matches!(code, SysCode::RecipientOffline | SysCode::DeliveryUnconfirmed | SysCode::InternalError);
        if self == Self::Signal && is_absence {
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
        let push = Push::DeleteMessage { message_id, sender: author, recipient, deleted_by: me };
        self.send(origin, &to, &push, Kind::OfMessage).await
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
        let push = Push::EditMessage { message_id, sender, recipient, text };
        self.send(origin, &to, &push, Kind::OfMessage).await
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
        if text.len() + longer > self.max_payload_bytes {
            return Err(Refusal::because(SysCode::LimitReached, "the text is too long to be delivered"));
        }
        match to {
            Conversation::User(name) => {
                // A connection is addressed by the name of its own user. The parameters name the conversation.
                let me = Recipient::User(origin.user.name.clone());
                let copy = || Utf8Bytes::from(push.to_payload(me, ids).encode());
                self.send_to_user(origin, name, text, copy, kind).await
            }
            Conversation::Group(id) => self.send_to_group(origin, *id, text, kind).await,
        }
    }

    async fn send_to_user(
        &self,
        origin: &Origin,
        name: &Username,
        text: Utf8Bytes,
        copy: impl FnOnce() -> Utf8Bytes,
        kind: Kind,
    ) -> Result<Answer, Refusal> {
        let me = &origin.user.name;
        let was_converged = self.hub.remote.is_converged();
        if name == me {
            self.hub.to_own_others(origin, &text);
            return Ok(kind.answer());
        }
        let outgoing = Outgoing { from: origin, text, ask: None, timed: None };
        match self.hub.to_user(name.as_str(), &mut RecipientCache::default(), outgoing) {
            Direct::Sent => {}
            // The outcome of a signal is not reported to its sender.
            Direct::Remote(_) if kind == Kind::Signal => {}
            Direct::Remote(delivery) => {
                if let Err(code) = outcome_of(delivery).await {
                    return kind.refuse(match code {
                        SysCode::RecipientOffline => self.unreachable.user(me, name, was_converged).await,
                        code => code,
                    });
                }
            }
            Direct::Blocked(blocked) => return kind.refuse(code_of(blocked)),
            Direct::NotConnected => {
                return kind.refuse(self.unreachable.user(me, name, was_converged).await);
            }
        }
        let (others, away) = origin.user.ways_but(&origin.link);
        if kind == Kind::OfMessage && !(others.is_empty() && away.is_empty()) {
            self.hub.to_own(origin, &others, &away, &copy());
        }
        Ok(kind.answer())
    }

    async fn send_to_group(
        &self,
        origin: &Origin,
        id: GroupId,
        text: Utf8Bytes,
        kind: Kind,
    ) -> Result<Answer, Refusal> {
        let me = &origin.user.name;
        self.cache.load_group(id).await?;
        let Some(group) = self.hub.group(id).filter(|group| group.state().online.contains_key(me)) else {
            return kind.refuse(self.unreachable.group(id).await);
        };
        let was_converged = self.hub.remote.is_converged();
        let delivery = self.hub.push_to_group(id, &group, me, &text);
        if kind == Kind::Signal {
            return Ok(Answer::Silence);
        }
        match outcome_of(delivery).await {
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
