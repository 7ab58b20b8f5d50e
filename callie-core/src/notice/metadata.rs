//! The metadata of a notice.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::code::CodeName;
use crate::command::RemovalReason;
use crate::limits::Limits;
use crate::name::{GroupId, MessageId, PayloadId, SessionId, Username};
use crate::timestamp::Timestamp;

/// What became of a payload that was sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PriorOutcome {
    /// Not known yet: its confirmations are awaited.
    Pending,
    /// Sent, without confirmation being asked for; a command: done.
    Sent,
    /// Confirmed.
    Delivered,
    /// Sent and not confirmed.
    Unconfirmed,
    /// Not sent; a command: refused.
    Failed,
}

/// The metadata of a notice. [`SysCode::metadata`] says which code has which members.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NoticeMetadata {
    /// The payload that this answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<PayloadId>,
    /// The command that this answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CodeName>,
    /// Where in the payload the fault is, a JSON Pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The message that this is about.
    #[serde(default, rename = "messageID", skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// The user that this is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<Username>,
    /// The group that this is about.
    #[serde(default, rename = "groupID", skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
    /// The session of the connection.
    #[serde(default, rename = "sessionID", skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// When the session ends if it is not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// After how many seconds without a text message the server sends a PING.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_seconds: Option<u32>,
    /// What the server allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// When to try again, in milliseconds from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The payloads that were dropped for their rate since the last `RATE_LIMITED` on this connection, the oldest first,
    /// at most 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Vec<PayloadId>>,
    /// How many payloads were dropped, where there were more than `dropped` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped_count: Option<u64>,
    /// How many members got the message or, where it was to be confirmed, confirmed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<u64>,
    /// How many members were sent the message and did not confirm it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfirmed: Option<u64>,
    /// Some of the members who are offline, at most 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline: Option<Vec<Username>>,
    /// How many members are offline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline_count: Option<u64>,
    /// What became of the payload the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<PriorOutcome>,
    /// Why an admin did this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RemovalReason>,
    /// How long a ban lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What a command gave, a JSON object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Box<RawValue>>,
}

impl NoticeMetadata {
    /// Reads metadata. Members that do not read are taken as absent, and so are single limits.
    pub(super) fn read_partly(text: &str) -> Option<Self> {
        let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).ok()?;
        let limits = members.get("limits").map(|limits| readable_part::<Limits>(limits.get()));
        Some(Self { limits, ..readable_part(text) })
    }
}

/// What can be read of an object whose members may all be absent.
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
