//! The values that the store keeps.

use callie_core::account::DeviceName;
use callie_core::{GroupId, SessionId, Username};
use sha2::{Digest, Sha256};

use crate::clock::Millis;

use super::StoreError;

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
    pub reason: Option<String>,
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

/// Makes an enum that is kept as a word.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
        }

        impl $name {
            /// The word for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            pub(super) fn read(word: &str) -> Result<Self, StoreError> {
                match word { $($word => Ok(Self::$variant),)* _ => Err(StoreError::Unreadable($what)) }
            }
        }
    };
}

words!(
    /// A member's standing in a group; the later, the more it may.
    Role, "role" {
        /// One of the members.
        Member = "member",
        /// May add, remove and rename.
        Admin = "admin",
        /// May all that, give roles and delete the group. There is one.
        Owner = "owner",
    }
);

words!(
    /// Who can find and join a group.
    Visibility, "visibility" {
        /// Members only.
        Private = "private",
        /// Everyone.
        Public = "public",
    }
);

words!(
    /// Who may see whether a user is online.
    Presence, "presence setting" {
        /// Everyone.
        Everyone = "everyone",
        /// Who shares a group.
        Groups = "groups",
        /// Nobody.
        Nobody = "nobody",
    }
);

words!(
    /// Who may write to a user directly.
    DirectMessages, "direct message setting" {
        /// Everyone.
        Everyone = "everyone",
        /// Who shares a group.
        Groups = "groups",
    }
);

/// A user's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSettings {
    /// The name shown to people; empty when none is set.
    pub display_name: String,
    /// Who may see whether the user is online.
    pub presence: Presence,
    /// Who may write to the user directly.
    pub direct_messages: DirectMessages,
}

/// A group without its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The ID.
    pub id: GroupId,
    /// The name.
    pub name: String,
    /// Who can find and join it.
    pub visibility: Visibility,
    /// How many members it has.
    pub member_count: u64,
}

/// A group in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupEntry {
    /// The group.
    pub group: Group,
    /// The role of the user whose list it is; none in the list of public groups.
    pub role: Option<Role>,
}

/// A page of a list of groups.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupPage {
    /// The groups, by ID.
    pub groups: Vec<GroupEntry>,
    /// What to ask for after this page, if there is more.
    pub next: Option<GroupId>,
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
    pub next: Option<Username>,
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
