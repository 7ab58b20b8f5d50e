//! The metadata of a notice.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::code::CodeName;
use crate::command::{FeatureName, RemovalReason};
use crate::convert::{NameError, parse_text};
use crate::limits::Limits;
use crate::name::{ConnectionId, GroupId, MessageId, PayloadId, SessionId, Username};
use crate::timestamp::Timestamp;

/// The outcome of the first transmission of a duplicate payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PriorOutcome {
    /// Not known yet: confirmations are pending.
    Pending,
    /// Sent, without a request for confirmation. For a command: executed.
    Sent,
    /// Confirmed by the recipient's client.
    Delivered,
    /// Sent and not confirmed.
    Unconfirmed,
    /// Kept for the recipient, who was offline.
    Stored,
    /// Not sent. For a command: refused.
    Failed,
}

impl PriorOutcome {
    /// The expected form, as a phrase that follows "must be".
    pub const EXPECTED: &'static str = "pending, sent, delivered, unconfirmed, stored or failed";

    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Sent, Self::Delivered, Self::Unconfirmed, Self::Stored, Self::Failed];

    /// Returns the name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Unconfirmed => "unconfirmed",
            Self::Stored => "stored",
            Self::Failed => "failed",
        }
    }

    /// Parses a name.
    ///
    /// # Errors
    /// [`NameError`] when `text` is not one of the names.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let known = Self::ALL.into_iter().find(|outcome| outcome.as_str() == text);
        known.ok_or(NameError { expected: Self::EXPECTED })
    }
}

parse_text!(PriorOutcome);

impl std::fmt::Display for PriorOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The metadata of a notice. [`SysCode::metadata`](crate::SysCode::metadata) lists the members of each code.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NoticeMetadata {
    /// The payload that this notice answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<PayloadId>,
    /// The command that this notice answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CodeName>,
    /// The path of the fault in the payload, a JSON Pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The message that this notice is about.
    #[serde(default, rename = "messageID", skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// The user that this notice is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<Username>,
    /// The group that this notice is about.
    #[serde(default, rename = "groupID", skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
    /// The session of the connection.
    #[serde(default, rename = "sessionID", skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// When the session ends if it is not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The seconds without a text message after which the server sends a PING.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_seconds: Option<u32>,
    /// The server's limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// The features that are in force on the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Vec<FeatureName>>,
    /// The identifier by which the connection can be resumed.
    #[serde(default, rename = "connectionID", skip_serializing_if = "Option::is_none")]
    pub connection_id: Option<ConnectionId>,
    /// The seconds for which the connection can be resumed after it was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_seconds: Option<u32>,
    /// Whether the connection continues the one that the client asked to resume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed: Option<bool>,
    /// The milliseconds until the client may try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The payloads that were dropped because of the rate since the last `RATE_LIMITED` on this connection, oldest
    /// first, at most 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Vec<PayloadId>>,
    /// The number of dropped payloads, if there are more than `dropped` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped_count: Option<u64>,
    /// The number of members who received the message or, if confirmation was requested, confirmed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<u64>,
    /// The number of members to whom the message was sent and who did not confirm it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfirmed: Option<u64>,
    /// Some of the members who are offline, at most 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline: Option<Vec<Username>>,
    /// The number of members who are offline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline_count: Option<u64>,
    /// The number of members for whom the message is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<u64>,
    /// Whether the confirmation is one of a message that was answered with `STORED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<bool>,
    /// The number of messages that were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// When the oldest of them was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
    /// The outcome of the first transmission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<PriorOutcome>,
    /// The reason that an admin gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RemovalReason>,
    /// When a ban ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The result of a command, a JSON object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Box<RawValue>>,
}

impl NoticeMetadata {
    /// Reads metadata. Invalid members, and invalid single limits, are treated as absent.
    pub(super) fn read_partly(text: &str) -> Option<Self> {
        let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).ok()?;
        let limits = members.get("limits").map(|limits| readable_part::<Limits>(limits.get()));
        Some(Self { limits, ..readable_part(text) })
    }
}

/// Reads an object whose members are all optional.
fn readable_part<T: DeserializeOwned + Default>(text: &str) -> T {
    let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).unwrap_or_default();
    let reads = |name: &String, value: &RawValue| {
        serde_json::to_string(&BTreeMap::from([(name, value)]))
            .is_ok_and(|one| serde_json::from_str::<T>(&one).is_ok())
    };
    let readable: BTreeMap<_, _> = members.iter().filter(|(name, value)| reads(name, value)).collect();
    serde_json::to_string(&readable)
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}
