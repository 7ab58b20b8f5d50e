//! Confirmed delivery: the one answer that the sender of a message receives (protocol, "Confirmed delivery").

/// Counts the outcomes of one message with a request for confirmation, for each part of its audience: a user with all
/// connections, or several users on another node, which reports their outcomes.
///
/// [`begin`](Self::begin) must be called for each part before its payload is queued, and then
/// [`handed_out`](Self::handed_out) once. Exactly one of the later calls returns the counts, which are the answer, see
/// [`Reply::delivery`](super::Reply::delivery). A server calls [`expire`](Self::expire) after
/// [`Times::confirmation`](super::Times::confirmation).
///
/// ```
/// use callie_core::server::Delivery;
///
/// // Bob has two connections; it is written to one of them and confirmed there.
/// let mut delivery = Delivery::to_user();
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
    /// Whether the message went to a group, whose sender receives the counts.
    pub of_group: bool,
}

impl DeliveryCounts {
    /// Creates the counts of one part, as another node reports them.
    #[must_use]
    pub fn new(confirmed: usize, unconfirmed: usize, missed: usize) -> Self {
        Self { confirmed, unconfirmed, missed, of_group: false }
    }
}

#[derive(Debug)]
struct State {
    /// The number of users in this part.
    users: usize,
    /// The number of connections that hold a receipt.
    receipts: usize,
    /// Whether the payload was written to one of them.
    written: bool,
    settled: bool,
}

impl Delivery {
    /// Starts a message to one user, whose first confirmation is the answer.
    #[must_use]
    pub fn to_user() -> Self {
        Self::new(false)
    }

    /// Starts a message to a group. The answer is known when every part is settled.
    #[must_use]
    pub fn to_group() -> Self {
        Self::new(true)
    }

    fn new(of_group: bool) -> Self {
        let counts = DeliveryCounts { of_group, ..DeliveryCounts::default() };
        Self { parts: Vec::new(), waiting: 0, counts, open: true, answered: false }
    }

    /// Begins a part of `users` users, with `receipts` connections that will receive the message.
    pub fn begin(&mut self, users: usize, receipts: usize) -> Part {
        self.parts.push(State { users, receipts, written: false, settled: false });
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

    /// Handles the deadline: every user of a part that is not settled may have received the message.
    #[must_use = "it may be the answer"]
    pub fn expire(&mut self) -> Option<DeliveryCounts> {
        for at in 0..self.parts.len() {
            let users = self.parts[at].users;
            self.settle(Part(at), DeliveryCounts::new(0, users, 0));
        }
        self.answer()
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

    fn counts(confirmed: usize, unconfirmed: usize, missed: usize) -> Option<DeliveryCounts> {
        Some(DeliveryCounts { of_group: true, ..DeliveryCounts::new(confirmed, unconfirmed, missed) })
    }

    #[test]
    fn connection_that_never_wrote_it_missed_it() {
        let mut delivery = Delivery::to_user();
        let bob = delivery.begin(1, 2);
        assert_eq!(delivery.returned(bob), None);
        assert_eq!(delivery.handed_out(0), None);
        assert_eq!(delivery.returned(bob), Some(DeliveryCounts::new(0, 0, 1)));
    }

    #[test]
    fn lost_receiving_connection_leaves_it_unconfirmed() {
        let mut delivery = Delivery::to_user();
        let bob = delivery.begin(1, 2);
        assert_eq!(delivery.handed_out(0), None);
        delivery.written(bob);
        assert_eq!(delivery.returned(bob), None);
        assert_eq!(delivery.returned(bob), Some(DeliveryCounts::new(0, 1, 0)));
        assert!(delivery.is_answered());
    }

    #[test]
    fn deadline_leaves_it_unconfirmed() {
        let mut delivery = Delivery::to_user();
        let bob = delivery.begin(1, 1);
        assert_eq!(delivery.handed_out(0), None);
        assert_eq!(delivery.expire(), Some(DeliveryCounts::new(0, 1, 0)));
        assert_eq!(delivery.confirmed(bob), None);
    }

    #[test]
    fn group_is_answered_when_every_member_is_settled() {
        let mut delivery = Delivery::to_group();
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
            let mut delivery = Delivery::to_group();
            let elsewhere = delivery.begin(4, 0);
            assert_eq!(delivery.handed_out(0), None);
            assert_eq!(delivery.give_up(elsewhere, may_have_arrived), expected);
        }
    }

    #[test]
    fn nobody_online_is_offline_immediately() {
        assert_eq!(Delivery::to_group().handed_out(3), counts(0, 0, 3));
    }
}
