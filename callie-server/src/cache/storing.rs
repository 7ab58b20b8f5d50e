//! The messages that are just being stored, by sender and recipient.
//!
//! Until a message is committed, its recipient may connect without finding it. What the same sender sends meanwhile would
//! arrive before it. Therefore later messages of the sender to this recipient wait for the commit.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use callie_core::Username;
use parking_lot::RwLock;
use tokio::sync::Notify;

/// The recipients for whom messages of each sender are being stored, with their number.
#[derive(Default)]
pub(super) struct Storing {
    senders: RwLock<HashMap<Username, HashMap<Username, usize>>>,
    ended: Notify,
}

impl Storing {
    /// Adds a message, until the result is dropped.
    pub(super) fn begin(self: &Arc<Self>, sender: &Username, recipients: &[Username]) -> BeingStored {
        let mut senders = self.senders.write();
        let stored = senders.entry(sender.clone()).or_default();
        for name in recipients {
            *stored.entry(name.clone()).or_default() += 1;
        }
        BeingStored { storing: self.clone(), sender: sender.clone(), recipients: recipients.into() }
    }

    /// Returns `true` if a message of `sender` is being stored for `recipient`.
    pub(super) fn contains(&self, sender: &Username, recipient: &str) -> bool {
        self.senders.read().get(sender).is_some_and(|stored| stored.contains_key(recipient))
    }

    /// Returns the recipients for whom messages of `sender` are being stored and who match `is_wanted`.
    pub(super) fn recipients(
        &self,
        sender: &Username,
        is_wanted: impl Fn(&Username) -> bool,
    ) -> HashSet<Username> {
        let senders = self.senders.read();
        let stored = senders.get(sender).into_iter().flat_map(HashMap::keys);
        stored.filter(|name| is_wanted(name)).cloned().collect()
    }

    /// Waits until no message of `sender` is being stored for any of `recipients`.
    pub(super) async fn wait(&self, sender: &Username, recipients: &HashSet<Username>) {
        loop {
            let ended = self.ended.notified();
            if self.recipients(sender, |name| recipients.contains(name)).is_empty() {
                return;
            }
            ended.await;
        }
    }
}

/// A message that is being stored.
pub(super) struct BeingStored {
    storing: Arc<Storing>,
    sender: Username,
    recipients: Box<[Username]>,
}

impl Drop for BeingStored {
    fn drop(&mut self) {
        let mut senders = self.storing.senders.write();
        if let Some(stored) = senders.get_mut(&self.sender) {
            for name in &self.recipients {
                if let Some(count) = stored.get_mut(name) {
                    *count -= 1;
                    if *count == 0 {
                        stored.remove(name);
                    }
                }
            }
            if stored.is_empty() {
                senders.remove(&self.sender);
            }
        }
        drop(senders);
        self.storing.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn recipient_is_there_until_the_last_message_is_stored() {
        let storing = Arc::new(Storing::default());
        let [ada, bob, cy] = ["ada", "bob", "cy"].map(|name| Username::parse(name).unwrap());
        let both = storing.begin(&ada, &[bob.clone(), cy.clone()]);
        let one = storing.begin(&ada, std::slice::from_ref(&bob));
        let of_bob = HashSet::from([bob]);
        let mut waiting = std::pin::pin!(storing.wait(&ada, &of_bob));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(both);
        assert!(
            storing.contains(&ada, "bob") && !storing.contains(&ada, "cy") && !storing.contains(&cy, "bob")
        );
        assert_eq!(storing.recipients(&ada, |_| true), of_bob);
        drop(one);
        waiting.await;
        assert!(storing.senders.read().is_empty());
    }
}
