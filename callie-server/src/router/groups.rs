//! The groups with a member who is connected to this node.

use std::sync::Arc;

use callie_core::GroupId;
use dashmap::DashMap;

use super::group::Group;

/// The groups by ID. The entry of a group is locked while a method of this type calls a closure with it, so that the group
/// is not removed meanwhile.
#[derive(Default)]
pub(super) struct Groups(DashMap<GroupId, Arc<Group>>);

impl Groups {
    /// Returns the group.
    pub(super) fn get(&self, id: GroupId) -> Option<Arc<Group>> {
        self.0.get(&id).map(|group| group.clone())
    }

    /// Returns `true` if there is the group.
    pub(super) fn contains(&self, id: GroupId) -> bool {
        self.0.contains_key(&id)
    }

    /// Returns the IDs of all groups.
    pub(super) fn ids(&self) -> Vec<GroupId> {
        self.0.iter().map(|group| *group.key()).collect()
    }

    /// Calls `act` with the group, if there is one.
    pub(super) fn with(&self, id: GroupId, act: impl FnOnce(&Group)) {
        if let Some(group) = self.0.get(&id) {
            act(&group);
        }
    }

    /// Calls `act` with the group, created if there is none.
    pub(super) fn with_or_insert(&self, id: GroupId, act: impl FnOnce(&Group)) {
        act(&self.0.entry(id).or_default());
    }

    /// Removes the group.
    pub(super) fn remove(&self, id: GroupId) {
        self.0.remove(&id);
    }

    /// Removes the group if no member is connected to this node.
    pub(super) fn remove_if_empty(&self, id: GroupId) {
        self.0.remove_if(&id, |_, group| group.state().online.is_empty());
    }
}
