//! The names of other nodes, and of what they are asked.

use std::fmt;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// The ID of a node from when it joins the cluster until it leaves. A node that comes back has another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct NodeId(pub(crate) u64);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Some of the other nodes: nearly always none or one.
pub(crate) type Nodes = SmallVec<[NodeId; 2]>;

/// The ID of an entry that is answered, unique in the stream between two nodes. [`NO_REPLY`] for other entries.
pub(crate) type RequestId = u64;

/// The request ID of an entry that is not answered.
pub(crate) const NO_REPLY: RequestId = 0;
