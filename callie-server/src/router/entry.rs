//! What nodes tell each other: the entries of the stream from one node to another.

use callie_core::command::{DirectMessages, PresenceAudience, RemovalReason};
use callie_core::{GroupId, Outcome, Username};
use serde::{Deserialize, Serialize};

use super::duplicates::Note;
use super::node::RequestId;
use super::rate::BucketKind;

/// Something to read again from the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Check {
    /// The members of a group.
    Group(GroupId),
    /// Whether a user is a member of a group.
    Member(GroupId, Username),
    /// The settings and blocks of a user, and those of another user.
    Privacy(Username, Option<Username>),
    /// Every user and group of this node: there may be changes that were not reported.
    All,
}

/// One thing that a node tells another.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Entry<'a> {
    /// The user has a connection here; this replaces what was said before.
    Here {
        /// The user.
        user: Username,
        /// The groups the user is in.
        groups: Vec<GroupId>,
        /// Who may write to the user and see them.
        privacy: PrivacyRules,
    },
    /// The user's last connection here is gone; what the user sent lately is still known here.
    Gone {
        /// The user.
        user: Username,
    },
    /// What the user sent lately is known here.
    Remembered {
        /// The user.
        user: Username,
    },
    /// All who were here when the stream began have been named. Changes may have been made that were not told: then the
    /// database has to be asked.
    Complete {
        /// Whether there may be some.
        missed_updates: bool,
    },

    /// A payload to a user with a connection there. Answered by [`Entry::Missed`] where it met nobody; where its sender
    /// asked for confirmation, by [`Entry::Report`].
    Direct {
        request: RequestId,
        to: &'a str,
        from: &'a str,
        /// The payload's ID, where its sender asked for confirmation.
        asked: Option<&'a str>,
        text: &'a str,
    },
    /// A payload to the members of a group there, answered likewise.
    Group {
        request: RequestId,
        group: GroupId,
        from: &'a str,
        asked: Option<&'a str>,
        /// How many members are counted on.
        members: u64,
        /// Members who get it and are counted elsewhere.
        uncounted: Vec<&'a str>,
        text: &'a str,
    },
    /// A payload for all connections of a user there.
    Copy { user: &'a str, text: &'a str },
    /// A payload for every connection there.
    Everyone { text: &'a str },
    /// So many members got what the ticket names; fewer than were counted on.
    Missed { request: RequestId, reached: u64 },
    /// What became of a payload whose sender asked.
    Report { request: RequestId, confirmed: u64, unconfirmed: u64, missed: u64 },

    /// A group changed; the database has it already. The text goes to its members.
    Changed { group: GroupId, change: GroupChange, text: &'a str },
    /// Who may write to a user or see them changed; the database has it already.
    Private { user: Username, change: PrivacyChange },
    /// A change may have been made, and the database has to be asked.
    Doubted { check: Check },
    /// An admin ends the user's connections.
    Kick { user: Username, reason: Option<RemovalReason> },

    /// The user, who is here and there, sent a payload here.
    Spent { user: &'a str, bucket: BucketKind },
    /// What is known here of a payload of the user, who is here and there.
    Noted { user: &'a str, key: u64, outcome: Outcome },
    /// What do you remember of the user? Answered by [`Entry::Recalled`].
    Recall { request: RequestId, user: Username },
    /// What is remembered of a user.
    Recalled { request: RequestId, memory: Memory },
    /// The node leaves, and this is what it remembers of the user's payloads.
    HandedOff { user: Username, notes: Vec<Note> },
}

/// A change of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum GroupChange {
    /// It was made, with these members; all but the first, its owner, are told.
    Created(Vec<Username>),
    /// Somebody became a member.
    Joined(Username),
    /// Somebody is no member any more.
    Left(Username),
    /// Its name or its roles are others.
    Updated,
    /// It is gone.
    Deleted,
}

/// A change of who may write to a user or see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum PrivacyChange {
    /// The user's settings are these.
    Settings(PresenceAudience, DirectMessages),
    /// The user and another are barred from each other.
    Blocked(Username),
    /// The user and another are so no more.
    Unblocked(Username),
}

/// Who may write to a user and see them.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PrivacyRules {
    pub(crate) presence: PresenceAudience,
    pub(crate) direct: DirectMessages,
    pub(crate) blocked: Vec<Username>,
}

/// What a node remembers of a user.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// Payloads taken from each bucket that have not flowed back yet, in the order of [`BucketKind::ALL`].
    pub(crate) spent: [u32; BucketKind::ALL.len()],
    /// Recent payloads.
    pub(crate) notes: Vec<Note>,
    /// Whose presence the user subscribed to.
    pub(crate) watching: Vec<Username>,
}
