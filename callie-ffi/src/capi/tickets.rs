//! Tickets by number, for C.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::status::Failure;
use callie_client::Ticket;

/// The maximum number of tickets kept. Older outcomes can no longer be read.
const MOST: usize = 4_096;

/// The latest tickets of one client.
#[derive(Debug, Default)]
pub(super) struct Tickets(Mutex<BTreeMap<u64, Ticket>>);

impl Tickets {
    /// Keeps a ticket; if there are too many, removes the oldest.
    pub(super) fn keep(&self, ticket: Ticket) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(ticket.number(), ticket);
        if kept.len() > MOST {
            kept.pop_first();
        }
    }

    /// The ticket with this number.
    pub(super) fn find(&self, number: u64) -> Result<Ticket, Failure> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&number).cloned().ok_or_else(|| Failure::form(format!("there is no ticket {number} here")))
    }
}
