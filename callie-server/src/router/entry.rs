//! What nodes tell each other: the entries of the stream from one node to another.

use callie_core::command::{DirectMessages, Features, PresenceAudience, RemovalReason};
use callie_core::server::{BucketKind, PayloadKey, Remembered};
use callie_core::{ConnectionId, GroupId, PriorOutcome, SessionId, Username};
use serde::{Deserialize, Serialize};

use super::moved_state::MovedState;
use super::node::{NodeId, RequestId};

/// Something to read again from the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Check {
    /// The members of a group.
    Group(GroupId),
    /// Whether a user is a member of a group.
    Member(GroupId, Username),
    /// The settings and blocks of a user, and those of another user.
    Privacy(Username, Option<Username>),
    /// Whether messages are kept for users of this node.
    Kept,
    /// Every user and group of this node: there may be changes that were not reported.
    All,
}

/// What happens to a payload whose recipient's connections are all away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Keep {
    /// It is kept. If the recipient does not come back, it is reported as missed.
    Reported,
    /// It is kept, and counts as delivered.
    Quietly,
    /// It is dropped, and counts as delivered.
    Never,
}

impl Keep {
    /// Returns the same for a recipient whose outcome another node reports.
    pub(super) fn uncounted(self) -> Self {
        if self == Self::Reported { Self::Quietly } else { self }
    }
}

/// An entry of the stream from one node to another.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Entry<'a> {
    /// The user is connected to the sending node. Replaces earlier entries about the user.
    Here {
        /// The user.
        user: Username,
        /// The groups the user is in.
        groups: Vec<GroupId>,
        /// Who may write to the user and see their presence.
        privacy: PrivacyRules,
    },
    /// The last connection of the user to the sending node has closed. The node still knows the user's recent payloads.
    Gone {
        /// The user.
        user: Username,
    },
    /// The sending node knows recent payloads of the user.
    Remembered {
        /// The user.
        user: Username,
    },
    /// All users who were connected when the stream began have been sent. If there may be changes that were not
    /// reported, the receiver reads the database.
    Complete {
        /// Whether there may be changes that were not reported.
        missed_updates: bool,
    },

    /// A payload to a user who is connected to the receiving node. Answered with [`Entry::Reached`] if it reached
    /// nobody, or with [`Entry::Report`] if its sender asked for confirmation.
    Direct {
        request: RequestId,
        to: &'a str,
        from: &'a str,
        /// The payload's ID, if its sender asked for confirmation.
        asked: Option<&'a str>,
        keep: Keep,
        text: &'a str,
    },
    /// A payload to the members of a group who are connected to the receiving node. Answered as [`Entry::Direct`].
    Group {
        request: RequestId,
        group: GroupId,
        from: &'a str,
        asked: Option<&'a str>,
        keep: Keep,
        /// The number of members that the sender counts on.
        members: u64,
        /// Members who receive it and are counted by another node.
        uncounted: Vec<&'a str>,
        text: &'a str,
    },
    /// A payload for all connections of a user to the receiving node.
    Copy { user: &'a str, text: &'a str },
    /// A message was stored for the user, who is connected to the receiving node. Its connections read the store before they
    /// write anything else.
    Kept { user: Username },
    /// The notice that a kept message was delivered, for the connections of its author to the receiving node that know the
    /// feature.
    Late { user: &'a str, text: &'a str },
    /// A payload for every connection to the receiving node.
    Everyone { text: &'a str },
    /// The payload waits for connections that are away. Meanwhile its deadline does not count.
    Paused { request: RequestId },
    /// The connections that a payload waited for were resumed. It has a new deadline.
    Resumed { request: RequestId },
    /// The payload reached `reached` members: fewer than its sender counted on, or all after a pause.
    Reached { request: RequestId, reached: u64 },
    /// The outcome of a payload whose sender asked for confirmation.
    Report { request: RequestId, confirmed: u64, unconfirmed: u64, missed: u64 },

    /// Asks for a connection, which is answered with [`Entry::Moved`]. `moves.rs` describes how connections move.
    Move {
        request: RequestId,
        session: SessionId,
        connection: ConnectionId,
        /// The number of texts that arrived at the client; `None` if its client did not come.
        received: Option<u64>,
        /// The number of nodes that were asked for a fence.
        fences: u32,
    },
    /// Asks to confirm to `to` that the receiver knows the users of the sending node.
    Fence { to: NodeId, request: RequestId },
    /// The sending node knows the users of `of`, which asked for it in a move.
    Fenced { of: NodeId, request: RequestId },
    /// A connection; `None` if the sending node has none that can be resumed.
    Moved { request: RequestId, state: Option<Box<MovedState>> },
    /// An answer for a connection that has moved to the receiving node.
    MovedAnswer { connection: ConnectionId, text: &'a str },
    /// The sending node leaves, and has the receiving node move a connection to itself.
    Adopt { user: Username, session: SessionId, connection: ConnectionId, features: Features },

    /// A group has changed; the database has the change already. `text` is for the members.
    Changed { group: GroupId, change: GroupChange, text: &'a str },
    /// Who may write to a user or see their presence has changed; the database has the change already.
    Private { user: Username, change: PrivacyChange },
    /// A change may have been made: the receiver reads the database.
    Doubted { check: Check },
    /// An admin closes the connections of the user.
    Kick { user: Username, reason: Option<RemovalReason> },

    /// The user, who is connected to both nodes, sent a payload to the sending node.
    Spent { user: &'a str, bucket: BucketKind },
    /// The outcome of a payload of the user, who is connected to both nodes.
    Noted { user: &'a str, key: PayloadKey, outcome: PriorOutcome },
    /// Asks for what the receiver remembers about the user. Answered with [`Entry::Recalled`].
    Recall { request: RequestId, user: Username },
    /// What the sending node remembers about a user.
    Recalled { request: RequestId, memory: Memory },
    /// The sending node leaves, and hands off what it remembers about the user's payloads.
    HandedOff { user: Username, payloads: Vec<Remembered> },
}

/// A change of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum GroupChange {
    /// It was created with these members. All but the first, the owner, are notified.
    Created(Vec<Username>),
    /// A user has joined.
    Joined(Username),
    /// A user has left or was removed.
    Left(Username),
    /// Its name or a role has changed.
    Updated,
    /// It was deleted.
    Deleted,
}

/// A change of who may write to a user or see their presence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum PrivacyChange {
    /// The user has these settings.
    Settings(PresenceAudience, DirectMessages),
    /// One of the two users has blocked the other.
    Blocked(Username),
    /// Neither of the two users blocks the other any more.
    Unblocked(Username),
}

/// Who may write to a user and see their presence.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PrivacyRules {
    pub(crate) presence: PresenceAudience,
    pub(crate) direct: DirectMessages,
    pub(crate) blocked: Vec<Username>,
}

/// What a node remembers about a user.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// Payloads that were taken from each bucket and are not refilled yet, in the order of [`BucketKind::ALL`].
    pub(crate) spent: [u32; BucketKind::ALL.len()],
    /// Recent payloads.
    pub(crate) payloads: Vec<Remembered>,
    /// The users whose presence the user has subscribed to.
    pub(crate) watching: Vec<Username>,
}
