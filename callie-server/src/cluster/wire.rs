//! What nodes tell each other: frames of entries, in postcard's encoding.
//!
//! A node sends each other node a stream of frames, numbered from 0. What a frame holds was said in that order, so
//! whoever has all frames of a stream knows all that the other node knows of itself. Payloads travel as the text that
//! goes out to clients: checked, and without a token.

use std::fmt;

use callie_core::command::{DirectMessages, PresenceAudience, RemovalReason};
use callie_core::{GroupId, Outcome, Username};
use serde::{Deserialize, Serialize};

use crate::gateway::Check;
use crate::router::{Bucket, Note};

/// The version of all that stands here. Nodes of another one are not listened to.
pub(crate) const VERSION: u8 = 2;

/// A node's time in the cluster, from joining to leaving: a node that comes back is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct NodeId(pub(crate) u64);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// "I am here", said to all every second.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Beat {
    /// [`VERSION`].
    pub(crate) version: u8,
    /// Who says it.
    pub(crate) node: NodeId,
    /// What tells one database from another: nodes on different ones are not one cluster.
    pub(crate) database: u64,
    /// What the node wants to say with it.
    pub(crate) word: Word,
}

/// What a beat is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Word {
    /// The node has just come and wants to know who else is there.
    Joining,
    /// The node is there.
    Here,
    /// The node goes and comes back as another, if at all.
    Leaving,
}

/// What stands before the entries of a frame.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Head {
    /// [`VERSION`].
    pub(crate) version: u8,
    /// Whose frame it is.
    pub(crate) from: NodeId,
    /// Where its entries stand, if it has any.
    pub(crate) place: Option<Place>,
    /// Whether its last entry goes on in the next frame.
    pub(crate) goes_on: bool,
    /// How far the other's stream was taken: every frame before this place was acted on.
    pub(crate) taken: Option<Place>,
    /// A stream of the other's that cannot be followed any more: it has to begin anew.
    pub(crate) broken: Option<u64>,
}

/// A place in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The stream. A later one has a greater number.
    pub(crate) stream: u64,
    /// The number of a frame in it.
    pub(crate) frame: u64,
}

/// Names one thing of a stream that is answered. [`NOBODY_ASKS`] for what is not.
pub(crate) type Ticket = u64;

