//! The changes of a session's records, and the session that continues from them.

use std::time::Duration;

use super::config::SessionConfig;
use super::event::{Event, Output, TicketOutcome};
use super::machine::{Now, Random, Session};
use super::memory::LONG_MEMORY;
use super::outgoing::Outgoing;
use super::records::{self, Change, MessageRecord, Record, RestoreError, SentRecord, Stored};
use super::state::ClosedBy;
use super::ticket::Ticket;
use super::tickets::{Expects, RESEND_WINDOW, Waiting};
use crate::command::AckEntry;
use crate::name::MessageId;

impl Session {
    /// Creates a session that is not connected, and that continues from the records of an earlier process. Without
    /// records, it is new. From now on it hands out the changes of its records.
    ///
    /// `server` identifies the server, with at most 1,024 bytes and without spaces. The records belong to one user of
    /// one server.
    ///
    /// # Errors
    /// [`RestoreError`] if the records belong to another user or server, or cannot be read.
    pub fn restore(
        config: SessionConfig,
        random: Random,
        now: Now,
        server: &str,
        records: &[Record],
    ) -> Result<Self, RestoreError> {
        let mut session = Self::new(config, random);
        session.changes = Some(0);
        session.inbox.persist();
        let read = records.iter().map(records::read).collect::<Result<Vec<_>, _>>()?;
        session.check_header(server, &read)?;
        session.restore_messages(now, &read)?;
        session.restore_memory(now, read);
        Ok(session)
    }

    /// Returns the messages without an outcome, in the order in which they were accepted.
    pub fn pending(&self) -> impl Iterator<Item = (Ticket, &MessageId)> {
        self.tickets.messages()
    }

    /// Closes the session, because the changes after the one with this number could not be stored. The messages that these
    /// changes contain end without an outcome: the driver refuses them. The others are pending.
    pub fn store_failed(&mut self, now: Now, stored: u64, error: String) {
        for ticket in self.tickets.those(|waiting| waiting.stored > stored) {
            self.tickets.end(ticket);
        }
        self.close(now, ClosedBy::NotStored { error });
    }

