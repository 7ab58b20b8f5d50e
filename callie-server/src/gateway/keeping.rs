//! Keeps messages whose recipients are connected nowhere (protocol, "Kept messages").

use std::collections::HashSet;
use std::sync::Arc;

use callie_core::command::{Conversation, Feature};
use callie_core::server::{self, Accepted, Connection, DeliveryCounts, Reply};
use callie_core::{GroupId, PayloadType, SysCode, Timestamp, Username};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::action::Work;
use super::request_context::RequestContext;
use crate::base::ids::envelope_ids;
use crate::cache::{Absent, Keeper, Kept, NotKept, Queued};
use crate::router::{Finish, Group, Receipt};
use crate::store::NewMessage;

/// A message that is kept for those of its recipients who are not connected.
#[derive(Clone)]
pub(super) struct Keepable {
    keeper: Arc<Keeper>,
    context: RequestContext,
    reply: Reply,
    text: Utf8Bytes,
    sent_at: Timestamp,
}

impl Keepable {
    /// Returns an accepted payload of `connection` as a message that can be kept, if it is one and its sender knows the
    /// feature. `text` is the text that recipients receive.
    pub(super) fn new(
        context: &RequestContext,
        connection: &Connection<Receipt, Utf8Bytes>,
        accepted: &Accepted<'_>,
        text: &Utf8Bytes,
    ) -> Option<Self> {
        let keeper = context.gateway.keeper.as_ref()?;
        let payload = accepted.payload();
        if payload.payload_type() != PayloadType::Msg || !connection.has_feature(Feature::Offline) {
            return None;
        }
        Some(Self {
            keeper: keeper.clone(),
            context: context.clone(),
            reply: connection.reply(accepted),
            text: text.clone(),
            sent_at: payload.timestamp(),
        })
    }

    /// Returns the message as it is kept for `recipients`; `None` for a payload without a message, which is not kept.
    fn message(
        &self,
        conversation: Conversation,
        recipients: Vec<Username>,
        unwelcome: bool,
    ) -> Option<NewMessage> {
        Some(NewMessage {
            sender: self.context.origin.user.name.clone(),
            payload_id: self.reply.payload_id().clone(),
            message_id: self.reply.message_id()?.clone(),
            sent_at: self.sent_at,
            conversation,
            text: self.text.as_str().to_owned(),
            recipients,
            unwelcome,
        })
    }

    /// Returns `true` if the sender's message before is being stored for the user, so that this one must be kept behind it.
    pub(super) fn is_behind_another(&self, to: &str) -> bool {
        self.keeper.is_storing(&self.context.origin.user.name, to)
    }

    /// Returns the users for whom the sender's messages before are being stored. This one must not reach them earlier.
    pub(super) fn users_behind_another(&self) -> HashSet<Username> {
        self.keeper.storing(&self.context.origin.user.name)
    }

    /// Waits until the sender's messages before are stored for these users.
    pub(super) async fn wait_for_others(&self, behind: &HashSet<Username>) {
        self.keeper.stored(&self.context.origin.user.name, behind).await;
    }

    /// Keeps the message for a user who is not known to be connected. Returns the answer.
    pub(super) async fn keep_for_user(&self, to: &Username, was_converged: bool) -> server::Answer {
        let me = &self.context.origin.user.name;
        match self.context.gateway.unreachable.absent(me, to, was_converged).await {
            Absent::Refused(code) => self.reply.refuse(code, envelope_ids()),
            Absent::Offline { is_blocked } => {
                self.context.hub().departed(to.as_str()).await;
                self.keep_for_absent(to, is_blocked).await
            }
        }
    }

    /// Keeps the message for a user who is connected nowhere, or who takes none from the sender. Both are answered alike,
    /// at the same time. Returns the answer.
    pub(super) async fn keep_for_absent(&self, to: &Username, is_blocked: bool) -> server::Answer {
        let kept = match self.message(Conversation::User(to.clone()), vec![to.clone()], is_blocked) {
            Some(message) => self.keeper.queue(Box::new(message)).await.outcome().await,
            None => Err(NotKept::Failed),
        };
        self.answer_for_user(kept)
    }

    fn answer_for_user(&self, kept: Kept) -> server::Answer {
        match kept {
            Ok(recipients) => {
                let mut counts = DeliveryCounts::new(0, 0, 1);
                counts.stored = Some(recipients.len());
                self.reply.delivery(&counts, envelope_ids())
            }
            Err(NotKept::Failed) => self.reply.refuse(SysCode::InternalError, envelope_ids()),
            Err(NotKept::Unknown) => self.reply.unconfirmed(envelope_ids()),
        }
    }

    /// Sends the message to the sender's other connections, if the answer says that it is kept.
    pub(super) fn copy_if_stored(&self, answer: &server::Answer) {
        if answer.code() == Some(SysCode::Stored) {
            self.copy();
        }
    }

    /// Sends the message to the sender's other connections.
    pub(super) fn copy(&self) {
        self.context.hub().to_own_others(&self.context.origin, &self.text);
    }

