//! What waits for another node's answer.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::wire::Memory;
use crate::router::{Delivery, Part, Passage, Passed};

/// Who waits for an answer, and for how many members of an audience it stands.
pub(crate) enum Awaited {
    /// A payload whose sender is told only of failures: it is settled when the other node has taken it.
    Passage {
        /// The payload.
        passage: Arc<Passage>,
        /// Members counted on.
        members: usize,
    },
    /// A payload whose sender asked for confirmation: it is settled by a report.
    Delivery {
        /// The payload.
        delivery: Arc<Delivery>,
        /// Which of its parts.
        part: Part,
    },
    /// A connection that comes in and wants to know what is remembered of its user.
    Memory(oneshot::Sender<Memory>),
}

/// What became of something that was told to another node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The other node has acted on it.
    Taken,
    /// It certainly did not get there.
    NotSent,
    /// It may have got there.
    Unknown,
}

impl Awaited {
    /// Whether no more than the other node's having taken it is waited for.
    pub(crate) fn ends_when_taken(&self) -> bool {
        matches!(self, Self::Passage { .. })
    }

    /// No answer comes any more, or none is needed.
    pub(crate) fn end(self, fate: Fate) {
        match self {
            Self::Passage { passage, members } => passage.settle(match fate {
                Fate::Taken => Passed { reached: members, ..Passed::default() },
                Fate::NotSent => Passed { missed: members, ..Passed::default() },
                Fate::Unknown => Passed { unknown: members, ..Passed::default() },
            }),
            Self::Delivery { delivery, part } => match fate {
                Fate::NotSent => delivery.give_up(part, false),
                Fate::Taken | Fate::Unknown => delivery.give_up(part, true),
            },
            // Who asked goes on without.
            Self::Memory(_) => {}
        }
    }

    /// So many members got it.
    pub(crate) fn reached(self, reached: usize) {
        if let Self::Passage { passage, members } = self {
            let reached = reached.min(members);
            passage.settle(Passed { reached, missed: members - reached, unknown: 0 });
        }
    }
}
