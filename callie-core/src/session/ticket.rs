//! The handles of sent payloads and received messages.

/// A handle for one payload that was accepted for sending, until its [`TicketOutcome`](super::TicketOutcome).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(crate) u64);

impl Ticket {
    /// Returns the ticket as a number. Tickets of one session count up from 1.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

/// The number of a received message, for [`Session::taken`](super::Session::taken). Receipts of one session count up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Receipt(u64);

impl Receipt {
    /// Returns the receipt as a number. Receipts of one session count up from 1.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    pub(super) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}
