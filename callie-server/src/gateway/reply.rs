//! What an answer says of the payload it answers.

use callie_core::{CodeName, ContentRef, Frame, MessageId, Notice, PayloadId, PayloadType, SysCode};

/// The payload that is answered.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    number: u64,
    kind: PayloadType,
    payload_id: Option<PayloadId>,
    message_id: Option<MessageId>,
    command: Option<CodeName>,
}

impl Reply {
    /// To answer `frame`, the payload of its connection with this number.
    pub(crate) fn to(frame: &Frame<'_>, number: u64) -> Self {
        let command = match frame.content() {
            ContentRef::Cmd(call) => CodeName::parse(call.name()).ok(),
            _ => None,
        };
        Self {
            number,
            kind: frame.payload_type(),
            // A checked frame's IDs keep the form, so each is there.
            payload_id: PayloadId::parse(frame.payload_id()).ok(),
            message_id: frame.message_id().and_then(|id| MessageId::parse(id).ok()),
            command,
        }
    }

    /// An answer with this code.
    pub(crate) fn notice(&self, code: SysCode) -> Notice {
        self.complete(Notice::new(code))
    }

    /// `notice` as an answer.
    pub(crate) fn complete(&self, mut notice: Notice) -> Notice {
        if let Some(id) = &self.payload_id {
            notice = notice.in_reply_to(id.clone());
        }
        if let Some(command) = &self.command {
            notice = notice.command(command.clone());
        }
        if let Some(id) = self.message_id.as_ref().filter(|_| names_message(notice.code())) {
            notice = notice.message_id(id.clone());
        }
        notice
    }

    /// The payload's number.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The payload's type.
    pub(crate) fn kind(&self) -> PayloadType {
        self.kind
    }

    /// The payload's ID and, if it is one, the name of the command.
    pub(crate) fn names(self) -> (Option<PayloadId>, Option<CodeName>) {
        (self.payload_id, self.command)
    }

    /// The IDs of the payload and of the message in it.
    pub(crate) fn ids(&self) -> Option<(PayloadId, MessageId)> {
        self.payload_id.clone().zip(self.message_id.clone())
    }
}

/// Whether the answer is about the message, not about the way it was sent.
fn names_message(code: SysCode) -> bool {
    !matches!(
        code,
        SysCode::InvalidRecipient
            | SysCode::Forbidden
            | SysCode::RateLimited
            | SysCode::Authenticated
            | SysCode::AuthFailed
    ) && !code.counts_as_invalid()
}
