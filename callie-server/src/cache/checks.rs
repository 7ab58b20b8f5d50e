//! What is to be read again from the database, because memory may be out of date.
//!
//! When two nodes change the same thing at the same time, their reports may cross. A report is applied immediately, so that
//! later entries find it applied, and then verified: the node that reads last sees the last change, so all nodes converge to
//! the state of the database. After a database failure in the middle of a change it is unknown whether the change was made.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::router::Check;

/// The most checks that wait. With more, everything is checked.
const MOST: usize = 4_096;

/// The queue of checks that wait.
#[derive(Default)]
pub(crate) struct Checks {
    waiting: Mutex<VecDeque<Check>>,
    wake: Notify,
}

impl Checks {
    /// Queues a check, unless it is queued already.
    pub(crate) fn ask(&self, check: Check) {
        {
            let mut waiting = self.waiting.lock();
            if check == Check::All || waiting.len() >= MOST {
                // It includes all others.
                waiting.clear();
                waiting.push_back(Check::All);
            } else if !waiting.contains(&check) && waiting.front() != Some(&Check::All) {
                waiting.push_back(check);
            }
        }
        self.wake.notify_one();
    }

    /// Waits for the next check, and takes it.
    pub(super) async fn next(&self) -> Check {
        loop {
            if let Some(check) = self.waiting.lock().pop_front() {
                return check;
            }
            self.wake.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use callie_core::Username;

    use super::*;

    #[tokio::test]
    async fn too_many_checks_become_one_of_everything() {
        let checks = Checks::default();
        let user = |n: usize| Check::Privacy(Username::parse(&format!("user{n}")).unwrap(), None);
        checks.ask(user(1));
        checks.ask(user(2));
        assert_eq!((checks.next().await, checks.next().await), (user(1), user(2)));
        for n in 0..=MOST {
            checks.ask(user(n));
        }
        assert_eq!(checks.next().await, Check::All);
        assert!(checks.waiting.lock().is_empty());
    }
}
