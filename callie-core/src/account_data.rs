//! All that a server keeps of a user (protocol, "Accounts and sessions"): the answer to `GET` of
//! [`path::ACCOUNT`](crate::account::path::ACCOUNT).

use serde::{Deserialize, Serialize};

use crate::account::SessionInfo;
use crate::command::{GroupSummary, RemovalReason, Settings};
use crate::name::Username;
use crate::setters::with_setters;
use crate::timestamp::Timestamp;

/// All that a server keeps of a user, except the hashes of the password and of the tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AccountData {
    /// The user.
    pub username: Username,
    /// The time of the registration.
    pub created_at: Timestamp,
    /// Whether the user is a server admin.
    #[serde(default)]
    pub admin: bool,
    /// The ban that is in force. A banned user has no session, so only an operator sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ban: Option<BanData>,
    /// The settings.
    pub settings: Settings,
    /// The groups that the user is in, with the user's role.
    #[serde(default)]
    pub groups: Vec<GroupSummary>,
    /// The users whom the user has blocked, sorted by name.
    #[serde(default)]
    pub blocked: Vec<Username>,
    /// The live login sessions, the newest first.
    #[serde(default)]
    pub sessions: Vec<SessionInfo>,
    /// The kept messages from and to the user.
    #[serde(default)]
    pub kept_messages: KeptCounts,
}

impl AccountData {
    /// The data of a user without groups, blocks, sessions and kept messages.
    #[must_use]
    pub fn new(username: Username, created_at: Timestamp, settings: Settings) -> Self {
        Self {
            username,
            created_at,
            admin: false,
            ban: None,
            settings,
            groups: Vec::new(),
            blocked: Vec::new(),
            sessions: Vec::new(),
            kept_messages: KeptCounts::default(),
        }
    }
}

with_setters!(AccountData {
    with_admin: admin = bool,
    with_ban: ban = Option<BanData>,
    with_groups: groups = Vec<GroupSummary>,
    with_blocked: blocked = Vec<Username>,
    with_sessions: sessions = Vec<SessionInfo>,
    with_kept_messages: kept_messages = KeptCounts,
});

/// A ban.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BanData {
    /// The reason, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RemovalReason>,
    /// When it ends; absent for a ban without an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl BanData {
    /// A ban.
    #[must_use]
    pub fn new(reason: Option<RemovalReason>, until: Option<Timestamp>) -> Self {
        Self { reason, until }
    }
}

/// The numbers of messages that are kept until they are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeptCounts {
    /// Messages to the user.
    #[serde(default)]
    pub received: u64,
    /// Messages from the user. A message to a group counts once.
    #[serde(default)]
    pub sent: u64,
}

impl KeptCounts {
    /// These numbers of messages to and from the user.
    #[must_use]
    pub fn new(received: u64, sent: u64) -> Self {
        Self { received, sent }
    }
}
