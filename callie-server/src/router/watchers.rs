//! Subscriptions to the presence of users.

use std::collections::HashSet;

use callie_core::Username;
use dashmap::DashMap;

/// Who has subscribed to the presence of each user.
#[derive(Default)]
pub(super) struct Watchers(DashMap<Username, HashSet<Username>>);

impl Watchers {
    /// Returns the subscribers of the user named `name`.
    pub(super) fn of(&self, name: &str) -> Vec<Username> {
        self.0.get(name).map(|watchers| watchers.iter().cloned().collect()).unwrap_or_default()
    }

    /// Subscribes `watcher` to `name`.
    pub(super) fn add(&self, watcher: &Username, name: &Username) {
        self.0.entry(name.clone()).or_default().insert(watcher.clone());
    }

    /// Cancels the subscriptions of `watcher` to `names`.
    pub(super) fn remove(&self, watcher: &Username, names: &[Username]) {
        for name in names {
            if let Some(mut watchers) = self.0.get_mut(name) {
                watchers.remove(watcher);
            }
            self.0.remove_if(name, |_, watchers| watchers.is_empty());
        }
    }

    /// Returns the number of users with subscribers.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
