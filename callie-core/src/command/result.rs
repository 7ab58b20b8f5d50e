//! The results of commands: the types of `result` in `COMMAND_OK`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::values::{
    Cursor, DirectMessages, DisplayName, GroupName, Presence, PresenceAudience, Role, Visibility,
};
use crate::name::{GroupId, Username};

/// The result of a command that returns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Empty {}

/// The result of `CREATE_GROUP`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// The new group's ID.
    #[serde(rename = "groupID")]
    pub group_id: GroupId,
    /// Its name.
    pub name: GroupName,
    /// Who can find and join it.
    pub visibility: Visibility,
    /// The members, including the creator.
    #[serde(default)]
    pub members: Vec<Username>,
}

/// One group in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupSummary {
    /// The group's ID.
    #[serde(rename = "groupID")]
    pub group_id: GroupId,
    /// Its name.
    pub name: GroupName,
    /// The caller's role; absent in the list of public groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The number of members.
    #[serde(default)]
    pub member_count: u64,
}

/// The result of `LIST_GROUPS` and `LIST_PUBLIC_GROUPS`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GroupPage {
    /// One page of groups.
    pub groups: Vec<GroupSummary>,
    /// The `after` of the next page; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

/// One member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The user.
    pub username: Username,
    /// The user's role.
    pub role: Role,
    /// Whether the user is connected, as far as the user's settings let the caller see it.
    #[serde(default)]
    pub online: bool,
}

/// The result of `GET_GROUP`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupDetails {
    /// The group's ID.
    #[serde(rename = "groupID")]
    pub group_id: GroupId,
    /// Its name.
    pub name: GroupName,
    /// Who can find and join it.
    pub visibility: Visibility,
    /// The number of members.
    #[serde(default)]
    pub member_count: u64,
    /// One page of the members.
    #[serde(default)]
    pub members: Vec<Member>,
    /// The `after` of the next page; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

/// The result of `GET_PRESENCE` and `SUBSCRIBE_PRESENCE`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PresenceMap {
    /// Every requested name. Users who do not exist are offline.
    pub presence: BTreeMap<Username, Presence>,
}

/// The result of `GET_PROFILE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// The user.
    pub username: Username,
    /// The display name; empty for none.
    pub display_name: DisplayName,
}

/// The result of `GET_SETTINGS` and `UPDATE_SETTINGS`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// The display name; empty for none.
    pub display_name: DisplayName,
    /// Who can see whether the user is online.
    pub presence: PresenceAudience,
    /// Who can send the user direct messages.
    pub direct_messages: DirectMessages,
}

/// The result of `LIST_BLOCKED`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BlockedPage {
    /// One page of names.
    #[serde(rename = "blocked")]
    pub usernames: Vec<Username>,
    /// The `after` of the next page; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

/// The result of `SERVER_STATS`. Counts are since the server started.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerStats {
    /// Seconds since the server started.
    pub uptime_seconds: u64,
    /// Authenticated connections now.
    #[serde(default)]
    pub connections: u64,
    /// Users with at least one connection now.
    #[serde(default)]
    pub users_online: u64,
    /// Payloads received from clients.
    #[serde(default)]
    pub payloads_received: u64,
    /// Payloads written to clients.
    #[serde(default)]
    pub payloads_sent: u64,
}
