//! Answers to payloads.

use serde::Serialize;

use super::delivery::DeliveryCounts;
use super::recent::PayloadKey;
use crate::code::{CodeName, SysCode};
use crate::command::CommandFault;
use crate::content::Content;
use crate::frame::{ContentRef, PayloadRef};
use crate::json::JsonObject;
use crate::name::{MessageId, PayloadId, Username};
use crate::notice::{Notice, NoticeBuilder, PriorOutcome};
use crate::party::{Recipient, Sender};
use crate::payload::{EnvelopeIds, Payload};
use crate::payload_type::PayloadType;

/// Creates the answers to one payload.
///
/// It owns what it needs, so the answer can be created later and on another thread. Only [`Connection::reply`] creates
/// a reply, so there is no answer without the payload that it answers.
///
/// [`Connection::reply`]: super::Connection::reply
#[derive(Debug, Clone)]
pub struct Reply {
    number: u64,
    kind: PayloadType,
    user: Username,
    key: Option<PayloadKey>,
    names: PayloadNames,
}

/// The parts of the answered payload that an answer names.
#[derive(Debug, Clone)]
pub(super) struct PayloadNames {
    pub(super) payload_id: PayloadId,
    message_id: Option<MessageId>,
    pub(super) command: Option<CodeName>,
}

impl PayloadNames {
    pub(super) fn of(payload: &PayloadRef<'_>) -> Self {
        let command = match payload.content() {
            ContentRef::Cmd(call) => Some(CodeName::known(call.name())),
            _ => None,
        };
        Self {
            payload_id: PayloadId::checked(payload.payload_id()),
            message_id: payload.message_id().map(MessageId::checked),
            command,
        }
    }

    /// Creates an answer from `notice`.
    pub(super) fn complete(&self, mut notice: NoticeBuilder) -> Notice {
        if let Some(command) = &self.command {
            notice = notice.command(command.clone());
        }
        if let Some(id) = self.message_id.as_ref().filter(|_| notice.code().names_message()) {
            notice = notice.message_id(id.clone());
        }
        notice.in_reply_to(self.payload_id.clone())
    }
}

/// An answer to a payload, encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    number: u64,
    kind: Option<PayloadType>,
    code: Option<SysCode>,
    text: String,
}

impl Reply {
    pub(super) fn new(
        payload: &PayloadRef<'_>,
        number: u64,
        key: Option<PayloadKey>,
        user: Username,
    ) -> Self {
        Self { number, kind: payload.payload_type(), user, key, names: PayloadNames::of(payload) }
    }

    /// Returns the sender of the payload, who receives the answer.
    #[must_use]
    pub fn username(&self) -> &Username {
        &self.user
    }

    /// Returns the key of the payload, if it is remembered. Its outcome must be [settled](super::SharedState::settle)
    /// with [`Answer::outcome`].
    #[must_use]
    pub fn key(&self) -> Option<PayloadKey> {
        self.key
    }

    /// Returns the number of the payload among those of its connection.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the type of the payload.
    #[must_use]
    pub fn kind(&self) -> PayloadType {
        self.kind
    }

    /// Returns the payload's ID.
    #[must_use]
    pub fn payload_id(&self) -> &PayloadId {
        &self.names.payload_id
    }

    /// Returns the message's ID, if the payload is a MSG.
    #[must_use]
    pub fn message_id(&self) -> Option<&MessageId> {
        self.names.message_id.as_ref()
    }

    /// Answers that the payload was refused with this code.
    #[must_use]
    pub fn refuse(&self, code: SysCode, ids: EnvelopeIds) -> Answer {
        self.answer(Notice::builder(code), ids)
    }

    /// Answers that a command was executed. `result` must serialise as a JSON object.
    #[must_use]
    pub fn result(&self, result: &impl Serialize, ids: EnvelopeIds) -> Answer {
        self.answer(Notice::builder(SysCode::CommandOk).result(result), ids)
    }

    /// Answers that a message may or may not have arrived.
    #[must_use]
    pub fn unconfirmed(&self, ids: EnvelopeIds) -> Answer {
        self.answer(Notice::builder(SysCode::DeliveryUnconfirmed), ids)
    }

