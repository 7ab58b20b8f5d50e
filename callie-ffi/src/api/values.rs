//! Arguments and results of commands.

use callie_core::{Timestamp, account, command};

uniffi::use_remote_type!(callie_client::Timestamp);

/// Declares the foreign counterpart of an enum of the core, with conversions.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
            pub enum $name { $($(#[$word_doc])* $word),* }

            impl From<command::$name> for $name {
                fn from(word: command::$name) -> Self {
                    match word { $(command::$name::$word => Self::$word),* }
                }
            }

            impl From<$name> for command::$name {
                fn from(word: $name) -> Self {
                    match word { $($name::$word => Self::$word),* }
                }
            }
        )*
    };
}

words! {
    /// Who can find and join a group.
    Visibility {
/// Only users who are added.
        Private,
        /// Anyone.
        Public,
    }

/// The role of a member of a group, the least rights first.
    Role {
/// Reads and writes messages.
        Member,
/// Also adds and removes members and renames the group.
        Admin,
/// Also changes roles and deletes the group. A group has one owner.
        Owner,
    }

/// Who can see whether a user is online.
    PresenceAudience {
        /// Anyone.
        Everyone,
/// Users who share a group with this one.
        Groups,
        /// No one.
        Nobody,
    }

/// Who can send a user direct messages.
    DirectMessages {
        /// Anyone.
        Everyone,
/// Users who share a group with this one.
        Groups,
    }
}

/// A new group.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Group {
    /// The group's ID, the recipient of messages to it.
    pub group_id: String,
    /// The group's name.
    pub name: String,
    /// Who can find and join it.
    pub visibility: Visibility,
    /// The group's members.
    pub members: Vec<String>,
}

impl From<command::Group> for Group {
    fn from(group: command::Group) -> Self {
        Self {
            group_id: group.group_id.to_string(),
            name: group.name.to_string(),
            visibility: group.visibility.into(),
            members: group.members.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A group in a list.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct GroupSummary {
    /// The group's ID, the recipient of messages to it.
    pub group_id: String,
    /// The group's name.
    pub name: String,
    /// The caller's role; none in the list of public groups.
    pub role: Option<Role>,
    /// The number of members.
    pub member_count: u64,
}

/// One page of a list of groups.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct GroupPage {
    /// The groups.
    pub groups: Vec<GroupSummary>,
    /// The `after` of the next page; none after the last page.
    pub next: Option<String>,
}

impl From<command::GroupPage> for GroupPage {
    fn from(list: command::GroupPage) -> Self {
        let groups = list.groups.into_iter().map(|group| GroupSummary {
            group_id: group.group_id.to_string(),
            name: group.name.to_string(),
            role: group.role.map(Role::from),
            member_count: group.member_count,
        });
        Self { groups: groups.collect(), next: list.next.map(|next| next.to_string()) }
    }
}

/// One member of a group.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Member {
    /// The user.
    pub username: String,
    /// The member's role.
    pub role: Role,
    /// Whether the member is online; false if the member's settings hide it from the caller.
    pub online: bool,
}

/// A group and one page of its members.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct GroupDetails {
    /// The group's ID, the recipient of messages to it.
    pub group_id: String,
    /// The group's name.
    pub name: String,
    /// Who can find and join it.
    pub visibility: Visibility,
    /// The number of members.
    pub member_count: u64,
    /// One page of the members.
    pub members: Vec<Member>,
    /// The `after` of the next page; none after the last page.
    pub next: Option<String>,
}

impl From<command::GroupDetails> for GroupDetails {
    fn from(group: command::GroupDetails) -> Self {
        let members = group.members.into_iter().map(|member| Member {
            username: member.username.to_string(),
            role: member.role.into(),
            online: member.online,
        });
        Self {
            group_id: group.group_id.to_string(),
            name: group.name.to_string(),
            visibility: group.visibility.into(),
            member_count: group.member_count,
            members: members.collect(),
            next: group.next.map(|next| next.to_string()),
        }
    }
}

/// A user's public profile.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Profile {
    /// The user.
    pub username: String,
    /// The display name; empty if there is none.
    pub display_name: String,
}

impl From<command::Profile> for Profile {
    fn from(profile: command::Profile) -> Self {
        Self { username: profile.username.to_string(), display_name: profile.display_name.to_string() }
    }
}

/// A user's settings.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Settings {
    /// The display name; empty if there is none.
    pub display_name: String,
    /// Who can see whether the user is online.
    pub presence: PresenceAudience,
    /// Who can send the user direct messages.
    pub direct_messages: DirectMessages,
}

impl From<command::Settings> for Settings {
    fn from(settings: command::Settings) -> Self {
        Self {
            display_name: settings.display_name.to_string(),
            presence: settings.presence.into(),
            direct_messages: settings.direct_messages.into(),
        }
    }
}

/// One page of the users that the caller has blocked.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct BlockedPage {
    /// The users.
    pub usernames: Vec<String>,
    /// The `after` of the next page; none after the last page.
    pub next: Option<String>,
}

impl From<command::BlockedPage> for BlockedPage {
    fn from(list: command::BlockedPage) -> Self {
        Self {
            usernames: list.usernames.iter().map(ToString::to_string).collect(),
            next: list.next.map(|next| next.to_string()),
        }
    }
}

/// One of a user's login sessions.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SessionInfo {
    /// The session's ID, by which it can be revoked.
    pub session_id: String,
    /// The name of the device, given at login.
    pub device: Option<String>,
    /// When the user logged in.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_seen_at: Timestamp,
    /// When the session ends unless it is used again.
    pub expires_at: Timestamp,
    /// Whether it is the caller's session.
    pub current: bool,
}

impl From<account::SessionInfo> for SessionInfo {
    fn from(session: account::SessionInfo) -> Self {
        Self {
            session_id: session.session_id.to_string(),
            device: session.device.map(|device| device.to_string()),
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            expires_at: session.expires_at,
            current: session.current,
        }
    }
}

/// The server's counters since it started.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ServerStats {
    /// Seconds since it started.
    pub uptime_seconds: u64,
    /// Authenticated connections, at present.
    pub connections: u64,
    /// Users who are online, at present.
    pub users_online: u64,
    /// Payloads received from clients.
    pub payloads_received: u64,
    /// Payloads sent to clients.
    pub payloads_sent: u64,
}

impl From<command::ServerStats> for ServerStats {
    fn from(stats: command::ServerStats) -> Self {
        Self {
            uptime_seconds: stats.uptime_seconds,
            connections: stats.connections,
            users_online: stats.users_online,
            payloads_received: stats.payloads_received,
            payloads_sent: stats.payloads_sent,
        }
    }
}
