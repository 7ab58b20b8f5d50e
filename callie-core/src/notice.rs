//! What the server says in a SYS payload: a code, a text for people, and metadata by the code.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::code::{CodeName, SysCode};
use crate::command::RemovalReason;
use crate::content::{Content, System};
use crate::frame::{ContentRef, PayloadRef};
use crate::json::JsonObject;
use crate::limits::Limits;
use crate::name::{GroupId, MessageId, PayloadId, SessionId, Username};
use crate::party::{Recipient, Sender};
use crate::payload::{Payload, Stamp};
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

/// A SYS payload of the server with a code of the protocol.
///
/// ```
/// use callie_core::{PayloadRef, Notice, PayloadId, Recipient, Stamp, SysCode, Timestamp};
///
/// // A server says it,
/// let stamp = Stamp { payload_id: PayloadId::parse("s1")?, timestamp: Timestamp::parse("2026-01-02T03:04:05.678Z")? };
/// let notice = Notice::new(SysCode::RecipientOffline).in_reply_to(PayloadId::parse("p1")?);
/// let text = notice.to_payload(Recipient::parse("ada")?, stamp).encode();
///
/// // and a client reads it.
/// let read = Notice::read(&PayloadRef::from_server(&text)?).unwrap();
/// assert_eq!(read.code(), SysCode::RecipientOffline);
/// assert_eq!(read.metadata().in_reply_to.as_ref().unwrap(), "p1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Notice {
    code: SysCode,
    description: Cow<'static, str>,
    metadata: NoticeMetadata,
    timestamp: Option<Timestamp>,
}

/// Setters of one metadata member each.
macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {
        $($(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $name: $type) -> Self {
            self.metadata.$name = Some($name);
            self
        })*
    };
}

impl Notice {
    /// A notice with the code's own description and no metadata.
    #[must_use]
    pub fn new(code: SysCode) -> Self {
        Self {
            code,
            description: code.description().into(),
            metadata: NoticeMetadata::default(),
            timestamp: None,
        }
    }

    /// Says something more exact to people.
    #[must_use]
    pub fn describe(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.description = description.into();
        self
    }

    setters! {
        /// Names the payload that this answers.
        in_reply_to: PayloadId;
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
    #[must_use]
    pub fn result(mut self, result: &impl Serialize) -> Self {
        self.metadata.result = serde_json::value::to_raw_value(result).ok();
        self
    }

    /// What it is about, for programs.
    #[must_use]
    pub fn code(&self) -> SysCode {
        self.code
    }

    /// What it is about, for people.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Its metadata.
    #[must_use]
    pub fn metadata(&self) -> &NoticeMetadata {
        &self.metadata
    }

    /// When the server sent it; none for one that was not received.
    #[must_use]
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// The payload that carries it to `recipient`.
    #[must_use]
    pub fn to_payload(&self, recipient: Recipient, stamp: Stamp) -> Payload {
        let system = System::new(self.code.into(), self.description.clone());
        // Names, IDs, numbers and JSON that was written already: it can always be written.
        let metadata = serde_json::to_string(&self.metadata).unwrap_or_default();
        let metadata = JsonObject::from_checked(&metadata).unwrap_or_default();
        Payload::new(stamp, Sender::Server, recipient, Content::Sys(system)).with_server_metadata(metadata)
    }

    /// Reads what a client received: none unless it is a SYS with a code of the protocol and its metadata reads.
    #[must_use]
    pub fn read(frame: &PayloadRef<'_>) -> Option<Self> {
        let ContentRef::Sys(system) = frame.content() else { return None };
        Some(Self {
            code: SysCode::from_name(system.code())?,
            description: system.description().decode().into_owned().into(),
            metadata: serde_json::from_str(frame.metadata()).ok()?,
            timestamp: Some(frame.timestamp()),
        })
    }

    /// The same, but members of the metadata that do not read are taken as absent, and so are single limits.
    pub(crate) fn read_partly(frame: &PayloadRef<'_>) -> Option<Self> {
        let ContentRef::Sys(system) = frame.content() else { return None };
        let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(frame.metadata()).ok()?;
        let limits = members.get("limits").map(|limits| readable_part::<Limits>(limits.get()));
        let mut metadata: NoticeMetadata = readable_part(frame.metadata());
        metadata.limits = limits;
        Some(Self {
            code: SysCode::from_name(system.code())?,
            description: system.description().decode().into_owned().into(),
            metadata,
            timestamp: Some(frame.timestamp()),
        })
    }
}
