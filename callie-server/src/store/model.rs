//! The values that the store keeps.

use callie_core::account::{DeviceName, SessionInfo, SessionList};
use callie_core::command::{Cursor, GroupName, RemovalReason, Role, Visibility};
use callie_core::{GroupId, SessionId, Username};
use sha2::{Digest, Sha256};

use crate::base::clock::{self, Millis};

/// The SHA-256 of a session token, in hexadecimal: all that is kept of it.
///
/// A token has 256 random bits, so a fast hash without salt cannot be turned back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenHash(String);

impl TokenHash {
    /// The hash of `token`.
    #[must_use]
    pub fn of(token: &str) -> Self {
        use std::fmt::Write as _;
        Self(Sha256::digest(token.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        }))
    }

    /// The hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A user, as needed to log in.
#[derive(Debug, Clone)]
pub struct User {
    /// The name.
    pub name: Username,
    /// The password's Argon2id hash, in PHC form.
    pub password: String,
    /// The ban that holds now, if any.
    pub ban: Option<Ban>,
}

/// A ban.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// Why, for people.
    pub reason: Option<RemovalReason>,
    /// When it ends; never if none.
    pub until: Option<Millis>,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The public handle.
    pub id: SessionId,
    /// The user.
    pub user: Username,
    /// What the login called the device.
    pub device: Option<DeviceName>,
    /// When the login was.
    pub created: Millis,
    /// When it was last used, to about a minute.
    pub last_seen: Millis,
    /// When it ends if it is not used.
    pub expires: Millis,
}

impl Session {
    /// Returns `sessions` as the protocol lists them to a client with the session `asking`.
    #[must_use]
    pub(crate) fn list(sessions: Vec<Self>, asking: &SessionId) -> SessionList {
        let info = |session: Self| SessionInfo {
            current: session.id == *asking,
            session_id: session.id,
            device: session.device,
            created_at: clock::timestamp(session.created),
            last_seen_at: clock::timestamp(session.last_seen),
            expires_at: clock::timestamp(session.expires),
        };
        SessionList { sessions: sessions.into_iter().map(info).collect() }
    }
}

/// A group without its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The ID.
    pub id: GroupId,
    /// The name.
    pub name: GroupName,
    /// Who can find and join it.
    pub visibility: Visibility,
    /// How many members it has.
    pub member_count: u64,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMember {
    /// The user.
    pub username: Username,
    /// The standing.
    pub role: Role,
}

/// A page of a group's members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberPage {
    /// The group.
    pub group: Group,
    /// The members, by name.
    pub members: Vec<GroupMember>,
    /// What to ask for after this page, if there is more.
    pub next: Option<Cursor>,
}

/// What became of a group when a member left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// It goes on as it was.
    Left,
    /// It goes on with a new owner.
    HandedOver {
        /// The new owner.
        owner: Username,
    },
    /// The last one left: the group is gone.
    Deleted,
}

/// What stands between two users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectAccess {
    /// Nothing.
    Allowed,
    /// There is no such recipient.
    Unknown,
    /// One has blocked the other.
    Blocked,
    /// The recipient hears only those who share a group, and they share none.
    GroupsOnly,
}

/// What the server's configuration sets about groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupLimits {
    /// The most members of a group.
    pub max_members: usize,
    /// The most groups of a user.
    pub max_groups: usize,
}
