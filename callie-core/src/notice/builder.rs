//! Notices of a server, from their code to the payload that they answer.

use std::borrow::Cow;

use serde::Serialize;

use super::Notice;
use super::metadata::{NoticeMetadata, PriorOutcome};
use crate::code::{CodeName, SysCode};
use crate::command::RemovalReason;
use crate::limits::Limits;
use crate::name::{GroupId, MessageId, PayloadId, SessionId, Username};
use crate::timestamp::Timestamp;

/// A notice that is not complete until it names the payload that it answers: by [`in_reply_to`](Self::in_reply_to), or as a
/// [`Reply`](crate::server::Reply).
///
/// [`SysCode::metadata`] says which code has which members.
#[derive(Debug, Clone)]
#[must_use = "it becomes a notice by `in_reply_to`"]
pub struct NoticeBuilder {
    code: SysCode,
    description: Cow<'static, str>,
    metadata: NoticeMetadata,
}

/// Setters of one metadata member each.
macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {
        $($(#[$doc])*
        pub fn $name(mut self, $name: $type) -> Self {
            self.metadata.$name = Some($name);
            self
        })*
    };
}

impl NoticeBuilder {
    /// The code's own description and no metadata.
    pub(super) fn new(code: SysCode) -> Self {
        Self { code, description: code.description().into(), metadata: NoticeMetadata::default() }
    }

    /// Says something more exact to people.
    pub fn describe(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.description = description.into();
        self
    }

    setters! {
        /// Names the command that this answers.
        command: CodeName;
        /// Says where in the payload the fault is.
        path: String;
        /// Names the message that this is about.
        message_id: MessageId;
        /// Names the user that this is about.
        username: Username;
        /// Names the group that this is about.
        group_id: GroupId;
        /// Names the session of the connection.
        session_id: SessionId;
        /// Says when the session ends.
        expires_at: Timestamp;
        /// Says how often the server looks for a sign of life.
        heartbeat_seconds: u32;
        /// Says what the server allows.
        limits: Limits;
        /// Says when to try again.
        retry_after_ms: u64;
        /// Names the payloads that were dropped for their rate.
        dropped: Vec<PayloadId>;
        /// Counts the payloads that were dropped, where there were more than are named.
        dropped_count: u64;
        /// Counts those who got or confirmed the message.
        delivered: u64;
        /// Counts those who did not confirm it.
        unconfirmed: u64;
        /// Names some who are offline.
        offline: Vec<Username>;
        /// Counts those who are offline.
        offline_count: u64;
        /// Says what became of the payload the first time.
        outcome: PriorOutcome;
        /// Says why an admin did this.
        reason: RemovalReason;
        /// Says how long a ban lasts.
        until: Timestamp;
    }

    /// Says what a command gave: a value that is written as a JSON object.
    pub fn result(mut self, result: &impl Serialize) -> Self {
        self.metadata.result = serde_json::value::to_raw_value(result).ok();
        self
    }

    /// What it is about, for programs.
    #[must_use]
    pub fn code(&self) -> SysCode {
        self.code
    }

    /// The notice, as an answer to the payload with this ID.
    #[must_use]
    pub fn in_reply_to(mut self, payload_id: PayloadId) -> Notice {
        self.metadata.in_reply_to = Some(payload_id);
        self.statement()
    }

    /// The notice, as an answer to the payload with this ID, where it could be read.
    pub(crate) fn in_reply_to_any(self, payload_id: Option<&PayloadId>) -> Notice {
        match payload_id {
            Some(payload_id) => self.in_reply_to(payload_id.clone()),
            None => self.statement(),
        }
    }

    /// The notice, which answers no payload.
    pub(crate) fn statement(self) -> Notice {
        let Self { code, description, metadata } = self;
        Notice { code, description, metadata, timestamp: None }
    }
}
