//! Answers to payloads, each made from the payload that it answers.

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
use crate::payload::{Payload, Stamp};
use crate::payload_type::PayloadType;

/// A payload that is answered: makes answers that name it.
///
/// It owns what it needs, so the answer can be made later and by another thread. [`Connection::reply`] is the only way to
/// get one, so there is no answer without the payload that it answers.
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

/// What an answer names of the payload that it answers.
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

    /// `notice` as an answer to the payload.
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

    /// Who sent the payload and gets the answer.
    #[must_use]
    pub fn username(&self) -> &Username {
        &self.user
    }

    /// The key by which the payload is remembered, if it is: with [`Answer::outcome`], what is to be
    /// [settled](super::SharedState::settle).
    #[must_use]
    pub fn key(&self) -> Option<PayloadKey> {
        self.key
    }

    /// The number of the payload among those of its connection.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The type of the payload.
    #[must_use]
    pub fn kind(&self) -> PayloadType {
        self.kind
    }

    /// The payload's ID.
    #[must_use]
    pub fn payload_id(&self) -> &PayloadId {
        &self.names.payload_id
    }

    /// The ID of the message in it, if it is a MSG.
    #[must_use]
    pub fn message_id(&self) -> Option<&MessageId> {
        self.names.message_id.as_ref()
    }

    /// The payload was not acted on, for this reason.
    #[must_use]
    pub fn refuse(&self, code: SysCode, stamp: Stamp) -> Answer {
        self.answer(Notice::builder(code), stamp)
    }

    /// A command was carried out, and gave `result`, which serialises as a JSON object.
    #[must_use]
    pub fn result(&self, result: &impl Serialize, stamp: Stamp) -> Answer {
        self.answer(Notice::builder(SysCode::CommandOk).result(result), stamp)
    }

    /// A message may or may not have arrived.
    #[must_use]
    pub fn unconfirmed(&self, stamp: Stamp) -> Answer {
        self.answer(Notice::builder(SysCode::DeliveryUnconfirmed), stamp)
    }

    /// A message to a group reached `delivered` other members and missed `offline_count`, of whom `offline` names some: at
    /// most [`MAX_OFFLINE_NAMES`](crate::MAX_OFFLINE_NAMES).
    #[must_use]
    pub fn partially_delivered(
        &self,
        delivered: u64,
        offline: Vec<Username>,
        offline_count: u64,
        stamp: Stamp,
    ) -> Answer {
        let notice = Notice::builder(SysCode::PartiallyDelivered)
            .delivered(delivered)
            .offline(offline)
            .offline_count(offline_count);
        self.answer(notice, stamp)
    }

    /// How a confirmed delivery ended: `DELIVERED` where a member of the audience confirmed it, `DELIVERY_UNCONFIRMED`
    /// where one may have it, `RECIPIENT_OFFLINE` where it reached nobody.
    #[must_use]
    pub fn delivery(&self, counts: &DeliveryCounts, stamp: Stamp) -> Answer {
        let code = match (counts.confirmed, counts.unconfirmed) {
            (0, 0) => SysCode::RecipientOffline,
            (0, _) => SysCode::DeliveryUnconfirmed,
            _ => SysCode::Delivered,
        };
        let mut notice = Notice::builder(code);
        if counts.of_group && code != SysCode::RecipientOffline {
            notice = notice
                .delivered(counts.confirmed as u64)
                .unconfirmed(counts.unconfirmed as u64)
                .offline_count(counts.missed as u64);
        }
        self.answer(notice, stamp)
    }

    /// Any notice, as an answer: with the payload's ID, the command, and the message where the code names one.
    #[must_use]
    pub fn answer(&self, notice: NoticeBuilder, stamp: Stamp) -> Answer {
        let notice = self.names.complete(notice);
        Answer::new(self.number, Some(self.kind), &self.user, &notice, stamp)
    }

    /// What is wrong with a command.
    pub(super) fn fault(&self, fault: &CommandFault, token: &str, stamp: Stamp) -> Answer {
        let Some(command) = &self.names.command else { return self.refuse(fault.code(), stamp) };
        self.answer(fault.notice(command.clone(), Some(token)), stamp)
    }

    /// A PONG.
    pub(super) fn pong(&self, stamp: Stamp) -> Answer {
        let metadata = JsonObject::default().with("inReplyTo", &self.names.payload_id).unwrap_or_default();
        let pong = Payload::new(stamp, Sender::Server, Recipient::User(self.user.clone()), Content::Pong)
            .with_server_metadata(metadata);
        Answer { number: self.number, kind: Some(self.kind), code: None, text: pong.encode() }
    }
}

impl Answer {
    pub(super) fn new(
        number: u64,
        kind: Option<PayloadType>,
        user: &Username,
        notice: &Notice,
        stamp: Stamp,
    ) -> Self {
        let text = notice.to_payload(Recipient::User(user.clone()), stamp).encode();
        Self { number, kind, code: Some(notice.code()), text }
    }

    /// The number of the answered payload among those of its connection.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The type of the answered payload; none where what came was no payload.
    #[must_use]
    pub fn kind(&self) -> Option<PayloadType> {
        self.kind
    }

    /// The code of the SYS; none for a PONG.
    #[must_use]
    pub fn code(&self) -> Option<SysCode> {
        self.code
    }

    /// What the answer says of the payload, to [`settle`](super::SharedState::settle) it.
    #[must_use]
    pub fn outcome(&self) -> PriorOutcome {
        match self.code {
            None | Some(SysCode::CommandOk | SysCode::PartiallyDelivered) => PriorOutcome::Sent,
            Some(SysCode::Delivered) => PriorOutcome::Delivered,
            Some(SysCode::DeliveryUnconfirmed) => PriorOutcome::Unconfirmed,
            // A command that failed halfway may have been carried out. A message was not passed on.
            Some(SysCode::InternalError) if self.kind == Some(PayloadType::Cmd) => PriorOutcome::Unconfirmed,
            Some(_) => PriorOutcome::Failed,
        }
    }

    /// The text to write.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text to write.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }
}
