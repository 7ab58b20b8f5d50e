//! What was sent and is not over yet: each ends exactly once.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::event::Ticket;
use super::holds::Holds;
use crate::content::Content;
use crate::name::PayloadId;
use crate::party::Recipient;
use crate::payload::Payload;

/// For so long after it was first sent, a payload may be sent again: the server takes it for the same during five
/// minutes, and the link may hold a copy back for a while.
pub(super) const RESEND_WINDOW: Duration = Duration::from_secs(240);
/// A server that does not know the outcome of a payload yet is asked again after this time, and after twice as long each
/// time after that.
const FIRST_POLL: Duration = Duration::from_millis(100);
/// The longest time between two such questions.
const LONGEST_POLL: Duration = Duration::from_secs(2);
/// The most IDs of ended payloads that are remembered, so that late answers to them are recognised.
const MOST_ENDED: usize = 1_024;

/// The most earlier IDs of one payload under which an answer still finds it.
const MOST_FORMER: usize = 8;

/// What ends a payload, beside a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expects {
    /// The outcome of a confirmed delivery.
    Confirmation,
    /// The result of a command.
    Result {
        /// Whether the command may simply be carried out twice.
        repeatable: bool,
    },
    /// Nothing: it is over when the server took what was sent after it.
    Nothing,
    /// A PONG.
    Pong,
}

impl Expects {
    /// After so long without an answer, the server is asked again: it gives up on a confirmation after 15 s.
    fn patience(self) -> Duration {
        match self {
            Self::Confirmation => Duration::from_secs(20),
            Self::Result { .. } | Self::Nothing | Self::Pong => Duration::from_secs(10),
        }
    }
}

/// Where a payload stands on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// To be transmitted as soon as the rate allows.
    Queued,
    /// To be queued when an earlier message to the same recipient has been tried again.
    Parked,
    /// To be queued at its time: what was transmitted last settled nothing.
    Resting,
    /// Transmitted on this connection.
    Sent,
}

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) payload: Payload,
    pub(super) expects: Expects,
    /// When it is over at the latest.
    pub(super) deadline: Duration,
    /// When the payload was first sent under its present ID and not named as dropped.
    first_sent: Option<Duration>,
    pub(super) last_sent: Duration,
    /// The number of the last transmission.
    pub(super) transmission: u64,
    /// The number of the first transmission under its present ID on this connection, if it was sent there.
    pub(super) first_transmission: Option<u64>,
    /// How many transmissions under its present ID the server may have taken.
    perhaps_taken: u32,
    /// Whether the server may have taken it under an earlier ID.
    perhaps_taken_before: bool,
    /// When it is to be queued again on the same connection.
    resend_at: Option<Duration>,
    pub(super) place: Place,
    /// How often the server did not know the outcome yet.
    polls: u32,
    /// How often it was sent under another ID since the recipient was offline.
    pub(super) retries: u32,
    /// IDs that it had before.
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

    /// Whether the server may have taken it.
    pub(super) fn may_be_taken(&self) -> bool {
        self.perhaps_taken > 0 || self.perhaps_taken_before
    }

    /// Whether the answer to an earlier transmission under its present ID may have been lost.
    pub(super) fn was_sent_again(&self) -> bool {
        self.perhaps_taken > 1
    }

    pub(super) fn may_be_sent(&self, now: Duration) -> bool {
        now < self.deadline && self.first_sent.is_none_or(|at| now < at.saturating_add(RESEND_WINDOW))
    }

    pub(super) fn is_message(&self) -> bool {
        matches!(self.payload.content(), Content::Msg(_))
    }

    pub(super) fn is_broadcast(&self) -> bool {
        *self.payload.recipient() == Recipient::Broadcast
    }
}

/// What a ticket needs when its time has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// It is over.
    Expired,
    /// It was put in the queue again.
    Resend,
}

/// Whom a payload ID belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) ticket: Ticket,
    /// Whether the payload has this ID still.
    pub(super) current: bool,
}

#[derive(Debug, Default)]
pub(super) struct Tickets {
    last: u64,
    waiting: BTreeMap<Ticket, Waiting>,
    by_payload: HashMap<PayloadId, Ticket>,
    timers: BTreeSet<(Duration, Ticket)>,
    /// What is to be transmitted: in the order in which it was handed over, whether it was sent before or not.
    queue: BTreeSet<Ticket>,
    /// Messages to everyone that are to be transmitted, which have a rate of their own.
    broadcasts: BTreeSet<Ticket>,
    holds: Holds,
    transmissions: u64,
    /// How many wait that have no answer of their own.
    unanswerable: usize,
    /// IDs of payloads that are over, and the same in the order of their end.
    ended: HashSet<PayloadId>,
    ended_order: VecDeque<PayloadId>,
}

