//! The users for whom messages are just being stored.
//!
//! Until a message is committed, its recipient may connect without finding it. What the same sender sends meanwhile would
//! arrive before it. Therefore messages to a user for whom something is being stored are stored as well.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use callie_core::Username;
use parking_lot::Mutex;

/// The users for whom messages are being stored.
#[derive(Default)]
pub(super) struct Storing {
    users: Mutex<HashMap<Username, usize>>,
    /// The number of users: nearly always none, which is seen without the lock.
    count: AtomicUsize,
}

impl Storing {
    /// Adds users until the result is dropped.
    pub(super) fn begin(self: &Arc<Self>, names: &[Username]) -> BeingStored {
        let mut users = self.users.lock();
        for name in names {
            *users.entry(name.clone()).or_default() += 1;
        }
        self.count.store(users.len(), Ordering::SeqCst);
        BeingStored { storing: self.clone(), names: names.into() }
    }

    /// Returns `true` if a message is being stored for the user.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.count.load(Ordering::SeqCst) > 0 && self.users.lock().contains_key(name)
    }

    /// Returns the users.
    pub(super) fn names(&self) -> Vec<Username> {
        if self.count.load(Ordering::SeqCst) == 0 {
            return Vec::new();
        }
        self.users.lock().keys().cloned().collect()
    }
}

/// The recipients of a message that is being stored.
pub(super) struct BeingStored {
    storing: Arc<Storing>,
    names: Box<[Username]>,
}

impl Drop for BeingStored {
    fn drop(&mut self) {
        let mut users = self.storing.users.lock();
        for name in &self.names {
            if let Some(count) = users.get_mut(name) {
                *count -= 1;
                if *count == 0 {
                    users.remove(name);
                }
            }
        }
        self.storing.count.store(users.len(), Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_is_there_until_the_last_message_is_stored() {
        let storing = Arc::new(Storing::default());
        let names = ["bob", "cy"].map(|name| Username::parse(name).unwrap());
        let both = storing.begin(&names);
        let one = storing.begin(&names[..1]);
        drop(both);
        assert_eq!((storing.contains("bob"), storing.contains("cy")), (true, false));
        assert_eq!(storing.names(), names[..1]);
        drop(one);
        assert!(!storing.contains("bob") && storing.names().is_empty());
    }
}
