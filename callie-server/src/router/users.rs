//! The users who are connected, or were recently.

use std::sync::Arc;

use callie_core::Username;
use dashmap::DashMap;

use super::aliases::User;

/// The users by name. The entry of a user is locked while a method of this type calls a closure with it, so that the user
/// is not removed meanwhile.
#[derive(Default)]
pub(super) struct Users(DashMap<Username, Arc<User>>);

impl Users {
    /// Returns the user named `name`.
    pub(super) fn get(&self, name: &str) -> Option<Arc<User>> {
        self.0.get(name).map(|user| user.clone())
    }

    /// Returns the user named `name`, created with `make` if there is none.
    pub(super) fn get_or_insert(&self, name: &Username, make: impl FnOnce() -> Arc<User>) -> Arc<User> {
        self.0.entry(name.clone()).or_insert_with(make).clone()
    }

    /// Calls `act` with the user named `name`, created with `make` if there is none.
    pub(super) fn with_or_insert<T>(
        &self,
        name: &Username,
        make: impl FnOnce() -> Arc<User>,
        act: impl FnOnce(&Arc<User>) -> T,
    ) -> T {
        act(&self.0.entry(name.clone()).or_insert_with(make))
    }

    /// Calls `act` if `user` is still the entry of its name.
    pub(super) fn with_current<T>(&self, user: &Arc<User>, act: impl FnOnce() -> T) -> Option<T> {
        let _entry = self.0.get(&user.name).filter(|entry| Arc::ptr_eq(entry, user))?;
        Some(act())
    }

    /// Calls `act` with each user.
    pub(super) fn for_each(&self, mut act: impl FnMut(&Arc<User>)) {
        for user in &self.0 {
            act(&user);
        }
    }

    /// Removes the users for whom `keep` returns `false`.
    pub(super) fn retain(&self, mut keep: impl FnMut(&User) -> bool) {
        self.0.retain(|_, user| keep(user));
    }
}
