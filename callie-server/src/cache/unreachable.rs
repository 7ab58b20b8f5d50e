//! Why a payload cannot be delivered, as the database says it.

use std::sync::Arc;

use callie_core::command::Visibility;
use callie_core::{GroupId, SysCode, Username};

use crate::router::{Blocked, Hub};
use crate::store::{DirectAccess, Groups, Relations, Store};

/// Finds out why a payload cannot be delivered.
pub(crate) struct Unreachable {
    hub: Arc<Hub>,
    groups: Groups,
    relations: Relations,
}

impl Unreachable {
    /// Reads the reasons from `store`.
    pub(crate) fn new(hub: Arc<Hub>, store: &Store) -> Self {
        Self { hub, groups: store.groups.clone(), relations: store.relations.clone() }
    }

    /// Returns the answer to a payload from `from` to the user `to`, who is not known to be connected. `was_converged`
    /// is whether all connected users were known before the recipient was looked up.
    pub(crate) async fn user(&self, from: &Username, to: &Username, was_converged: bool) -> SysCode {
        match self.absent(from, to, was_converged).await {
            Absent::Offline { .. } => SysCode::RecipientOffline,
            Absent::Refused(code) => code,
        }
    }

    /// Returns why a payload does not reach the user `to`, who is not known to be connected; see [`Unreachable::user`].
    pub(crate) async fn absent(&self, from: &Username, to: &Username, was_converged: bool) -> Absent {
        match self.relations.direct_access(from, to).await {
            Ok(DirectAccess::Unknown) => Absent::Refused(SysCode::RecipientUnknown),
            Ok(DirectAccess::GroupsOnly) => Absent::Refused(SysCode::Forbidden),
            Ok(DirectAccess::Blocked) => Absent::Offline { is_blocked: true },
            // The recipient may be connected to a node that cannot be asked.
            Ok(DirectAccess::Allowed) if !(was_converged && self.hub.remote.is_converged()) => {
                Absent::Refused(SysCode::InternalError)
            }
            Ok(DirectAccess::Allowed) => Absent::Offline { is_blocked: false },
            Err(error) => {
                tracing::error!(%error, "cannot look up a recipient");
                Absent::Refused(SysCode::InternalError)
            }
        }
    }

    /// Returns the answer to a payload to a group that its sender is not in.
    pub(crate) async fn group(&self, id: GroupId) -> SysCode {
        match self.groups.get(id).await {
            Ok(Some(group)) if group.visibility == Visibility::Public => SysCode::NotAMember,
            Ok(_) => SysCode::RecipientUnknown,
            Err(error) => {
                tracing::error!(%error, "cannot look up a group");
                SysCode::InternalError
            }
        }
    }
}

/// Why a payload does not reach a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    /// The user is connected nowhere. A sender does not learn whether one of the two has blocked the other.
    Offline {
        /// Whether one of the two has blocked the other.
        is_blocked: bool,
    },
    /// For another reason, which this code tells the sender.
    Refused(SysCode),
}

/// Returns the answer to a payload to a user who may not be written to.
pub(crate) fn code_of(blocked: Blocked) -> SysCode {
    match blocked {
        Blocked::ByBlock => SysCode::RecipientOffline,
        Blocked::NoSharedGroup => SysCode::Forbidden,
    }
}
