//! Confirmed delivery: the one answer that the sender of a message receives (protocol, "Confirmed delivery").

/// Counts what became of one message that asks for confirmation, at each part of its audience: a user with all
/// connections, or several users whom another node reaches and reports of.
///
/// Each part is begun with [`begin`](Self::begin) before its payload is queued, then [`handed_out`](Self::handed_out)
/// is called once. Every later call can return the counts, and exactly one does: they are the answer, by
/// [`Reply::delivery`](super::Reply::delivery). A server calls [`expire`](Self::expire) when
/// [`Times::confirmation`](super::Times::confirmation) is over.
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
    /// Nothing once the answer is known.
    parts: Vec<State>,
    /// Parts that are not settled.
    waiting: usize,
    counts: DeliveryCounts,
    /// While the message is being handed out, no answer is given.
    open: bool,
    answered: bool,
}

/// A part of a message's audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part(usize);

/// How many users a message ended for in each way.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliveryCounts {
    /// They confirmed it.
    pub confirmed: usize,
    /// They may have it.
    pub unconfirmed: usize,
    /// It certainly did not reach them.
    pub missed: usize,
    /// Whether the message went to a group, whose sender receives the counts.
    pub of_group: bool,
}

impl DeliveryCounts {
    /// The counts of one part, as another node reports them.
    #[must_use]
    pub fn new(confirmed: usize, unconfirmed: usize, missed: usize) -> Self {
        Self { confirmed, unconfirmed, missed, of_group: false }
    }
}

#[derive(Debug)]
struct State {
    /// Users in this part.
    users: usize,
    /// Connections that hold a receipt.
    receipts: usize,
    /// Whether the payload was written to one of them.
    written: bool,
    settled: bool,
}

impl Delivery {
    /// A message to one user: the first confirmation is the answer.
    #[must_use]
    pub fn to_user() -> Self {
        Self::new(false)
    }

    /// A message to a group: the answer is given when every part is settled.
    #[must_use]
    pub fn to_group() -> Self {
        Self::new(true)
    }

    fn new(of_group: bool) -> Self {
        let counts = DeliveryCounts { of_group, ..DeliveryCounts::default() };
        Self { parts: Vec::new(), waiting: 0, counts, open: true, answered: false }
    }

    /// Begins a part of `users` users, with `receipts` connections that are about to be given the message.
    pub fn begin(&mut self, users: usize, receipts: usize) -> Part {
        self.parts.push(State { users, receipts, written: false, settled: false });
        self.waiting += 1;
        Part(self.parts.len() - 1)
    }

    /// Every part has begun, and `offline` further users cannot be reached.
    #[must_use = "it may be the answer"]
    pub fn handed_out(&mut self, offline: usize) -> Option<DeliveryCounts> {
        self.open = false;
        self.counts.missed += offline;
        self.answer()
    }

    /// The time is over: every user of a part that is not settled may have the message.
    #[must_use = "it may be the answer"]
    pub fn expire(&mut self) -> Option<DeliveryCounts> {
        for at in 0..self.parts.len() {
            let users = self.parts[at].users;
            self.settle(Part(at), DeliveryCounts::new(0, users, 0));
        }
        self.answer()
    }

    /// Another node reports of its part. Users whom it does not account for were not there.
    #[must_use = "it may be the answer"]
    pub fn report(&mut self, part: Part, mut counts: DeliveryCounts) -> Option<DeliveryCounts> {
        let known = counts.confirmed.saturating_add(counts.unconfirmed).saturating_add(counts.missed);
        counts.missed = counts.missed.saturating_add(self.users(part).saturating_sub(known));
        self.settle(part, counts);
        self.answer()
    }

    /// Another node will not report of its part, to which the message may have been sent or was not.
    #[must_use = "it may be the answer"]
    pub fn give_up(&mut self, part: Part, may_have_arrived: bool) -> Option<DeliveryCounts> {
        let users = self.users(part);
        let (unconfirmed, missed) = if may_have_arrived { (users, 0) } else { (0, users) };
        self.settle(part, DeliveryCounts::new(0, unconfirmed, missed));
        self.answer()
    }

    /// A connection of the part is about to write the message: from now on it may have arrived.
    pub fn written(&mut self, part: Part) {
        if let Some(state) = self.parts.get_mut(part.0) {
            state.written = true;
        }
    }

    /// A connection of the part confirmed the message.
    #[must_use = "it may be the answer"]
    pub fn confirmed(&mut self, part: Part) -> Option<DeliveryCounts> {
        self.settle(part, DeliveryCounts::new(1, 0, 0));
        self.answer()
    }

    /// A connection of the part will not confirm the message: it did not take it, or is gone.
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

    /// Whether the answer was given.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.answered
    }

    /// Notes what became of a part. What is said of it later does not count.
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

    /// The answer, when it is time for it; once.
    fn answer(&mut self) -> Option<DeliveryCounts> {
        let is_known = self.waiting == 0 || (!self.counts.of_group && self.counts.confirmed > 0);
        if self.open || self.answered || !is_known {
            return None;
        }
        self.answered = true;
        // Receipts may come in long after this and count for nothing.
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
