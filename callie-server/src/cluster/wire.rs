//! The encoding of frames and heartbeats, with postcard.
//!
//! A node sends each other node a stream of frames, numbered from 0. Entries are in the order in which they were
//! queued, so a node that has read all frames of a stream knows everything that the other node knows about itself.
//! Payloads are sent as the text that clients receive: checked, and without a token.

use serde::{Deserialize, Serialize};

use crate::router::{Entry, NodeId};

/// The version of everything in this file. Nodes of other versions are ignored.
pub(crate) const VERSION: u8 = 3;

/// A message that every node sends to all others once a second.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Heartbeat {
    /// [`VERSION`].
    pub(crate) version: u8,
    /// The node that sends it.
    pub(crate) node: NodeId,
    /// The fingerprint of the database. Nodes on different databases are not one cluster.
    pub(crate) database: u64,
    /// What the heartbeat is for.
    pub(crate) kind: MessageKind,
}

/// What a heartbeat is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MessageKind {
    /// The node is joining, and asks who else is there.
    Joining,
    /// The node is there.
    Here,
    /// The node leaves.
    Leaving,
}

/// The header of a frame, before its entries.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct FrameHeader {
    /// [`VERSION`].
    pub(crate) version: u8,
    /// The node that sends the frame.
    pub(crate) from: NodeId,
    /// The position of the entries in the stream, if there are any.
    pub(crate) position: Option<Position>,
    /// Whether the last entry continues in the next frame.
    pub(crate) goes_on: bool,
    /// How far the receiver's stream was read: every frame before this position was applied.
    pub(crate) taken: Option<Position>,
    /// A stream of the receiver that cannot be read any more. The receiver must begin a new one.
    pub(crate) broken: Option<u64>,
}

/// A position in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// The number of the stream. A later stream has a greater number.
    pub(crate) stream: u64,
    /// The number of a frame in it.
    pub(crate) frame: u64,
}

/// A frame or a heartbeat that cannot be read, because it is of another version or damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot read a frame of another node")]
pub(crate) struct Unreadable;

/// Appends `value` to `bytes`.
pub(crate) fn append(value: &impl Serialize, bytes: Vec<u8>) -> Vec<u8> {
    // Only a sequence of unknown length or a full writer could fail, and there is neither.
    postcard::to_extend(value, bytes).unwrap_or_default()
}

/// Reads a heartbeat.
pub(crate) fn read_heartbeat(bytes: &[u8]) -> Result<Heartbeat, Unreadable> {
    let beat: Heartbeat = postcard::from_bytes(bytes).map_err(|_| Unreadable)?;
    if beat.version == VERSION { Ok(beat) } else { Err(Unreadable) }
}

/// Returns the version of a heartbeat of another version. In every version it is the first byte.
pub(crate) fn other_version(heartbeat: &[u8]) -> Option<u8> {
    heartbeat.first().copied().filter(|version| *version != VERSION)
}

/// Reads the header of a frame. Returns it and the entries that follow.
pub(crate) fn read_header(bytes: &[u8]) -> Result<(FrameHeader, &[u8]), Unreadable> {
    let (head, entries): (FrameHeader, _) = postcard::take_from_bytes(bytes).map_err(|_| Unreadable)?;
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
    use callie_core::Username;

    use super::*;
    use crate::router::Keep;

    #[test]
    fn frame_reads_as_written() {
        let from = NodeId(7);
        let position = Some(Position { stream: 3, frame: 0 });
        let head =
            FrameHeader { version: VERSION, from, position, goes_on: false, taken: None, broken: None };
        let user = Username::parse("ada").unwrap();
        let mut frame = append(&head, Vec::new());
        frame = append(&Entry::Gone { user: user.clone() }, frame);
        frame = append(
            &Entry::Direct {
                request: 9,
                to: "bob",
                from: "ada",
                asked: Some("p-1"),
                keep: Keep::Reported,
                text: "{}",
            },
            frame,
        );
        let (read, mut entries) = read_header(&frame).unwrap();
        assert_eq!((read.from, read.position), (from, position));
        assert!(matches!(next_entry(&mut entries), Some(Ok(Entry::Gone { user: u })) if u == user));
        let direct = next_entry(&mut entries);
        assert!(matches!(direct, Some(Ok(Entry::Direct { request: 9, to: "bob", asked: Some("p-1"), .. }))));
        assert!(next_entry(&mut entries).is_none());
    }

    #[test]
    fn damaged_and_other_versions_are_refused() {
        let beat = Heartbeat { version: VERSION + 1, node: NodeId(1), database: 2, kind: MessageKind::Here };
        let bytes = append(&beat, Vec::new());
        assert_eq!(read_heartbeat(&bytes).unwrap_err(), Unreadable);
        assert_eq!(other_version(&bytes), Some(VERSION + 1));
        assert_eq!(read_heartbeat(&[]).unwrap_err(), Unreadable);
        let mut entries: &[u8] = &[250, 1, 2];
        assert!(matches!(next_entry(&mut entries), Some(Err(Unreadable))));
        assert!(next_entry(&mut entries).is_none());
    }
}
