//! Payloads without an outcome. Each gets exactly one.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::holds::Holds;
use super::outgoing::Outgoing;
use super::ticket::Ticket;
use crate::name::{MessageId, PayloadId};
use crate::party::Recipient;

/// How long after its first transmission a payload may be sent again. The server detects duplicates for five minutes,
/// and the network may delay a copy.
pub(super) const RESEND_WINDOW: Duration = Duration::from_secs(240);
/// The time before the server is asked again for the outcome of a payload that is pending. It doubles each time.
const FIRST_POLL: Duration = Duration::from_millis(100);
/// The longest time between two such retries.
const LONGEST_POLL: Duration = Duration::from_secs(2);
/// The most IDs of payloads with an outcome that are remembered, to recognise late answers.
const MOST_ENDED: usize = 1_024;

/// The most earlier IDs of one payload whose answers are still accepted. Answers to older ones are ignored.
const MOST_FORMER: usize = 8;

/// What gives a payload its outcome, besides a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expects {
    /// The outcome of a confirmed delivery.
    Confirmation,
    /// The result of a command.
    Result {
        /// Whether the command may be executed twice.
        repeatable: bool,
    },
    /// No answer: it is sent when the server has accepted a later payload.
    Nothing,
    /// A PONG.
    Pong,
}

impl Expects {
    /// Returns `true` if the server may act on the payload twice, so that the last answer is its outcome.
    pub(super) fn is_repeatable(self) -> bool {
        matches!(self, Self::Pong | Self::Result { repeatable: true })
    }

    /// Returns the time without an answer after which the server is asked again. It waits 15 s for a confirmation.
    fn patience(self) -> Duration {
        match self {
            Self::Confirmation => Duration::from_secs(20),
            Self::Result { .. } | Self::Nothing | Self::Pong => Duration::from_secs(10),
        }
    }
}

/// The state of the transmission of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Transmitted as soon as the rate permits.
    Queued,
    /// Queued after the retry of an earlier message to the same recipient.
    Parked,
    /// Queued at its time, because the last transmission did not settle it.
    Resting,
    /// Transmitted on this connection.
    Sent,
}

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) payload: Outgoing,
    pub(super) expects: Expects,
    /// The deadline of the outcome.
    pub(super) deadline: Duration,
    /// The time from the call to that deadline.
    pub(super) timeout: Duration,
    /// The number of the change that stored it; 0 if it is not stored.
    pub(super) stored: u64,
    /// Until when the payload may be sent again: it was sent under its current ID, and not reported as dropped.
    pub(super) resend_until: Option<Duration>,
    pub(super) last_sent: Duration,
    /// The number of the last transmission.
    pub(super) transmission: u64,
    /// The number of the first transmission under its current ID on this connection, if there was one.
    pub(super) first_transmission: Option<u64>,
    /// The number of transmissions under its current ID that the server may have accepted.
    pub(super) perhaps_taken: u32,
    /// How many of them were on connections that are gone, whose server may have forgotten them since.
    pub(super) perhaps_taken_elsewhere: u32,
    /// Whether the server may have accepted it under an earlier ID.
    pub(super) perhaps_taken_before: bool,
    /// When it is queued again on the same connection.
    resend_at: Option<Duration>,
    pub(super) place: Place,
    /// How often the server reported the outcome as pending.
    polls: u32,
    /// The number of retries under another ID because the recipient was offline.
    pub(super) retries: u32,
    /// Its earlier IDs.
    former: Vec<PayloadId>,
}

impl Waiting {
    fn wake_at(&self) -> Duration {
        self.resend_at.map_or(self.deadline, |at| at.min(self.deadline))
    }

    pub(super) fn is_sent(&self) -> bool {
        self.place == Place::Sent
    }

    fn is_on_its_way(&self) -> bool {
        self.expects == Expects::Nothing && self.is_sent()
    }

    /// Returns `true` if the server may have accepted it.
    pub(super) fn may_be_taken(&self) -> bool {
        self.perhaps_taken > 0 || self.perhaps_taken_before
    }

    /// Returns `true` if the server may have accepted an earlier transmission under its current ID, and may have
    /// forgotten it since.
    pub(super) fn may_be_taken_elsewhere(&self) -> bool {
        self.was_sent_again() && self.perhaps_taken_elsewhere > 0
    }

