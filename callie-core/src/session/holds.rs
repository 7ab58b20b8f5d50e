//! Recipients to whom a message is tried again in a moment: what is sent to them later waits behind it.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::event::Ticket;
use crate::party::Recipient;

#[derive(Debug, Default)]
struct Hold {
    /// Messages that are tried again.
    retrying: BTreeSet<Ticket>,
    /// Later messages.
    parked: BTreeSet<Ticket>,
    /// When the last of those that are tried again is due.
    until: Duration,
}

#[derive(Debug, Default)]
pub(super) struct Holds(HashMap<Recipient, Hold>);

impl Holds {
    /// Notes a message that is tried again at that time.
    pub(super) fn hold(&mut self, recipient: Recipient, ticket: Ticket, until: Duration) {
        let hold = self.0.entry(recipient).or_default();
        hold.retrying.insert(ticket);
        hold.until = hold.until.max(until);
    }

    /// When the last message to the recipient that is tried again is due.
    pub(super) fn until(&self, recipient: &Recipient) -> Option<Duration> {
        self.0.get(recipient).map(|hold| hold.until)
    }

    /// Whether a message has to wait behind one that is tried again; it is kept then.
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

    /// A message is over, or is tried again now. Returns those that no longer wait for it.
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

    /// The connection is gone, and with it the order on it.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
