//! What was sent and is not over yet: each ends exactly once.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use super::event::Ticket;
use crate::name::PayloadId;
use crate::payload::Payload;

/// For so long after it was first sent, a payload may be sent again: the server takes it for the same during five
/// minutes, and the link may hold a copy back for a while.
pub(super) const RESEND_WINDOW: Duration = Duration::from_secs(240);

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

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) payload: Payload,
    pub(super) expects: Expects,
    /// When it is over at the latest.
    deadline: Duration,
    pub(super) first_sent: Option<Duration>,
    pub(super) last_sent: Duration,
    /// The number of the last transmission.
    pub(super) transmission: u64,
    /// When it is to be sent again on the same connection.
    resend_at: Option<Duration>,
    queued: bool,
}

impl Waiting {
    fn wake_at(&self) -> Duration {
        self.resend_at.map_or(self.deadline, |at| at.min(self.deadline))
    }

    fn is_on_its_way(&self) -> bool {
        self.expects == Expects::Nothing && self.first_sent.is_some() && !self.queued
    }

    pub(super) fn may_be_sent(&self, now: Duration) -> bool {
        now < self.deadline && self.first_sent.is_none_or(|at| now < at + RESEND_WINDOW)
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

#[derive(Debug, Default)]
pub(super) struct Tickets {
    last: u64,
    waiting: BTreeMap<Ticket, Waiting>,
    by_payload: HashMap<PayloadId, Ticket>,
    timers: BTreeSet<(Duration, Ticket)>,
    /// What is to be transmitted, in order.
    queue: VecDeque<Ticket>,
    transmissions: u64,
    /// How many wait that have no answer of their own.
    unanswerable: usize,
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
            resend_at: None,
            queued: true,
        };
        self.waiting.insert(ticket, waiting);
        self.queue.push_back(ticket);
        ticket
    }

    pub(super) fn get(&self, ticket: Ticket) -> Option<&Waiting> {
        self.waiting.get(&ticket)
    }

    pub(super) fn find(&self, payload_id: &str) -> Option<Ticket> {
        self.by_payload.get(payload_id).copied()
    }

    /// The next to be transmitted.
    pub(super) fn front(&mut self) -> Option<Ticket> {
        while let Some(ticket) = self.queue.front() {
            if self.waiting.get(ticket).is_some_and(|waiting| waiting.queued) {
                return Some(*ticket);
            }
            self.queue.pop_front();
        }
        None
    }

    /// Takes the front of the queue as transmitted now.
    pub(super) fn transmitted(&mut self, ticket: Ticket, now: Duration) -> Option<&mut Waiting> {
        self.queue.pop_front();
        self.transmissions += 1;
        let number = self.transmissions;
        let patience = self.waiting.get(&ticket)?.expects.patience();
        self.reschedule(ticket, Some(now + patience));
        let waiting = self.waiting.get_mut(&ticket)?;
        waiting.queued = false;
        waiting.first_sent.get_or_insert(now);
        waiting.last_sent = now;
        waiting.transmission = number;
        Some(waiting)
    }

    pub(super) fn transmissions(&self) -> u64 {
        self.transmissions
    }

    /// Sends a ticket's payload again at that time, unless it is over before.
    pub(super) fn resend_at(&mut self, ticket: Ticket, at: Duration) {
        self.reschedule(ticket, Some(at));
    }

    fn reschedule(&mut self, ticket: Ticket, resend_at: Option<Duration>) {
        if let Some(waiting) = self.waiting.get_mut(&ticket) {
            self.timers.remove(&(waiting.wake_at(), ticket));
            waiting.resend_at = resend_at;
            self.timers.insert((waiting.wake_at(), ticket));
        }
    }

    /// Ends a ticket: true the first time.
    pub(super) fn end(&mut self, ticket: Ticket) -> Option<Waiting> {
        let waiting = self.waiting.remove(&ticket)?;
        self.unanswerable -= usize::from(waiting.expects == Expects::Nothing);
        self.timers.remove(&(waiting.wake_at(), ticket));
        self.by_payload.remove(waiting.payload.payload_id());
        Some(waiting)
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
        if !self.waiting.get(&ticket)?.may_be_sent(now) {
            return Some((ticket, Due::Expired));
        }
        self.reschedule(ticket, None);
        let waiting = self.waiting.get_mut(&ticket)?;
        if !waiting.queued {
            waiting.queued = true;
            // Behind what waits already: what comes again was taken by the server in its order, or is late anyway.
            self.queue.push_back(ticket);
        }
        Some((ticket, Due::Resend))
    }

    /// The connection is gone: what was sent on it is queued again, in the order in which it was first sent.
    pub(super) fn requeue_all(&mut self) {
        let tickets: Vec<_> = self.waiting.keys().copied().collect();
        for ticket in &tickets {
            self.reschedule(*ticket, None);
            if let Some(waiting) = self.waiting.get_mut(ticket) {
                waiting.queued = true;
            }
        }
        self.queue = tickets.into();
    }

    /// Gives a payload a new ID, for a command that may be carried out twice.
    pub(super) fn rename(&mut self, ticket: Ticket, payload: Payload) {
        if let Some(waiting) = self.waiting.get_mut(&ticket) {
            self.by_payload.remove(waiting.payload.payload_id());
            self.by_payload.insert(payload.payload_id().clone(), ticket);
            waiting.payload = payload;
            waiting.first_sent = None;
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