    /// Answers that a message to a group reached `counts.confirmed` other members and missed `counts.missed`. `offline`
    /// names some of them, at most [`MAX_OFFLINE_NAMES`](crate::MAX_OFFLINE_NAMES).
    #[must_use]
    pub fn partially_delivered(
        &self,
        counts: &DeliveryCounts,
        offline: Vec<Username>,
        ids: EnvelopeIds,
    ) -> Answer {
        let notice = Notice::builder(SysCode::PartiallyDelivered)
            .delivered(counts.confirmed as u64)
            .offline(offline)
            .offline_count(counts.missed as u64);
        self.answer(with_stored(notice, counts), ids)
    }

    /// Answers with the result of a confirmed delivery: `DELIVERED` if a recipient confirmed it, `DELIVERY_UNCONFIRMED`
    /// if one may have received it, `STORED` if it reached nobody and is kept for somebody, otherwise
    /// `RECIPIENT_OFFLINE`.
    #[must_use]
    pub fn delivery(&self, counts: &DeliveryCounts, ids: EnvelopeIds) -> Answer {
        let code = match (counts.confirmed, counts.unconfirmed) {
            (0, 0) if counts.stored.is_some_and(|stored| stored > 0) => SysCode::Stored,
            (0, 0) => SysCode::RecipientOffline,
            (0, _) => SysCode::DeliveryUnconfirmed,
            _ => SysCode::Delivered,
        };
        let mut notice = Notice::builder(code);
        if counts.of_group && code != SysCode::RecipientOffline {
            if code != SysCode::Stored {
                notice = notice.delivered(counts.confirmed as u64).unconfirmed(counts.unconfirmed as u64);
            }
            notice = with_stored(notice.offline_count(counts.missed as u64), counts);
        }
        self.answer(notice, ids)
    }

    /// Answers with any notice, to which the payload's ID, the command and, if the code has one, the message's ID are
    /// added.
    #[must_use]
    pub fn answer(&self, notice: NoticeBuilder, ids: EnvelopeIds) -> Answer {
        let notice = self.names.complete(notice);
        Answer::new(self.number, Some(self.kind), &self.user, &notice, ids)
    }

    /// Answers with the fault of a command.
    pub(super) fn fault(&self, fault: &CommandFault, token: &str, ids: EnvelopeIds) -> Answer {
        let Some(command) = &self.names.command else { return self.refuse(fault.code(), ids) };
        self.answer(fault.notice(command.clone(), Some(token)), ids)
    }

    /// Answers with a PONG.
    pub(super) fn pong(&self, ids: EnvelopeIds) -> Answer {
        let metadata = JsonObject::default().with("inReplyTo", &self.names.payload_id).unwrap_or_default();
        let pong = Payload::new(ids, Sender::Server, Recipient::User(self.user.clone()), Content::Pong)
            .with_server_metadata(metadata);
        Answer { number: self.number, kind: Some(self.kind), code: None, text: pong.encode() }
    }
}

fn with_stored(notice: NoticeBuilder, counts: &DeliveryCounts) -> NoticeBuilder {
    match counts.stored {
        Some(stored) => notice.stored(stored as u64),
        None => notice,
    }
}

impl Answer {
    pub(super) fn new(
        number: u64,
        kind: Option<PayloadType>,
        user: &Username,
        notice: &Notice,
        ids: EnvelopeIds,
    ) -> Self {
        let text = notice.to_payload(Recipient::User(user.clone()), ids).encode();
        Self { number, kind, code: Some(notice.code()), text }
    }

    /// Returns the number of the answered payload among those of its connection.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the type of the answered payload; `None` for a text that is not a payload.
    #[must_use]
    pub fn kind(&self) -> Option<PayloadType> {
        self.kind
    }

    /// Returns the code of the SYS; `None` for a PONG.
    #[must_use]
    pub fn code(&self) -> Option<SysCode> {
        self.code
    }

    /// Returns the outcome of the payload according to the answer, to [`settle`](super::SharedState::settle) it.
    #[must_use]
    pub fn outcome(&self) -> PriorOutcome {
        match self.code {
            None | Some(SysCode::CommandOk | SysCode::PartiallyDelivered) => PriorOutcome::Sent,
            Some(SysCode::Delivered) => PriorOutcome::Delivered,
            Some(SysCode::DeliveryUnconfirmed) => PriorOutcome::Unconfirmed,
            Some(SysCode::Stored) => PriorOutcome::Stored,
            // A command that failed halfway may have been executed. A message was not delivered.
            Some(SysCode::InternalError) if self.kind == Some(PayloadType::Cmd) => PriorOutcome::Unconfirmed,
            Some(_) => PriorOutcome::Failed,
        }
    }

    /// Returns the text to write.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the text to write.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }
}
