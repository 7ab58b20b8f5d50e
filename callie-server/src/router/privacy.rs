//! Who may write to a user and see whether they are online.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use callie_core::command::{DirectMessages, PresenceAudience};
use callie_core::{GroupId, Username};

use super::entry::PrivacyRules;

/// Groups in their order, so that two users' are compared in one pass, and shared, so that nobody waits meanwhile.
pub(crate) type GroupIds = Arc<BTreeSet<GroupId>>;

/// Who may write to a user, and who sees them come and go.
#[derive(Debug, Clone)]
pub(crate) struct Privacy {
    /// Who sees the user's presence.
    pub(crate) presence: PresenceAudience,
    /// Who may write to the user directly.
    pub(crate) direct: DirectMessages,
    /// Whom the user has blocked, and who has blocked the user: nothing direct passes either way.
    pub(crate) blocked: HashSet<Username>,
}

impl Default for Privacy {
    fn default() -> Self {
        Self { presence: PresenceAudience::Groups, direct: DirectMessages::Everyone, blocked: HashSet::new() }
    }
}

impl From<PrivacyRules> for Privacy {
    fn from(rules: PrivacyRules) -> Self {
        let PrivacyRules { presence, direct, blocked } = rules;
        Self { presence, direct, blocked: blocked.into_iter().collect() }
    }
}

/// Why somebody may not write to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blocked {
    /// One of the two has blocked the other.
    ByBlock,
    /// The user takes direct messages from groups they share only.
    NoSharedGroup,
}
