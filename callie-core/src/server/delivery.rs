//! Confirmed delivery: the one answer that the sender of a message receives (protocol, "Confirmed delivery").

use std::time::Duration;

/// Counts the outcomes of one message with a request for confirmation, for each part of its audience: a user with all
/// connections, or several users on another node, which reports their outcomes.
///
/// [`begin`](Self::begin) must be called for each part before its payload is queued, and then
/// [`handed_out`](Self::handed_out) once. Exactly one of the later calls returns the counts, which are the answer, see
/// [`Reply::delivery`](super::Reply::delivery). The deadline of a delivery is
/// [`Times::confirmation`](super::Times::confirmation) after its start. A server calls [`expire`](Self::expire) at the
/// deadline, and at those of parts that [came back](Self::came_back).
///
/// ```
/// use std::time::Duration;
/// use callie_core::server::Delivery;
///
/// // Bob has two connections; it is written to one of them and confirmed there.
/// let mut delivery = Delivery::to_user(Duration::from_secs(15));
/// let bob = delivery.begin(1, 2);
/// assert!(delivery.handed_out(0).is_none());
/// delivery.written(bob);
/// let counts = delivery.confirmed(bob).unwrap();
/// assert_eq!((counts.confirmed, counts.unconfirmed, counts.missed), (1, 0, 0));
/// assert!(delivery.returned(bob).is_none(), "there is one answer");
/// ```
#[derive(Debug)]
pub struct Delivery {
    /// `None` once the answer is known.
    parts: Vec<State>,
    /// The number of parts that are not settled.
    waiting: usize,
    counts: DeliveryCounts,
    /// The deadline of new parts.
    deadline: Duration,
    /// Set until all parts have begun. No answer is returned before.
    open: bool,
    answered: bool,
}

/// A part of a message's audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part(usize);

/// The number of users by outcome.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliveryCounts {
    /// Users who confirmed the message.
    pub confirmed: usize,
    /// Users who may have received it.
    pub unconfirmed: usize,
    /// Users who certainly did not receive it.
    pub missed: usize,
    /// The number of those for whom the server keeps it; `None` if the sender does not know the feature `offline`.
    pub stored: Option<usize>,
    /// Whether the message went to a group, whose sender receives the counts.
    pub of_group: bool,
}

impl DeliveryCounts {
    /// Creates the counts of one part, as another node reports them.
    #[must_use]
    pub fn new(confirmed: usize, unconfirmed: usize, missed: usize) -> Self {
        Self { confirmed, unconfirmed, missed, ..Self::default() }
    }
}

#[derive(Debug)]
struct State {
    /// The number of users in this part.
    users: usize,
    /// The number of connections that hold a receipt.
    receipts: usize,
    /// How many of them are away.
    away: usize,
    /// When the part ends unconfirmed, unless it is paused.
    deadline: Duration,
    /// Whether the payload was written to one of them.
    written: bool,
    settled: bool,
}

impl State {
    /// Returns `true` if the deadline does not count: all connections that can confirm the message are away.
    fn is_paused(&self) -> bool {
        self.away > 0 && self.away >= self.receipts
    }
}

impl Delivery {
    /// Starts a message to one user, whose first confirmation is the answer.
    #[must_use]
    pub fn to_user(deadline: Duration) -> Self {
        Self::new(deadline, false)
    }

    /// Starts a message to a group. The answer is known when every part is settled.
    #[must_use]
    pub fn to_group(deadline: Duration) -> Self {
        Self::new(deadline, true)
    }

    fn new(deadline: Duration, of_group: bool) -> Self {
        let counts = DeliveryCounts { of_group, ..DeliveryCounts::default() };
        Self { parts: Vec::new(), waiting: 0, counts, deadline, open: true, answered: false }
    }

    /// Begins a part of `users` users, with `receipts` connections that will receive the message.
    pub fn begin(&mut self, users: usize, receipts: usize) -> Part {
        let deadline = self.deadline;
        self.parts.push(State { users, receipts, away: 0, deadline, written: false, settled: false });
        self.waiting += 1;
        Part(self.parts.len() - 1)
    }

    /// Records that every part has begun, and that `offline` further users cannot be reached.
    #[must_use = "it may be the answer"]
    pub fn handed_out(&mut self, offline: usize) -> Option<DeliveryCounts> {
        self.open = false;
        self.counts.missed += offline;
        self.answer()
    }

    /// Handles the deadlines up to `now`, which may be [`Duration::MAX`]: every user of a part that is neither settled
    /// nor away may have received the message.
    #[must_use = "it may be the answer"]
    pub fn expire(&mut self, now: Duration) -> Option<DeliveryCounts> {
        for at in 0..self.parts.len() {
            let State { users, deadline, .. } = self.parts[at];
            if deadline <= now && !self.parts[at].is_paused() {
                self.settle(Part(at), DeliveryCounts::new(0, users, 0));
            }
        }
        self.answer()
    }