    fn check_header(&mut self, server: &str, read: &[Stored<'_>]) -> Result<(), RestoreError> {
        let header = read.iter().find_map(|stored| match stored {
            Stored::Header { user, server } => Some((*user, *server)),
            _ => None,
        });
        match header {
            None if read.is_empty() => self.store(records::header(&self.config.username, server)),
            None => return Err(RestoreError::Damaged),
            Some((user, _)) if *user != *self.config.username.as_str() => {
                return Err(RestoreError::OtherUser { user: user.to_owned() });
            }
            Some((_, other)) if other != server => {
                return Err(RestoreError::OtherServer { server: other.to_owned() });
            }
            Some(_) => {}
        }
        Ok(())
    }

    fn restore_messages(&mut self, now: Now, read: &[Stored<'_>]) -> Result<(), RestoreError> {
        for stored in read {
            if let Stored::Message(ticket, message) = stored {
                self.restore_message(now, *ticket, message)?;
            }
        }
        for stored in read {
            if let Stored::Sent(ticket, sent) = stored {
                self.restore_transmissions(now, *ticket, *sent);
            }
        }
        Ok(())
    }

    fn restore_message(
        &mut self,
        now: Now,
        ticket: Ticket,
        message: &MessageRecord<'_>,
    ) -> Result<(), RestoreError> {
        let payload = records::payload(message.text).ok_or(RestoreError::Damaged)?;
        let payload = Outgoing::new(&payload);
        if !payload.is_message() {
            return Err(RestoreError::Damaged);
        }
        let expects = if message.confirm { Expects::Confirmation } else { Expects::Nothing };
        self.tickets.add_as(ticket, payload, expects, now.elapsed, Duration::from_millis(message.timeout_ms));
        if let Some(waiting) = self.tickets.get_mut(ticket) {
            waiting.retries = message.retries;
            waiting.perhaps_taken_before = message.perhaps_taken_before;
        }
        Ok(())
    }

    fn restore_transmissions(&mut self, now: Now, ticket: Ticket, sent: SentRecord) {
        let Some(waiting) = self.tickets.get_mut(ticket) else {
            // A kill between two deletions leaves such a record behind.
            return self.store(records::delete_sent(ticket));
        };
        let resend_for = time_left(now, sent.resend_until_ms, RESEND_WINDOW);
        waiting.perhaps_taken = sent.times;
        waiting.perhaps_taken_elsewhere = sent.times;
        waiting.resend_until = Some(now.elapsed.saturating_add(resend_for));
        if resend_for.is_zero() {
            // It cannot be sent again, so it ends at once.
            self.tickets.reschedule(ticket, Some(now.elapsed));
        }
    }

    fn restore_memory(&mut self, now: Now, read: Vec<Stored<'_>>) {
        let mut received: Vec<_> = read
            .into_iter()
            .filter_map(|stored| match stored {
                Stored::Received(payload, forget_at_ms) => Some((forget_at_ms, payload)),
                _ => None,
            })
            .collect();
        received.sort_unstable_by_key(|(forget_at_ms, _)| *forget_at_ms);
        for (forget_at_ms, payload) in received {
            let left = time_left(now, forget_at_ms, Duration::MAX).min(LONG_MEMORY);
            self.inbox.restore(now.elapsed.saturating_add(left), payload);
        }
    }

    /// Stores a message that was accepted.
    pub(super) fn store_message(&mut self, ticket: Ticket) {
        let Some(number) = self.changes else { return };
        let Some(waiting) = self.tickets.get_mut(ticket).filter(|waiting| waiting.is_message()) else {
            return;
        };
        waiting.stored = number + 1;
        let change = records::put_message(ticket, &message_record(waiting));
        self.store(change);
    }

    /// Stores a message that has a new ID, under which it was not sent yet.
    pub(super) fn store_renewed(&mut self, ticket: Ticket) {
        if self.changes.is_none() {
            return;
        }
        let Some(waiting) = self.tickets.get(ticket).filter(|waiting| waiting.is_message()) else { return };
        let change = records::put_message(ticket, &message_record(waiting));
        // In this order: a kill between the two leaves a message that may have been sent.
        self.store(change);
        self.store(records::delete_sent(ticket));
    }

    /// Stores how often a message was sent, and until when it may be sent again.
    pub(super) fn store_sent(&mut self, now: Now, ticket: Ticket) {
        if self.changes.is_none() {
            return;
        }
        let Some(waiting) = self.tickets.get(ticket).filter(|waiting| waiting.is_message()) else { return };
        let change = match waiting.resend_until {
            Some(until) if waiting.perhaps_taken > 0 => {
                let left = millis(until.saturating_sub(now.elapsed));
                let resend_until_ms = now.wall.unix_millis().saturating_add(left);
                records::put_sent(ticket, SentRecord { times: waiting.perhaps_taken, resend_until_ms })
            }
            _ => records::delete_sent(ticket),
        };
        self.store(change);
    }

    /// Removes the records of a message that has its outcome.
    pub(super) fn delete_message(&mut self, ticket: Ticket, waiting: &Waiting) {
        if self.changes.is_some() && waiting.is_message() {
            self.store(records::delete_message(ticket));
            if waiting.perhaps_taken > 0 {
                self.store(records::delete_sent(ticket));
            }
        }
    }

    /// Ends a message whose record the next process continues with. Returns `false` if it is not stored.
    pub(super) fn keep_pending(&mut self, ticket: Ticket) -> bool {
        let is_stored = self.changes.is_some() && self.tickets.get(ticket).is_some_and(Waiting::is_message);
        if is_stored && self.tickets.end(ticket).is_some() {
            self.tell(Event::Ended(ticket, TicketOutcome::Pending));
        }
        is_stored
    }

    /// Stores the memory of payloads that the application took.
    pub(super) fn store_received(&mut self, now: Now, taken: &[AckEntry]) {
        let forget_at_ms = now.wall.unix_millis().saturating_add(millis(LONG_MEMORY));
        for payload in taken {
            self.store(records::put_received(payload, forget_at_ms));
        }
        self.store_forgotten();
    }

    /// Removes the records of payloads that are no longer remembered.
    pub(super) fn store_forgotten(&mut self) {
        for payload in self.inbox.forgotten() {
            self.store(records::delete_received(&payload));
        }
    }

    /// Hands out a change. The session must be one that stores records.
    fn store(&mut self, change: Change) {
        let number = self.changes.map_or(1, |number| number + 1);
        self.changes = Some(number);
        self.output(Output::Store { number, change });
    }
}

fn message_record(waiting: &Waiting) -> MessageRecord<'_> {
    MessageRecord {
        confirm: waiting.expects == Expects::Confirmation,
        perhaps_taken_before: waiting.perhaps_taken_before,
        retries: waiting.retries,
        timeout_ms: u64::try_from(waiting.timeout.as_millis()).unwrap_or(u64::MAX),
        text: waiting.payload.text(),
    }
}

/// Returns the time until an instant of the system's clock. It is zero if more than `longest` is left, because the clock
/// was set back since.
fn time_left(now: Now, until_ms: i64, longest: Duration) -> Duration {
    let left = until_ms.saturating_sub(now.wall.unix_millis());
    let left = Duration::from_millis(u64::try_from(left).unwrap_or_default());
    if left > longest { Duration::ZERO } else { left }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