    /// Returns `true` if a duplicate of a failed payload means that all transmissions under its current ID have failed:
    /// the server remembers all of them, or there is only one that it can mean.
    pub(super) fn has_failed_as_duplicate(&self) -> bool {
        self.perhaps_taken == 2 || (self.was_sent_again() && self.perhaps_taken_elsewhere == 0)
    }

    /// Returns `true` if the answer to an earlier transmission under its current ID may be lost.
    pub(super) fn was_sent_again(&self) -> bool {
        self.perhaps_taken > 1
    }

    pub(super) fn may_be_sent(&self, now: Duration) -> bool {
        now < self.deadline && self.resend_until.is_none_or(|until| now < until)
    }

    pub(super) fn is_message(&self) -> bool {
        self.payload.is_message()
    }

    pub(super) fn is_broadcast(&self) -> bool {
        *self.payload.recipient() == Recipient::Broadcast
    }
}

/// What happens to a ticket at its time.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Its deadline has passed.
    Expired,
    /// It was queued again.
    Resend,
}

/// The ticket of a payload ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) ticket: Ticket,
    /// Whether it is the current ID of the payload.
    pub(super) current: bool,
}

#[derive(Debug, Default)]
pub(super) struct Tickets {
    last: u64,
    waiting: BTreeMap<Ticket, Waiting>,
    by_payload: HashMap<PayloadId, Ticket>,
    timers: BTreeSet<(Duration, Ticket)>,
    /// The tickets to transmit, in the order in which they were accepted, including those that were sent before.
    queue: BTreeSet<Ticket>,
    /// The broadcasts to transmit, which have their own rate.
    broadcasts: BTreeSet<Ticket>,
    holds: Holds,
    transmissions: u64,
    /// The number of waiting payloads without an answer.
    unanswerable: usize,
    /// The IDs of payloads with an outcome, and the same in the order of their outcomes.
    ended: HashSet<PayloadId>,
    ended_order: VecDeque<PayloadId>,
}

impl Tickets {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn add(
        &mut self,
        payload: Outgoing,
        expects: Expects,
        now: Duration,
        timeout: Duration,
    ) -> Ticket {
        let ticket = Ticket(self.last + 1);
        self.add_as(ticket, payload, expects, now, timeout);
        ticket
    }

    /// Adds a payload with this ticket, which must be new.
    pub(super) fn add_as(
        &mut self,
        ticket: Ticket,
        payload: Outgoing,
        expects: Expects,
        now: Duration,
        timeout: Duration,
    ) {
        self.last = self.last.max(ticket.0);
        let deadline = now.saturating_add(timeout);
        self.unanswerable += usize::from(expects == Expects::Nothing);
        self.by_payload.insert(payload.payload_id().clone(), ticket);
        self.timers.insert((deadline, ticket));
        let waiting = Waiting {
            payload,
            expects,
            deadline,
            timeout,
            stored: 0,
            resend_until: None,
            last_sent: Duration::ZERO,
            transmission: 0,
            first_transmission: None,
            perhaps_taken: 0,
            perhaps_taken_elsewhere: 0,
            perhaps_taken_before: false,
            resend_at: None,
            place: Place::Queued,
            polls: 0,
            retries: 0,
            former: Vec::new(),
        };
        self.waiting.insert(ticket, waiting);
        self.enqueue(ticket);
    }

    pub(super) fn get(&self, ticket: Ticket) -> Option<&Waiting> {
        self.waiting.get(&ticket)
    }

    pub(super) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Waiting> {
        self.waiting.get_mut(&ticket)
    }

    pub(super) fn find(&self, payload_id: &str) -> Option<Found> {
        let ticket = *self.by_payload.get(payload_id)?;
        let current = *self.waiting.get(&ticket)?.payload.payload_id() == *payload_id;
        Some(Found { ticket, current })
    }

    /// Returns `true` if the ID belongs to a payload with an outcome.
    pub(super) fn has_ended(&self, payload_id: &str) -> bool {
        self.ended.contains(payload_id)
    }

    /// Returns the next ticket to transmit, of all or of those that are not broadcasts.
    pub(super) fn front(&self, with_broadcasts: bool) -> Option<Ticket> {
        let broadcast = self.broadcasts.first().filter(|_| with_broadcasts);
        self.queue.first().into_iter().chain(broadcast).min().copied()
    }