/// The ticket of what nobody wants to hear of.
pub(crate) const NOBODY_ASKS: Ticket = 0;

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
        privacy: Privacy,
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
        unheard: bool,
    },

    /// A payload to a user with a connection there. Answered by [`Entry::Missed`] where it met nobody; where its sender
    /// asked for confirmation, by [`Entry::Report`].
    Direct {
        ticket: Ticket,
        to: &'a str,
        from: &'a str,
        /// The payload's ID, where its sender asked for confirmation.
        asked: Option<&'a str>,
        text: &'a str,
    },
    /// A payload to the members of a group there, answered likewise.
    Group {
        ticket: Ticket,
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
    Missed { ticket: Ticket, reached: u64 },
    /// What became of a payload whose sender asked.
    Report { ticket: Ticket, confirmed: u64, unconfirmed: u64, missed: u64 },

    /// A group changed; the database has it already. The text goes to its members.
    Changed { group: GroupId, change: GroupChange, text: &'a str },
    /// Who may write to a user or see them changed; the database has it already.
    Private { user: Username, change: PrivacyChange },
    /// A change may have been made, and the database has to be asked.
    Doubted { check: Check },
    /// An admin ends the user's connections.
    Kick { user: Username, reason: Option<RemovalReason> },

    /// The user, who is here and there, sent a payload here.
    Spent { user: &'a str, bucket: Bucket },
    /// What is known here of a payload of the user, who is here and there.
    Noted { user: &'a str, key: u64, outcome: Outcome },
    /// What do you remember of the user? Answered by [`Entry::Recalled`].
    Recall { ticket: Ticket, user: Username },
    /// What is remembered of a user.
    Recalled { ticket: Ticket, memory: Memory },
    /// The node leaves, and this is what it remembers of the user's payloads.
    Bequeathed { user: Username, notes: Vec<Note> },
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
    Barred(Username),
    /// The user and another are so no more.
    Unbarred(Username),
}

/// Who may write to a user and see them.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Privacy {
    pub(crate) presence: PresenceAudience,
    pub(crate) direct: DirectMessages,
    pub(crate) barred: Vec<Username>,
}

/// What a node remembers of a user.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// Payloads taken from each bucket that have not flowed back yet, in the order of [`Bucket::ALL`].
    pub(crate) spent: [u32; Bucket::ALL.len()],
    /// Recent payloads.
    pub(crate) notes: Vec<Note>,
    /// Whose presence the user subscribed to.
    pub(crate) watching: Vec<Username>,
}

/// A frame or a beat that cannot be read: of another version, or damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frame of another node cannot be read")]
pub(crate) struct Unreadable;

/// Appends `value` to `bytes`.
pub(crate) fn append(value: &impl Serialize, bytes: Vec<u8>) -> Vec<u8> {
    // Only a sequence of unknown length or a writer that is full could fail, and there is neither.
    postcard::to_extend(value, bytes).unwrap_or_default()
}

/// Reads a beat.
pub(crate) fn read_beat(bytes: &[u8]) -> Result<Beat, Unreadable> {
    let beat: Beat = postcard::from_bytes(bytes).map_err(|_| Unreadable)?;
    if beat.version == VERSION { Ok(beat) } else { Err(Unreadable) }
}

/// The version of a beat that is not of this one. In every version it is the first byte.
pub(crate) fn other_version(beat: &[u8]) -> Option<u8> {
    beat.first().copied().filter(|version| *version != VERSION)
}

/// Reads the head of a frame; its entries follow.
pub(crate) fn read_head(bytes: &[u8]) -> Result<(Head, &[u8]), Unreadable> {
    let (head, entries): (Head, _) = postcard::take_from_bytes(bytes).map_err(|_| Unreadable)?;
    if head.version == VERSION { Ok((head, entries)) } else { Err(Unreadable) }
}

/// Takes the next entry off `bytes`.
pub(crate) fn next_entry<'a>(bytes: &mut &'a [u8]) -> Option<Result<Entry<'a>, Unreadable>> {
    if bytes.is_empty() {
        return None;
    }
    match postcard::take_from_bytes(bytes) {
        Ok((entry, rest)) => {
            *bytes = rest;
            Some(Ok(entry))
        }
        Err(_) => {
            *bytes = &[];
            Some(Err(Unreadable))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_reads_as_it_was_written() {
        let from = NodeId(7);
        let place = Some(Place { stream: 3, frame: 0 });
        let head = Head { version: VERSION, from, place, goes_on: false, taken: None, broken: None };
        let user = Username::parse("ada").unwrap();
        let mut frame = append(&head, Vec::new());
        frame = append(&Entry::Gone { user: user.clone() }, frame);
        frame = append(
            &Entry::Direct { ticket: 9, to: "bob", from: "ada", asked: Some("p-1"), text: "{}" },
            frame,
        );
        let (read, mut entries) = read_head(&frame).unwrap();
        assert_eq!((read.from, read.place), (from, place));
        assert!(matches!(next_entry(&mut entries), Some(Ok(Entry::Gone { user: u })) if u == user));
        let direct = next_entry(&mut entries);
        assert!(matches!(direct, Some(Ok(Entry::Direct { ticket: 9, to: "bob", asked: Some("p-1"), .. }))));
        assert!(next_entry(&mut entries).is_none());
    }

    #[test]
    fn what_is_damaged_or_of_another_version_is_refused() {
        let beat = Beat { version: VERSION + 1, node: NodeId(1), database: 2, word: Word::Here };
        let bytes = append(&beat, Vec::new());
        assert_eq!(read_beat(&bytes).unwrap_err(), Unreadable);
        assert_eq!(other_version(&bytes), Some(VERSION + 1));
        assert_eq!(read_beat(&[]).unwrap_err(), Unreadable);
        let mut entries: &[u8] = &[250, 1, 2];
        assert!(matches!(next_entry(&mut entries), Some(Err(Unreadable))));
        assert!(next_entry(&mut entries).is_none());
    }
}
