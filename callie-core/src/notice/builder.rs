//! Notices of a server, from their code to the payload that they answer.

use std::borrow::Cow;

use serde::Serialize;

use super::Notice;
use super::metadata::{NoticeMetadata, PriorOutcome};
use crate::code::{CodeName, SysCode};
use crate::command::{FeatureName, RemovalReason};
use crate::limits::Limits;
use crate::name::{ConnectionId, GroupId, MessageId, PayloadId, SessionId, Username};
use crate::timestamp::Timestamp;

/// A notice that is not complete until it names the payload that it answers: by [`in_reply_to`](Self::in_reply_to), or
/// as a [`Reply`](crate::server::Reply).
///
/// [`SysCode::metadata`] says which code has which members.
#[derive(Debug, Clone)]
#[must_use = "it becomes a notice by `in_reply_to`"]
pub struct NoticeBuilder {
    code: SysCode,
    description: Cow<'static, str>,
    metadata: NoticeMetadata,
}

/// Defines a setter for each member of the metadata.
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
    /// Creates a builder with the standard description of the code and no metadata.
    pub(super) fn new(code: SysCode) -> Self {
        Self { code, description: code.description().into(), metadata: NoticeMetadata::default() }
    }

    /// Sets a more exact description.
    pub fn describe(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.description = description.into();
        self
    }

    setters! {
        /// Sets the command that this notice answers.
        command: CodeName;
        /// Sets the path of the fault.
        path: String;
        /// Sets the message that this notice is about.
        message_id: MessageId;
        /// Sets the user that this notice is about.
        username: Username;
        /// Sets the group that this notice is about.
        group_id: GroupId;
        /// Sets the session of the connection.
        session_id: SessionId;
        /// Sets when the session ends.
        expires_at: Timestamp;
        /// Sets the heartbeat of the server, in seconds.
        heartbeat_seconds: u32;
        /// Sets the server's limits.
        limits: Limits;
        /// Sets the features that are in force.
        features: Vec<FeatureName>;
        /// Sets the identifier by which the connection can be resumed.
        connection_id: ConnectionId;
        /// Sets the seconds for which it can be resumed.
        resume_seconds: u32;
        /// Sets whether the connection was resumed.
        resumed: bool;
        /// Sets the milliseconds until the client may try again.
        retry_after_ms: u64;
        /// Sets the payloads that were dropped because of the rate.
        dropped: Vec<PayloadId>;
        /// Sets the number of dropped payloads, if not all are named.
        dropped_count: u64;
        /// Sets the number of members who received or confirmed the message.
        delivered: u64;
        /// Sets the number of members who did not confirm the message.
        unconfirmed: u64;
        /// Sets the names of some offline members.
        offline: Vec<Username>;
        /// Sets the number of offline members.
        offline_count: u64;
        /// Sets the number of members for whom the message is kept.
        stored: u64;
        /// Sets whether the confirmation is late.
        late: bool;
        /// Sets the outcome of the first transmission.
        outcome: PriorOutcome;
        /// Sets the reason that an admin gave.
        reason: RemovalReason;
        /// Sets when a ban ends.
        until: Timestamp;
    }

    /// Sets the result of a command, a value that serialises as a JSON object.
    pub fn result(mut self, result: &impl Serialize) -> Self {
        self.metadata.result = serde_json::value::to_raw_value(result).ok();
        self
    }

    /// Returns the code, for programs.
    #[must_use]
    pub fn code(&self) -> SysCode {
        self.code
    }

    /// Builds the notice as the answer to the payload with this ID.
    #[must_use]
    pub fn in_reply_to(mut self, payload_id: PayloadId) -> Notice {
        self.metadata.in_reply_to = Some(payload_id);
        self.statement()
    }

    /// Builds the notice as the answer to the payload with this ID, if the ID could be read.
    pub(crate) fn in_reply_to_any(self, payload_id: Option<&PayloadId>) -> Notice {
        match payload_id {
            Some(payload_id) => self.in_reply_to(payload_id.clone()),
            None => self.statement(),
        }
    }

    /// Builds the notice without a payload that it answers.
    pub(crate) fn statement(self) -> Notice {
        let Self { code, description, metadata } = self;
        Notice { code, description, metadata, timestamp: None }
    }
}
