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
        match self.relations.direct_access(from, to).await {
            Ok(DirectAccess::Unknown) => SysCode::RecipientUnknown,
            Ok(DirectAccess::GroupsOnly) => SysCode::Forbidden,
            Ok(DirectAccess::Blocked) => SysCode::RecipientOffline,
            // The recipient may be connected to a node that cannot be asked.
            Ok(DirectAccess::Allowed) if !(was_converged && self.hub.remote.is_converged()) => {
                SysCode::InternalError
            }
            Ok(DirectAccess::Allowed) => SysCode::RecipientOffline,
            Err(error) => {
                tracing::error!(%error, "cannot look up a recipient");
                SysCode::InternalError
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

/// Returns the answer to a payload to a user who may not be written to.
pub(crate) fn code_of(blocked: Blocked) -> SysCode {
    match blocked {
        Blocked::ByBlock => SysCode::RecipientOffline,
        Blocked::NoSharedGroup => SysCode::Forbidden,
    }
}