    /// Returns what answers a message to a user whose sender asked for confirmation. If it turns out not to have reached the
    /// user, who was connected, it is kept. Messages that were not written are queued in their order.
    pub(super) fn finish_for_user(self, to: Username, was_converged: bool) -> Finish {
        Box::new(move |counts| {
            if counts.confirmed > 0 || counts.unconfirmed > 0 {
                return self.conclude(self.reply.delivery(&counts, envelope_ids()));
            }
            let pending = self.context.pending_answer();
            let answer = self.keep_for_missed(to, was_converged);
            spawn(async move {
                let answer = answer.await;
                self.conclude(answer);
                drop(pending);
            });
        })
    }

    /// Keeps a message that did not reach its recipient, who was connected. It is queued immediately, so that messages which
    /// were not written are kept in their order. Returns the answer.
    pub(super) fn keep_for_missed(
        &self,
        to: Username,
        was_converged: bool,
    ) -> impl Future<Output = server::Answer> + Send + use<> {
        // The user may be connected to a node that cannot be reached.
        let may_keep = was_converged && self.context.hub().remote.is_converged();
        let message = self.message(Conversation::User(to.clone()), vec![to], false).filter(|_| may_keep);
        let queued = message.map(|message| self.keeper.try_queue(message));
        let keepable = self.clone();
        async move {
            let queued = match queued {
                Some(Ok(queued)) => queued,
                Some(Err(message)) => keepable.keeper.queue(message).await,
                None => return keepable.reply.refuse(SysCode::InternalError, envelope_ids()),
            };
            keepable.answer_for_user(queued.outcome().await)
        }
    }

    /// Answers a message that was counted when it was delivered.
    fn conclude(&self, answer: server::Answer) {
        self.context.settle(&self.reply, answer.outcome());
        self.context.origin.link.answer(answer);
    }

    /// Queues the message for members of a group who are not connected, and passes them to `then`. Returns what is left to
    /// do if the queue is full, before the connection reads its next payload.
    pub(super) fn keep_for_members(
        &self,
        id: GroupId,
        names: Vec<Username>,
        then: Box<dyn FnOnce(AbsentMembers) + Send>,
    ) -> Option<Work> {
        let message = self.message(Conversation::Group(id), names.clone(), false);
        let Some(message) = message.filter(|message| !message.recipients.is_empty()) else {
            then(AbsentMembers { names, queued: None });
            return None;
        };
        match self.keeper.try_queue(message) {
            Ok(queued) => {
                then(AbsentMembers { names, queued: Some(queued) });
                None
            }
            Err(message) => {
                let keeper = self.keeper.clone();
                Some(Box::pin(async move {
                    then(AbsentMembers { names, queued: Some(keeper.queue(message).await) });
                }))
            }
        }
    }

    /// Waits until the message is kept for the members who were not connected, and keeps it for those whom it turned out
    /// not to reach. `missed` counts both. Returns the number of members for whom it is kept.
    pub(super) async fn kept_for_group(
        &self,
        id: GroupId,
        group: &Group,
        absent: AbsentMembers,
        missed: usize,
    ) -> Result<usize, NotKept> {
        let AbsentMembers { names, queued } = absent;
        let kept = match queued {
            Some(queued) => queued.outcome().await?.len(),
            None => 0,
        };
        let more = missed.saturating_sub(names.len());
        if more == 0 {
            return Ok(kept);
        }
        let late: Vec<Username> = {
            let known: HashSet<&Username> = names.iter().collect();
            let state = group.state();
            state.offline.iter().filter(|name| !known.contains(name)).take(more).cloned().collect()
        };
        match self.message(Conversation::Group(id), late, false).filter(|m| !m.recipients.is_empty()) {
            Some(message) => Ok(kept + self.keeper.queue(Box::new(message)).await.outcome().await?.len()),
            None => Ok(kept),
        }
    }

    /// Returns what answers a message to a group whose sender asked for confirmation, and where the members who were not
    /// connected are passed to it.
    pub(super) fn finish_for_group(
        self,
        id: GroupId,
        group: Arc<Group>,
    ) -> (Finish, oneshot::Sender<AbsentMembers>) {
        let (sender, absent) = oneshot::channel::<AbsentMembers>();
        let finish: Finish = Box::new(move |mut counts| {
            let pending = self.context.pending_answer();
            spawn(async move {
                // Dropped only together with the connection, after which nobody reads the answer.
                let absent = absent.await.unwrap_or_default();
                let kept = self.kept_for_group(id, &group, absent, counts.missed).await;
                counts.stored = Some(*kept.as_ref().unwrap_or(&0));
                let is_missed = counts.confirmed == 0 && counts.unconfirmed == 0;
                self.conclude(match kept {
                    Err(NotKept::Unknown) if is_missed => self.reply.unconfirmed(envelope_ids()),
                    _ => self.reply.delivery(&counts, envelope_ids()),
                });
                drop(pending);
            });
        });
        (finish, sender)
    }
}

/// The members of a group who were not connected, and the message that is queued for them.
#[derive(Default)]
pub(super) struct AbsentMembers {
    names: Vec<Username>,
    queued: Option<Queued>,
}

/// Runs a task, unless the runtime has ended: then the server has ended too.
pub(super) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(task);
    }
}
