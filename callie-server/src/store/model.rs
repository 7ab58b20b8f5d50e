//! The values that the store keeps.

use callie_core::account::{DeviceName, SessionInfo, SessionList};
use callie_core::command::{Cursor, GroupName, RemovalReason, Role, Visibility};
use callie_core::{GroupId, SessionId, Username};
use sha2::{Digest, Sha256};

use crate::base::clock::{self, Millis};

/// The SHA-256 of a session token in hexadecimal. The token itself is not stored.
///
/// A token has 256 random bits, so a fast hash without salt cannot be inverted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenHash(String);

impl TokenHash {
    /// Returns the hash of `token`.
    #[must_use]
    pub fn of(token: &str) -> Self {
        use std::fmt::Write as _;
        Self(Sha256::digest(token.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        }))
    }

    /// Returns the hexadecimal digits.
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
    /// The ban that is in force, if any.
    pub ban: Option<Ban>,
}

/// A ban.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// Why, for people.
    pub reason: Option<RemovalReason>,
    /// When it ends; `None` for a ban without an end.
    pub until: Option<Millis>,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The public ID.
    pub id: SessionId,
    /// The user.
    pub user: Username,
    /// The name of the device, as given at login.
    pub device: Option<DeviceName>,
    /// When the session began.
    pub created: Millis,
    /// When it was last used, with a precision of about a minute.
    pub last_seen: Millis,
    /// When it ends unless it is used.
    pub expires: Millis,
}

impl Session {
    /// Returns `sessions` as the protocol lists them to a client with the session `asking`, or to an operator.
    #[must_use]
    pub(crate) fn list(sessions: Vec<Self>, asking: Option<&SessionId>) -> SessionList {
        let info = |session: Self| {
            let [created_at, last_seen_at, expires_at] =
                [session.created, session.last_seen, session.expires].map(clock::timestamp);
            let current = Some(&session.id) == asking;
            SessionInfo::new(session.id, created_at, last_seen_at, expires_at)
                .with_device(session.device)
                .with_current(current)
        };
        SessionList::new(sessions.into_iter().map(info).collect())
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
    /// The role.
    pub role: Role,
}

/// A page of a group's members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberPage {
    /// The group.
    pub group: Group,
    /// The members, by name.
    pub members: Vec<GroupMember>,
    /// The cursor of the next page, if there is one.
    pub next: Option<Cursor>,
}

/// The effect on a group of a member leaving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// It continues unchanged.
    Left,
    /// It continues with a new owner.
    HandedOver {
        /// The new owner.
        owner: Username,
    },
    /// The last member has left, and the group is deleted.
    Deleted,
}

/// Whether a user may write to another directly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectAccess {
    /// The user may.
    Allowed,
    /// There is no such recipient.
    Unknown,
    /// One has blocked the other.
    Blocked,
    /// The recipient accepts messages only from users in a shared group, and there is none.
    GroupsOnly,
}

/// The limits on groups in the server's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupLimits {
    /// The most members of a group.
    pub max_members: usize,
    /// The most groups of a user.
    pub max_groups: usize,
}
