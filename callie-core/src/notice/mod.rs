//! The notices of SYS payloads: a code, a description for people, and the metadata of the code.
//!
//! - `metadata`: the members of the metadata
//! - `builder`: notices that answer a payload

mod builder;
mod metadata;

use std::borrow::Cow;

pub use builder::NoticeBuilder;
pub use metadata::{NoticeMetadata, PriorOutcome};
use serde::Serialize;

use crate::code::SysCode;
use crate::command::MessageText;
use crate::content::{Content, System};
use crate::frame::{ContentRef, PayloadRef};
use crate::json::JsonObject;
use crate::name::{GroupId, Username};
use crate::party::{Recipient, Sender};
use crate::payload::{EnvelopeIds, Payload};
use crate::timestamp::Timestamp;

/// A SYS payload from the server with a code of the protocol.
///
/// ```
/// use callie_core::{PayloadRef, Notice, PayloadId, Recipient, EnvelopeIds, SysCode, Timestamp};
///
/// // A server sends it,
/// let ids = EnvelopeIds { payload_id: PayloadId::parse("s1")?, timestamp: Timestamp::parse("2026-01-02T03:04:05.678Z")? };
/// let notice = Notice::builder(SysCode::RecipientOffline).in_reply_to(PayloadId::parse("p1")?);
/// let text = notice.to_payload(Recipient::parse("ada")?, ids).encode();
///
/// // and a client reads it.
/// let read = Notice::read(&PayloadRef::from_server(&text)?).unwrap();
/// assert_eq!(read.code(), SysCode::RecipientOffline);
/// assert_eq!(read.metadata().in_reply_to.as_ref().unwrap(), "p1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A notice that answers a payload cannot be built without that payload: a [`NoticeBuilder`] is not a notice, and the
/// notices that answer nothing have separate functions, such as [`Notice::user_joined`].
///
/// ```compile_fail
/// use callie_core::{Notice, SysCode};
///
/// let notice: Notice = Notice::builder(SysCode::Delivered);
/// ```
#[derive(Debug, Clone, Serialize)]
pub struct Notice {
    code: SysCode,
    description: Cow<'static, str>,
    metadata: NoticeMetadata,
    timestamp: Option<Timestamp>,
}

impl Notice {
    /// Creates a builder for a notice that answers a payload, with the standard description of the code and no
    /// metadata.
    pub fn builder(code: SysCode) -> NoticeBuilder {
        NoticeBuilder::new(code)
    }

    /// `USER_JOINED`: a user joined the group or, without a group, came online.
    #[must_use]
    pub fn user_joined(username: Username, group: Option<GroupId>) -> Self {
        Self::about_user(SysCode::UserJoined, username, group)
    }

    /// `USER_LEFT`: a user left the group or, without a group, went offline.
    #[must_use]
    pub fn user_left(username: Username, group: Option<GroupId>) -> Self {
        Self::about_user(SysCode::UserLeft, username, group)
    }

    fn about_user(code: SysCode, username: Username, group: Option<GroupId>) -> Self {
        let notice = Self::builder(code).username(username);
        match group {
            Some(group) => notice.group_id(group).statement(),
            None => notice.statement(),
        }
    }

    /// `GROUP_UPDATED`: the group's name, visibility or a role in it changed.
    #[must_use]
    pub fn group_updated(group: GroupId) -> Self {
        Self::builder(SysCode::GroupUpdated).group_id(group).statement()
    }

    /// `GROUP_DELETED`: the group was deleted.
    #[must_use]
    pub fn group_deleted(group: GroupId) -> Self {
        Self::builder(SysCode::GroupDeleted).group_id(group).statement()
    }

    /// `ANNOUNCEMENT`: a text of a server admin to all users.
    #[must_use]
    pub fn announcement(text: &MessageText) -> Self {
        Self::builder(SysCode::Announcement).describe(text.as_str().to_owned()).statement()
    }

    /// `BACKLOG`: `count` messages that were kept for the user follow, the oldest from `oldest`.
    #[must_use]
    pub fn backlog(count: u64, oldest: Timestamp) -> Self {
        let mut notice = Self::builder(SysCode::Backlog).statement();
        (notice.metadata.count, notice.metadata.oldest) = (Some(count), Some(oldest));
        notice
    }

    /// Replaces the description, for people.
    pub(crate) fn describe(mut self, description: &'static str) -> Self {
        self.description = description.into();
        self
    }

    /// Returns the code, for programs.
    #[must_use]
    pub fn code(&self) -> SysCode {
        self.code
    }

    /// Returns the description, for people.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Returns the metadata.
    #[must_use]
    pub fn metadata(&self) -> &NoticeMetadata {
        &self.metadata
    }

    /// Returns when the server sent it; `None` for a notice that was not received.
    #[must_use]
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// Returns the payload with this notice to `recipient`.
    #[must_use]
    pub fn to_payload(&self, recipient: Recipient, ids: EnvelopeIds) -> Payload {
        let system = System::new(self.code.into(), self.description.clone());
        // Names, IDs, numbers and encoded JSON always serialise.
        let metadata = serde_json::to_string(&self.metadata).unwrap_or_default();
        let metadata = JsonObject::from_checked(&metadata).unwrap_or_default();
        Payload::new(ids, Sender::Server, recipient, Content::Sys(system)).with_server_metadata(metadata)
    }

    /// Reads a notice that a client received. Returns `None` unless it is a SYS with a known code and valid metadata.
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

    /// Does the same, but treats invalid members of the metadata, and invalid single limits, as absent.
    pub(crate) fn read_partly(frame: &PayloadRef<'_>) -> Option<Self> {
        let ContentRef::Sys(system) = frame.content() else { return None };
        Some(Self {
            code: SysCode::from_name(system.code())?,
            description: system.description().decode().into_owned().into(),
            metadata: NoticeMetadata::read_partly(frame.metadata())?,
            timestamp: Some(frame.timestamp()),
        })
    }
}
