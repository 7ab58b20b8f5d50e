//! What commands take and give.

use callie_core::{Timestamp, account, command};

uniffi::use_remote_type!(callie_client::Timestamp);

/// Writes a foreign twin of an enum of words.
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
        /// Only those who are added.
        Private,
        /// Anyone.
        Public,
    }

    /// What a member may do in a group, the least first.
    Role {
        /// Writes and reads.
        Member,
        /// Also adds, removes and renames.
        Admin,
        /// Also names admins, hands over and deletes; there is one.
        Owner,
    }

    /// Who learns whether a user is online.
    PresenceAudience {
        /// Anyone.
        Everyone,
        /// Those who share a group with the user.
        Groups,
        /// No one.
        Nobody,
    }

    /// Who may write to a user directly.
    DirectMessages {
        /// Anyone.
        Everyone,
        /// Those who share a group with the user.
        Groups,
    }
}

/// A group that was made.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Group {
    /// What messages to the group are sent to.
    pub group_id: String,
    /// Its name.
    pub name: String,
    /// Who can find and join it.
    pub visibility: Visibility,
    /// The users in it.
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
    /// What messages to the group are sent to.
    pub group_id: String,
    /// Its name.
    pub name: String,
    /// This user's role; none in the list of public groups.
    pub role: Option<Role>,
    /// How many users are in it.
    pub member_count: u64,
}

/// One page of a list of groups.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct GroupPage {
    /// The groups.
    pub groups: Vec<GroupSummary>,
    /// Where the next page begins, where there is one.
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
    /// What they may do.
    pub role: Role,
    /// Whether they are connected, as far as their settings let this user know.
    pub online: bool,
}

/// A group and one page of its members.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct GroupDetails {
    /// What messages to the group are sent to.
    pub group_id: String,
    /// Its name.
    pub name: String,
    /// Who can find and join it.
    pub visibility: Visibility,
    /// How many users are in it.
    pub member_count: u64,
    /// One page of them.
    pub members: Vec<Member>,
    /// Where the next page begins, where there is one.
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

/// What a user tells of themselves.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Profile {
    /// The user.
    pub username: String,
    /// What they are called; empty for nothing.
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
    /// What to be called; empty for nothing.
    pub display_name: String,
    /// Who learns whether one is online.
    pub presence: PresenceAudience,
    /// Who may write directly.
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

/// One page of those whom a user blocked.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct BlockedPage {
    /// The users.
    pub usernames: Vec<String>,
    /// Where the next page begins, where there is one.
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
    /// What it is ended by.
    pub session_id: String,
    /// What its login called the device.
    pub device: Option<String>,
    /// When the login was.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_seen_at: Timestamp,
    /// When it ends if it is not used.
    pub expires_at: Timestamp,
    /// Whether it is the session that asks.
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

/// The server's figures. Counts are since it started.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ServerStats {
    /// Seconds since it started.
    pub uptime_seconds: u64,
    /// Authenticated connections now.
    pub connections: u64,
    /// Users with at least one of them.
    pub users_online: u64,
    /// Payloads taken from clients.
    pub payloads_received: u64,
    /// Payloads written to clients.
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
