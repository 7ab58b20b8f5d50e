//! Recipients with a scheduled retry. Later messages to them wait for it.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::ticket::Ticket;
use crate::party::Recipient;

#[derive(Debug, Default)]
struct Hold {
    /// Messages with a scheduled retry.
    retrying: BTreeSet<Ticket>,
    /// Later messages.
    parked: BTreeSet<Ticket>,
    /// When the last retry is due.
    until: Duration,
}

#[derive(Debug, Default)]
pub(super) struct Holds(HashMap<Recipient, Hold>);

impl Holds {
    /// Records a message whose retry is at that time.
    pub(super) fn hold(&mut self, recipient: Recipient, ticket: Ticket, until: Duration) {
        let hold = self.0.entry(recipient).or_default();
        hold.retrying.insert(ticket);
        hold.until = hold.until.max(until);
    }

    /// Returns when the last retry to the recipient is due.
    pub(super) fn until(&self, recipient: &Recipient) -> Option<Duration> {
        self.0.get(recipient).map(|hold| hold.until)
    }

    /// Returns `true` if a message has to wait for a retry, and keeps it then.
    pub(super) fn park(&mut self, recipient: &Recipient, ticket: Ticket) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let Some(hold) = self.0.get_mut(recipient) else { return false };
        let waits = hold.retrying.first().is_some_and(|first| *first < ticket);
        if waits {
            hold.parked.insert(ticket);
        }
        waits
    }

    /// Removes a message that has its outcome or is retried now. Returns the messages that no longer wait for it.
    pub(super) fn release(&mut self, recipient: &Recipient, ticket: Ticket) -> BTreeSet<Ticket> {
        if self.0.is_empty() {
            return BTreeSet::new();
        }
        let Some(hold) = self.0.get_mut(recipient) else { return BTreeSet::new() };
        hold.parked.remove(&ticket);
        hold.retrying.remove(&ticket);
        let Some(first) = hold.retrying.first() else {
            return self.0.remove(recipient).map(|hold| hold.parked).unwrap_or_default();
        };
        let later = hold.parked.split_off(first);
        std::mem::replace(&mut hold.parked, later)
    }

    /// Removes everything, because the order is lost with the connection.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