    /// Queues a payload at its place.
    pub(super) fn enqueue(&mut self, ticket: Ticket) {
        let Some(waiting) = self.waiting.get_mut(&ticket) else { return };
        if waiting.is_message() && self.holds.park(waiting.payload.recipient(), ticket) {
            waiting.place = Place::Parked;
            return;
        }
        waiting.place = Place::Queued;
        let lane = if waiting.is_broadcast() { &mut self.broadcasts } else { &mut self.queue };
        lane.insert(ticket);
    }

    fn dequeue(&mut self, ticket: Ticket) {
        self.queue.remove(&ticket);
        self.broadcasts.remove(&ticket);
    }

    /// Queues a transmitted or waiting payload again.
    pub(super) fn requeue(&mut self, ticket: Ticket) {
        self.reschedule(ticket, None);
        self.enqueue(ticket);
    }

    /// Records a queued payload as transmitted.
    pub(super) fn transmitted(&mut self, ticket: Ticket, now: Duration) {
        self.dequeue(ticket);
        self.transmissions += 1;
        let number = self.transmissions;
        let Some(waiting) = self.waiting.get_mut(&ticket) else { return };
        waiting.place = Place::Sent;
        waiting.resend_until.get_or_insert(now.saturating_add(RESEND_WINDOW));
        waiting.last_sent = now;
        waiting.transmission = number;
        waiting.first_transmission.get_or_insert(number);
        waiting.perhaps_taken += 1;
        let patience = waiting.expects.patience();
        self.reschedule(ticket, Some(now.saturating_add(patience)));
    }

    pub(super) fn transmissions(&self) -> u64 {
        self.transmissions
    }

    /// Handles that the server dropped the last transmission, which is sent again.
    pub(super) fn dropped(&mut self, ticket: Ticket) {
        if let Some(waiting) = self.waiting.get_mut(&ticket) {
            waiting.perhaps_taken = waiting.perhaps_taken.saturating_sub(1);
            waiting.perhaps_taken_elsewhere = waiting.perhaps_taken_elsewhere.min(waiting.perhaps_taken);
            if waiting.perhaps_taken == 0 {
                waiting.resend_until = None;
            }
        }
        self.requeue(ticket);
    }

    /// Handles that the outcome is pending. The server is asked again: if its answer comes on this connection, only after
    /// the time that it has for that, otherwise with growing delay.
    pub(super) fn poll_later(&mut self, ticket: Ticket, now: Duration) {
        let Some(waiting) = self.waiting.get_mut(&ticket) else { return };
        let wait = if waiting.perhaps_taken_elsewhere == 0 && waiting.expects != Expects::Nothing {
            waiting.expects.patience()
        } else {
            FIRST_POLL.saturating_mul(1 << waiting.polls.min(10)).min(LONGEST_POLL)
        };
        waiting.polls += 1;
        self.rest_until(ticket, now.saturating_add(wait));
    }

    fn rest_until(&mut self, ticket: Ticket, at: Duration) {
        self.dequeue(ticket);
        if let Some(waiting) = self.waiting.get_mut(&ticket) {
            waiting.place = Place::Resting;
        }
        self.reschedule(ticket, Some(at));
    }

    /// Returns when the last retry to this recipient is due, if there is one.
    pub(super) fn held_until(&self, recipient: &Recipient) -> Option<Duration> {
        self.holds.until(recipient)
    }

    /// Schedules a retry. Later messages to the same recipient wait for it.
    pub(super) fn retry_at(&mut self, ticket: Ticket, at: Duration) {
        self.rest_until(ticket, at);
        let Some(waiting) = self.waiting.get_mut(&ticket) else { return };
        waiting.retries += 1;
        let recipient = waiting.payload.recipient().clone();
        self.holds.hold(recipient.clone(), ticket, at);
        let lane = if recipient == Recipient::Broadcast { &self.broadcasts } else { &self.queue };
        let behind: Vec<_> = lane
            .iter()
            .copied()
            .filter(|other| {
                self.waiting
                    .get(other)
                    .is_some_and(|other| other.is_message() && *other.payload.recipient() == recipient)
            })
            .collect();
        for other in behind {
            self.dequeue(other);
            self.enqueue(other);
        }
    }

    pub(super) fn reschedule(&mut self, ticket: Ticket, resend_at: Option<Duration>) {
        if let Some(waiting) = self.waiting.get_mut(&ticket) {
            self.timers.remove(&(waiting.wake_at(), ticket));
            waiting.resend_at = resend_at;
            self.timers.insert((waiting.wake_at(), ticket));
        }
    }

