//! The results of commands: the types of `result` in `COMMAND_OK`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::values::{
    Cursor, DirectMessages, DisplayName, GroupName, Presence, PresenceAudience, Role, Visibility,
};
use crate::name::{GroupId, Username};
use crate::setters::with_setters;

/// The result of a command that returns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Empty {}

/// The result of `CREATE_GROUP`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
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

impl Group {
    /// A group without members.
    #[must_use]
    pub fn new(group_id: GroupId, name: GroupName, visibility: Visibility) -> Self {
        Self { group_id, name, visibility, members: Vec::new() }
    }
}

with_setters!(Group { with_members: members = Vec<Username> });

/// One group in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
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

impl GroupSummary {
    /// A group of no members, without a role.
    #[must_use]
    pub fn new(group_id: GroupId, name: GroupName) -> Self {
        Self { group_id, name, role: None, member_count: 0 }
    }
}

with_setters!(GroupSummary { with_role: role = Option<Role>, with_member_count: member_count = u64 });

/// The result of `LIST_GROUPS` and `LIST_PUBLIC_GROUPS`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GroupPage {
    /// One page of groups.
    pub groups: Vec<GroupSummary>,
    /// The `after` of the next page; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

impl GroupPage {
    /// The last page of a list.
    #[must_use]
    pub fn new(groups: Vec<GroupSummary>) -> Self {
        Self { groups, next: None }
    }
}

with_setters!(GroupPage { with_next: next = Option<Cursor> });

/// One member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Member {
    /// The user.
    pub username: Username,
    /// The user's role.
    pub role: Role,
    /// Whether the user is connected, as far as the user's settings let the caller see it.
    #[serde(default)]
    pub online: bool,
}

impl Member {
    /// A member who is offline.
    #[must_use]
    pub fn new(username: Username, role: Role) -> Self {
        Self { username, role, online: false }
    }
}

with_setters!(Member { with_online: online = bool });

/// The result of `GET_GROUP`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
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

impl GroupDetails {
    /// A group of no members.
    #[must_use]
    pub fn new(group_id: GroupId, name: GroupName, visibility: Visibility) -> Self {
        Self { group_id, name, visibility, member_count: 0, members: Vec::new(), next: None }
    }
}

with_setters!(GroupDetails { with_member_count: member_count = u64, with_members: members = Vec<Member>, with_next: next = Option<Cursor> });

/// The result of `GET_PRESENCE` and `SUBSCRIBE_PRESENCE`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PresenceMap {
    /// Every requested name. Users who do not exist are offline.
    pub presence: BTreeMap<Username, Presence>,
}

impl PresenceMap {
    /// The presence of these users.
    #[must_use]
    pub fn new(presence: BTreeMap<Username, Presence>) -> Self {
        Self { presence }
    }
}

/// The result of `GET_PROFILE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Profile {
    /// The user.
    pub username: Username,
    /// The display name; empty for none.
    pub display_name: DisplayName,
}

impl Profile {
    /// The profile of a user.
    #[must_use]
    pub fn new(username: Username, display_name: DisplayName) -> Self {
        Self { username, display_name }
    }
}

/// The result of `GET_SETTINGS` and `UPDATE_SETTINGS`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Settings {
    /// The display name; empty for none.
    pub display_name: DisplayName,
    /// Who can see whether the user is online.
    pub presence: PresenceAudience,
    /// Who can send the user direct messages.
    pub direct_messages: DirectMessages,
}

impl Settings {
    /// The settings of a user.
    #[must_use]
    pub fn new(
        display_name: DisplayName,
        presence: PresenceAudience,
        direct_messages: DirectMessages,
    ) -> Self {
        Self { display_name, presence, direct_messages }
    }
}

/// The result of `LIST_BLOCKED`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BlockedPage {
    /// One page of names.
    #[serde(rename = "blocked")]
    pub usernames: Vec<Username>,
    /// The `after` of the next page; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

impl BlockedPage {
    /// The last page of the list.
    #[must_use]
    pub fn new(usernames: Vec<Username>) -> Self {
        Self { usernames, next: None }
    }
}

with_setters!(BlockedPage { with_next: next = Option<Cursor> });

/// The result of `SERVER_STATS`. Counts are since the server started.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
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

with_setters!(ServerStats {
    with_uptime_seconds: uptime_seconds = u64,
    with_connections: connections = u64,
    with_users_online: users_online = u64,
    with_payloads_received: payloads_received = u64,
    with_payloads_sent: payloads_sent = u64
});