impl Tickets {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn add(&mut self, payload: Payload, expects: Expects, deadline: Duration) -> Ticket {
        self.last += 1;
        let ticket = Ticket(self.last);
        self.unanswerable += usize::from(expects == Expects::Nothing);
        self.by_payload.insert(payload.payload_id().clone(), ticket);
        self.timers.insert((deadline, ticket));
        let waiting = Waiting {
            payload,
            expects,
            deadline,
            first_sent: None,
            last_sent: Duration::ZERO,
            transmission: 0,
            first_transmission: None,
            perhaps_taken: 0,
            perhaps_taken_before: false,
            resend_at: None,
            place: Place::Queued,
            polls: 0,
            retries: 0,
            former: Vec::new(),
        };
        self.waiting.insert(ticket, waiting);
        self.enqueue(ticket);
        ticket
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

    /// Whether the ID belonged to a payload that is over.
    pub(super) fn has_ended(&self, payload_id: &str) -> bool {
        self.ended.contains(payload_id)
    }

    /// The next to be transmitted, of all or of those that are no message to everyone.
    pub(super) fn front(&self, with_broadcasts: bool) -> Option<Ticket> {
        let broadcast = self.broadcasts.first().filter(|_| with_broadcasts);
        self.queue.first().into_iter().chain(broadcast).min().copied()
    }

    /// Puts a payload in its place among those that are to be transmitted.
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

    /// Queues what was transmitted or rests, to be sent again.
    pub(super) fn requeue(&mut self, ticket: Ticket) {
        self.reschedule(ticket, None);
        self.enqueue(ticket);
    }

    /// Takes a queued payload as transmitted now.
    pub(super) fn transmitted(&mut self, ticket: Ticket, now: Duration) {
        self.dequeue(ticket);
        self.transmissions += 1;
        let number = self.transmissions;
        let Some(waiting) = self.waiting.get_mut(&ticket) else { return };
        waiting.place = Place::Sent;
        waiting.first_sent.get_or_insert(now);
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

    /// The server dropped what was transmitted last, which is to be sent again.
    pub(super) fn dropped(&mut self, ticket: Ticket) {
        if let Some(waiting) = self.waiting.get_mut(&ticket) {
            waiting.perhaps_taken = waiting.perhaps_taken.saturating_sub(1);
            if waiting.perhaps_taken == 0 {
                waiting.first_sent = None;
            }
        }
        self.requeue(ticket);
    }

    /// The server does not know yet what became of the payload: it is asked again, at first soon.
    pub(super) fn poll_later(&mut self, ticket: Ticket, now: Duration) {
        let Some(waiting) = self.waiting.get_mut(&ticket) else { return };
        let wait = FIRST_POLL.saturating_mul(1 << waiting.polls.min(10)).min(LONGEST_POLL);
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

    /// When messages to this recipient that are tried again are next, if any are.
    pub(super) fn held_until(&self, recipient: &Recipient) -> Option<Duration> {
        self.holds.until(recipient)
    }

    /// Sends a message again at that time, and no later one to the same recipient before it.
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

    fn reschedule(&mut self, ticket: Ticket, resend_at: Option<Duration>) {
        if let Some(waiting) = self.waiting.get_mut(&ticket) {
            self.timers.remove(&(waiting.wake_at(), ticket));
            waiting.resend_at = resend_at;
            self.timers.insert((waiting.wake_at(), ticket));
        }
    }

    /// Ends a ticket. Returns what waited, or none if the ticket has ended already.
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

    /// Remembers the ID of a payload whose answer, if one comes, is of no interest.
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

    /// Lets those pass that waited for this one.
    fn release(&mut self, recipient: &Recipient, ticket: Ticket) {
        for other in self.holds.release(recipient, ticket) {
            self.enqueue(other);
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// The next ticket whose time has come.
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

    /// The connection is gone: what is not over is queued again, in the order in which it was handed over.
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

    /// Gives a payload a new ID, for one that may be sent again. Answers to the old one still find the ticket. `failed` says
    /// that nothing came of it under the old one.
    pub(super) fn rename(&mut self, ticket: Ticket, payload_id: PayloadId, failed: bool) {
        if let Some(waiting) = self.waiting.get_mut(&ticket) {
            self.by_payload.insert(payload_id.clone(), ticket);
            let old = waiting.payload.replace_id(payload_id);
            if waiting.former.len() >= MOST_FORMER {
                self.by_payload.remove(&waiting.former.remove(0));
            }
            waiting.former.push(old);
            waiting.first_sent = None;
            waiting.first_transmission = None;
            waiting.perhaps_taken_before |= !failed && waiting.perhaps_taken > 0;
            waiting.perhaps_taken = 0;
            waiting.polls = 0;
        }
    }

    /// Whether something was transmitted on this connection that has no answer of its own.
    pub(super) fn any_unanswerable(&self) -> bool {
        self.unanswerable > 0 && self.waiting.values().any(Waiting::is_on_its_way)
    }

    /// Those without an answer of their own that were transmitted on this connection up to that transmission.
    pub(super) fn taken_until(&self, transmission: u64) -> Vec<Ticket> {
        self.those(|waiting| waiting.is_on_its_way() && waiting.transmission <= transmission)
    }

    /// The tickets that wait for what `wanted` says.
    pub(super) fn those(&self, wanted: impl Fn(&Waiting) -> bool) -> Vec<Ticket> {
        self.waiting.iter().filter(|(_, waiting)| wanted(waiting)).map(|(ticket, _)| *ticket).collect()
    }
}