    /// Ends a ticket. Returns its payload, or `None` if the ticket has ended already.
    pub(super) fn end(&mut self, ticket: Ticket) -> Option<Waiting> {
        let waiting = self.waiting.remove(&ticket)?;
        self.unanswerable -= usize::from(waiting.expects == Expects::Nothing);
        self.timers.remove(&(waiting.wake_at(), ticket));
        self.dequeue(ticket);
        self.release(waiting.payload.recipient(), ticket);
        for id in waiting.former.iter().chain([waiting.payload.payload_id()]) {
            self.by_payload.remove(id);
            if waiting.transmission > 0 {
                self.remember(id.clone());
            }
        }
        Some(waiting)
    }

    /// Remembers an ID whose late answers are ignored.
    pub(super) fn remember(&mut self, id: PayloadId) {
        if self.ended_order.len() >= MOST_ENDED
            && let Some(old) = self.ended_order.pop_front()
        {
            self.ended.remove(&old);
        }
        if self.ended.insert(id.clone()) {
            self.ended_order.push_back(id);
        }
    }

    /// Queues the messages that waited for this one.
    fn release(&mut self, recipient: &Recipient, ticket: Ticket) {
        for other in self.holds.release(recipient, ticket) {
            self.enqueue(other);
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Returns the next ticket that is due.
    pub(super) fn due(&mut self, now: Duration) -> Option<(Ticket, Due)> {
        let (at, ticket) = *self.timers.first()?;
        if now < at {
            return None;
        }
        let waiting = self.waiting.get(&ticket)?;
        if !waiting.may_be_sent(now) {
            return Some((ticket, Due::Expired));
        }
        let recipient = waiting.payload.recipient().clone();
        self.release(&recipient, ticket);
        self.requeue(ticket);
        Some((ticket, Due::Resend))
    }

    /// Handles that the connection is lost: all payloads without an outcome are queued again, in their original order.
    pub(super) fn requeue_all(&mut self) {
        self.holds.clear();
        let tickets: Vec<_> = self.waiting.keys().copied().collect();
        for ticket in tickets {
            if let Some(waiting) = self.waiting.get_mut(&ticket) {
                waiting.first_transmission = None;
            }
            self.requeue(ticket);
        }
    }

    /// Handles that a connection begins that does not continue the one before.
    pub(super) fn new_connection(&mut self) {
        for waiting in self.waiting.values_mut() {
            waiting.perhaps_taken_elsewhere = waiting.perhaps_taken;
        }
    }

    /// Gives a payload a new ID, for a retry. Answers to the old ID still reach the ticket. `failed` means that the
    /// payload certainly failed under the old ID.
    pub(super) fn rename(&mut self, ticket: Ticket, payload_id: PayloadId, failed: bool) {
        let Some(waiting) = self.waiting.get_mut(&ticket) else { return };
        self.by_payload.insert(payload_id.clone(), ticket);
        let old = waiting.payload.replace_id(payload_id);
        waiting.former.push(old);
        waiting.resend_until = None;
        waiting.first_transmission = None;
        waiting.perhaps_taken_before |= !failed && waiting.perhaps_taken > 0;
        waiting.perhaps_taken = 0;
        waiting.perhaps_taken_elsewhere = 0;
        waiting.polls = 0;
        if waiting.former.len() > MOST_FORMER {
            let oldest = waiting.former.remove(0);
            self.by_payload.remove(&oldest);
            self.remember(oldest);
        }
    }

    /// Returns all messages without an outcome, in their order.
    pub(super) fn messages(&self) -> impl Iterator<Item = (Ticket, &MessageId)> {
        self.waiting.iter().filter_map(|(ticket, waiting)| Some((*ticket, waiting.payload.message_id()?)))
    }

    /// Returns `true` if a payload without an answer was transmitted on this connection.
    pub(super) fn any_unanswerable(&self) -> bool {
        self.unanswerable > 0 && self.waiting.values().any(Waiting::is_on_its_way)
    }

    /// Returns the tickets without an answer that were transmitted on this connection up to that transmission.
    pub(super) fn taken_until(&self, transmission: u64) -> Vec<Ticket> {
        self.those(|waiting| waiting.is_on_its_way() && waiting.transmission <= transmission)
    }

    /// Returns the tickets for which `wanted` is true.
    pub(super) fn those(&self, wanted: impl Fn(&Waiting) -> bool) -> Vec<Ticket> {
        self.waiting.iter().filter(|(_, waiting)| wanted(waiting)).map(|(ticket, _)| *ticket).collect()
    }
}