    /// Records that a connection with a receipt of the part went away, or that another node reports this of all users
    /// of the part. While all connections with a receipt are away, the deadline does not count.
    pub fn went_away(&mut self, part: Part) {
        if let Some(state) = self.parts.get_mut(part.0) {
            state.away += 1;
        }
    }

    /// Records that a connection that [went away](Self::went_away) was resumed. The part has a new deadline.
    pub fn came_back(&mut self, part: Part, deadline: Duration) {
        if let Some(state) = self.parts.get_mut(part.0) {
            state.away = state.away.saturating_sub(1);
            state.deadline = deadline;
        }
    }

    /// Returns `true` if there is a part that is not settled and whose deadline does not count.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.parts.iter().any(|state| !state.settled && state.is_paused())
    }

    /// Settles a part by the report of its node. Users whom the report does not count were not connected.
    #[must_use = "it may be the answer"]
    pub fn report(&mut self, part: Part, mut counts: DeliveryCounts) -> Option<DeliveryCounts> {
        let known = counts.confirmed.saturating_add(counts.unconfirmed).saturating_add(counts.missed);
        counts.missed = counts.missed.saturating_add(self.users(part).saturating_sub(known));
        self.settle(part, counts);
        self.answer()
    }

    /// Settles a part whose node will not report. The message may have arrived if `may_have_arrived` is set.
    #[must_use = "it may be the answer"]
    pub fn give_up(&mut self, part: Part, may_have_arrived: bool) -> Option<DeliveryCounts> {
        let users = self.users(part);
        let (unconfirmed, missed) = if may_have_arrived { (users, 0) } else { (0, users) };
        self.settle(part, DeliveryCounts::new(0, unconfirmed, missed));
        self.answer()
    }

    /// Records that a connection of the part is about to write the message, which may have arrived from now on.
    pub fn written(&mut self, part: Part) {
        if let Some(state) = self.parts.get_mut(part.0) {
            state.written = true;
        }
    }

    /// Records that a connection of the part confirmed the message.
    #[must_use = "it may be the answer"]
    pub fn confirmed(&mut self, part: Part) -> Option<DeliveryCounts> {
        self.settle(part, DeliveryCounts::new(1, 0, 0));
        self.answer()
    }

    /// Records that a connection of the part will not confirm the message: it did not accept it, or is closed.
    #[must_use = "it may be the answer"]
    pub fn returned(&mut self, part: Part) -> Option<DeliveryCounts> {
        let state = self.parts.get_mut(part.0)?;
        state.receipts = state.receipts.saturating_sub(1);
        self.settle_if_returned(part)
    }

    /// Records that a connection that [went away](Self::went_away) is gone and will not confirm the message.
    #[must_use = "it may be the answer"]
    pub fn gone(&mut self, part: Part) -> Option<DeliveryCounts> {
        let state = self.parts.get_mut(part.0)?;
        state.away = state.away.saturating_sub(1);
        self.returned(part)
    }

    fn settle_if_returned(&mut self, part: Part) -> Option<DeliveryCounts> {
        let state = self.parts.get(part.0)?;
        if state.receipts == 0 {
            let written = usize::from(state.written);
            self.settle(part, DeliveryCounts::new(0, written, 1 - written));
        }
        self.answer()
    }

    /// Returns `true` if the answer was returned.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.answered
    }

    /// Records the outcome of a part. Later reports about it are ignored.
    fn settle(&mut self, part: Part, counts: DeliveryCounts) {
        if let Some(state) = self.parts.get_mut(part.0).filter(|state| !state.settled) {
            state.settled = true;
            self.waiting -= 1;
            self.counts.confirmed = self.counts.confirmed.saturating_add(counts.confirmed);
            self.counts.unconfirmed = self.counts.unconfirmed.saturating_add(counts.unconfirmed);
            self.counts.missed = self.counts.missed.saturating_add(counts.missed);
        }
    }

    fn users(&self, part: Part) -> usize {
        self.parts.get(part.0).map_or(0, |state| state.users)
    }

    /// Returns the answer once it is known, and only once.
    fn answer(&mut self) -> Option<DeliveryCounts> {
        let is_known = self.waiting == 0 || (!self.counts.of_group && self.counts.confirmed > 0);
        if self.open || self.answered || !is_known {
            return None;
        }
        self.answered = true;
        // Later receipts are ignored.
        self.parts = Vec::new();
        Some(self.counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_secs(15);

    fn counts(confirmed: usize, unconfirmed: usize, missed: usize) -> Option<DeliveryCounts> {
        Some(DeliveryCounts { of_group: true, ..DeliveryCounts::new(confirmed, unconfirmed, missed) })
    }

    #[test]
    fn connection_that_never_wrote_it_missed_it() {
        let mut delivery = Delivery::to_user(DEADLINE);
        let bob = delivery.begin(1, 2);
        assert_eq!(delivery.returned(bob), None);
        assert_eq!(delivery.handed_out(0), None);
        assert_eq!(delivery.returned(bob), Some(DeliveryCounts::new(0, 0, 1)));
    }

    #[test]
    fn lost_receiving_connection_leaves_it_unconfirmed() {
        let mut delivery = Delivery::to_user(DEADLINE);
        let bob = delivery.begin(1, 2);
        assert_eq!(delivery.handed_out(0), None);
        delivery.written(bob);
        assert_eq!(delivery.returned(bob), None);
        assert_eq!(delivery.returned(bob), Some(DeliveryCounts::new(0, 1, 0)));
        assert!(delivery.is_answered());
    }

    #[test]
    fn deadline_leaves_it_unconfirmed() {
        let mut delivery = Delivery::to_user(DEADLINE);
        let bob = delivery.begin(1, 1);
        assert_eq!(delivery.handed_out(0), None);
        assert_eq!(delivery.expire(DEADLINE), Some(DeliveryCounts::new(0, 1, 0)));
        assert_eq!(delivery.confirmed(bob), None);
    }

    #[test]
    fn group_is_answered_when_every_member_is_settled() {
        let mut delivery = Delivery::to_group(DEADLINE);
        let parts: Vec<_> = (0..3).map(|_| delivery.begin(1, 1)).collect();
        let elsewhere = delivery.begin(5, 0);
        assert_eq!(delivery.confirmed(parts[0]), None, "it is still being handed out");
        assert_eq!(delivery.handed_out(2), None);
        delivery.written(parts[1]);
        assert_eq!(delivery.returned(parts[1]), None);
        assert_eq!(delivery.returned(parts[2]), None);
        assert_eq!(delivery.report(elsewhere, DeliveryCounts::new(2, 1, 0)), counts(3, 2, 5));
    }

    #[test]
    fn lost_node_leaves_it_unconfirmed() {
        for (may_have_arrived, expected) in [(true, counts(0, 4, 0)), (false, counts(0, 0, 4))] {
            let mut delivery = Delivery::to_group(DEADLINE);
            let elsewhere = delivery.begin(4, 0);
            assert_eq!(delivery.handed_out(0), None);
            assert_eq!(delivery.give_up(elsewhere, may_have_arrived), expected);
        }
    }

    #[test]
    fn nobody_online_is_offline_immediately() {
        assert_eq!(Delivery::to_group(DEADLINE).handed_out(3), counts(0, 0, 3));
    }

    #[test]
    fn deadline_does_not_count_while_all_connections_are_away() {
        let mut delivery = Delivery::to_user(DEADLINE);
        let bob = delivery.begin(1, 2);
        assert_eq!(delivery.handed_out(0), None);
        delivery.went_away(bob);
        assert!(!delivery.is_paused());
        delivery.went_away(bob);
        assert!(delivery.is_paused());
        assert_eq!(delivery.expire(20 * DEADLINE), None);
        delivery.came_back(bob, 22 * DEADLINE);
        assert_eq!(delivery.expire(21 * DEADLINE), None);
        assert_eq!(delivery.expire(22 * DEADLINE), Some(DeliveryCounts::new(0, 1, 0)));
    }

    #[test]
    fn away_connection_that_is_gone_missed_what_was_not_written() {
        for (written, expected) in [(false, (0, 0, 1)), (true, (0, 1, 0))] {
            let mut delivery = Delivery::to_user(DEADLINE);
            let bob = delivery.begin(1, 1);
            assert_eq!(delivery.handed_out(0), None);
            if written {
                delivery.written(bob);
            }
            delivery.went_away(bob);
            let (confirmed, unconfirmed, missed) = expected;
            assert_eq!(delivery.gone(bob), Some(DeliveryCounts::new(confirmed, unconfirmed, missed)));
        }
    }

    #[test]
    fn members_who_are_away_do_not_delay_the_deadlines_of_others() {
        let mut delivery = Delivery::to_group(DEADLINE);
        let (ada, bob) = (delivery.begin(1, 1), delivery.begin(1, 1));
        let elsewhere = delivery.begin(3, 0);
        assert_eq!(delivery.handed_out(0), None);
        delivery.went_away(bob);
        delivery.went_away(elsewhere);
        assert_eq!(delivery.expire(DEADLINE), None);
        assert_eq!(delivery.confirmed(ada), None, "it has expired");
        delivery.came_back(elsewhere, 3 * DEADLINE);
        assert_eq!(delivery.gone(bob), None);
        assert_eq!(delivery.expire(3 * DEADLINE), counts(0, 4, 1));
    }
}
